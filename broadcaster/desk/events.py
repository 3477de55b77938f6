"""Events: what is told to others in the same transaction in which it became true."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from broadcaster.desk.rows import RecordingKept, Timer
from broadcaster.model.announcement import Announcement
from broadcaster.model.clock import milliseconds
from broadcaster.model.delivery import Delivery, Receipt
from broadcaster.model.identity import follows
from broadcaster.model.precedence import Lane, Scope

ALERTS, NOTICES = "alerts", "notices"
RECEIPTS, DELIVERIES = "receipts", "deliveries"


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the log.

    Attributes:
        id: follows from what caused it, so that a stage run again emits the same.
        type: name and version of its record, such as ``announcement.planned.v1``.
        topic, key: where it goes, and what keeps its order there.
        cause: id of the event, or name of the use case, that it follows from.
        payload: what its record holds; JSON-able.
    """

    id: str
    type: str
    topic: str
    key: str
    lane: Lane
    scope: Scope
    at: datetime
    cause: str
    origin: str | None = None
    revision: int | None = None
    payload: Mapping[str, Any] | None = None


def announcement_event(what: str, announcement: Announcement, at: datetime, cause: str) -> Event:
    """Tell that an announcement was planned, released, superseded or cancelled."""
    return Event(
        id=follows(announcement.id, what, cause),
        type=f"announcement.{what}.v1",
        topic=f"announcements.{announcement.lane}",
        key=announcement.village,
        lane=announcement.lane,
        scope=announcement.scope,
        at=at,
        cause=cause,
        origin=announcement.origin,
        revision=announcement.revision,
        payload={
            "announcement": announcement.id,
            "village": announcement.village,
            "script": announcement.script,
            "release_at": milliseconds(announcement.release_at) if announcement.release_at else None,
            "expires": milliseconds(announcement.expires),
        },
    )


def script_event(
    what: str, script: str, lane: Lane, at: datetime, cause: str, recording: RecordingKept | None
) -> Event:
    """Tell that a script is wanted, or ready."""
    return Event(
        id=follows(script, what, lane, cause),
        type=f"script.{what}.v1",
        topic=f"scripts.{lane}",
        key=script,
        lane=lane,
        scope=Scope.LIVE,
        at=at,
        cause=cause,
        payload={
            "script": script,
            "recording": recording.sha256 if recording else None,
            "ms": recording.ms if recording else None,
        },
    )


def origin_event(
    what: str, origin: str, revision: int, lane: Lane, scope: Scope, at: datetime, cause: str, **payload: Any
) -> Event:
    """Tell of a whole notice or alert: alert.taken, notice.released, origin.cancelled (always in the alert lane)."""
    topic = NOTICES if what == "notice.released" else ALERTS
    return Event(
        id=follows(origin, what, revision, cause),
        type=f"{what}.v1",
        topic=topic,
        key=origin,
        lane=lane,
        scope=scope,
        at=at,
        cause=cause,
        origin=origin,
        revision=revision,
        payload={"origin": origin, **payload},
    )


def order_event(
    order: str, announcement: str | None, village: str, kind: str, lane: Lane, scope: Scope, at: datetime, cause: str
) -> Event:
    """Tell that an order was signed and stored."""
    return Event(
        id=follows(order, "signed"),
        type="order.signed.v1",
        topic=f"orders.{lane}",
        key=village,
        lane=lane,
        scope=scope,
        at=at,
        cause=cause,
        payload={"order": order, "announcement": announcement, "village": village, "kind": kind},
    )


def receipt_event(receipt: Receipt, village: str, at: datetime) -> Event:
    """Carry a loudspeaker's word, as it came; its id is the event's."""
    return Event(
        id=receipt.id,
        type=f"receipt.{receipt.kind}.v1",
        topic=RECEIPTS,
        key=village,
        lane=Lane.NOTICE,
        scope=Scope.LIVE,
        at=at,
        cause=receipt.order,
        payload={
            "order": receipt.order,
            "speaker": receipt.speaker,
            "kind": receipt.kind,
            "at_ms": receipt.at_ms,
            "repeat_no": receipt.repeat_no,
            "outcome": receipt.outcome,
            "reason": receipt.reason,
            "heard_ms": receipt.heard_ms,
            "repeats_done": receipt.repeats_done,
            "audio_sha256": receipt.audio_sha256,
            "crash_replay": receipt.crash_replay,
            "cut_by": receipt.cut_by,
        },
    )


def delivery_event(delivery: Delivery, village: str, lane: Lane, scope: Scope, at: datetime, cause: str) -> Event:
    """Tell what is now known of a delivery."""
    return Event(
        id=follows(delivery.announcement, delivery.target, "changed", cause),
        type="delivery.changed.v1",
        topic=DELIVERIES,
        key=f"{delivery.announcement}:{delivery.target}",
        lane=lane,
        scope=scope,
        at=at,
        cause=cause,
        payload={
            "announcement": delivery.announcement,
            "target": delivery.target,
            "village": village,
            "rank": int(delivery.rank),
            "outcome": delivery.outcome,
            "reason": delivery.reason,
            "heard_ms": delivery.heard_ms,
            "started_at": delivery.started_at,
            "contradiction": delivery.contradiction,
        },
    )


def timer_event(timer: Timer, village: str, scope: Scope, at: datetime) -> Event:
    """Tell that a moment has come."""
    return Event(
        id=follows(timer.id, "due"),
        type="timer.due.v1",
        topic=f"announcements.{timer.lane}",
        key=village,
        lane=timer.lane,
        scope=scope,
        at=at,
        cause=timer.id,
        payload={"kind": timer.kind, "announcement": timer.subject},
    )
