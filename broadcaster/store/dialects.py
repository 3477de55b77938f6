"""Dialects: all in which one database differs from another, so that PostgreSQL has one place to be added."""

from collections.abc import Sequence
from enum import Enum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError

# SQLite's primary result codes (sqlite.org/rescode.html).
_BUSY = frozenset({5, 6})
_BROKEN = frozenset({7, 8, 10, 11, 13, 14, 15, 22, 26})


class Trouble(Enum):
    """What a failed statement means for the book."""

    RULE = "a rule of the schema was broken: the job is wrong"
    BUSY = "somebody else holds the database: try again"
    BROKEN = "no memory, read-only, I/O error, corrupt or full disk: stop, and start again"
    OTHER = "the statement itself is wrong"


def trouble(error: DBAPIError) -> Trouble:
    """Tell what a database error means."""
    if isinstance(error, IntegrityError):
        return Trouble.RULE
    code = getattr(error.orig, "sqlite_errorcode", 1) & 0xFF
    if code in _BUSY:
        return Trouble.BUSY
    return Trouble.BROKEN if code in _BROKEN else Trouble.OTHER


def upsert(table: Table, *, replace: bool, keys: Sequence[str] = ()) -> Any:
    """Write an insert that replaces the row of the same key, or leaves it as it is.

    Args:
        keys: the columns that tell; the primary key if none are named.
    """
    known = list(keys) or [column.name for column in table.primary_key]
    insert = sqlite.insert(table)
    changed = {column.name: insert.excluded[column.name] for column in table.c if column.name not in known}
    if replace and changed:
        return insert.on_conflict_do_update(index_elements=known, set_=changed)
    return insert.on_conflict_do_nothing(index_elements=known)


class Many:
    """A statement that is run with many rows: compiled once, then handed to the driver as it is.

    Between here and there SQLAlchemy would look at every cell again: (m) 0.5 s instead of 0.3 s for 10,000 deliveries.

    Args:
        columns: what each row holds, in this order; all columns of its table if none are named.
    """

    def __init__(self, statement: Any, columns: Sequence[str] = ()) -> None:
        self._statement = statement
        self._columns = list(columns) or list(statement.table.c.keys())
        self._compiled: dict[str, str] = {}

    def __call__(self, connection: Connection, rows: list[tuple[Any, ...]]) -> None:
        """Run it with rows; none is none."""
        if rows:
            connection.exec_driver_sql(self._for(connection), rows)

    def _for(self, connection: Connection) -> str:
        dialect = connection.dialect
        if dialect.name not in self._compiled:
            compiled = self._statement.compile(dialect=dialect, column_keys=self._columns)
            if compiled.positiontup != self._columns:
                raise TypeError(f"{self._columns} are not in the order of their table")
            self._compiled[dialect.name] = str(compiled)
        return self._compiled[dialect.name]


def begins(column: ColumnElement[Any], prefix: str) -> ColumnElement[bool]:
    """Ask for the codes that begin so, in a way that an index answers: they hold digits and ``-`` only."""
    return (column >= prefix) & (column < prefix + ":")


def guards(table: str) -> tuple[str, ...]:
    """Write the triggers that refuse to change or delete rows of a table."""
    return tuple(
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} rows are never changed'); END"
        for verb in ("UPDATE", "DELETE")
    )


def unguards(table: str) -> tuple[str, ...]:
    """Write what takes those triggers away, for a migration that has to."""
    return tuple(f"DROP TRIGGER {table}_no_{verb}" for verb in ("update", "delete"))


WRITING = "book_writing"
"""Option of a connection whose transactions are going to write."""


def begin(connection: Connection) -> None:
    """Begin a transaction that sees one moment; one that is going to write takes the pen at once, not in its midst."""
    is_writing = connection.get_execution_options().get(WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")


def savepoint(connection: Connection, name: str) -> None:
    """Set a mark to which one job can be taken back."""
    connection.exec_driver_sql(f"SAVEPOINT {name}")


def release_savepoint(connection: Connection, name: str) -> None:
    """Forget a mark."""
    connection.exec_driver_sql(f"RELEASE SAVEPOINT {name}")


def roll_back_to(connection: Connection, name: str) -> None:
    """Take back what was done since a mark, and forget the mark."""
    connection.exec_driver_sql(f"ROLLBACK TO SAVEPOINT {name}")
    release_savepoint(connection, name)
