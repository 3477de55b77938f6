"""The line within one process: for tests and fleets, with the same exchange as over a network."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from broadcaster.desk.rows import Speaker
from streams.speakers.exchange import Exchange, Message, to_text

LONGEST_PIPE = 16
"""Messages that lie between the ends; a loudspeaker that reads no more holds up its writer, as a socket would."""


class MemoryWire:
    """One connection; `say` and `hear` are the loudspeaker's end, the rest is the service's.

    Attributes:
        code: why the service ended it.
    """

    def __init__(self) -> None:
        self._up: asyncio.Queue[str | bytes | None] = asyncio.Queue(LONGEST_PIPE)
        self._down: asyncio.Queue[str | None] = asyncio.Queue(LONGEST_PIPE)
        self._is_ended = asyncio.Event()
        self.code: int | None = None

    async def say(self, message: Message | str | bytes) -> None:
        """Say something up."""
        await self._up.put(to_text(message) if isinstance(message, dict) else message)

    async def hear(self) -> str | None:
        """Return what comes down next, None when the service has hung up."""
        down, ended = asyncio.ensure_future(self._down.get()), asyncio.ensure_future(self._is_ended.wait())
        try:
            await asyncio.wait({down, ended}, return_when=asyncio.FIRST_COMPLETED)
            return down.result() if down.done() else None
        finally:
            down.cancel()
            ended.cancel()

    async def hang_up(self) -> None:
        """End it from the loudspeaker's side."""
        await self._up.put(None)

    async def receive(self) -> str | bytes | None:
        """Return what the loudspeaker said."""
        return await self._up.get()

    async def send(self, text: str) -> None:
        """Send down."""
        if self._is_ended.is_set():
            raise ConnectionError("closed")
        await self._down.put(text)

    async def close(self, code: int) -> None:
        """Hang up."""
        self.code = code
        self._is_ended.set()


class MemoryLine(Exchange):
    """The port `SpeakerLine` without a network."""

    @asynccontextmanager
    async def connected(self, speaker: Speaker) -> AsyncIterator[MemoryWire]:
        """Connect a loudspeaker within a block."""
        wire = MemoryWire()
        task = asyncio.ensure_future(self.serve(speaker, wire))
        try:
            yield wire
        finally:
            if not task.done():
                await wire.hang_up()
            await task
