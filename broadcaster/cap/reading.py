"""Reading: a CAP 1.2 message from bytes to the model's alert, or a refusal that says why."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeVar

from lxml import etree

from broadcaster.cap.form import ALERT, NAMESPACE, Findings, Part, check_form
from broadcaster.cap.parsing import MAX_BYTES, MAX_NODES, parse, refusal
from broadcaster.cap.reasons import Reason
from broadcaster.cap.signatures import SignatureState, judge_signature
from broadcaster.cap.values import circle_of, polygon_of, references_of, time_of, words_of
from broadcaster.model.alert import (
    Alert,
    CapArea,
    CapScope,
    Category,
    Certainty,
    Geocode,
    Info,
    MsgType,
    Reference,
    ResponseType,
    Severity,
    Status,
    Urgency,
)

# CAP 1.2 on info/language: "If not present, an implicit default value of 'en-US' SHALL be assumed."
_DEFAULT_LANGUAGE = "en-US"

Shape = TypeVar("Shape")


@dataclass(frozen=True)
class Reading:
    """A message that was understood.

    Attributes:
        alert: what it says; where the signature is good, what was signed and nothing else.
        reasons: what had to be put right.
        signature: whether it is its sender's word; who must sign is for the desk to know.
    """

    alert: Alert
    reasons: tuple[Reason, ...]
    signature: SignatureState

    @property
    def judgement(self) -> Literal["valid", "repaired"]:
        """`valid` where nothing had to be put right."""
        return "repaired" if self.reasons else "valid"

    @property
    def repairs(self) -> tuple[str, ...]:
        """What had to be put right, in English."""
        return tuple(reason.text("en") for reason in self.reasons)


def read_alert(
    raw: bytes,
    *,
    pinned: Sequence[bytes] = (),
    now: datetime | None = None,
    max_bytes: int = MAX_BYTES,
    max_nodes: int = MAX_NODES,
) -> Reading:
    """Read one CAP 1.2 message, whoever sent it.

    Args:
        raw: the message as it came.
        pinned: PEM certificates whose word is taken: a signer's own, or that of the authority that issued it.
        now: the time at which certificates must be valid; the system's where it is not given.
        max_bytes: a pinned source may be allowed more.
        max_nodes: elements and attributes together.

    Raises:
        Invalid: ``cap_<code of the first reason>`` with ``reasons``, a list of `Reason`.
    """
    parsed = parse(raw, max_bytes=max_bytes, max_nodes=max_nodes)
    if parsed.root.tag != f"{{{NAMESPACE}}}alert":
        raise refusal(Reason("not_cap", detail=str(parsed.root.tag)[:80]))
    signed = judge_signature(parsed, pinned, now)
    return _read(parsed.root if signed.root is None else signed.root, signed.state)


def _read(root: etree._Element, signature: SignatureState) -> Reading:
    findings, part = Findings(), Part(root, "alert")
    check_form(part, ALERT, findings)
    if findings.faults:
        raise refusal(*findings.faults)
    return Reading(_alert(part, findings), tuple(findings.repairs), signature)


def _alert(part: Part, findings: Findings) -> Alert:
    return Alert(
        identifier=_needed(part, "identifier"),
        sender=_needed(part, "sender"),
        sent=_sent(part),
        status=Status(_needed(part, "status")),
        msg_type=MsgType(_needed(part, "msgType")),
        scope=CapScope(_needed(part, "scope")),
        references=tuple(_references(part, findings)),
        infos=tuple(_info(info, findings) for info in part.all("info")),
        note=part.first("note"),
        source=part.first("source"),
        codes=part.texts("code"),
        incidents=words_of(part.first("incidents") or ""),
    )


def _info(part: Part, findings: Findings) -> Info:
    return Info(
        language=part.first("language") or _DEFAULT_LANGUAGE,
        categories=_categories(part),
        event=_needed(part, "event"),
        response_types=tuple(ResponseType(word) for word in part.texts("responseType") if word in list(ResponseType)),
        urgency=Urgency(_needed(part, "urgency")),
        severity=Severity.of_cap(_needed(part, "severity")),
        certainty=_certainty(part),
        effective=_time(part, "effective"),
        onset=_time(part, "onset"),
        expires=_time(part, "expires"),
        sender_name=part.first("senderName"),
        headline=part.first("headline"),
        description=part.first("description"),
        instruction=part.first("instruction"),
        event_codes=tuple(_pairs(part, "eventCode", findings)),
        parameters=tuple(_pairs(part, "parameter", findings)),
        areas=tuple(_area(area, findings) for area in part.all("area")),
    )


def _area(part: Part, findings: Findings) -> CapArea:
    return CapArea(
        description=_needed(part, "areaDesc"),
        geocodes=tuple(Geocode(name, value) for name, value in _pairs(part, "geocode", findings)),
        polygons=tuple(_shapes(part, "polygon", polygon_of, findings)),
        circles=tuple(_shapes(part, "circle", circle_of, findings)),
    )


def _needed(part: Part, name: str) -> str:
    text = part.first(name)
    if text is None:  # the form was checked before
        raise refusal(Reason("missing", f"{part.path}/{name}"))
    return text


def _sent(part: Part) -> datetime:
    sent = _time(part, "sent")
    if sent is None:  # the form was checked before
        raise refusal(Reason("missing", f"{part.path}/sent"))
    return sent


def _time(part: Part, name: str) -> datetime | None:
    return time_of(part.first(name) or "")


def _categories(part: Part) -> tuple[Category, ...]:
    words = part.texts("category") or (Category.OTHER,)
    return tuple(dict.fromkeys(Category(word) if word in list(Category) else Category.OTHER for word in words))


def _certainty(part: Part) -> Certainty:
    word = part.first("certainty")
    return Certainty(word) if word in list(Certainty) else Certainty.UNKNOWN


def _pairs(part: Part, name: str, findings: Findings) -> Iterator[tuple[str, str]]:
    for pair in part.all(name):
        value_name, value = pair.first("valueName"), pair.first("value")
        if value_name and value:
            yield value_name, value
        else:
            findings.repair("pair_dropped", pair.path)


def _shapes(part: Part, name: str, read: Callable[[str], Shape], findings: Findings) -> Iterator[Shape]:
    for shape in part.all(name):
        try:
            if shape.text:
                yield read(shape.text)
        except ValueError as error:
            findings.repair(f"{name}_dropped", shape.path, str(error))


def _references(part: Part, findings: Findings) -> Iterator[Reference]:
    path = f"{part.path}/references"
    for reference in references_of(part.first("references") or ""):
        if isinstance(reference, str):
            findings.repair("reference_dropped", path, reference)
        elif _is_own(reference, part):
            findings.repair("self_reference", path)
        else:
            yield reference


def _is_own(reference: Reference, part: Part) -> bool:
    """A message cannot follow one of its own name that was sent with it or after it."""
    is_same_name = (reference.sender, reference.identifier) == (part.first("sender"), part.first("identifier"))
    return is_same_name and reference.sent >= _sent(part)
