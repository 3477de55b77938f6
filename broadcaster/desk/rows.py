"""Rows: what the book keeps beside the model's own things. A row put again replaces the row of the same key."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from broadcaster.model.precedence import Lane, Scope


class Role(StrEnum):
    """What a grant allows, in its area and up to its severity (DESIGN §8; life.md)."""

    DRAFT = "draft"
    APPROVE = "approve"
    PUBLISH = "publish"
    OPERATE = "operate"
    AUDIT = "audit"
    ADMIN = "admin"
    SOURCE = "source"
    ENROL = "enrol"


@dataclass(frozen=True, slots=True)
class Speaker:
    """A loudspeaker as it was enrolled. `pubkey`: 32 bytes, Ed25519."""

    id: str
    village: str
    kind: str
    pubkey: bytes
    enrolled_at: datetime
    retired_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SpeakerHealth:
    """What a loudspeaker last said of itself: last value kept, no delivery."""

    speaker: str
    seen_at: datetime
    volume: int | None = None
    clock_error_ms: int | None = None
    faults: str = ""
    software: str = ""
    last_sound_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody or something that may act. `kind`: person, source or service."""

    id: str
    name: str
    kind: str
    retired_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """What a principal may do, where, and up to which severity (4: Extreme)."""

    principal: str
    role: Role
    area: str
    max_severity: int = 4


@dataclass(frozen=True, slots=True)
class Token:
    """A secret that stands for a principal, kept by its SHA-256 only. `kind`: api, or link (works once)."""

    sha256: str
    principal: str
    kind: str
    expires: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that somebody opened by a link. `id` is the SHA-256 of the cookie; `csrf` goes into every form."""

    id: str
    principal: str
    expires: datetime
    csrf: str


@dataclass(frozen=True, slots=True)
class Source:
    """A system that hands over alerts: bound to one sender id and its areas; the signer has limits of its own."""

    principal: str
    sender: str
    areas: tuple[str, ...]
    hold_ms: int
    certificate: str | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """The notice or alert that something follows from. `kind`: notice or alert. `fate`: withdrawn or cancelled."""

    id: str
    kind: str
    scope: Scope
    title: str
    made_at: datetime
    fate: str | None = None


@dataclass(frozen=True, slots=True)
class AlertKept:
    """An alert's message as it came. `is_public`: it may speak; Test, Draft and private messages never count."""

    id: str
    origin: str
    source: str
    sender: str
    identifier: str
    sent: datetime
    scope: Scope
    msg_type: str
    refs: tuple[str, ...]
    raw: bytes
    verdict: str
    taken_at: datetime
    is_public: bool = True


@dataclass(frozen=True, slots=True)
class Submission:
    """A revision laid before the approvers."""

    origin: str
    revision: int
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Approval:
    """Somebody's yes to exactly this content; never the author's."""

    id: str
    origin: str
    revision: int
    content_sha256: str
    author_id: str
    approver_id: str
    at: datetime
    glass: bool = False
    recording_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """A revision let go by a person: when, and from when it may sound."""

    origin: str
    revision: int
    by: str
    at: datetime
    release_at: datetime


@dataclass(frozen=True, slots=True)
class Script:
    """The spoken text with its voice, rendered once for all villages. `state`: wanted, ready or stock."""

    id: str
    spoken: str
    voice: str
    rules: str
    state: str
    lane: Lane
    recording: str | None = None


@dataclass(frozen=True, slots=True)
class RecordingKept:
    """Finished speech on the shelf."""

    sha256: str
    codec: str
    bytes: int
    ms: int
    lufs: float


@dataclass(frozen=True, slots=True)
class OrderKept:
    """A signed order, immutable: the bytes that are sent, every time."""

    id: str
    village: str
    kind: str
    purpose: str
    scope: Scope
    issued: datetime
    expires: datetime
    epoch: int
    kid: str
    body: bytes
    sig: bytes
    announcement: str | None = None
    stop: str | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """One press of "stop everything": everything issued before `at` in `area` falls silent."""

    id: str
    area: str
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Tombstone:
    """This announcement shall not sound any more. `why`: cancelled, superseded, withdrawn or stopped."""

    announcement: str
    why: str
    at: datetime
    until: datetime
    order_id: str | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """Something to be done outside any transaction. `kind`: voice, order or send; one per kind and subject.

    Attributes:
        due: not before this moment; for an order, this row is the durable hold.
    """

    id: str
    kind: str
    subject: str
    lane: Lane
    due: datetime
    lease_until: datetime | None = None
    lease_token: str | None = None
    attempt: int = 0
    result: str | None = None
    done_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Timer:
    """A moment at which a stage is to look again. `kind`: expire or close; `subject`: an announcement."""

    id: str
    kind: str
    subject: str
    lane: Lane
    due: datetime
    done_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Idempotency:
    """The answer once given to a principal's key."""

    principal: str
    key: str
    request_sha256: str
    answer: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Audit:
    """One line of the audit chain; the store numbers and chains it. `facts`: JSON-able, no secrets."""

    at: datetime
    actor: str
    what: str
    facts: dict[str, object]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that no stage could take. `fate`: None, requeued or discarded."""

    id: str
    reader: str
    topic: str
    body: bytes
    error: str
    at: datetime
    fate: str | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """An event whose stage could not take it now, and when it is tried again. `attempt`: how often it was tried."""

    reader: str
    event_id: str
    lane: Lane
    topic: str
    body: bytes
    due: datetime
    attempt: int
    error: str
