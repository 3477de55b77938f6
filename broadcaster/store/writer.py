"""Writer: the one thread that writes the book, alerts first, many jobs to a commit."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import RootTransaction
from sqlalchemy.exc import DBAPIError

from broadcaster.desk.ports import LogPen
from broadcaster.model.crashing import crash_point
from broadcaster.model.errors import Conflict, OutOfReach
from broadcaster.model.precedence import Lane
from broadcaster.store import dialects
from broadcaster.store.dialects import Trouble, trouble
from broadcaster.store.mapping import Encode
from broadcaster.store.pen import SqlPen

MOST_IN_COMMIT = 50
LONGEST_BATCH_SECONDS = 0.010
BUSY_TRIES = 3
"""How often a lock that somebody else holds is waited for; each waits the driver's busy timeout."""

_MARK = "job"


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done in a transaction, and who waits for its answer."""

    lane: Lane
    run: Callable[[LogPen], Any]
    waiter: "asyncio.Future[Any]"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended: its answer, or what it raised."""

    job: Job
    answer: Any = None
    error: BaseException | None = None


class _Broken(Exception):
    """The book cannot be written any more."""


class Writer:
    """Serves two bounded queues from a thread of its own.

    Args:
        most: how many jobs may wait, for each lane; alerts have their own room.
        deliver: told the outcomes of a commit, in the writer's thread.
        committed: told after a commit which names of the bell it concerns, in the writer's thread.
        broke: told why the writer has stopped, after every waiting job was answered.
    """

    def __init__(
        self,
        engine: Engine,
        encode: Encode,
        *,
        most: Mapping[Lane, int],
        deliver: Callable[[list[Outcome]], None],
        committed: Callable[[set[str]], None],
        broke: Callable[[BaseException], None],
    ) -> None:
        self._engine = engine
        self._encode = encode
        self._most = most
        self._deliver = deliver
        self._committed = committed
        self._broke = broke
        self._queues: dict[Lane, deque[Job]] = {lane: deque() for lane in Lane}
        self._changed = threading.Condition()
        self._closed_why: str | None = None
        self._batch: list[Job] = []
        self._thread = threading.Thread(target=self._run, name="book-writer", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Queue a job.

        Raises:
            OutOfReach: book_full, book_broken or book_closed, at once.
        """
        with self._changed:
            if self._closed_why:
                raise OutOfReach(self._closed_why)
            if len(self._queues[job.lane]) >= self._most[job.lane]:
                raise OutOfReach("book_full", lane=job.lane.value)
            self._queues[job.lane].append(job)
            self._changed.notify()

    def close(self) -> None:
        """Write what is queued, take nothing more, and end the thread; blocks."""
        with self._changed:
            self._closed_why = self._closed_why or "book_closed"
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        try:
            with self._engine.connect() as connection:
                writing = connection.execution_options(**{dialects.WRITING: True})
                while (job := self._wait()) is not None:
                    self._write(writing, job)
        except BaseException as error:
            self._break(error)

    def _wait(self) -> Job | None:
        with self._changed:
            while (job := self._next()) is None and not self._closed_why:
                self._changed.wait()
            return job

    def _next(self, *, alerts_only: bool = False) -> Job | None:
        for lane in (Lane.ALERT,) if alerts_only else (Lane.ALERT, Lane.NOTICE):
            if self._queues[lane]:
                return self._queues[lane].popleft()
        return None

    def _write(self, connection: Connection, first: Job) -> None:
        """Run a first job, and others while they are there, in one transaction."""
        self._batch = [first]
        rung = {"book"}
        transaction = _patiently(connection.begin)
        outcomes = [self._do(connection, job, rung) for job in self._batch_from(first)]
        self._commit(transaction)
        self._committed(rung)
        self._batch = []
        self._deliver(outcomes)

    def _batch_from(self, first: Job) -> Iterable[Job]:
        """Give jobs while there are any, and room and time in the commit; after an alert only alerts join."""
        yield first
        until = time.monotonic() + LONGEST_BATCH_SECONDS
        has_alert = first.lane is Lane.ALERT
        while len(self._batch) < MOST_IN_COMMIT and time.monotonic() < until:
            with self._changed:
                job = self._next(alerts_only=has_alert)
            if job is None:
                return
            self._batch.append(job)
            has_alert = has_alert or job.lane is Lane.ALERT
            yield job

    def _do(self, connection: Connection, job: Job, rung: set[str]) -> Outcome:
        if job.waiter.cancelled():
            return Outcome(job)
        pen = SqlPen(connection, self._encode)
        dialects.savepoint(connection, _MARK)
        try:
            answer = job.run(pen)
        except Exception as error:
            if isinstance(error, DBAPIError) and trouble(error) in (Trouble.BROKEN, Trouble.BUSY):
                raise _Broken(str(error.orig)) from error
            dialects.roll_back_to(connection, _MARK)
            return Outcome(job, error=_ours(error))
        dialects.release_savepoint(connection, _MARK)
        rung |= pen.rung
        return Outcome(job, answer)

    def _commit(self, transaction: RootTransaction) -> None:
        crash_point("book.commit.before")
        _patiently(transaction.commit)
        crash_point("book.commit.after")

    def _break(self, why: BaseException) -> None:
        with self._changed:
            self._closed_why = "book_broken"
            left = [*self._batch, *self._queues[Lane.ALERT], *self._queues[Lane.NOTICE]]
            self._batch = []
            for queue in self._queues.values():
                queue.clear()
        self._deliver([Outcome(job, error=_broken(why)) for job in left])
        self._broke(why)


def _patiently(step: Callable[[], Any]) -> Any:
    """Take a step that somebody else's lock may hold up, such as a backup of the file."""
    for _ in range(BUSY_TRIES - 1):
        try:
            return step()
        except DBAPIError as error:
            if trouble(error) is not Trouble.BUSY:
                raise
    return step()


def _ours(error: Exception) -> Exception:
    """Turn a broken rule of the schema into our own error; what else a job raised is its own."""
    if isinstance(error, DBAPIError) and trouble(error) is Trouble.RULE:
        ours = Conflict("book_rule", rule=str(error.orig))
        ours.__cause__ = error
        return ours
    return error


def _broken(why: BaseException) -> OutOfReach:
    error = OutOfReach("book_broken", why=str(getattr(why, "orig", why)))
    error.__cause__ = why
    return error
