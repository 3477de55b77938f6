"""Working: those who act outside the book. They claim work, act, and write the outcome down if it is still theirs.

An act may happen twice: after a crash, or when its lease ran out. What it records happens once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from broadcaster.desk.ports import Bell, Book, LogPen, Pen
from broadcaster.desk.rows import Work
from broadcaster.model.clock import Clock
from broadcaster.model.crashing import crash_point
from broadcaster.model.errors import OutOfReach, Refused
from broadcaster.model.precedence import Lane
from streams.guard import surprise
from streams.topology import Topology, WorkerPlace
from streams.writing import JobFailed, die_unless_passing, written

LEASE = timedelta(seconds=30)
RENEW_SECONDS = 10.0
LADDER_SECONDS = (1, 5, 15, 30)
"""After how long work is due again that could not be done; the last step repeats."""

LONGEST_RESULT = 200

Outcome = Callable[[Pen], str | None]
"""What records an act's outcome, and names it."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Act:
    """What a worker does.

    Attributes:
        do: acts outside any transaction and returns the job that records the outcome.
        refused: returns what is to be recorded when the act was refused for ever, if anything is.
    """

    do: Callable[[Work], Awaitable[Outcome]]
    refused: Callable[[Work, Refused], Outcome | None] | None = None


class LeaseLost(Exception):
    """Somebody else holds the work by now: nothing of this outcome is kept."""


class Workers:
    """Runs every worker of a topology, each lane by itself.

    Args:
        acts: by the worker's name.
        new_token: a fresh lease token for each claim.
        poll_seconds: how long a worker waits at most when no bell rings.
    """

    def __init__(
        self,
        book: Book,
        bell: Bell,
        clock: Clock,
        topology: Topology,
        acts: Mapping[str, Act],
        new_token: Callable[[], str],
        *,
        poll_seconds: float = 1.0,
    ) -> None:
        self._hands = [
            _Hand(book, bell, clock, place, lane, acts[place.name], new_token, poll_seconds)
            for place in topology.workers.values()
            for lane in place.lanes
        ]

    async def run(self) -> None:
        """Run until cancelled; whatever a loop cannot handle ends them all, loudly."""
        async with asyncio.TaskGroup() as tasks:
            for hand in self._hands:
                tasks.create_task(hand.run(), name=f"worker {hand.name}")


class _Hand:
    """One worker in one lane."""

    def __init__(
        self,
        book: Book,
        bell: Bell,
        clock: Clock,
        place: WorkerPlace,
        lane: Lane,
        act: Act,
        new_token: Callable[[], str],
        poll_seconds: float,
    ) -> None:
        self.name = f"{place.name}.{lane}"
        self._book = book
        self._bell = bell
        self._clock = clock
        self._place = place
        self._lane = lane
        self._act = act
        self._new_token = new_token
        self._at_once = place.at_once
        self._poll_seconds = poll_seconds
        self._held: dict[asyncio.Task[None], tuple[str, str]] = {}

    async def run(self) -> None:
        ear = self._bell.listen(*(f"work.{self._lane}.{kind}" for kind in self._place.kinds))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_leases())
            while True:
                try:
                    await self._take(tasks)
                    wait_seconds = await self._until_next()
                except OutOfReach as error:
                    die_unless_passing(error)
                    wait_seconds = self._poll_seconds
                if len(self._held) >= self._at_once:
                    await asyncio.wait(self._held, return_when=asyncio.FIRST_COMPLETED)
                elif wait_seconds:
                    await ear.wait(wait_seconds)

    async def _take(self, tasks: asyncio.TaskGroup) -> None:
        now, free = self._clock.now(), self._at_once - len(self._held)
        kinds, lane = self._place.kinds, self._lane
        # Not looked for first: who is woken is meant, and a claim that finds nothing costs no more than a look.
        if free <= 0:
            return
        token = self._new_token()
        works = await self._book.write(lane, lambda pen: pen.claim(kinds, lane, now, now + LEASE, token, limit=free))
        for work in works:
            task = tasks.create_task(self._do(work, token), name=f"{self.name} {work.subject}")
            self._held[task] = (work.id, token)
            task.add_done_callback(self._held.pop)
        if works:
            crash_point("work.claimed")

    async def _until_next(self) -> float:
        kinds, lane = self._place.kinds, self._lane
        due = await self._book.read(lambda state: state.next_due(kinds, lane))
        if due is None:
            return self._poll_seconds
        return min(max((due - self._clock.now()).total_seconds(), 0.0), self._poll_seconds)

    async def _keep_leases(self) -> None:
        while True:
            await self._clock.sleep(RENEW_SECONDS)
            by_token: dict[str, list[str]] = {}
            for work, token in self._held.values():
                by_token.setdefault(token, []).append(work)
            try:
                await self._renew(by_token)
            except OutOfReach as error:
                die_unless_passing(error)

    async def _renew(self, by_token: Mapping[str, list[str]]) -> None:
        if by_token:
            until = self._clock.now() + LEASE
            await self._book.write(
                self._lane, lambda pen: [pen.renew(works, token, until) for token, works in by_token.items()]
            )

    async def _do(self, work: Work, token: str) -> None:
        try:
            outcome = await self._act.do(work)
            crash_point("work.acted")
            await self._record(work, token, outcome)
        except JobFailed as failed:
            await self._failed(work, token, failed.error)
        except asyncio.CancelledError:
            await self._give_back(work, token)
            raise
        except Exception as error:
            await self._failed(work, token, error)

    async def _give_back(self, work: Work, token: str) -> None:
        """Let whoever comes next begin at once: after a restart an alert must not wait for this lease to run out."""
        now = self._clock.now()
        with suppress(JobFailed, OutOfReach):
            await written(self._book, self._lane, lambda pen: pen.work_later(work.id, token, now))

    async def _failed(self, work: Work, token: str, error: Exception) -> None:
        if isinstance(error, LeaseLost):
            log.warning("lease lost", worker=self.name, subject=work.subject)
        elif isinstance(error, Refused):
            await self._refused(work, token, error)
        elif isinstance(error, OutOfReach) and error.code == "book_broken":
            raise error
        else:
            await self._later(work, token, error)

    async def _refused(self, work: Work, token: str, error: Refused) -> None:
        log.error("work refused", worker=self.name, subject=work.subject, why=str(error))
        result = f"refused:{error.code}"
        hook = self._act.refused(work, error) if self._act.refused else None
        try:
            await self._record(work, token, lambda pen: _and_then(hook, pen, result))
        except JobFailed as failed:
            if isinstance(failed.error, LeaseLost):
                log.warning("lease lost", worker=self.name, subject=work.subject)
            else:
                await self._later(work, token, failed.error)

    async def _later(self, work: Work, token: str, error: Exception) -> None:
        """Give work back until the next step of the ladder; an unknown failure too, for nobody is to be forgotten."""
        seconds = LADDER_SECONDS[min(max(work.attempt, 1), len(LADDER_SECONDS)) - 1]
        due = self._clock.now() + timedelta(seconds=seconds)
        tell = log.warning if isinstance(error, OutOfReach) else log.error
        tell(
            "work later",
            worker=self.name,
            subject=work.subject,
            attempt=work.attempt,
            why=str(error),
            exc_info=surprise(error),
        )
        await self._written(lambda pen: pen.work_later(work.id, token, due))

    async def _record(self, work: Work, token: str, outcome: Outcome) -> None:
        now = self._clock.now()
        await self._written(lambda pen: _recorded(pen, work, token, outcome, now))
        crash_point("work.recorded")

    async def _written(self, job: Callable[[LogPen], object]) -> None:
        """Write when there is room: what was done outside must not be forgotten because a queue was full."""
        while True:
            try:
                await written(self._book, self._lane, job)
            except OutOfReach as error:
                die_unless_passing(error)
                await self._clock.sleep(self._poll_seconds)
            else:
                return


def _recorded(pen: LogPen, work: Work, token: str, outcome: Outcome, now: datetime) -> None:
    result = outcome(pen)
    if not pen.work_done(work.id, token, (result or "done")[:LONGEST_RESULT], now):
        raise LeaseLost
    crash_point("work.recorded.before")


def _and_then(hook: Outcome | None, pen: Pen, result: str) -> str:
    if hook:
        hook(pen)
    return result
