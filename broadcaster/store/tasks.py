"""Tasks: work, timers, and what the book keeps of itself."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, case, or_, select

from broadcaster.desk.rows import Audit, Timer, Work
from broadcaster.model.clock import milliseconds, moment
from broadcaster.model.precedence import Lane
from broadcaster.store import schema
from broadcaster.store.asking import IS_UNDONE, Asking

_WORK = schema.work.c
_TIMER = schema.timer.c


def claimable(kinds: Collection[str], lane: Lane, at: datetime) -> tuple[Any, ...]:
    """Say which work may be claimed at a moment."""
    now = milliseconds(at)
    is_free: ColumnElement[bool] = or_(_WORK.lease_until.is_(None), _WORK.lease_until <= now)
    return _WORK.lane == lane.value, _WORK.kind.in_(list(kinds)), _WORK.due <= now, IS_UNDONE, is_free


class Tasks(Asking):
    """What is to be done, and when."""

    def work(self, kind: str, subject: str) -> Work | None:
        """Return the one work of a kind and subject."""
        return self._one(Work, _WORK.kind == kind, _WORK.subject == subject)

    def claimable(self, kinds: Collection[str], lane: Lane, at: datetime, *, limit: int) -> Sequence[Work]:
        """Return work that is due, not done and not leased at that moment, earliest due first."""
        return self._all(Work, *claimable(kinds, lane, at), order=[_WORK.due, _WORK.id], limit=limit)

    def next_due(self, kinds: Collection[str], lane: Lane) -> datetime | None:
        """Return when the earliest unfinished work of those kinds is due or its lease ends."""
        moments = [found for kind in kinds for found in (self._first_due(kind, lane), self._first_lapse(kind, lane))]
        return min((found for found in moments if found is not None), default=None)

    def _first_due(self, kind: str, lane: Lane) -> datetime | None:
        mine = (_WORK.lane == lane.value, _WORK.kind == kind, IS_UNDONE, _WORK.lease_until.is_(None))
        return self._moment(select(_WORK.due).where(*mine).order_by(_WORK.due).limit(1))

    def _first_lapse(self, kind: str, lane: Lane) -> datetime | None:
        mine = (_WORK.lane == lane.value, _WORK.kind == kind, IS_UNDONE, _WORK.lease_until.is_not(None))
        free = case((_WORK.due > _WORK.lease_until, _WORK.due), else_=_WORK.lease_until)
        return self._moment(select(free).where(*mine).order_by(free).limit(1))

    def timers_due(self, at: datetime, *, limit: int) -> Sequence[Timer]:
        """Return timers whose moment has come, the earliest first."""
        return self._all(Timer, IS_UNDONE, _TIMER.due <= milliseconds(at), order=[_TIMER.due, _TIMER.id], limit=limit)

    def next_timer(self) -> datetime | None:
        """Return when the next timer is due."""
        return self._moment(select(_TIMER.due).where(IS_UNDONE).order_by(_TIMER.due).limit(1))


class Self(Asking):
    """What the book keeps of itself."""

    def epoch(self) -> int:
        """Return how often the book was restored, from 1."""
        return self._connection.execute(select(schema.epoch.c.n)).scalar_one()  # type: ignore[no-any-return]  # an INTEGER

    def audit_trail(self, *, limit: int = 100, what: Collection[str] = ()) -> Sequence[Audit]:
        """Return the last lines of the audit chain, newest first; only of what is named, if anything is."""
        line = schema.audit.c
        found = select(line.at, line.actor, line.what, line.body).order_by(line.n.desc()).limit(limit)
        if what:
            found = found.where(line.what.in_(what))
        return [
            Audit(moment(at), actor, what, json.loads(body))
            for at, actor, what, body in self._connection.execute(found)
        ]
