"""The embedded engine: the outbox table is the log, and each reader of each lane walks along it by itself.

A batch is one write transaction: inbox rows, what the stage decided, its events and the reader's position, all or
nothing. So effects are exactly once, however often a batch is run.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from broadcaster.desk.events import Event
from broadcaster.desk.ports import Bell, Book, Entry, LogPen, LogState, Row, State
from broadcaster.desk.rows import DeadLetter, Retry
from broadcaster.model.clock import Clock
from broadcaster.model.crashing import crash_point
from broadcaster.model.errors import OutOfReach
from broadcaster.model.identity import follows
from broadcaster.model.precedence import Lane
from streams import records
from streams.guard import LADDER_SECONDS, Burials, BuryingLimits, described, next_try, surprise
from streams.topology import StagePlace, Topology
from streams.writing import JobFailed, die_unless_passing, written

Stage = Callable[[Sequence[Event], State], Sequence[Row]]
Decode = Callable[[str, str | None, bytes], Event]


def each(decide: Callable[[Event, State], Sequence[Row]]) -> Stage:
    """Make a stage of what decides about one event."""
    return lambda events, state: [row for event in events for row in decide(event, state)]


LOG = "outbox"
"""Under this name a reader keeps its one place in the whole log."""

RETRIES_AT_ONCE = 20
MOST_COUNTED = 1_000
LONGEST_WAIT_SECONDS = 60.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Reader:
    """A stage's reader in one lane. `id` names it in the book, the same for every engine."""

    place: StagePlace
    lane: Lane
    stage: Stage

    @property
    def id(self) -> str:
        """Name it."""
        return reader_id(self.place.name, self.lane)


def reader_id(stage: str, lane: Lane) -> str:
    """Name a stage's reader in one lane: some topics carry both lanes, and each lane has its own place in them."""
    return f"{stage}.{lane}"


def last_only(events: Sequence[Event], fields: Mapping[str, str]) -> list[Event]:
    """Leave out what a later event of the batch says again; see `StagePlace.last_only`."""
    last: dict[object, Event] = {}
    for event in events:
        name = fields.get(event.type)
        key = (event.type, str((event.payload or {}).get(name))) if name else event.id
        last.pop(key, None)
        last[key] = event
    return list(last.values())


class EmbeddedEngine:
    """Runs every stage of a topology over the outbox.

    Args:
        stages: by name; `(events, state) → rows and events`, no I/O and no clock.
        poll_seconds: how long a reader waits at most when no bell rings.

    Attributes:
        paused: readers that may not bury any more, and what they stand before; for the monitor to say.
    """

    def __init__(
        self,
        book: Book,
        bell: Bell,
        clock: Clock,
        topology: Topology,
        stages: Mapping[str, Stage],
        *,
        decode: Decode = records.decode,
        limits: BuryingLimits | None = None,
        poll_seconds: float = 1.0,
    ) -> None:
        self._book = book
        self._bell = bell
        self._clock = clock
        self._decode = decode
        self._limits = limits or BuryingLimits()
        self._poll_seconds = poll_seconds
        self._readers = {
            reader.id: reader
            for place in topology.stages.values()
            for lane in place.lanes
            for reader in [Reader(place, lane, stages[place.name])]
        }
        self._burials = {name: Burials(self._limits) for name in self._readers}
        self.paused: dict[str, str] = {}

    @property
    def readers(self) -> Collection[str]:
        """Return the ids of all readers."""
        return self._readers.keys()

    async def run(self) -> None:
        """Run until cancelled; whatever a task cannot handle ends them all, loudly."""
        async with asyncio.TaskGroup() as tasks:
            for reader in self._readers.values():
                tasks.create_task(self._read_on(reader), name=f"reader {reader.id}")
            for lane in Lane:
                tasks.create_task(self._retry_on(lane), name=f"retries {lane}")

    def resume(self, reader: str) -> None:
        """Let a paused reader bury again: somebody has looked."""
        self._burials[reader].forget()
        self.paused.pop(reader, None)
        self._bell.ring(f"reader.{reader}")

    def behind(self, state: LogState) -> dict[tuple[str, str], int]:
        """Return how many events each stage has yet to read in each lane, counted up to MOST_COUNTED."""
        return {
            (reader.place.name, reader.lane.value): len(_entries(state, reader, MOST_COUNTED))
            for reader in self._readers.values()
        }

    async def step(self, reader: str) -> int:
        """Let one reader take its next batch.

        Returns:
            How many lines of the log it has passed; 0: it is at the end, or paused.
        """
        return await self._step(self._readers[reader])

    async def retry(self, lane: Lane) -> int:
        """Try again what is due in a lane, and return how many that were."""
        now = self._clock.now()
        due = await self._book.write(lane, lambda pen: pen.retry_due(lane, now, limit=RETRIES_AT_ONCE))
        for retry in due:
            await self._retry_one(retry)
        return len(due)

    # reading on

    async def _read_on(self, reader: Reader) -> None:
        # By topic: most of what is committed is for other readers, and every look for nothing holds up the writer.
        topics = reader.place.topics_in(reader.lane)
        ear = self._bell.listen(f"reader.{reader.id}", *(f"events.{reader.lane}.{topic}" for topic in topics))
        while True:
            try:
                if await self._step(reader):
                    continue
            except OutOfReach as error:
                die_unless_passing(error)
            # A paused reader listens too, so that it goes on at once when somebody let it.
            await ear.wait(self._limits.pause_seconds if reader.id in self.paused else self._poll_seconds)

    async def _step(self, reader: Reader) -> int:
        try:
            passed = await self._take(reader, reader.place.batch)
        except JobFailed:
            return await self._one_by_one(reader)
        self._went_on(reader, passed)
        return passed

    async def _one_by_one(self, reader: Reader) -> int:
        """Take a batch that failed event by event, so that only the bad ones are put aside."""
        for passed in range(reader.place.batch):
            try:
                if not await self._take(reader, 1):
                    return passed
                self._went_on(reader, 1)
            except JobFailed as failed:
                if not await self._put_aside(reader, failed.error):
                    return passed
        return reader.place.batch

    def _went_on(self, reader: Reader, count: int) -> None:
        self._burials[reader.id].taken(count)
        if count:
            self.paused.pop(reader.id, None)

    async def _take(self, reader: Reader, most: int) -> int:
        now = self._clock.now()
        passed = await written(self._book, reader.lane, lambda pen: self._batch(pen, reader, most, now))
        if passed:
            crash_point("stage.commit.after")
        return passed

    def _batch(self, pen: LogPen, reader: Reader, most: int, now: datetime) -> int:
        entries = _entries(pen, reader, most)
        if entries:
            self._apply(pen, reader, [(one.event_id, one.topic, one.key, one.body) for one in entries], now)
            pen.set_position(reader.id, LOG, entries[-1].seq, entries[-1].event_id)
            crash_point("stage.commit.before")
        return len(entries)

    def _apply(
        self, pen: LogPen, reader: Reader, lines: Sequence[tuple[str, str, str | None, bytes]], now: datetime
    ) -> None:
        new = pen.inbox_new(reader.id, [event_id for event_id, *_ in lines], now)
        found = [self._decode(topic, key, body) for event_id, topic, key, body in lines if event_id in new]
        events = last_only(found, reader.place.last_only)
        for group in [events] if reader.place.together else [[event] for event in events]:
            if group:
                pen.put(*reader.stage(group, pen))

    # putting aside

    async def _put_aside(self, reader: Reader, error: Exception) -> bool:
        """Retry later, or bury, the line that the reader stands before, and pass it.

        Returns:
            False: it had to be buried and may not be; the reader stays where it is.
        """
        now = self._clock.now()
        due = next_try(error, 1, now)
        if due is None and not self._burials[reader.id].may_bury():
            self._pause(reader, error)
            return False
        await self._book.write(reader.lane, lambda pen: self._aside(pen, reader, error, due, now))
        self._note(reader, error, due)
        return True

    def _aside(self, pen: LogPen, reader: Reader, error: Exception, due: datetime | None, now: datetime) -> None:
        for entry in _entries(pen, reader, 1):
            if due is None:
                _bury(pen, reader, entry.event_id, entry.topic, entry.body, error, now)
            else:
                pen.retry_put(
                    Retry(reader.id, entry.event_id, reader.lane, entry.topic, entry.body, due, 1, described(error))
                )
            pen.set_position(reader.id, LOG, entry.seq, entry.event_id)

    def _note(self, reader: Reader, error: Exception, due: datetime | None) -> None:
        if due is None:
            self._burials[reader.id].buried()
            log.error("event buried", reader=reader.id, error=described(error))
        else:
            log.warning(
                "event failed",
                reader=reader.id,
                again=due.isoformat(),
                error=described(error),
                exc_info=surprise(error),
            )

    def _pause(self, reader: Reader, error: Exception) -> None:
        self.paused[reader.id] = described(error)
        log.critical(
            "reader paused: it would bury too much; look at the dead letters, then let it resume",
            reader=reader.id,
            error=described(error),
        )

    # trying again

    async def _retry_on(self, lane: Lane) -> None:
        ear = self._bell.listen(f"retries.{lane}")
        while True:
            wait_seconds = self._poll_seconds
            try:
                if await self.retry(lane):
                    continue
                wait_seconds = await self._until_retry(lane)
            except OutOfReach as error:
                die_unless_passing(error)
            await ear.wait(wait_seconds)

    async def _until_retry(self, lane: Lane) -> float:
        due = await self._book.write(lane, lambda pen: pen.next_retry(lane))
        seconds = (due - self._clock.now()).total_seconds() if due else LONGEST_WAIT_SECONDS
        return min(max(seconds, 0.0) + 0.001, LONGEST_WAIT_SECONDS)

    async def _retry_one(self, retry: Retry) -> None:
        reader = self._readers.get(retry.reader)
        try:
            await written(self._book, retry.lane, lambda pen: self._again(pen, reader, retry))
        except JobFailed as failed:
            await self._failed_again(retry, failed.error)

    def _again(self, pen: LogPen, reader: Reader | None, retry: Retry) -> None:
        if reader is None:
            raise OutOfReach("reader_unknown", reader=retry.reader)
        self._apply(pen, reader, [(retry.event_id, retry.topic, None, retry.body)], self._clock.now())
        pen.retry_done(reader.id, retry.event_id)

    async def _failed_again(self, retry: Retry, error: Exception) -> None:
        now, attempt = self._clock.now(), retry.attempt + 1
        due = next_try(error, attempt, now)
        if due is None and not self._may_bury(retry.reader):
            # Nobody lost: it stays where it is, and is tried at the pace of the last step until somebody looks.
            due = now + timedelta(seconds=LADDER_SECONDS[-1])
        await self._book.write(retry.lane, lambda pen: _once_more(pen, retry, attempt, error, due, now))
        log.error(
            "event failed again",
            reader=retry.reader,
            attempt=attempt,
            buried=due is None,
            error=described(error),
            exc_info=surprise(error),
        )
        if due is None:
            self._burials[retry.reader].buried()

    def _may_bury(self, reader: str) -> bool:
        return reader in self._burials and self._burials[reader].may_bury()


def _entries(pen: LogState, reader: Reader, most: int) -> Sequence[Entry]:
    after = pen.position(reader.id, LOG)
    return pen.outbox_after(reader.place.topics_in(reader.lane), after, reader.lane, limit=most)


def _bury(pen: LogPen, reader: Reader, event_id: str, topic: str, body: bytes, error: Exception, now: datetime) -> None:
    pen.inbox_new(reader.id, [event_id], now)
    pen.bury(_letter(reader.id, event_id, topic, body, error, now))


def _letter(reader: str, event_id: str, topic: str, body: bytes, error: Exception, now: datetime) -> DeadLetter:
    return DeadLetter(follows(event_id, reader, "buried"), reader, topic, body, described(error), now)


def _once_more(pen: LogPen, retry: Retry, attempt: int, error: Exception, due: datetime | None, now: datetime) -> None:
    if due is None:
        pen.inbox_new(retry.reader, [retry.event_id], now)
        pen.bury(_letter(retry.reader, retry.event_id, retry.topic, retry.body, error, now))
        pen.retry_done(retry.reader, retry.event_id)
    else:
        again = Retry(retry.reader, retry.event_id, retry.lane, retry.topic, retry.body, due, attempt, described(error))
        pen.retry_put(again)
