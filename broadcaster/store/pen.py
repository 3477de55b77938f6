"""Pen: the state inside a write transaction, and what is put into it."""

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, delete, insert

from broadcaster.desk.events import Event
from broadcaster.desk.ports import LogPen, Row
from broadcaster.desk.rows import Audit, Timer, Work
from broadcaster.model.delivery import Delivery
from broadcaster.store import schema
from broadcaster.store.audit import chain
from broadcaster.store.log import Log
from broadcaster.store.mapping import APPEND, KINDS, Encode, logged, plain
from broadcaster.store.state import SqlState

_KNOWN = frozenset({*KINDS, Event, Audit})


class SqlPen(Log, SqlState, LogPen):
    """What a job writes with.

    Attributes:
        rung: the names of the bell that this job's rows concern.
    """

    def __init__(self, connection: Connection, encode: Encode = plain) -> None:
        super().__init__(connection)
        self._encode = encode
        self.rung: set[str] = set()

    def put(self, *rows: Row | Iterable[Row]) -> None:
        """Insert rows, or replace those of the same key; see the port."""
        groups: dict[type, list[Any]] = {}
        for row in _flat(rows):
            groups.setdefault(type(row), []).append(row)
        for kind, group in groups.items():
            self._put(kind, group)
            self.rung |= set(_names(kind, group))

    def _put(self, kind: type, group: list[Any]) -> None:
        if kind is Event:
            APPEND(self._connection, [logged(event, self._encode) for event in group])
        elif kind is Audit:
            self._connection.execute(insert(schema.audit), chain(self._connection, group))
        else:
            mapped = KINDS[kind]
            mapped.put(self._connection, list(map(mapped.write, group)))

    def retire_grants(self, principal: str) -> None:
        """Take back every grant of a principal."""
        self._connection.execute(delete(schema.grants).where(schema.grants.c.principal == principal))


def _flat(rows: Iterable[Row | Iterable[Row]]) -> Iterator[Row]:
    for row in rows:
        if type(row) in _KNOWN:
            yield row  # type: ignore[misc]  # known by its type
        else:
            yield from row  # type: ignore[misc]  # what is no row is several


def _names(kind: type, group: list[Any]) -> Iterator[str]:
    """Tell who waits for such rows."""
    if kind is Event:
        for event in group:
            yield f"events.{event.lane}"
            yield f"events.{event.lane}.{event.topic}"
    elif kind is Work:
        yield from (f"work.{work.lane}.{work.kind}" for work in group)
    elif kind is Timer:
        yield "timers"
    elif kind is Delivery and any(delivery.next_try_at is not None for delivery in group):
        yield "deliveries"
