"""Mapping: the rows of desk and model as rows of tables, by the types that their fields are annotated with."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cached_property
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

from sqlalchemy import Column, Select, Table, select

from broadcaster.desk import rows
from broadcaster.desk.events import Event
from broadcaster.model.announcement import Announcement
from broadcaster.model.area import Area
from broadcaster.model.clock import milliseconds, moment
from broadcaster.model.delivery import Delivery
from broadcaster.model.identity import canonical
from broadcaster.model.notice import Revision
from broadcaster.store import dialects, schema

R = TypeVar("R")
Coding = tuple[Callable[[Any], Any] | None, Callable[[Any], Any] | None]


class Mapped(Generic[R]):
    """One kind of row and its table: each field is the column of its name, a field that is itself a row is several."""

    def __init__(self, row: type[R], table: Table, *, replaced: bool = True) -> None:
        self.row = row
        self.table = table
        self.put = dialects.Many(dialects.upsert(table, replace=replaced))
        paths = {path.rpartition(".")[2]: (path, hint) for path, hint in _paths(row)}
        self.columns: Sequence[Column[Any]] = [table.c[name] for name in paths]
        self._decoders = [_coding(hint)[1] for _, hint in paths.values()]
        self._nested = list(_nested(row))
        # Written in the order of the table's columns, as the statement wants them.
        written = [paths[name] for name in table.c.keys()]  # noqa: SIM118 - the columns' collection is no mapping
        self._get = attrgetter(*(path for path, _ in written))
        self._encoders = [_coding(hint)[0] for _, hint in written]

    @cached_property
    def select(self) -> Select[Any]:
        """All rows, as `read` takes them."""
        return select(*self.columns)

    def write(self, row: R) -> tuple[Any, ...]:
        """Turn a row into what its columns hold, in the table's order."""
        return tuple(
            [
                cell if encode is None or cell is None else encode(cell)
                for encode, cell in zip(self._encoders, self._get(row), strict=True)
            ]
        )

    def read(self, cells: Iterable[Any]) -> R:
        """Turn what the columns hold into a row."""
        values = [
            cell if decode is None or cell is None else decode(cell)
            for decode, cell in zip(self._decoders, cells, strict=True)
        ]
        for place, size, build in self._nested:
            values[place : place + size] = [build(*values[place : place + size])]
        return self.row(*values)


def _paths(row: Any, before: str = "") -> Iterable[tuple[str, Any]]:
    hints = get_type_hints(row)
    for field in fields(row):
        if is_dataclass(hints[field.name]):
            yield from _paths(hints[field.name], f"{before}{field.name}.")
        else:
            yield before + field.name, hints[field.name]


def _nested(row: Any) -> Iterable[tuple[int, int, Callable[..., Any]]]:
    hints = get_type_hints(row)
    for place, field in enumerate(fields(row)):
        if is_dataclass(hint := hints[field.name]):
            yield place, len(fields(hint)), hint  # type: ignore[misc]  # a hint that is a dataclass is a class


def _coding(hint: Any) -> Coding:
    """Return how a type is written and read; None where the database keeps it as it is."""
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (part for part in get_args(hint) if part is not NoneType)
    if hint is datetime:
        return milliseconds, moment
    if hint is bool:
        return int, bool
    if isinstance(hint, type) and issubclass(hint, Enum):
        return attrgetter("value"), hint
    if get_origin(hint) is tuple:
        return _json, lambda text: tuple(json.loads(text))
    if get_origin(hint) is dict:
        return _json, json.loads
    return None, None


def _json(value: Any) -> str:
    return canonical(value).decode()


_KINDS: tuple[Mapped[Any], ...] = (
    Mapped(rows.AlertKept, schema.alert),
    Mapped(Announcement, schema.announcement),
    Mapped(rows.Approval, schema.approval, replaced=False),
    Mapped(Area, schema.area),
    Mapped(rows.DeadLetter, schema.dead_letter),
    Mapped(Delivery, schema.delivery),
    Mapped(rows.Grant, schema.grants),
    Mapped(rows.Idempotency, schema.idempotency),
    Mapped(rows.OrderKept, schema.orders, replaced=False),
    Mapped(rows.Origin, schema.origin),
    Mapped(rows.Principal, schema.principal),
    Mapped(rows.RecordingKept, schema.recording),
    Mapped(rows.Release, schema.release),
    Mapped(rows.Retry, schema.retry),
    Mapped(Revision, schema.revision),
    Mapped(rows.Script, schema.script),
    Mapped(rows.Session, schema.session),
    Mapped(rows.Source, schema.source),
    Mapped(rows.Speaker, schema.speaker),
    Mapped(rows.SpeakerHealth, schema.speaker_health),
    Mapped(rows.Stop, schema.stop),
    Mapped(rows.Submission, schema.submission),
    Mapped(rows.Timer, schema.timer),
    Mapped(rows.Token, schema.token),
    Mapped(rows.Tombstone, schema.tombstone),
    Mapped(rows.Work, schema.work),
)
KINDS: Mapping[type, Mapped[Any]] = {kind.row: kind for kind in _KINDS}
"""Every row that is kept as it is; events and audit lines have ways of their own."""


def kind_of(row: type[R]) -> Mapped[R]:
    """Return how such rows are kept."""
    return KINDS[row]


Encode = Callable[[Event], bytes]


def plain(event: Event) -> bytes:
    """Write an event's own fields as JSON: the body of the log where no wire record is wanted."""
    return canonical(
        {
            "id": event.id,
            "type": event.type,
            "key": event.key,
            "origin_id": event.origin,
            "revision": event.revision,
            "scope": event.scope,
            "at": milliseconds(event.at),
            "cause": event.cause,
            "payload": event.payload,
        }
    )


LOGGED = (
    "event_id",
    "type",
    "topic",
    "key",
    "lane",
    "scope",
    "at",
    "cause",
    "origin",
    "revision",
    "body",
)
"""The columns of the log that an event fills."""


def logged(event: Event, encode: Encode) -> tuple[Any, ...]:
    """Turn an event into a line of the log: its cells under LOGGED."""
    return (
        event.id,
        event.type,
        event.topic,
        event.key,
        event.lane.value,
        event.scope.value,
        milliseconds(event.at),
        event.cause,
        event.origin,
        event.revision,
        encode(event),
    )


APPEND = dialects.Many(dialects.upsert(schema.outbox, replace=False, keys=("event_id",)), LOGGED)
"""Write lines of the log; one that is there already is left as it is."""
