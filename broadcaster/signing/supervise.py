"""A child process and its care: started, watched, started again with growing pauses, and ended with its parent.

The child's standard input is a pipe that its parent never writes to: when the parent is gone, however it went, the
child reads the end of it and ends too.
"""

import asyncio
from collections.abc import Sequence

import structlog

from broadcaster.model.clock import Clock
from broadcaster.model.errors import OutOfReach

PAUSES_SECONDS = (0.5, 1.0, 2.0, 5.0, 15.0, 30.0)
WELL_AFTER_SECONDS = 60.0
"""A child that ran so long was well: its next end begins with the shortest pause again."""

END_SECONDS = 5.0

log = structlog.get_logger()


class Child:
    """One child process.

    Args:
        ready: the line on its standard output that says that it can be used; what else it prints there is logged.

    Attributes:
        restarts: how often it had to be started again.
    """

    def __init__(self, name: str, command: Sequence[str], clock: Clock, *, ready: str) -> None:
        self.name = name
        self.restarts = 0
        self._command = list(command)
        self._clock = clock
        self._ready = ready
        self._is_up = asyncio.Event()

    async def run(self) -> None:
        """Keep it running until cancelled; then end it."""
        failures = 0
        while True:
            begun = self._clock.monotonic()
            status = await self._live()
            failures = 0 if self._clock.monotonic() - begun >= WELL_AFTER_SECONDS else failures + 1
            pause = PAUSES_SECONDS[min(failures, len(PAUSES_SECONDS)) - 1] if failures else PAUSES_SECONDS[0]
            log.error("child ended", child=self.name, status=status, again_in_seconds=pause)
            await self._clock.sleep(pause)
            self.restarts += 1

    async def wait_ready(self, seconds: float) -> None:
        """Return when it can be used.

        Raises:
            OutOfReach: child_not_ready.
        """
        try:
            async with asyncio.timeout(seconds):
                await self._is_up.wait()
        except TimeoutError as error:
            raise OutOfReach("child_not_ready", child=self.name, seconds=seconds) from error

    @property
    def is_ready(self) -> bool:
        """Tell whether it can be used now."""
        return self._is_up.is_set()

    async def _live(self) -> int:
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            # An interrupt at the terminal is for its parent, which ends it in its turn.
            process_group=0,
        )
        try:
            await self._listen(process)
            return await process.wait()
        finally:
            self._is_up.clear()
            await _ended(process)

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        if process.stdout is None:
            return
        async for line in process.stdout:
            text = line.decode(errors="replace").rstrip()
            if text == self._ready:
                self._is_up.set()
            log.info("child says", child=self.name, text=text)


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Close its input, which it takes as its end; what does not listen is killed."""
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
