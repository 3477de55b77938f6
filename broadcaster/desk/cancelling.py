"""Cancelling: one person, at once, and for good."""

from dataclasses import dataclass, replace
from datetime import datetime

from broadcaster.desk.authority import Asker, require_any
from broadcaster.desk.events import announcement_event, delivery_event, origin_event
from broadcaster.desk.office import Desk
from broadcaster.desk.ports import Pen, State
from broadcaster.desk.rows import Audit, Origin, Role, Tombstone, Work
from broadcaster.model.announcement import Announcement, AnnouncementState
from broadcaster.model.clock import milliseconds
from broadcaster.model.delivery import Outcome, Rank, closed
from broadcaster.model.errors import NotFound
from broadcaster.model.identity import follows
from broadcaster.model.precedence import Lane

CANCELLERS = (Role.OPERATE, Role.APPROVE, Role.PUBLISH)


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What a cancel did: the villages that were to hear it and now shall not."""

    origin: str
    villages: tuple[str, ...]


async def cancel(desk: Desk, asker: Asker, origin: str, why: str = "cancelled") -> Cancelled:
    """Silence a notice or an alert for good, whatever became of it; asked again, it changes nothing.

    An author may take back a notice that was never released: nobody was to hear it yet.

    Raises:
        NotFound: origin_unknown. NotAllowed: role_missing.
    """

    def job(pen: Pen) -> Cancelled:
        found = pen.origin(origin)
        if found is None:
            raise NotFound("origin_unknown", origin=origin[:60])
        if not _is_own_draft(pen, asker, origin):
            require_any(asker, CANCELLERS, _places(pen, origin))
        return end_origin(desk, pen, found, why, asker.id)

    return await desk.accept(Lane.ALERT, job)


def may_cancel(state: State, asker: Asker, origin: str) -> bool:
    """Tell whether somebody may silence a notice or an alert."""
    meant = _places(state, origin)
    return any(asker.may(role, meant) for role in CANCELLERS) or _is_own_draft(state, asker, origin)


def _is_own_draft(state: State, asker: Asker, origin: str) -> bool:
    """Tell whether these are somebody's own words that nobody has let go, in any revision of them."""
    revisions = state.revisions(origin)
    is_theirs = bool(revisions) and revisions[-1].author == asker.id and asker.may(Role.DRAFT, _places(state, origin))
    return is_theirs and not any(state.release(origin, one.revision) for one in revisions)


def end_origin(desk: Desk, pen: Pen, origin: Origin, why: str, by: str) -> Cancelled:
    """Write an origin's end: its fate, a tombstone per village, the cancel orders, in the accepting transaction."""
    if origin.fate:
        return Cancelled(origin.id, ())
    now, living = desk.clock.now(), _living(pen, origin.id)
    for announcement in living:
        bury(desk, pen, announcement, why, origin.id)
    pen.put(replace(origin, fate=why))
    pen.put(Audit(now, by, f"{origin.kind}.{why}", {"origin": origin.id}))
    villages = tuple(sorted(one.village for one in living))
    last = max((one.revision for one in living), default=0)
    pen.put(origin_event("origin.cancelled", origin.id, last, Lane.ALERT, origin.scope, now, by, villages=villages))
    return Cancelled(origin.id, villages)


def bury(desk: Desk, pen: Pen, announcement: Announcement, why: str, cause: str) -> None:
    """Put a tombstone on an announcement and have the cancel made; what nobody was sent ends at once."""
    now = desk.clock.now()
    pen.put(Tombstone(announcement.id, why, now, announcement.expires + desk.policy.remember))
    pen.put(cancel_work(announcement.id, now))
    pen.put(announcement_event("cancelled", announcement, now, cause))
    close_unheard(desk, pen, announcement, Outcome.CANCELLED, cause)
    end_replaced(pen, announcement, now)


def cancel_work(announcement: str, at: datetime) -> Work:
    """Return the work of having an announcement's cancel signed and sent, from a moment on."""
    return Work(follows(announcement, "cancel"), "order", f"cancel:{announcement}", Lane.ALERT, at)


def end_replaced(pen: Pen, announcement: Announcement, at: datetime) -> None:
    """Have a cancel made for what this announcement took the place of, once it can do so no longer.

    A loudspeaker that was away is told of the end of the old by the order of the new. When that one is over too, the
    old needs an end of its own, or it would go on where it was cut off.
    """
    for order in pen.orders_of([announcement.id]):
        pen.put([cancel_work(stone.announcement, at) for stone in pen.tombstones_by(order.id)])


def close_unheard(desk: Desk, pen: Pen, announcement: Announcement, outcome: Outcome, cause: str) -> None:
    """End the deliveries that nothing was sent to; the announcement too, if none is left that could answer."""
    now, rows = desk.clock.now(), pen.deliveries([announcement.id])
    if not _on_its_way(pen, announcement):
        ended = [closed(row, outcome, milliseconds(now), "not_sent") for row in rows if row.rank is Rank.PENDING]
        pen.put(ended)
        pen.put(
            [delivery_event(row, announcement.village, Lane.ALERT, announcement.scope, now, cause) for row in ended]
        )
        rows = [row for row in rows if row.rank is not Rank.PENDING]
    if all(row.rank is Rank.FINAL for row in rows):
        pen.put(replace(announcement, state=AnnouncementState.CLOSED))


def _on_its_way(pen: Pen, announcement: Announcement) -> bool:
    """Tell whether an order is being handed to the line at this moment: who took it is written when that ends."""
    works = [pen.work("send", order.id) for order in pen.orders_of([announcement.id]) if order.kind == "play"]
    return any(work and work.done_at is None and work.lease_token for work in works)


def _places(state: State, origin: str) -> tuple[str, ...]:
    villages = {one.village for one in state.announcements_of(origin)}
    targets = {target for revision in state.revisions(origin) for target in revision.targets}
    return tuple(sorted(villages or targets))


def _living(pen: Pen, origin: str) -> list[Announcement]:
    return [one for one in pen.announcements_of(origin) if one.state is not AnnouncementState.CLOSED]
