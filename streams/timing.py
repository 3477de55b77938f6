"""Timing: moments that have come become events, so that a stage looks again."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from broadcaster.desk.events import timer_event
from broadcaster.desk.ports import Bell, Book, LogPen, Row
from broadcaster.desk.rows import Timer
from broadcaster.model.clock import Clock
from broadcaster.model.errors import OutOfReach
from broadcaster.model.precedence import Lane
from streams.writing import die_unless_passing

AT_ONCE = 200
LONGEST_WAIT_SECONDS = 60.0


class Timing:
    """Turns due timers into events, those of alerts in a transaction of their own and first."""

    def __init__(self, book: Book, bell: Bell, clock: Clock) -> None:
        self._book = book
        self._bell = bell
        self._clock = clock

    async def run(self) -> None:
        """Run until cancelled."""
        ear = self._bell.listen("timers")
        while True:
            try:
                if await self.step():
                    continue
                wait_seconds = await self._until_next()
            except OutOfReach as error:
                die_unless_passing(error)
                wait_seconds = 1.0
            await ear.wait(wait_seconds)

    async def step(self) -> int:
        """Tell of the timers that are due, and return how many that were."""
        now = self._clock.now()
        due = await self._book.read(lambda state: state.timers_due(now, limit=AT_ONCE))
        for lane in Lane:
            mine = [timer for timer in due if timer.lane is lane]
            if mine:
                await self._book.write(lane, lambda pen, mine=mine: pen.put(*_told(pen, mine, now)))  # type: ignore[misc]  # bound at once
        return len(due)

    async def _until_next(self) -> float:
        due = await self._book.read(lambda state: state.next_timer())
        if due is None:
            return LONGEST_WAIT_SECONDS
        seconds = (due - self._clock.now()).total_seconds()
        return min(max(seconds, 0.0) + 0.001, LONGEST_WAIT_SECONDS)


def _told(pen: LogPen, timers: Sequence[Timer], now: datetime) -> list[Row]:
    announcements = pen.announcements({timer.subject for timer in timers})
    # A timer whose announcement is gone tells nobody anything.
    heard = [(timer, announcements[timer.subject]) for timer in timers if timer.subject in announcements]
    events = [timer_event(timer, one.village, one.scope, now) for timer, one in heard]
    return [*(replace(timer, done_at=now) for timer in timers), *events]
