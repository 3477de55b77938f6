"""Checking: what would become of a CAP message here, without taking it in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from broadcaster.cap.parsing import MAX_BYTES
from broadcaster.cap.reading import read_alert
from broadcaster.cap.reasons import Language, Reason
from broadcaster.cap.signatures import SignatureState
from broadcaster.model.errors import Invalid


class Verdict(StrEnum):
    """What became of a message."""

    VALID = "valid"
    REPAIRED = "repaired"
    REFUSED = "refused"


@dataclass(frozen=True)
class Judgement:
    """What was decided about a message, and why.

    Attributes:
        judgement: what became of it.
        reasons: why it was refused, or what was put right.
        signature: None where it was refused before anybody looked.
    """

    judgement: Verdict
    reasons: tuple[Reason, ...]
    signature: SignatureState | None

    def texts(self, language: Language) -> tuple[str, ...]:
        """The reasons in words."""
        return tuple(reason.text(language) for reason in self.reasons)


def check(
    raw: bytes, pinned: Sequence[bytes] = (), *, now: datetime | None = None, max_bytes: int = MAX_BYTES
) -> Judgement:
    """Judge a CAP message as the desk would; arguments as for `read_alert`.

    Raises:
        Invalid: a pinned certificate is none; never because of the message.
    """
    try:
        reading = read_alert(raw, pinned=pinned, now=now, max_bytes=max_bytes)
    except Invalid as refused:
        return Judgement(Verdict.REFUSED, _reasons_of(refused), None)
    return Judgement(Verdict(reading.judgement), reading.reasons, reading.signature)


def _reasons_of(refused: Invalid) -> tuple[Reason, ...]:
    reasons = refused.facts.get("reasons")
    if not isinstance(reasons, list):  # a pinned certificate that is none: not the message's fault
        raise refused
    return tuple(reason for reason in reasons if isinstance(reason, Reason))
