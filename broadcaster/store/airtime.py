"""Airtime: what villages hear, how it went at each target, and the orders by which it was done."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import exists, select

from broadcaster.desk.rows import OrderKept, Stop, Tombstone
from broadcaster.model.announcement import Announcement
from broadcaster.model.area import covers
from broadcaster.model.clock import milliseconds
from broadcaster.model.delivery import Delivery
from broadcaster.model.order import OrderKind
from broadcaster.store import schema
from broadcaster.store.asking import IS_OPEN, IS_UNCLOSED, Asking
from broadcaster.store.dialects import begins
from broadcaster.store.mapping import kind_of

_HEARD = schema.announcement.c
_AT = schema.delivery.c
_ORDER = schema.orders.c


class Announcements(Asking):
    """What each village hears."""

    def announcement(self, announcement: str) -> Announcement | None:
        """Return an announcement by id."""
        return self._one(Announcement, _HEARD.id == announcement)

    def announcements(self, ids: Collection[str]) -> dict[str, Announcement]:
        """Return those of some announcements that exist."""
        return {one.id: one for one in self._among(Announcement, _HEARD.id, ids)}

    def announcements_of(self, origin: str) -> Sequence[Announcement]:
        """Return every village's share of an origin, by revision and village."""
        return self._all(Announcement, _HEARD.origin == origin, order=[_HEARD.revision, _HEARD.village])

    def announcements_among(self, origins: Collection[str]) -> Sequence[Announcement]:
        """Return every village's share of some origins, by revision and village."""
        return self._among(Announcement, _HEARD.origin, origins, order=[_HEARD.revision, _HEARD.village])

    def unclosed_in(self, area: str) -> Sequence[Announcement]:
        """Return what is not closed in an area and all under it, by village, the earlier sent first."""
        return self._all(
            Announcement,
            begins(_HEARD.village, area),
            IS_UNCLOSED,
            order=[_HEARD.village, _HEARD.sent, _HEARD.id],
        )

    def announcements_in(self, village: str, *, limit: int = 50) -> Sequence[Announcement]:
        """Return a village's announcements, the latest sent first."""
        return self._all(
            Announcement, _HEARD.village == village, order=[_HEARD.sent.desc(), _HEARD.id.desc()], limit=limit
        )

    def current_in(self, village: str, at: datetime) -> Sequence[Announcement]:
        """Return a village's announcements that have not expired, the latest sent first."""
        mine = (_HEARD.village == village, _HEARD.expires > milliseconds(at))
        return self._all(Announcement, *mine, order=[_HEARD.sent.desc(), _HEARD.id.desc()])


class Deliveries(Asking):
    """How it went at each target."""

    def deliveries(self, announcements: Collection[str]) -> Sequence[Delivery]:
        """Return all targets of some announcements."""
        return self._among(Delivery, _AT.announcement, announcements, order=[_AT.announcement, _AT.target])

    def delivery(self, announcement: str, target: str) -> Delivery | None:
        """Return one target of an announcement."""
        return self._one(Delivery, _AT.announcement == announcement, _AT.target == target)

    def deliveries_of(self, speaker: str, *, unfinished: bool = True) -> Sequence[Delivery]:
        """Return what a loudspeaker was meant to play; unfinished: below NO_RECEIPT."""
        only = [IS_OPEN] if unfinished else []
        return self._all(Delivery, _AT.target == speaker, _AT.target_kind == "speaker", *only, order=[_AT.announcement])

    def deliveries_due(self, at: datetime, *, limit: int) -> Sequence[Delivery]:
        """Return those below NO_RECEIPT whose next try is due, those of alerts first."""
        due = (
            kind_of(Delivery)
            .select.join(schema.announcement, _HEARD.id == _AT.announcement)
            .where(IS_OPEN, _AT.next_try_at <= milliseconds(at))
            .order_by(_HEARD.lane, _AT.next_try_at, _AT.announcement, _AT.target)
            .limit(limit)
        )
        return self._rows(Delivery, due)

    def next_delivery_try(self) -> datetime | None:
        """Return when the next one is due, of those below NO_RECEIPT."""
        due = select(_AT.next_try_at).where(IS_OPEN, _AT.next_try_at.is_not(None))
        return self._moment(due.order_by(_AT.next_try_at).limit(1))


class Orders(Asking):
    """Signed orders, and what silences them."""

    def order(self, order: str) -> OrderKept | None:
        """Return an order by id."""
        return self._one(OrderKept, _ORDER.id == order)

    def orders(self, ids: Collection[str]) -> dict[str, OrderKept]:
        """Return those of some orders that exist."""
        return {one.id: one for one in self._among(OrderKept, _ORDER.id, ids)}

    def orders_of(self, announcements: Collection[str]) -> Sequence[OrderKept]:
        """Return plays and cancels of some announcements, in order of issue."""
        return self._among(OrderKept, _ORDER.announcement, announcements, order=[_ORDER.issued, _ORDER.id])

    def orders_of_stop(self, stop: str) -> Sequence[OrderKept]:
        """Return a stop's orders, by village."""
        return self._all(OrderKept, _ORDER.stop == stop, order=[_ORDER.village, _ORDER.id])

    def open_plays(self, village: str, at: datetime) -> Sequence[OrderKept]:
        """Return a village's unexpired plays that no tombstone silences, alerts first."""
        silenced = exists().where(schema.tombstone.c.announcement == _ORDER.announcement)
        plays = (
            kind_of(OrderKept)
            .select.join(schema.announcement, _HEARD.id == _ORDER.announcement)
            .where(
                _ORDER.village == village,
                _ORDER.kind == OrderKind.PLAY.value,
                _ORDER.expires > milliseconds(at),
                ~silenced,
            )
            .order_by(_HEARD.lane, _ORDER.issued, _ORDER.id)
        )
        return self._rows(OrderKept, plays)

    def tombstones(self, announcements: Collection[str]) -> dict[str, Tombstone]:
        """Return the tombstones of some announcements."""
        found = self._among(Tombstone, schema.tombstone.c.announcement, announcements)
        return {one.announcement: one for one in found}

    def tombstones_by(self, cause: str) -> Sequence[Tombstone]:
        """Return the tombstones that a play order or a stop has put."""
        stone = schema.tombstone.c
        return self._all(Tombstone, stone.order_id == cause, order=[stone.announcement])

    def stop(self, stop: str) -> Stop | None:
        """Return a press of "stop everything" by id."""
        return self._one(Stop, schema.stop.c.id == stop)

    def stops(self, area: str, *, limit: int = 10) -> Sequence[Stop]:
        """Return the presses of "stop everything" that covered an area, newest first."""
        stop = schema.stop.c
        wider = [area[:length] for length in range(len(area) + 1) if covers(area[:length], area)]
        return self._all(Stop, stop.area.in_(wider), order=[stop.at.desc(), stop.id.desc()], limit=limit)
