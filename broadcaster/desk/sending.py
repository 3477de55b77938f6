"""Sending: an order to its village, then again to those loudspeakers that owe an answer, until they gave it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from broadcaster.desk.events import delivery_event
from broadcaster.desk.office import Desk
from broadcaster.desk.ports import Pen, SignedOrder, State
from broadcaster.desk.rows import OrderKept, Work
from broadcaster.model.announcement import Announcement
from broadcaster.model.clock import milliseconds, moment
from broadcaster.model.crashing import crash_point
from broadcaster.model.delivery import Delivery, Outcome, Rank, closed, next_try_ms
from broadcaster.model.errors import OutOfReach, is_passing
from broadcaster.model.precedence import Lane
from broadcaster.signing.envelope import Envelope

MOST_A_ROUND = 50
ROUND_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0
OWES_CANCEL = (Rank.SENT, Rank.ACCEPTED, Rank.STARTED)


def signed(kept: OrderKept) -> SignedOrder:
    """Return a kept order as it goes to loudspeakers: the same bytes every time."""
    return SignedOrder(kept.id, kept.village, kept.kind, Envelope(kept.kid, kept.body, kept.sig))


async def send(desk: Desk, work: Work) -> Callable[[Pen], str]:
    """Hand an order to its village.

    Returns:
        The job that records whose connection took it.

    Raises:
        OutOfReach: the line is down.
    """
    kept, is_over = await desk.book.read(lambda state: _to_send(state, work.subject, desk.clock.now()))
    if kept is None:
        return lambda _: "unknown"
    if is_over:
        return lambda _: "cancelled"
    took = await desk.line.send(signed(kept))
    crash_point("order.sent")
    return lambda pen: _record(desk, pen, kept, took)


def _to_send(state: State, order: str, now: datetime) -> tuple[OrderKept | None, bool]:
    """Return an order, and whether it is a play that is not to sound any more."""
    kept = state.order(order)
    if kept is None or kept.kind != "play":
        return kept, False
    return kept, kept.expires <= now or bool(state.tombstones([kept.announcement or ""]))


def _record(desk: Desk, pen: Pen, kept: OrderKept, took: frozenset[str]) -> str:
    now_ms = milliseconds(desk.clock.now())
    if kept.kind == "play":
        _record_play(desk, pen, kept, took, now_ms)
    pen.put([replace(row, tries=0, next_try_at=next_try_ms(0, now_ms)) for row in _debts(pen, kept)])
    return f"sent:{len(took)}"


def _record_play(desk: Desk, pen: Pen, kept: OrderKept, took: frozenset[str], now_ms: int) -> None:
    announcement = pen.announcement(kept.announcement or "")
    rows = [row for row in pen.deliveries([kept.announcement or ""]) if row.rank is Rank.PENDING]
    pen.put([as_sent(row, now_ms) for row in rows if row.target in took])
    if announcement and pen.tombstones([announcement.id]):
        # It was cancelled while it was being handed over: those it did not reach will never hear it.
        _end_unsent(desk, pen, announcement, [row for row in rows if row.target not in took], now_ms)


def _end_unsent(desk: Desk, pen: Pen, announcement: Announcement, rows: Iterable[Delivery], now_ms: int) -> None:
    ended = [closed(row, Outcome.CANCELLED, now_ms, "not_sent") for row in rows]
    pen.put(ended)
    pen.put(
        [
            delivery_event(row, announcement.village, Lane.ALERT, announcement.scope, moment(now_ms), "cancelled")
            for row in ended
        ]
    )


def as_sent(row: Delivery, now_ms: int) -> Delivery:
    """Note that a loudspeaker's connection took an order, and when to ask again."""
    rank = max(row.rank, Rank.SENT)
    return replace(row, rank=rank, sent_at=row.sent_at or now_ms, tries=0, next_try_at=next_try_ms(0, now_ms))


def _debts(pen: Pen, kept: OrderKept) -> list[Delivery]:
    """Return the deliveries that a cancel, a stop or a superseding order puts an end to."""
    if kept.kind == "play":
        announcement = pen.announcement(kept.announcement or "")
        ended = [announcement.supersedes] if announcement and announcement.supersedes else []
    elif kept.kind == "cancel":
        ended = [kept.announcement or ""]
    else:
        stones = pen.tombstones([one.id for one in pen.unclosed_in(kept.village)])
        ended = [stone.announcement for stone in stones.values() if stone.order_id == kept.stop]
    return [row for row in pen.deliveries(ended) if row.rank in OWES_CANCEL]


def order_owed(state: State, announcement: str, now: datetime) -> OrderKept | None:
    """Return what a loudspeaker is to be sent about an announcement now: its play, or what ended it.

    What was superseded is ended by the order that took its place, and by a cancel of its own once that one is over;
    what a stop could not name has a cancel of its own.
    """
    stone = state.tombstones([announcement]).get(announcement)
    if stone is None:
        return _of_kind(state.orders_of([announcement]), "play")
    if stone.why == "superseded" and not _is_dead(state, stone.order_id, now):
        return state.order(stone.order_id or "")
    cancel = _of_kind(state.orders_of([announcement]), "cancel")
    if stone.why == "stopped" and cancel is None:
        found = state.announcement(announcement)
        orders = state.orders_of_stop(stone.order_id or "")
        return next((one for one in orders if found and one.village == found.village), None)
    return cancel


def _is_dead(state: State, order: str | None, now: datetime) -> bool:
    kept = state.order(order or "")
    return kept is None or kept.expires <= now or bool(state.tombstones([kept.announcement or ""]))


def _of_kind(orders: Iterable[OrderKept], kind: str) -> OrderKept | None:
    return next((one for one in orders if one.kind == kind), None)


async def resend(desk: Desk) -> int:
    """Send once more to those online whose answer is due, alerts first; return how many were due.

    Those offline are served when they say hello.
    """
    due = await desk.book.read(lambda state: _owed(state, desk.clock.now()))
    online, tried = desk.line.online(), list[Delivery]()
    for order, rows in due:
        to = {row.target for row in rows} & online
        try:
            if order and to:
                await desk.line.send(signed(order), to)
        except OutOfReach:
            to = set()
        tried += [_tried(row, row.target in online, desk.clock.now()) for row in rows]
    if tried:
        await desk.book.write(Lane.NOTICE, lambda pen: _keep_tries(pen, tried))
    return len(tried)


def _owed(state: State, now: datetime) -> list[tuple[OrderKept | None, list[Delivery]]]:
    groups: dict[str, list[Delivery]] = defaultdict(list)
    for row in state.deliveries_due(now, limit=MOST_A_ROUND):
        groups[row.announcement].append(row)
    return [(order_owed(state, announcement, now), rows) for announcement, rows in groups.items()]


def _tried(row: Delivery, is_online: bool, now: datetime) -> Delivery:
    if not is_online or row.rank is Rank.PENDING:
        return replace(row, next_try_at=None)
    return replace(row, tries=row.tries + 1, next_try_at=next_try_ms(row.tries + 1, milliseconds(now)))


def _keep_tries(pen: Pen, tried: Sequence[Delivery]) -> None:
    """Write the tries down, unless an answer came meanwhile; one accepted and not cancelled is asked only once."""
    stones = pen.tombstones({row.announcement for row in tried})
    for row in tried:
        now = pen.delivery(row.announcement, row.target)
        if now is None or now.rank is not row.rank:
            continue
        once = row.rank > Rank.SENT and row.announcement not in stones
        pen.put(replace(now, tries=row.tries, next_try_at=None if once else row.next_try_at))


async def keep_sending(desk: Desk) -> None:
    """Send again for ever, at most MOST_A_ROUND a second; a busy book is asked again after a round."""
    ear = desk.bell.listen("deliveries")
    while True:
        try:
            is_more = await resend(desk) >= MOST_A_ROUND
            due = None if is_more else await desk.book.read(lambda state: state.next_delivery_try())
        except OutOfReach as error:
            if not is_passing(error):
                raise
            is_more, due = True, None
        if is_more:
            await desk.clock.sleep(ROUND_SECONDS)
        else:
            await ear.wait(_until(due, desk.clock.now()))


def _until(due: datetime | None, now: datetime) -> float:
    longest = timedelta(seconds=LONGEST_WAIT_SECONDS)
    return min(longest, max(timedelta(), due - now) if due else longest).total_seconds() + 0.01
