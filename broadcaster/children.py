"""Children: the processes that the service starts, watches and starts again."""

import asyncio
import contextlib
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence

import structlog

from broadcaster.model.clock import Clock

START_SECONDS = 30.0
END_SECONDS = 5.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 30.0
STEADY_SECONDS = 60.0

log = structlog.get_logger()


class Child:
    """One child process: begun again when it ends, ended by the end of file of its standard input.

    Args:
        ready_line: what it prints on standard output once it can be used.
    """

    def __init__(self, name: str, command: Sequence[str], ready_line: str, clock: Clock) -> None:
        self._name = name
        self._command = tuple(command)
        self._ready_line = ready_line
        self._clock = clock
        self._process: Process | None = None
        self.ready = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """Return the running process's id."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def run(self) -> None:
        """Keep it running until cancelled; a child that keeps dying is begun again ever more slowly."""
        pause_seconds = FIRST_PAUSE_SECONDS
        while True:
            began = self._clock.monotonic()
            status = await self._live()
            log.warning("child ended", child=self._name, status=status, again_after=pause_seconds)
            if self._clock.monotonic() - began > STEADY_SECONDS:
                pause_seconds = FIRST_PAUSE_SECONDS
            await self._clock.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)

    async def _live(self) -> int | None:
        self._process = await asyncio.create_subprocess_exec(*self._command, stdin=PIPE, stdout=PIPE)
        try:
            await self._await_ready(self._process)
            return await self._process.wait()
        finally:
            self.ready.clear()
            await _end(self._process)

    async def _await_ready(self, process: Process) -> None:
        assert process.stdout is not None  # noqa: S101 - told to mypy; it was asked for a pipe
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                async for line in process.stdout:
                    if line.decode(errors="replace").strip() == self._ready_line:
                        self.ready.set()
                        return


async def _end(process: Process) -> None:
    if process.returncode is not None:
        return
    if process.stdin:
        process.stdin.close()
    try:
        async with asyncio.timeout(END_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
