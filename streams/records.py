"""Records: the versioned form in which events lie in the log, and the way from one to the other.

A version is never changed but by optional fields; what breaks gets a new version and an upcaster from the old one, so
that every reader reads all that was ever written (the samples in tests/streams/golden).
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from broadcaster.desk.events import Event
from broadcaster.model.clock import milliseconds, moment
from broadcaster.model.delivery import Outcome, Reason, ReceiptKind
from broadcaster.model.errors import Refused
from broadcaster.model.precedence import Lane, Scope

Fields = dict[str, Any]
Upcaster = Callable[[Fields], Fields]


class Record(BaseModel):
    """What every record says beside its own fields.

    Attributes:
        at: milliseconds since 1970.
        cause: id of the event, or name of the use case, that it follows from.
    """

    # A field that a newer writer added is passed over; Catalogue.encode refuses to write one that nobody would read.
    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str
    type: str
    key: str
    lane: Lane
    scope: Scope
    at: int
    cause: str
    origin_id: str | None = None
    revision: int | None = None


class AnnouncementTold(Record):
    """announcement.planned, .released, .superseded, .cancelled: times in milliseconds since 1970."""

    announcement: str
    village: str
    script: str
    release_at: int | None = None
    expires: int


class ScriptTold(Record):
    """script.wanted, .ready: `ms` is the recording's length."""

    script: str
    recording: str | None = None
    ms: int | None = None


class OriginTold(Record):
    """alert.taken, notice.released, origin.cancelled: of a whole notice or alert, for others to read."""

    # For whoever listens from outside: what the desk adds to say more is kept as it is.
    model_config = ConfigDict(extra="allow", frozen=True)

    origin: str


class OrderSigned(Record):
    """order.signed: by reference; the signed bytes lie in the book."""

    order: str
    announcement: str | None = None
    village: str
    kind: str


class ReceiptTold(Record):
    """receipt.accepted, .refused, .started, .done: a loudspeaker's word as it came."""

    order: str
    speaker: str
    kind: ReceiptKind
    at_ms: int
    repeat_no: int = 0
    outcome: Outcome | None = None
    reason: Reason | None = None
    heard_ms: int = 0
    repeats_done: int = 0
    audio_sha256: str | None = None
    crash_replay: bool = False
    cut_by: str | None = None


class DeliveryChanged(Record):
    """delivery.changed: what is now known of one announcement at one target; `started_at` in milliseconds."""

    announcement: str
    target: str
    village: str
    rank: int
    outcome: Outcome | None = None
    reason: str | None = None
    heard_ms: int = 0
    started_at: int | None = None
    contradiction: str | None = None


class TimerDue(Record):
    """timer.due: a moment has come at which to look at an announcement again. `kind`: expire or close."""

    kind: str
    announcement: str


V1: dict[str, type[Record]] = {
    **{f"announcement.{what}.v1": AnnouncementTold for what in ("planned", "released", "superseded", "cancelled")},
    **{f"script.{what}.v1": ScriptTold for what in ("wanted", "ready")},
    **{f"{what}.v1": OriginTold for what in ("alert.taken", "notice.released", "origin.cancelled")},
    **{f"receipt.{kind}.v1": ReceiptTold for kind in ReceiptKind},
    "order.signed.v1": OrderSigned,
    "delivery.changed.v1": DeliveryChanged,
    "timer.due.v1": TimerDue,
}

_ENVELOPE = frozenset(Record.model_fields)


class Catalogue:
    """The records that are known, and how old ones become new.

    Args:
        models: by type, such as ``announcement.planned.v1``.
        upcasters: by the type they take: the fields of one version in, those of the next out, ``type`` included.
    """

    def __init__(self, models: Mapping[str, type[Record]], upcasters: Mapping[str, Upcaster] | None = None) -> None:
        self.models = dict(models)
        self._upcasters = dict(upcasters or {})

    def encode(self, event: Event) -> bytes:
        """Write an event's record.

        Raises:
            Refused: record_unreadable: no reader could take it, so it must not get into the log.
        """
        model = self._model(event.type)
        payload = dict(event.payload or {})
        _check_names(model, payload, event.type)
        return _validated(model, {**payload, **_envelope(event)}).model_dump_json().encode()

    def decode(self, topic: str, key: str | None, body: bytes) -> Event:
        """Read a record, in its newest version.

        Args:
            key: under which it was sent; None where that is not known any more.

        Raises:
            Refused: record_unreadable: garbage, an unknown type, or another key than it was sent under.
        """
        fields = self._upcast(_parsed(body))
        model = self._model(str(fields.get("type")))
        record = _validated(model, fields)
        if key is not None and record.key != key:
            raise Refused("record_unreadable", why="key", type=record.type, topic=topic)
        return _event(record, topic)

    def _upcast(self, fields: Fields) -> Fields:
        for _ in range(len(self._upcasters)):
            upcaster = self._upcasters.get(str(fields.get("type")))
            if upcaster is None:
                break
            fields = _applied(upcaster, fields)
        return fields

    def _model(self, type_: str) -> type[Record]:
        model = self.models.get(type_)
        if model is None:
            raise Refused("record_unreadable", why="type", type=type_[:80])
        return model


def _parsed(body: bytes) -> Fields:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused("record_unreadable", why="json") from error
    if not isinstance(found, dict):
        raise Refused("record_unreadable", why="json")
    return found


def _applied(upcaster: Upcaster, fields: Fields) -> Fields:
    try:
        return upcaster(fields)
    except (KeyError, TypeError, ValueError) as error:
        raise Refused("record_unreadable", why="upcast", type=str(fields.get("type"))[:80]) from error


def _validated(model: type[Record], fields: Fields) -> Record:
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        wrong = [".".join(map(str, one["loc"])) for one in error.errors(include_input=False)]
        raise Refused("record_unreadable", why="fields", type=str(fields.get("type"))[:80], fields=wrong[:5]) from error


def _check_names(model: type[Record], payload: Fields, type_: str) -> None:
    own = set(model.model_fields) - _ENVELOPE
    lost = set(payload) & _ENVELOPE if model.model_config.get("extra") == "allow" else set(payload) - own
    if lost:
        raise Refused("record_unreadable", why="names", type=type_, fields=sorted(lost))


def _envelope(event: Event) -> Fields:
    return {
        "id": event.id,
        "type": event.type,
        "key": event.key,
        "lane": event.lane,
        "scope": event.scope,
        "at": milliseconds(event.at),
        "cause": event.cause,
        "origin_id": event.origin,
        "revision": event.revision,
    }


def _event(record: Record, topic: str) -> Event:
    try:
        at = moment(record.at)
    except (OverflowError, ValueError, OSError) as error:
        raise Refused("record_unreadable", why="at", type=record.type) from error
    return Event(
        id=record.id,
        type=record.type,
        topic=topic,
        key=record.key,
        lane=record.lane,
        scope=record.scope,
        at=at,
        cause=record.cause,
        origin=record.origin_id,
        revision=record.revision,
        payload=record.model_dump(mode="json", exclude=set(_ENVELOPE)),
    )


CATALOGUE = Catalogue(V1)
encode = CATALOGUE.encode
decode = CATALOGUE.decode
