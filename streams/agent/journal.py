"""Journal: what a loudspeaker must still know after a power cut. It is written before anything sounds."""

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from broadcaster.model.errors import OutOfReach
from broadcaster.signing.envelope import Envelope
from streams.agent.queue import Stage

T = TypeVar("T")
KEPT_AFTER_EXPIRY_MS = 86_400_000
"""An order is remembered so long after it expired, so that it cannot be said again."""


class JournalFull(OutOfReach):
    """The disk is full: routine orders are refused until it is not."""


class JournalBroken(OutOfReach):
    """The disk does not answer rightly: the process ends and is started again, rather than guess."""


class PowerCut(Exception):
    """The scripted end of a process, in tests and fleets."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An order as it is journalled.

    Attributes:
        envelope: None once the order has ended, or for one that was cancelled before it came.
        place: the item's counts, as `Item` names them.
        final: the last receipt's message, to be said again to whoever sends the order again; None while it has none.
    """

    order: str
    announcement: str
    expires_ms: int
    stage: Stage
    envelope: Envelope | None = None
    place: dict[str, Any] = field(default_factory=dict)
    final: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Owed:
    """A receipt that the service has not yet confirmed, as its message."""

    id: str
    order: str
    message: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Paid:
    """The service has this receipt."""

    id: str


@dataclass(frozen=True, slots=True)
class Tombstone:
    """This announcement shall not sound, until then and a day more."""

    announcement: str
    until_ms: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A number under a name: ``last_stop``, ``local_stop``, ``floor``, ``epoch``."""

    name: str
    value: int


@dataclass(frozen=True, slots=True)
class Forget:
    """Let go of orders and tombstones that expired a day before that moment; what is still owed stays."""

    now_ms: int


Change = Entry | Owed | Paid | Tombstone | Mark | Forget


@dataclass(slots=True)
class Kept:
    """All that a journal holds."""

    entries: dict[str, Entry] = field(default_factory=dict)
    owed: dict[str, Owed] = field(default_factory=dict)
    tombstones: dict[str, int] = field(default_factory=dict)
    marks: dict[str, int] = field(default_factory=dict)

    def apply(self, changes: Iterable[Change]) -> None:
        """Take changes in, in their order."""
        for change in changes:
            self._apply(change)

    def _apply(self, change: Change) -> None:
        match change:
            case Entry():
                self.entries[change.order] = change
            case Owed():
                self.owed[change.id] = change
            case Paid():
                self.owed.pop(change.id, None)
            case Tombstone():
                self.tombstones[change.announcement] = max(change.until_ms, self.tombstones.get(change.announcement, 0))
            case Mark():
                self.marks[change.name] = change.value
            case Forget():
                self._forget(change.now_ms - KEPT_AFTER_EXPIRY_MS)

    def _forget(self, before_ms: int) -> None:
        debts = {owed.order for owed in self.owed.values()}
        ended = (Stage.DONE, Stage.TOLD)
        self.entries = {
            name: entry
            for name, entry in self.entries.items()
            if entry.expires_ms >= before_ms or name in debts or entry.stage not in ended
        }
        self.tombstones = {name: until for name, until in self.tombstones.items() if until >= before_ms}


class Journal(Protocol):
    """What a loudspeaker writes before it acts."""

    async def load(self) -> Kept:
        """Open it and return all that it holds.

        Raises:
            JournalBroken: it cannot be read.
        """

    async def write(self, *changes: Change) -> None:
        """Keep all of the changes or none; on the disk when it returns.

        Raises:
            JournalFull, JournalBroken.
        """

    async def close(self) -> None:
        """Close it."""


class MemoryJournal:
    """A journal that forgets at the end of the process; for fleets, and for tests of power cuts.

    Args:
        fsync_seconds: how long a write takes until it is safe; what is cut off meanwhile is lost.
        cut_at: the write (from 1) at which the power goes.
        cut_after: it goes just after that write is safe, not before.
        is_full: every write is refused, as by a full disk.
    """

    def __init__(
        self,
        kept: Kept | None = None,
        *,
        fsync_seconds: float = 0,
        cut_at: int | None = None,
        cut_after: bool = False,
    ) -> None:
        self._kept = kept or Kept()
        self._fsync_seconds = fsync_seconds
        self._cut_at = cut_at
        self._cut_after = cut_after
        self.writes = 0
        self.is_full = False

    async def load(self) -> Kept:
        """Return a copy of what it holds."""
        return deepcopy(self._kept)

    async def write(self, *changes: Change) -> None:
        """Keep the changes once they would be safe on a disk."""
        self.writes += 1
        if self.is_full:
            raise JournalFull("journal_full")
        self._cut(after=False)
        await asyncio.sleep(self._fsync_seconds)
        self._kept.apply(changes)
        self._cut(after=True)

    async def close(self) -> None:
        """Do nothing."""

    def survivor(self) -> "MemoryJournal":
        """Return the journal as it is found after a power cut."""
        return MemoryJournal(deepcopy(self._kept), fsync_seconds=self._fsync_seconds)

    def _cut(self, *, after: bool) -> None:
        if self.writes == self._cut_at and after is self._cut_after:
            raise PowerCut


SCHEMA = """
CREATE TABLE IF NOT EXISTS entry(
    order_id TEXT PRIMARY KEY, announcement TEXT NOT NULL, expires_ms INTEGER NOT NULL, stage TEXT NOT NULL,
    kid TEXT, body BLOB, sig BLOB, place TEXT NOT NULL, final TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS owed(id TEXT PRIMARY KEY, order_id TEXT NOT NULL, message TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tombstone(announcement TEXT PRIMARY KEY, until_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mark(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""

BURY = """
INSERT INTO tombstone VALUES (?, ?)
ON CONFLICT(announcement) DO UPDATE SET until_ms = max(until_ms, excluded.until_ms)
"""


class SqliteJournal:
    """The journal of a real loudspeaker: one file, one writer, in a thread of its own so that the loop never waits.

    Rollback journal with ``synchronous=EXTRA``: the standard library's SQLite may be one whose WAL mode can corrupt the
    file, and a directory that is not synced may bring a deleted rollback journal back.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._file: sqlite3.Connection | None = None

    async def load(self) -> Kept:
        """Open the file, making it where there is none, and return all that it holds."""
        return await self._do(self._load)

    async def write(self, *changes: Change) -> None:
        """Commit the changes in one transaction."""
        await self._do(lambda: self._write(changes))

    async def close(self) -> None:
        """Close the file and end the thread."""
        await self._do(self._close)
        self._thread.shutdown(wait=False)

    async def _do(self, job: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, job)
        except sqlite3.Error as error:
            is_full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
            raise (JournalFull if is_full else JournalBroken)("journal", why=str(error)) from error

    def _load(self) -> Kept:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        self._file.execute("PRAGMA journal_mode=DELETE")
        self._file.execute("PRAGMA synchronous=EXTRA")
        self._file.executescript(SCHEMA)
        return Kept(
            entries={row[0]: _entry(row) for row in self._rows("SELECT * FROM entry")},
            owed={row[0]: Owed(row[0], row[1], json.loads(row[2])) for row in self._rows("SELECT * FROM owed")},
            tombstones=dict(self._rows("SELECT * FROM tombstone")),
            marks=dict(self._rows("SELECT * FROM mark")),
        )

    def _rows(self, query: str) -> list[Any]:
        return self._open().execute(query).fetchall()

    def _write(self, changes: Iterable[Change]) -> None:
        file = self._open()
        file.execute("BEGIN IMMEDIATE")
        try:
            for change in changes:
                for statement, values in _statements(change):
                    file.execute(statement, values)
            file.execute("COMMIT")
        except BaseException:
            if file.in_transaction:
                file.execute("ROLLBACK")
            raise

    def _open(self) -> sqlite3.Connection:
        if self._file is None:
            raise JournalBroken("journal", why="not loaded")
        return self._file

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = None


def _entry(row: tuple[Any, ...]) -> Entry:
    order, announcement, expires_ms, stage, kid, body, sig, place, final = row
    return Entry(
        order=order,
        announcement=announcement,
        expires_ms=expires_ms,
        stage=Stage(stage),
        envelope=Envelope(kid, body, sig) if kid is not None else None,
        place=json.loads(place),
        final=json.loads(final) if final is not None else None,
    )


def _entry_values(entry: Entry) -> tuple[object, ...]:
    sealed = entry.envelope
    return (
        entry.order,
        entry.announcement,
        entry.expires_ms,
        entry.stage.value,
        *((sealed.kid, sealed.body, sealed.sig) if sealed else (None, None, None)),
        json.dumps(entry.place),
        json.dumps(entry.final) if entry.final is not None else None,
    )


def _statements(change: Change) -> list[tuple[str, tuple[object, ...]]]:
    match change:
        case Entry():
            return [("INSERT OR REPLACE INTO entry VALUES (?,?,?,?,?,?,?,?,?)", _entry_values(change))]
        case Owed():
            return [
                ("INSERT OR REPLACE INTO owed VALUES (?,?,?)", (change.id, change.order, json.dumps(change.message)))
            ]
        case Paid():
            return [("DELETE FROM owed WHERE id = ?", (change.id,))]
        case Tombstone():
            return [(BURY, (change.announcement, change.until_ms))]
        case Mark():
            return [("INSERT OR REPLACE INTO mark VALUES (?,?)", (change.name, change.value))]
        case Forget():
            return _forgetting(change.now_ms - KEPT_AFTER_EXPIRY_MS)


def _forgetting(before_ms: int) -> list[tuple[str, tuple[object, ...]]]:
    return [
        (
            "DELETE FROM entry WHERE expires_ms < ? AND stage IN ('done', 'told')"
            " AND order_id NOT IN (SELECT order_id FROM owed)",
            (before_ms,),
        ),
        ("DELETE FROM tombstone WHERE until_ms < ?", (before_ms,)),
    ]
