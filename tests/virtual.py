"""Virtual time: an event loop that jumps to the next timer instead of waiting for it.

How a test uses it: mark it (or its module, by ``pytestmark``) with ``virtual``. `tests/conftest.py` then runs it, and
its async fixtures, on a `VirtualLoop`; every other async test keeps the ordinary loop. ::

    pytestmark = pytest.mark.virtual

    async def test_a_day_passes_at_once(clock: VirtualClock) -> None:
        await asyncio.sleep(86_400)

The fixture ``clock`` is a `VirtualClock` on the loop of the test. `asyncio.sleep`, `asyncio.timeout` and
`loop.call_later` are virtual, sockets are real, and threads of `run_in_executor` are waited for. Whatever else works
outside the loop (a thread of one's own, another process) has to say so: ``loop.busy_while(lambda: thread.is_alive())``.
While something is busy, virtual time stands still: be busy only as long as an answer is awaited.
"""

import asyncio
import selectors
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

GRACE_SECONDS = 0.0005
"""How long a real socket may take to show what was just written to its other end on loopback."""

BUSY_SECONDS = 0.005
"""How often to look again while something outside the loop works: real seconds."""

STUCK_SECONDS = 60.0
"""After how many real seconds without timer, socket and work a test is told that it waits for nothing."""

OWN_DESCRIPTORS = 1
"""The loop's own wake-up socket."""

START = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
"""16:00 in the village, far from quiet hours."""


class StuckError(RuntimeError):
    """The test waits for something that nobody is going to do."""


class _JumpingSelector(selectors.DefaultSelector):
    """Looks at real sockets, and moves the loop's clock where a real selector would wait."""

    def __init__(self, jump: Callable[[float], None], is_busy: Callable[[], bool]) -> None:
        super().__init__()
        self._jump = jump
        self._is_busy = is_busy
        self._still_since: float | None = None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = self._look(timeout)
        if found or (timeout is not None and timeout <= 0):
            self._still_since = None
        return found

    def _look(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if found or (timeout is not None and timeout <= 0):
            return found
        if timeout is None or self._is_busy():
            return self._wait_really()
        if len(self.get_map()) > OWN_DESCRIPTORS and (found := super().select(GRACE_SECONDS)):
            return found
        self._still_since = None
        self._jump(timeout)
        return super().select(0)

    def _wait_really(self) -> list[tuple[selectors.SelectorKey, int]]:
        now = time.monotonic()
        self._still_since = self._still_since or now
        if now - self._still_since > STUCK_SECONDS:
            raise StuckError("for a minute nothing was ready, and no time could pass: the test would hang")
        return super().select(BUSY_SECONDS)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose seconds cost nothing.

    When nothing is ready and nothing outside the loop is busy, its clock jumps to the next timer. Sockets are looked
    at first, and again after the jump. `run_in_executor` counts as busy until its result has come back.
    """

    def __init__(self) -> None:
        self._virtual_now = 0.0
        self._outside = 0
        self._busy: list[Callable[[], bool]] = []
        super().__init__(_JumpingSelector(self._jump, self.is_busy))

    def time(self) -> float:
        """Return virtual seconds since the loop was made."""
        return self._virtual_now

    def is_busy(self) -> bool:
        """Tell whether something outside the loop works, so that time has to pass really."""
        return self._outside > 0 or any(busy() for busy in self._busy)

    def busy_while(self, busy: Callable[[], bool]) -> Callable[[], None]:
        """Do not jump while `busy()` is true, asked every few real milliseconds; call what is returned to forget it."""
        self._busy.append(busy)
        return lambda: self._busy.remove(busy)

    @contextmanager
    def waiting_really(self) -> Iterator[None]:
        """Do not jump within this block: another process or thread is expected to answer."""
        self._outside += 1
        try:
            yield
        finally:
            self._outside -= 1

    def run_in_executor(  # type: ignore[override]  # the stub's type variables say no more than this
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Run in a thread, and let no time jump until its result is here."""
        future = super().run_in_executor(executor, func, *args)
        self._outside += 1
        future.add_done_callback(self._came_back)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - overrides asyncio's
        """Join the threads in real time: the timeout of Python 3.12 would else be over at once."""
        with self.waiting_really():
            await super().shutdown_default_executor()

    def _came_back(self, _future: object) -> None:
        self._outside -= 1

    def _jump(self, seconds: float) -> None:
        self._virtual_now += seconds


class VirtualClock:
    """The clock port on a virtual loop.

    Attributes:
        offset: how far the time of day is wrong; a test may move it, `monotonic` stays.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, start: datetime = START) -> None:
        self._loop = loop
        self.start = start
        self.offset = timedelta()

    def now(self) -> datetime:
        """Tell the virtual time of day."""
        return self.start + timedelta(seconds=self._loop.time()) + self.offset

    def monotonic(self) -> float:
        """Tell virtual seconds since the loop was made."""
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        """Return after so many virtual seconds."""
        await asyncio.sleep(seconds)
