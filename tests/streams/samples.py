"""One event of every type, as a township's day brings them."""

from datetime import UTC, datetime, timedelta

from broadcaster.desk import events
from broadcaster.desk.events import Event
from broadcaster.desk.rows import RecordingKept, Timer
from broadcaster.model.announcement import Announcement
from broadcaster.model.area import Level
from broadcaster.model.delivery import Delivery, Outcome, Rank, Reason, Receipt, ReceiptKind
from broadcaster.model.precedence import Lane, Scope, SoundClass

AT = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
VILLAGE = "620723103204"

FLOOD = Announcement(
    id="a-1",
    origin="flood",
    revision=1,
    village=VILLAGE,
    lane=Lane.ALERT,
    scope=Scope.LIVE,
    sound_class=SoundClass.EMERGENCY,
    severity=4,
    sender_level=Level.COUNTY,
    sent=AT,
    identifier="flood-1",
    script="s-1",
    release_at=AT,
    not_before=None,
    expires=AT + timedelta(hours=2),
    repeat=1,
)
RECORDING = RecordingKept("5f" * 32, "opus", 20_000, 8_000, -16.0)


def _receipt(kind: ReceiptKind) -> Event:
    is_done = kind is ReceiptKind.DONE
    receipt = Receipt(
        id=f"r-{kind}",
        order="o-1",
        speaker="east",
        kind=kind,
        at_ms=1_782_892_800_000,
        repeat_no=1,
        outcome=Outcome.PLAYED if is_done else None,
        reason=Reason.QUIET if kind is ReceiptKind.REFUSED else None,
        heard_ms=8_000 if is_done else 0,
        repeats_done=1 if is_done else 0,
        audio_sha256="5f" * 32 if is_done else None,
    )
    return events.receipt_event(receipt, VILLAGE, AT)


def _delivery() -> Event:
    delivery = Delivery("a-1", "east", Rank.FINAL, outcome=Outcome.PLAYED, started_at=1_782_892_800_000, heard_ms=8_000)
    return events.delivery_event(delivery, VILLAGE, Lane.ALERT, Scope.LIVE, AT, "r-done")


def every_event() -> list[Event]:
    return [
        *(
            events.announcement_event(what, FLOOD, AT, "issuing")
            for what in ("planned", "released", "superseded", "cancelled")
        ),
        events.script_event("wanted", "s-1", Lane.NOTICE, AT, "approving", None),
        events.script_event("ready", "s-1", Lane.ALERT, AT, "voicing", RECORDING),
        events.origin_event("alert.taken", "flood", 1, Lane.ALERT, Scope.LIVE, AT, "issuing", villages=[VILLAGE]),
        events.origin_event("notice.released", "water", 2, Lane.NOTICE, Scope.LIVE, AT, "issuing"),
        events.origin_event("origin.cancelled", "water", 2, Lane.ALERT, Scope.LIVE, AT, "cancelling", why="withdrawn"),
        events.order_event("o-1", "a-1", VILLAGE, "play", Lane.ALERT, Scope.LIVE, AT, "ordering"),
        *(_receipt(kind) for kind in ReceiptKind),
        _delivery(),
        events.timer_event(Timer("t-1", "expire", "a-1", Lane.ALERT, AT), VILLAGE, Scope.LIVE, AT),
    ]
