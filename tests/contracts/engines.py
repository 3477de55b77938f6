"""The engines that keep the contract, and a town small enough to watch one at work."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from broadcaster.desk import events
from broadcaster.desk.events import Event
from broadcaster.desk.ports import Bell, LogPen, Row, State
from broadcaster.desk.rows import Audit, DeadLetter, Work
from broadcaster.model.clock import Clock
from broadcaster.model.precedence import Lane
from broadcaster.store.bell import LocalBell
from broadcaster.store.book import SqlBook
from streams import records
from streams.engines.embedded import EmbeddedEngine, Stage
from streams.guard import BuryingLimits
from streams.topology import Topology
from tests.streams.samples import AT, FLOOD
from tests.virtual import VirtualLoop


@asynccontextmanager
async def embedded(
    book: SqlBook,
    bell: Bell,
    clock: Clock,
    topology: Topology,
    stages: Mapping[str, Stage],
    limits: BuryingLimits,
) -> AsyncIterator[EmbeddedEngine]:
    """Run the embedded engine within a block."""
    engine = EmbeddedEngine(book, bell, clock, topology, stages, limits=limits, poll_seconds=5)
    async with running(engine.run()):
        yield engine


ENGINES = {"embedded": embedded}


@asynccontextmanager
async def running(main: Any) -> AsyncIterator[asyncio.Task[None]]:
    """Run something within a block, and let its own failure be heard."""
    task = asyncio.ensure_future(main)
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def open_book(path: Path) -> AsyncIterator[SqlBook]:
    """Open a book, and let no virtual time pass while it writes."""
    loop = asyncio.get_running_loop()
    async with SqlBook(path, LocalBell(), encode=records.encode) as book:
        forget = loop.busy_while(lambda: book.pending > 0) if isinstance(loop, VirtualLoop) else lambda: None
        yield book
        forget()


def bell_of(book: SqlBook) -> Bell:
    """Return the bell that a book rings."""
    return book._bell


def planned(n: int, lane: Lane = Lane.NOTICE) -> Event:
    """The n-th announcement of its lane was planned."""
    return events.announcement_event("planned", replace(FLOOD, id=f"{lane}-{n}", lane=lane), AT, "issuing")


def noted(event: Event) -> list[Row]:
    """What the stage of these tests decides: a line that is never written twice over, and an event that follows."""
    name = str((event.payload or {})["announcement"])
    follow_up = events.script_event("wanted", name, event.lane, event.at, event.id, None)
    return [Audit(event.at, "stage", name, {}), follow_up]


class Town:
    """A book with one stage, ``noting``."""

    def __init__(self, book: SqlBook, clock: Clock) -> None:
        self.book = book
        self.bell = bell_of(book)
        self.clock = clock
        self.topology = Topology()
        self.topology.stage("noting", ["announcements.{lane}"], batch=50, together=True)
        self.calls: list[list[str]] = []
        self.decide: Callable[[Event, State], Sequence[Row]] = lambda event, _: noted(event)
        self.limits = BuryingLimits()

    def stage(self, happened: Sequence[Event], state: State) -> Sequence[Row]:
        """Note the call, then decide event by event."""
        self.calls.append([str((event.payload or {})["announcement"]) for event in happened])
        return [row for event in happened for row in self.decide(event, state)]

    async def happen(self, *happened: Event) -> None:
        """Let things become true."""
        for lane in Lane:
            mine = [event for event in happened if event.lane is lane]
            if mine:
                await self.book.write(lane, lambda pen, mine=mine: pen.put(mine))

    async def noted(self) -> list[str]:
        """Return what the stage wrote down, in order."""
        trail = await self.book.read(lambda state: state.audit_trail(limit=100_000))
        return [line.what for line in reversed(trail)]

    async def buried(self) -> list[DeadLetter]:
        """Return the dead letters."""
        return list(await self.book.write(Lane.NOTICE, lambda pen: pen.dead_letters()))

    async def followed(self, lane: Lane) -> int:
        """Count the events that the stage emitted in a lane."""
        return len(
            await self.book.write(lane, lambda pen: pen.outbox_after([f"scripts.{lane}"], 0, lane, limit=100_000))
        )

    async def until(self, true: Callable[[], Awaitable[bool]], within: timedelta = timedelta(hours=1)) -> None:
        """Wait for something to become true."""
        async with asyncio.timeout(within.total_seconds()):
            while not await true():
                await self.clock.sleep(1)

    async def until_noted(self, count: int) -> None:
        """Wait for so many lines."""

        async def enough() -> bool:
            return await self.book.read(_lines) >= count

        await self.until(enough)


def _lines(state: Any) -> int:
    return int(state._connection.exec_driver_sql("SELECT count(*) FROM audit").scalar_one())


def work(subject: str, lane: Lane = Lane.NOTICE, kind: str = "voice", after_seconds: float = 0) -> Work:
    """Something to be done."""
    return Work(f"{kind}-{subject}", kind, subject, lane, AT + timedelta(seconds=after_seconds))


def put(*rows: Row) -> Callable[[LogPen], None]:
    """A job that puts rows."""
    return lambda pen: pen.put(*rows)
