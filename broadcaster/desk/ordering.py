"""Ordering: the worker that has an order signed, and keeps it before anybody is sent it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from broadcaster.desk.cancelling import cancel_work, close_unheard, end_replaced
from broadcaster.desk.events import announcement_event, order_event
from broadcaster.desk.office import Desk
from broadcaster.desk.ports import Pen, State
from broadcaster.desk.rows import Audit, OrderKept, Tombstone, Work
from broadcaster.model.announcement import Announcement, AnnouncementState
from broadcaster.model.crashing import crash_point
from broadcaster.model.delivery import Outcome
from broadcaster.model.errors import Refused
from broadcaster.model.identity import follows
from broadcaster.model.precedence import Lane


async def order(desk: Desk, work: Work) -> Callable[[Pen], str]:
    """Have signed what falls due.

    Returns:
        The job that stores the order and names the outcome; a signature that came too late is dropped there.

    Raises:
        NotAllowed: the signer will not. OutOfReach: it does not answer now.
    """
    kind, _, subject = work.subject.partition(":")
    if kind == "play":
        return await _play(desk, work, subject)
    subject, _, village = subject.partition(":")
    if kind == "cancel":
        announcement = await desk.book.read(lambda state: state.announcement(subject))
        village = announcement.village if announcement else ""
    kept = await desk.signer.sign("cancel" if kind == "cancel" else "stop_all", subject, village)
    crash_point("order.signed")
    return lambda pen: _store(desk, pen, kept, Lane.ALERT, work)


def refused(desk: Desk, work: Work, error: Refused) -> Callable[[Pen], str | None] | None:
    """Return the job that tells people what the signer would not sign: the announcement is held, and says why."""
    kind, _, subject = work.subject.partition(":")

    def record(pen: Pen) -> None:
        facts: dict[str, object] = {"work": work.subject, "code": error.code}
        pen.put(Audit(desk.clock.now(), "signer", "order.refused", facts))
        announcement = pen.announcement(subject) if kind == "play" else None
        if announcement and announcement.state is AnnouncementState.READY:
            pen.put(replace(announcement, state=AnnouncementState.HELD, held_why=f"refused:{error.code}"))

    return record


async def _play(desk: Desk, work: Work, subject: str) -> Callable[[Pen], str]:
    now = desk.clock.now()
    barred, announcement = await desk.book.read(
        lambda state: (why_not(state, subject, now), state.announcement(subject))
    )
    if barred:
        return lambda _: barred
    try:
        kept = await desk.signer.sign("play", subject, announcement.village if announcement else "")
    except Refused:
        # It looked a moment later than we did: what was cancelled meanwhile was refused by nobody.
        meanwhile = await desk.book.read(lambda state: why_not(state, subject, desk.clock.now()))
        if meanwhile is None:
            raise
        return lambda _: meanwhile
    crash_point("order.signed")
    return lambda pen: _store_play(desk, pen, kept, work, subject)


def why_not(state: State, announcement: str, now: datetime) -> str | None:
    """Tell why an announcement is not to be ordered any more: unknown, cancelled, superseded or expired."""
    found = state.announcement(announcement)
    if found is None:
        return "unknown"
    if state.tombstones([announcement]):
        return "cancelled"
    if found.state is AnnouncementState.CLOSED or _is_old(state, found):
        return "superseded"
    return "expired" if found.expires <= now else None


def _is_old(state: State, announcement: Announcement) -> bool:
    newer = (one.revision for one in state.announcements_of(announcement.origin) if one.release_at)
    return max(newer, default=0) > announcement.revision


def _store_play(desk: Desk, pen: Pen, kept: OrderKept, work: Work, subject: str) -> str:
    barred, announcement = why_not(pen, subject, desk.clock.now()), pen.announcement(subject)
    if barred or announcement is None:
        return barred or "unknown"
    pen.put(replace(announcement, state=AnnouncementState.ORDERED))
    _supersede(desk, pen, announcement, kept)
    return _store(desk, pen, kept, announcement.lane, work)


def _supersede(desk: Desk, pen: Pen, announcement: Announcement, kept: OrderKept) -> None:
    """Put the tombstone of what this order takes the place of; its loudspeakers answer for what they had heard."""
    old = pen.announcement(announcement.supersedes) if announcement.supersedes else None
    if old is None or old.state is AnnouncementState.CLOSED:
        return
    now = desk.clock.now()
    pen.put(Tombstone(old.id, "superseded", now, old.expires + desk.policy.remember, kept.id))
    pen.put(announcement_event("superseded", old, now, kept.id))
    close_unheard(desk, pen, old, Outcome.SUPERSEDED, kept.id)
    end_replaced(pen, old, now)
    if old.expires > kept.expires:
        pen.put(cancel_work(old.id, kept.expires))


def _store(desk: Desk, pen: Pen, kept: OrderKept, lane: Lane, work: Work) -> str:
    now = desk.clock.now()
    pen.put(kept, Work(follows(kept.id, "send"), "send", kept.id, lane, now))
    pen.put(order_event(kept.id, kept.announcement, kept.village, kept.kind, lane, kept.scope, now, work.id))
    crash_point("order.stored")
    return "stored"
