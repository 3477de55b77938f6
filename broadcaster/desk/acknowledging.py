"""Acknowledging: the stage that folds what loudspeakers said into what is known of each delivery."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from broadcaster.desk.events import Event, delivery_event
from broadcaster.desk.ports import Row, State
from broadcaster.desk.rows import OrderKept, RecordingKept
from broadcaster.model.announcement import Announcement
from broadcaster.model.delivery import Delivery, Outcome, Rank, Reason, Receipt, ReceiptKind, after
from broadcaster.model.errors import Refused

SLACK_MS = 30_000
"""How long after its expected end a play is asked for once more."""


def acknowledge(events: Sequence[Event], state: State) -> Sequence[Row]:
    """Stage, for many receipts at once: one row and one event for each delivery that changed.

    Raises:
        Refused: receipt_unknown: it speaks of an order that this book never held.
    """
    receipts = [read_receipt(event) for event in events]
    orders = state.orders({receipt.order for receipt in receipts})
    _all_known(receipts, orders)
    plays = [receipt for receipt in receipts if orders[receipt.order].kind == "play"]
    ids = {orders[receipt.order].announcement or "" for receipt in plays}
    announcements, rows = state.announcements(ids), _rows(state, ids)
    changed: dict[tuple[str, str], Delivery] = {}
    lasts_ms = {one.id: _lasts_ms(one, _recording(state, one)) for one in announcements.values()}
    for receipt in plays:
        announcement = announcements[orders[receipt.order].announcement or ""]
        key = (announcement.id, receipt.speaker)
        before = changed.get(key) or rows.get(key) or Delivery(*key, planned=False)
        changed[key] = _asked_again(after(before, receipt), receipt, lasts_ms[announcement.id])
    batch = events[0].id if events else ""
    return [
        row
        for key, delivery in changed.items()
        if delivery != rows.get(key)
        for row in (delivery, _told(delivery, announcements[delivery.announcement], events[-1], batch))
    ]


def _told(delivery: Delivery, announcement: Announcement, last: Event, batch: str) -> Event:
    return delivery_event(delivery, announcement.village, announcement.lane, announcement.scope, last.at, batch)


def _rows(state: State, announcements: Iterable[str]) -> dict[tuple[str, str], Delivery]:
    return {(row.announcement, row.target): row for row in state.deliveries(list(announcements))}


def _all_known(receipts: Iterable[Receipt], orders: dict[str, OrderKept]) -> None:
    for receipt in receipts:
        if receipt.order not in orders:
            raise Refused("receipt_unknown", order=receipt.order[:60], speaker=receipt.speaker)


def _asked_again(delivery: Delivery, receipt: Receipt, lasts_ms: int) -> Delivery:
    """Set when to ask once more: half a minute after it should have ended; an answered one never."""
    if delivery.rank >= Rank.NO_RECEIPT:
        return replace(delivery, next_try_at=None)
    return replace(delivery, tries=0, next_try_at=receipt.at_ms + lasts_ms + SLACK_MS)


def _recording(state: State, announcement: Announcement) -> RecordingKept | None:
    script = state.script(announcement.script)
    return state.recording(script.recording) if script and script.recording else None


def _lasts_ms(announcement: Announcement, recording: RecordingKept | None) -> int:
    return announcement.repeat * ((recording.ms if recording else 60_000) + 6_000)


def read_receipt(event: Event) -> Receipt:
    """Read a receipt out of its event."""
    said = dict(event.payload or {})
    return Receipt(
        id=event.id,
        order=said["order"],
        speaker=said["speaker"],
        kind=ReceiptKind(said["kind"]),
        at_ms=said["at_ms"],
        repeat_no=said.get("repeat_no") or 0,
        outcome=Outcome(said["outcome"]) if said.get("outcome") else None,
        reason=Reason(said["reason"]) if said.get("reason") else None,
        heard_ms=said.get("heard_ms") or 0,
        repeats_done=said.get("repeats_done") or 0,
        audio_sha256=said.get("audio_sha256"),
        crash_replay=bool(said.get("crash_replay")),
        cut_by=said.get("cut_by"),
    )
