"""Asking: how a question is put to the book and its answer read as rows."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, text

from broadcaster.model.clock import moment
from broadcaster.store.mapping import kind_of
from broadcaster.store.schema import OPEN_RANK, UNCLOSED, UNDONE

R = TypeVar("R")

MOST_NAMED = 5_000
"""Values named in one statement; SQLite takes 32,766 at most."""

IS_OPEN = text(OPEN_RANK)
IS_UNCLOSED = text(UNCLOSED)
IS_UNDONE = text(UNDONE)
"""Said literally, so that the partial indexes answer."""


def parts(values: Collection[str], size: int = MOST_NAMED) -> Iterator[list[str]]:
    """Divide values, each once, into lists that one statement can name."""
    left = iter(dict.fromkeys(values))
    while part := list(islice(left, size)):
        yield part


class Asking:
    """Questions on one connection, inside a transaction that others begin and end."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _rows(self, row: type[R], statement: Select[Any]) -> list[R]:
        read = kind_of(row).read
        return [read(cells) for cells in self._connection.execute(statement)]

    def _all(self, row: type[R], *where: Any, order: Sequence[Any] = (), limit: int | None = None) -> list[R]:
        return self._rows(row, kind_of(row).select.where(*where).order_by(*order).limit(limit))

    def _one(self, row: type[R], *where: Any, order: Sequence[Any] = ()) -> R | None:
        return next(iter(self._all(row, *where, order=order, limit=1)), None)

    def _among(
        self, row: type[R], column: ColumnElement[Any], values: Collection[str], *where: Any, order: Sequence[Any] = ()
    ) -> list[R]:
        found: list[R] = []
        for part in parts(values):
            found += self._all(row, column.in_(part), *where, order=order)
        return found

    def _moment(self, statement: Select[Any]) -> datetime | None:
        ms = self._connection.execute(statement).scalar()
        return None if ms is None else moment(ms)
