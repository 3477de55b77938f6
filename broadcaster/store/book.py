"""Book: the truth, in one SQL database with one writer."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from broadcaster.desk.ports import Bell, Book, LogPen, LogState
from broadcaster.model.errors import OutOfReach
from broadcaster.model.precedence import Lane
from broadcaster.store.dialects import Trouble, trouble
from broadcaster.store.engine import DRIVER, READERS, check, file_of, open_engine
from broadcaster.store.lock import BookLock
from broadcaster.store.mapping import Encode, plain
from broadcaster.store.migrating import upgrade
from broadcaster.store.state import SqlState
from broadcaster.store.writer import Job, Outcome, Writer

T = TypeVar("T")

_log = structlog.get_logger(__name__)

LOOKERS = 2
"""Threads and connections for those who only look: (m) behind 60 phones a worker waited 7 s for one line."""

MOST_WAITING = {Lane.ALERT: 1_000, Lane.NOTICE: 5_000}
"""Jobs that may wait; the alerts' room is theirs alone."""


class SqlBook(Book):
    """The book in an SQLite file, for one process and one event loop. Use it by ``async with``.

    Args:
        where: a path, or an SQLAlchemy URL of an SQLite file; made if it is not there, migrated if it is old.
        bell: rung after each commit: ``book``, and ``events.<lane>``, ``events.<lane>.<topic>``,
            ``work.<lane>.<kind>``, ``retries.<lane>``, ``timers``, ``deliveries`` where rows of that kind were put.
        encode: writes an event's record for the log.
        most_waiting: how many jobs may wait, for each lane.

    Attributes:
        broken: set when the book cannot be written any more: the service has to end and start again.
        pending: jobs whose answer has not been delivered yet.
    """

    def __init__(
        self,
        where: Path | str,
        bell: Bell,
        *,
        encode: Encode = plain,
        most_waiting: Mapping[Lane, int] = MOST_WAITING,
        module: ModuleType = DRIVER,
    ) -> None:
        self._path = file_of(where)
        self._bell = bell
        self._encode = encode
        self._most_waiting = most_waiting
        self._module = module
        self._lock = BookLock(self._path)
        self.broken = asyncio.Event()
        self.pending = 0

    async def __aenter__(self) -> "SqlBook":
        """Open the book.

        Raises:
            OutOfReach: book_locked (by another process), book_broken (damaged, or no access to it).
        """
        self._loop = asyncio.get_running_loop()
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="book-reader")
        self._lookers = ThreadPoolExecutor(LOOKERS, thread_name_prefix="book-looker")
        try:
            await self._loop.run_in_executor(self._threads, self._open)
        except BaseException:
            self._threads.shutdown(wait=False)
            self._lookers.shutdown(wait=False)
            self._lock.let_go()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Write what is queued, and close."""
        await self._loop.run_in_executor(self._threads, self._writer.close)
        self._threads.shutdown()
        self._lookers.shutdown()
        self._reading.dispose()
        self._looking.dispose()
        self._engine.dispose()  # last, because only who may write can fold the write-ahead log into the file
        self._lock.let_go()

    async def write(self, lane: Lane, job: Callable[[LogPen], T]) -> T:
        """Run a job in a write transaction; see the port."""
        waiter: asyncio.Future[T] = self._loop.create_future()
        self._writer.submit(Job(lane, job, waiter))
        self.pending += 1
        return await waiter

    async def read(self, query: Callable[[LogState], T]) -> T:
        """Run a query on one consistent moment, off the loop."""
        return await self._loop.run_in_executor(self._threads, self._read, self._reading, query)

    async def look(self, query: Callable[[LogState], T]) -> T:
        """Run a query in the turn of those who only look; see the port."""
        return await self._loop.run_in_executor(self._lookers, self._read, self._looking, query)

    def _open(self) -> None:
        self._lock.take()
        self._engine = open_engine(self._path, module=self._module, connections=1)
        check(self._engine)
        upgrade(self._engine)
        self._reading = open_engine(self._path, read_only=True, module=self._module)
        self._looking = open_engine(self._path, read_only=True, module=self._module, connections=LOOKERS)
        self._writer = Writer(
            self._engine,
            self._encode,
            most=self._most_waiting,
            deliver=self._deliver,
            committed=lambda names: self._bell.ring(*names),
            broke=self._broke,
        )
        self._writer.start()

    def _read(self, engine: Engine, query: Callable[[LogState], T]) -> T:
        try:
            with engine.begin() as connection:
                return query(SqlState(connection))
        except DBAPIError as error:
            if trouble(error) is Trouble.BUSY:
                raise OutOfReach("book_busy") from error
            if trouble(error) is not Trouble.BROKEN:
                raise
            self._broke(error)
            raise OutOfReach("book_broken", why=str(error.orig)) from error

    def _deliver(self, outcomes: list[Outcome]) -> None:
        self._on_loop(self._answer, outcomes)

    def _broke(self, why: BaseException) -> None:
        _log.error("book broken", path=str(self._path), why=str(getattr(why, "orig", why)))
        self._on_loop(self.broken.set)

    def _answer(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            self.pending -= 1
            waiter = outcome.job.waiter
            if waiter.done():
                continue
            if outcome.error:
                waiter.set_exception(outcome.error)
            else:
                waiter.set_result(outcome.answer)

    def _on_loop(self, call: Callable[..., object], *args: object) -> None:
        # A loop that is closed by now took all who waited with it.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(call, *args)
