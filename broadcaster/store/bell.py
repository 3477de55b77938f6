"""Bell: wakes those of this process who wait for something in the book."""

import asyncio
from collections import defaultdict
from contextlib import suppress
from weakref import WeakSet

from broadcaster.desk.ports import Bell, Listening


class LocalBell(Bell):
    """A bell for one process and one event loop; others may ring it from any thread.

    Args:
        loop: whose tasks listen; the running one, if none is named.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop = loop or asyncio.get_running_loop()
        # Whoever stopped listening is forgotten without having to say so.
        self._ears: defaultdict[str, WeakSet[LocalListening]] = defaultdict(WeakSet)

    def ring(self, *names: str) -> None:
        """Wake whoever listens for one of these names."""
        # A loop that is closed by now took all who listened with it.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._ring, names)

    def listen(self, *names: str) -> Listening:
        """Begin to listen; on the loop."""
        ear = LocalListening()
        for name in names:
            self._ears[name].add(ear)
        return ear

    def _ring(self, names: tuple[str, ...]) -> None:
        for name in names:
            for ear in list(self._ears.get(name, ())):
                ear.hear()


class LocalListening(Listening):
    """One waiter's ear."""

    def __init__(self) -> None:
        self._heard = asyncio.Event()

    def hear(self) -> None:
        """Note a ring, on the loop."""
        self._heard.set()

    async def wait(self, seconds: float) -> None:
        """Return when it has rung since the last wait, or after so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._heard.wait()
        except TimeoutError:
            pass
        self._heard.clear()
