"""Closing: the stage that ends what has ended, and says of the rest that no receipt came."""

from collections.abc import Sequence
from dataclasses import replace

from broadcaster.desk.events import Event, delivery_event
from broadcaster.desk.ports import Row, State
from broadcaster.model.announcement import Announcement, AnnouncementState
from broadcaster.model.clock import milliseconds
from broadcaster.model.delivery import Delivery, Outcome, Rank, closed


def close(event: Event, state: State) -> Sequence[Row]:
    """Stage: look again at an announcement after a delivery changed, or when its time has come."""
    payload = event.payload or {}
    if not event.type.startswith(("delivery.", "timer.")):
        return ()
    announcement = state.announcement(payload["announcement"])
    if announcement is None:
        return ()
    rows = state.deliveries([announcement.id])
    if event.type.startswith("timer.") and payload["kind"] == "expire":
        return _expire(event, announcement, rows, state)
    if event.type.startswith("timer."):
        return _give_up(event, announcement, rows)
    return _closed_if(announcement, rows)


def _expire(event: Event, announcement: Announcement, rows: Sequence[Delivery], state: State) -> Sequence[Row]:
    """End what was never sent: by no fault of the village's loudspeaker, or because it was away."""
    ordered = any(order.kind == "play" for order in state.orders_of([announcement.id]))
    why = "offline" if ordered else announcement.held_why or "not_ordered"
    at_ms = milliseconds(event.at)
    ended = [closed(row, Outcome.EXPIRED, at_ms, why) for row in rows if row.rank is Rank.PENDING]
    left = [row for row in rows if row.rank is not Rank.PENDING]
    return [*ended, *_told(event, announcement, ended), *_closed_if(announcement, [*left, *ended])]


def _give_up(event: Event, announcement: Announcement, rows: Sequence[Delivery]) -> Sequence[Row]:
    """Say that no receipt came; a later one still replaces this."""
    silent = [replace(row, rank=Rank.NO_RECEIPT, next_try_at=None) for row in rows if row.rank < Rank.NO_RECEIPT]
    return [*silent, *_told(event, announcement, silent), replace(announcement, state=AnnouncementState.CLOSED)]


def _closed_if(announcement: Announcement, rows: Sequence[Delivery]) -> Sequence[Row]:
    is_over = all(row.rank >= Rank.NO_RECEIPT for row in rows) and bool(rows)
    if not is_over or announcement.state is AnnouncementState.CLOSED:
        return ()
    return (replace(announcement, state=AnnouncementState.CLOSED),)


def _told(event: Event, announcement: Announcement, rows: Sequence[Delivery]) -> list[Event]:
    lane, scope = announcement.lane, announcement.scope
    return [delivery_event(row, announcement.village, lane, scope, event.at, event.id) for row in rows]
