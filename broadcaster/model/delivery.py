"""Delivery: one announcement at one target, and what is known of it."""

from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum


class Rank(IntEnum):
    """How far a delivery has come; a higher rank replaces a lower one, whatever order the words come in."""

    PENDING = 0
    SENT = 1
    ACCEPTED = 2
    STARTED = 3
    NO_RECEIPT = 4
    FINAL = 5


class Outcome(StrEnum):
    """Why a delivery ended. What was heard stands apart from it."""

    PLAYED = "played"
    PARTLY_PLAYED = "partly_played"
    INTERRUPTED = "interrupted"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    REFUSED = "refused"
    MUTED = "muted"


class Reason(StrEnum):
    """Why a loudspeaker refused an order; the words of the wire protocol."""

    SIGNATURE = "signature"
    KEY = "key"
    PURPOSE = "purpose"
    TARGET = "target"
    EXPIRED = "expired"
    FUTURE = "future"
    CLOCK = "clock"
    CANCELLED = "cancelled"
    QUIET = "quiet"
    BUDGET = "budget"
    AUDIO = "audio"
    FULL = "full"
    VERSION = "version"


class ReceiptKind(StrEnum):
    """What a loudspeaker says of an order."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    STARTED = "started"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A loudspeaker's word.

    Attributes:
        id: follows from order, speaker, kind and repeat, so that the same word said twice is one.
        at_ms: the speaker's service time, milliseconds since 1970.
        heard_ms: of the recording, over all repeats, without tones.
    """

    id: str
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


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is known of one announcement at one target. Times in milliseconds since 1970; None is not known."""

    announcement: str
    target: str
    rank: Rank = Rank.PENDING
    target_kind: str = "speaker"
    outcome: Outcome | None = None
    reason: str | None = None
    sent_at: int | None = None
    accepted_at: int | None = None
    started_at: int | None = None
    ended_at: int | None = None
    heard_ms: int = 0
    repeats_done: int = 0
    audio_sha256: str | None = None
    crash_replay: bool = False
    cut_by: str | None = None
    planned: bool = True
    tries: int = 0
    next_try_at: int | None = None
    contradiction: str | None = None


RANK_OF = {
    ReceiptKind.ACCEPTED: Rank.ACCEPTED,
    ReceiptKind.STARTED: Rank.STARTED,
    ReceiptKind.REFUSED: Rank.FINAL,
    ReceiptKind.DONE: Rank.FINAL,
}


def after(delivery: Delivery, receipt: Receipt) -> Delivery:
    """Fold a receipt into a delivery: nothing goes back, the first final stays, another final is a contradiction."""
    noted = _noted(delivery, receipt)
    if RANK_OF[receipt.kind] is not Rank.FINAL:
        return replace(noted, rank=max(noted.rank, RANK_OF[receipt.kind])) if noted.rank < Rank.NO_RECEIPT else noted
    if delivery.rank is Rank.FINAL:
        return _contradicted(noted, receipt)
    return _ended(noted, receipt)


def _noted(delivery: Delivery, receipt: Receipt) -> Delivery:
    accepted, started = delivery.accepted_at, delivery.started_at
    if receipt.kind is ReceiptKind.ACCEPTED:
        accepted = accepted or receipt.at_ms
    if receipt.kind is ReceiptKind.STARTED:
        started = started or receipt.at_ms
    return replace(
        delivery,
        accepted_at=accepted,
        started_at=started,
        crash_replay=delivery.crash_replay or receipt.crash_replay,
    )


def _ended(delivery: Delivery, receipt: Receipt) -> Delivery:
    outcome = Outcome.REFUSED if receipt.kind is ReceiptKind.REFUSED else receipt.outcome
    return replace(
        delivery,
        rank=Rank.FINAL,
        outcome=outcome,
        reason=receipt.reason.value if receipt.reason else None,
        ended_at=receipt.at_ms,
        heard_ms=receipt.heard_ms,
        repeats_done=receipt.repeats_done,
        audio_sha256=receipt.audio_sha256,
        cut_by=receipt.cut_by,
        next_try_at=None,
    )


def _contradicted(delivery: Delivery, receipt: Receipt) -> Delivery:
    said = Outcome.REFUSED if receipt.kind is ReceiptKind.REFUSED else receipt.outcome
    same = said == delivery.outcome and receipt.heard_ms in (0, delivery.heard_ms)
    return delivery if same or delivery.contradiction else replace(delivery, contradiction=said)


def closed(delivery: Delivery, outcome: Outcome, at_ms: int, reason: str | None = None) -> Delivery:
    """End a delivery to which nothing was sent: the only finals that the service itself may make."""
    return replace(delivery, rank=Rank.FINAL, outcome=outcome, reason=reason, ended_at=at_ms, next_try_at=None)


LADDER_SECONDS = (3, 6, 12, 30)
"""After how long an order without a receipt is sent again; the last step repeats (DESIGN §6)."""


def next_try_ms(tries: int, now_ms: int) -> int:
    """Return when to send again after so many tries."""
    return now_ms + 1000 * LADDER_SECONDS[min(tries, len(LADDER_SECONDS) - 1)]
