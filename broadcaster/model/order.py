"""Order: what the desk tells loudspeakers to do, as it stands in the signed body (wire protocol v1)."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from broadcaster.model.area import Level
from broadcaster.model.clock import milliseconds, moment
from broadcaster.model.errors import Invalid
from broadcaster.model.identity import canonical
from broadcaster.model.precedence import NOTICE_SEVERITY, Scope, SoundClass, Standing

EVERYBODY = "*"
LONGEST_BODY_BYTES = 16 * 1024
MOST_CANCELS = 100
"""Announcements that one stop names: each takes some 140 bytes of its body. The others get cancels of their own."""


class OrderKind(StrEnum):
    """What is to be done."""

    PLAY = "play"
    CANCEL = "cancel"
    STOP_ALL = "stop_all"
    CONFIG = "config"
    KEYS = "keys"
    LIVE_OPEN = "live_open"
    CHECK = "check"


class Purpose(StrEnum):
    """What a key may sign. A drill key cannot sound live, the notice key cannot sign an alert."""

    ALERT = "alert"
    NOTICE = "notice"
    CANCEL = "cancel"
    DRILL = "drill"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class RecordingRef:
    """The sound, by its content: `ms` is its exact length when decoded; `url` is a path on the service."""

    sha256: str
    bytes: int
    ms: int
    url: str


@dataclass(frozen=True, slots=True)
class Play:
    """What and how a loudspeaker is to play.

    Attributes:
        tone: name of the attention tone before the recording, None for none.
        volume: percent asked for, None for the speaker's own; the speaker's limits stand above it.
        t0: the moment to start together, None for at once.
        supersedes: announcements that this one replaces, sounding or not.
    """

    announcement: str
    origin: str
    revision: int
    sound_class: SoundClass
    severity: int
    sender_level: Level
    sent: datetime
    identifier: str
    recording: RecordingRef
    not_before: datetime | None = None
    t0: datetime | None = None
    tone: str | None = None
    repeat: int = 1
    pause_ms: int = 3_000
    volume: int | None = None
    supersedes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cancelled:
    """One announcement that is to fall silent, and for how long to remember that."""

    announcement: str
    order: str | None
    expires: datetime


@dataclass(frozen=True, slots=True)
class Order:
    """The body of a signed order: one per village, not per loudspeaker.

    Attributes:
        to: EVERYBODY in the village, or loudspeakers by id.
        expires: after this moment it is not to be begun; a cancel is remembered until then and a day more.
        cancels: for cancel and stop_all.
        before: for stop_all: everything issued before this moment falls silent.
    """

    id: str
    kind: OrderKind
    village: str
    scope: Scope
    issued: datetime
    expires: datetime
    to: tuple[str, ...] | None = None
    play: Play | None = None
    cancels: tuple[Cancelled, ...] = ()
    before: datetime | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def is_for(self, speaker: str, village: str) -> bool:
        """Tell whether it is meant for this loudspeaker of that village."""
        return self.village == village and (self.to is None or speaker in self.to)

    @property
    def standing(self) -> Standing:
        """Return the right of way of a play order."""
        play = self._play()
        return Standing(self.scope, play.sound_class, play.severity, play.sender_level, play.sent, play.identifier)

    def _play(self) -> Play:
        if self.play is None:
            raise Invalid("order_not_play", order=self.id)
        return self.play


def permitted(purpose: Purpose, order: Order) -> bool:
    """Tell whether a key of that purpose may sign such an order; asked by the signer and again by each loudspeaker."""
    if order.kind in (OrderKind.CANCEL, OrderKind.STOP_ALL):
        return purpose is Purpose.CANCEL
    if order.kind is not OrderKind.PLAY or order.play is None:
        return False
    if order.scope is Scope.DRILL:
        return purpose is Purpose.DRILL
    is_notice = order.play.sound_class is SoundClass.ROUTINE and order.play.severity == NOTICE_SEVERITY
    return purpose is Purpose.ALERT or (purpose is Purpose.NOTICE and is_notice)


def purpose_of(order: Order, *, is_alert: bool) -> Purpose:
    """Return the purpose of the key that has to sign an order."""
    if order.kind in (OrderKind.CANCEL, OrderKind.STOP_ALL):
        return Purpose.CANCEL
    if order.scope is Scope.DRILL:
        return Purpose.DRILL
    return Purpose.ALERT if is_alert else Purpose.NOTICE


def open_digest(orders: Iterable[str]) -> str:
    """Fold the ids of open orders into one value, to see whether desk and loudspeaker hold the same.

    SHA-256, in hex, of the sorted ids joined by line feeds.
    """
    return hashlib.sha256("\n".join(sorted(orders)).encode()).hexdigest()


def write_order(order: Order) -> bytes:
    """Write the body that is signed: canonical JSON, times in milliseconds."""
    body: dict[str, Any] = {
        "order_id": order.id,
        "kind": order.kind,
        "village": order.village,
        "to": list(order.to) if order.to is not None else EVERYBODY,
        "scope": order.scope,
        "issued": milliseconds(order.issued),
        "expires": milliseconds(order.expires),
    }
    if order.play:
        body |= _play_fields(order.play)
    if order.kind in (OrderKind.CANCEL, OrderKind.STOP_ALL):
        body["cancels"] = [
            {"announcement": one.announcement, "order": one.order, "expires": milliseconds(one.expires)}
            for one in order.cancels
        ]
    if order.before:
        body["before"] = milliseconds(order.before)
    return canonical(body)


def _play_fields(play: Play) -> dict[str, Any]:
    fields = {
        "announcement": play.announcement,
        "origin": play.origin,
        "revision": play.revision,
        "class": play.sound_class,
        "severity": play.severity,
        "sender_level": int(play.sender_level),
        "sent": milliseconds(play.sent),
        "identifier": play.identifier,
        "not_before": milliseconds(play.not_before) if play.not_before else None,
        "t0": milliseconds(play.t0) if play.t0 else None,
        "tone": play.tone,
        "repeat": {"n": play.repeat, "pause_ms": play.pause_ms},
        "volume": play.volume,
        "recording": {
            "sha256": play.recording.sha256,
            "bytes": play.recording.bytes,
            "ms": play.recording.ms,
            "url": play.recording.url,
        },
        "supersedes": list(play.supersedes),
    }
    return {name: value for name, value in fields.items() if value is not None}


def read_order(body: bytes) -> Order:
    """Read a signed body, after its signature was verified.

    Raises:
        Invalid: order_unreadable (no such form) or order_version (a kind that this version does not know).
    """
    try:
        found = json.loads(body)
        kind = found["kind"]
        if kind not in list(OrderKind):
            raise Invalid("order_version", kind=str(kind)[:40], order=str(found.get("order_id"))[:40])
        return _order(found, OrderKind(kind))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise Invalid("order_unreadable", why=type(error).__name__) from error


def _order(found: dict[str, Any], kind: OrderKind) -> Order:
    to = found["to"]
    return Order(
        id=_text(found["order_id"]),
        kind=kind,
        village=_text(found["village"]),
        scope=Scope(found["scope"]),
        issued=moment(int(found["issued"])),
        expires=moment(int(found["expires"])),
        to=None if to == EVERYBODY else tuple(map(_text, to)),
        play=_play(found) if kind is OrderKind.PLAY else None,
        cancels=tuple(_cancels(found.get("cancels", ()))),
        before=_moment(found.get("before")),
    )


def _play(found: dict[str, Any]) -> Play:
    recording = found["recording"]
    return Play(
        announcement=_text(found["announcement"]),
        origin=_text(found["origin"]),
        revision=int(found["revision"]),
        sound_class=SoundClass(found["class"]),
        severity=int(found["severity"]),
        sender_level=Level(found["sender_level"]),
        sent=moment(int(found["sent"])),
        identifier=_text(found["identifier"]),
        recording=RecordingRef(
            _text(recording["sha256"]), int(recording["bytes"]), int(recording["ms"]), _text(recording["url"])
        ),
        not_before=_moment(found.get("not_before")),
        t0=_moment(found.get("t0")),
        tone=found.get("tone"),
        repeat=int(found["repeat"]["n"]),
        pause_ms=int(found["repeat"]["pause_ms"]),
        volume=found.get("volume"),
        supersedes=tuple(map(_text, found.get("supersedes", ()))),
    )


def _cancels(found: Iterable[dict[str, Any]]) -> Iterable[Cancelled]:
    for one in found:
        yield Cancelled(_text(one["announcement"]), one.get("order"), moment(int(one["expires"])))


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else moment(int(ms))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value
