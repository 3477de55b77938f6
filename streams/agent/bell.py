"""Bell: wakes those tasks of one loudspeaker that wait for something to change."""

import asyncio


class Ear:
    """One waiter's place at a bell."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def wake(self) -> None:
        """Let the waiter go on."""
        self._rung.set()

    async def wait(self, seconds: float | None) -> None:
        """Return when the bell has rung since the last wait, or after so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError:
            return
        self._rung.clear()


class Bell:
    """Rings for every ear. `count` tells whether it rang since one looked."""

    def __init__(self) -> None:
        self._ears: list[Ear] = []
        self.count = 0

    def ear(self) -> Ear:
        """Begin to listen; no ring from now on is missed."""
        ear = Ear()
        self._ears.append(ear)
        return ear

    def ring(self) -> None:
        """Wake everybody."""
        self.count += 1
        for ear in self._ears:
            ear.wake()
