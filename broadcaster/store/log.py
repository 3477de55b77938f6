"""Log: the outbox as an engine reads it, where its readers are, what is tried again, and who holds which work."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, delete, exists, func, select, tuple_, update

from broadcaster.desk.ports import Entry
from broadcaster.desk.rows import DeadLetter, Retry, Work
from broadcaster.model.announcement import AnnouncementState
from broadcaster.model.clock import milliseconds, moment
from broadcaster.model.precedence import Lane
from broadcaster.store import schema
from broadcaster.store.asking import IS_UNDONE, Asking, parts
from broadcaster.store.dialects import Many, upsert
from broadcaster.store.mapping import kind_of
from broadcaster.store.tasks import claimable

_LINE = schema.outbox.c
_PLACE = schema.position.c
_READ = schema.inbox.c
_RETRY = schema.retry.c
_WORK = schema.work.c

OVER_KEPT = timedelta(days=100)
"""What is done, decided or past its time stays longer than any line of the log (90 days), which could ask for it again;
and pages still tell a withdrawn notice from one that ran out."""

PASSES_KEPT = timedelta(days=30)
"""How long sessions and tokens stay after they have run out."""

_ENTRY = select(_LINE.seq, _LINE.event_id, _LINE.topic, _LINE.key, _LINE.lane, _LINE.type, _LINE.body, _LINE.at)
_SET_PLACE = upsert(schema.position, replace=True)
_NOTE_READ = Many(upsert(schema.inbox, replace=False))


def _entry(cells: Any) -> Entry:
    seq, event_id, topic, key, lane, kind, body, at = cells
    return Entry(seq, event_id, topic, key, Lane(lane), kind, body, moment(at))


class Outbox(Asking):
    """The lines of the log."""

    def outbox_after(self, topics: Collection[str], after_seq: int, lane: Lane, *, limit: int) -> Sequence[Entry]:
        """Return a lane's lines of those topics past `after_seq`, in order."""
        return self._first(topics, _ENTRY.where(_LINE.lane == lane.value, _LINE.seq > after_seq), limit)

    def outbox_end(self) -> int:
        """Return the number of the last line, 0 where there is none."""
        return int(self._connection.execute(select(func.coalesce(func.max(_LINE.seq), 0))).scalar_one())

    def _first(self, topics: Collection[str], lines: Select[Any], limit: int) -> list[Entry]:
        # One question a topic: each is answered from the index in order, however long the backlog of the others is.
        found: list[Entry] = []
        for topic in dict.fromkeys(topics):
            mine = lines.where(_LINE.topic == topic).order_by(_LINE.seq).limit(limit)
            found += map(_entry, self._connection.execute(mine))
        return sorted(found, key=attrgetter("seq"))[:limit]


class ReaderPlaces(Asking):
    """Where readers are."""

    def position(self, reader: str, topic: str, partition: int = 0) -> int:
        """Return what was last set, 0 at first."""
        mine = (_PLACE.reader == reader, _PLACE.topic == topic, _PLACE.partition == partition)
        return int(self._connection.execute(select(_PLACE.next).where(*mine)).scalar() or 0)


class Readers(ReaderPlaces):
    """Where readers are, and what they have read."""

    def set_position(self, reader: str, topic: str, place: int, last_event_id: str | None, partition: int = 0) -> None:
        """Keep where a reader is."""
        row = {
            "reader": reader,
            "topic": topic,
            "partition": partition,
            "next": place,
            "last_event_id": last_event_id,
        }
        self._connection.execute(_SET_PLACE, row)

    def inbox_new(self, reader: str, ids: Collection[str], at: datetime) -> set[str]:
        """Note these events as read and return those that were not yet."""
        wanted = dict.fromkeys(ids)
        known: set[str] = set()
        for part in parts(wanted):
            read = select(_READ.event_id).where(_READ.reader == reader, _READ.event_id.in_(part))
            known |= set(self._connection.execute(read).scalars())
        new = [event_id for event_id in wanted if event_id not in known]
        _NOTE_READ(self._connection, [(reader, event_id, milliseconds(at)) for event_id in new])
        return set(new)


class Retries(Asking):
    """What is tried again, and what is given up."""

    rung: set[str]

    def retry_put(self, *retries: Retry) -> None:
        """Keep events that are to be tried again."""
        kind = kind_of(Retry)
        kind.put(self._connection, list(map(kind.write, retries)))
        self.rung |= {f"retries.{retry.lane}" for retry in retries}

    def retry_due(self, lane: Lane, at: datetime, *, limit: int) -> Sequence[Retry]:
        """Return what is to be tried again now, the earliest due first."""
        mine = (_RETRY.lane == lane.value, _RETRY.due <= milliseconds(at))
        return self._all(Retry, *mine, order=[_RETRY.due, _RETRY.event_id], limit=limit)

    def retry_done(self, reader: str, event_id: str) -> None:
        """Forget an event that needs no other try."""
        self._connection.execute(delete(schema.retry).where(_RETRY.reader == reader, _RETRY.event_id == event_id))

    def next_retry(self, lane: Lane) -> datetime | None:
        """Return when the next try is due."""
        return self._moment(select(_RETRY.due).where(_RETRY.lane == lane.value).order_by(_RETRY.due).limit(1))

    def bury(self, letter: DeadLetter) -> None:
        """Keep an event that no stage could take."""
        kind = kind_of(DeadLetter)
        kind.put(self._connection, [kind.write(letter)])


class Letters(Asking):
    """What was given up."""

    def dead_letters(self, *, limit: int = 100) -> Sequence[DeadLetter]:
        """Return the dead letters whose fate is open, newest first."""
        dead = schema.dead_letter.c
        return self._all(DeadLetter, dead.fate.is_(None), order=[dead.at.desc(), dead.id], limit=limit)


class Leases(Asking):
    """Who holds which work."""

    rung: set[str]

    def claim(
        self, kinds: Collection[str], lane: Lane, at: datetime, lease_until: datetime, token: str, *, limit: int
    ) -> Sequence[Work]:
        """Lease what is claimable at that moment to a token, earliest due first."""
        free = select(_WORK.id).where(*claimable(kinds, lane, at)).order_by(_WORK.due, _WORK.id).limit(limit)
        # One statement, so that two who claim cannot both find it free; PostgreSQL passes over rows that are held.
        taken = (
            update(schema.work)
            .where(_WORK.id.in_(free.with_for_update(skip_locked=True)))
            .values(lease_until=milliseconds(lease_until), lease_token=token, attempt=_WORK.attempt + 1)
            .returning(*kind_of(Work).columns)
        )
        mine = [kind_of(Work).read(cells) for cells in self._connection.execute(taken)]
        return sorted(mine, key=attrgetter("due", "id"))

    def renew(self, ids: Collection[str], token: str, until: datetime) -> frozenset[str]:
        """Prolong leases and return the work that the token still holds."""
        held: set[str] = set()
        for part in parts(ids):
            mine = (_WORK.id.in_(part), _WORK.lease_token == token, IS_UNDONE)
            longer = update(schema.work).where(*mine).values(lease_until=milliseconds(until)).returning(_WORK.id)
            held |= set(self._connection.execute(longer).scalars())
        return frozenset(held)

    def work_done(self, work: str, token: str, result: str | None, at: datetime) -> bool:
        """End work if the token still holds it."""
        return self._if_held(work, token, result=result, done_at=milliseconds(at), lease_until=None)

    def work_later(self, work: str, token: str, due: datetime) -> bool:
        """Give work back until a moment if the token still holds it."""
        is_back = self._if_held(work, token, due=milliseconds(due), lease_until=None, lease_token=None)
        if is_back:
            lane, kind = self._connection.execute(select(_WORK.lane, _WORK.kind).where(_WORK.id == work)).one()
            self.rung.add(f"work.{lane}.{kind}")
        return is_back

    def free_leases(self) -> int:
        """Give all leased work back."""
        held = (_WORK.lease_until.is_not(None), IS_UNDONE)
        freed = update(schema.work).where(*held).values(lease_until=None, lease_token=None)
        return self._connection.execute(freed).rowcount

    def _if_held(self, work: str, token: str, **values: object) -> bool:
        mine = (_WORK.id == work, _WORK.lease_token == token, IS_UNDONE)
        return self._connection.execute(update(schema.work).where(*mine).values(**values)).rowcount == 1


class LogReading(Outbox, ReaderPlaces, Letters):
    """What may be read of the log."""


def _over(now: datetime) -> Sequence[tuple[Table, tuple[ColumnElement[bool], ...]]]:
    """Say which rows of each kind are long over."""
    old, shown = milliseconds(now - OVER_KEPT), milliseconds(now - PASSES_KEPT)
    heard, dead = schema.announcement.c, schema.dead_letter.c
    is_open = exists().where(heard.id == _WORK.subject, heard.state != AnnouncementState.CLOSED.value)
    return [
        (schema.work, (_WORK.done_at < old, ~is_open)),
        (schema.timer, (schema.timer.c.done_at < old,)),
        (schema.tombstone, (schema.tombstone.c.until < old,)),
        (schema.dead_letter, (dead.fate.is_not(None), dead.at < old)),
        (schema.session, (schema.session.c.expires < shown,)),
        (schema.token, (schema.token.c.expires < shown,)),
    ]


class Pruning(Outbox):
    """What nobody needs any more."""

    def prune(self, before: Mapping[str, datetime], inbox_before: datetime, *, limit: int = 1000) -> int:
        """Delete up to `limit` lines, and as many inbox rows and answers, that nobody needs any more."""
        gone = 0
        for topic, kept_from in before.items():
            if gone < limit:
                gone += self._prune_topic(topic, kept_from, limit - gone)
        for table in (schema.inbox, schema.idempotency):
            old = select(*table.primary_key).where(table.c.at < milliseconds(inbox_before))
            gone += self._delete(table, old.order_by(table.c.at).limit(limit))
        return gone

    def prune_over(self, now: datetime, *, limit: int = 1000) -> int:
        """Delete up to `limit` of each: work, timers, tombstones, sessions, tokens and dead letters long over."""
        return sum(
            self._delete(table, select(*table.primary_key).where(*over).limit(limit)) for table, over in _over(now)
        )

    def _prune_topic(self, topic: str, kept_from: datetime, limit: int) -> int:
        heard = schema.announcement.c
        is_wanted = exists().where(heard.origin == _LINE.origin, heard.state != AnnouncementState.CLOSED.value)
        # The last line stays, so that the end of the log is where it was.
        mine = (_LINE.topic == topic, _LINE.at < milliseconds(kept_from), _LINE.seq < self.outbox_end())
        old = select(_LINE.seq).where(*mine, ~is_wanted)
        return self._delete(schema.outbox, old.order_by(_LINE.at).limit(limit))

    def _delete(self, table: Table, keys: Select[Any]) -> int:
        return self._connection.execute(delete(table).where(tuple_(*table.primary_key).in_(keys))).rowcount


class Log(Pruning, Readers, Retries, Leases):
    """All that an engine asks of the book."""
