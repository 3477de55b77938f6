"""Form: which elements a CAP 1.2 message holds, in which order, and with which words.

Taken from the tables of CAP 1.2, section 3.2. What only mars the form is forgiven with a repair;
what decides whether, where or how loud something sounds is not guessed: it is refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from lxml import etree

from broadcaster.cap.reasons import Reason
from broadcaster.cap.values import clean, is_cap_time, needs_cleaning, time_of
from broadcaster.model import alert as model

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
_MOST_REASONS = 50
SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What is asked of one element.

    Attributes:
        least, many: how often it may stand: at least 0 or 1 times, at most once unless `many`.
        words: the words that it may hold; none means any text.
        otherwise: the word that is assumed where the element is missing or holds another word.
        is_time: it holds a time.
        holds: the elements inside it, in their order; None for text.
        is_read: False for what is allowed but of no use to us.
    """

    least: int = 0
    many: bool = False
    words: tuple[str, ...] = ()
    otherwise: str | None = None
    is_time: bool = False
    holds: "dict[str, Rule] | None" = None
    is_read: bool = True


def _words(enumeration: type[StrEnum]) -> tuple[str, ...]:
    return tuple(str(word) for word in enumeration)


_TEXT = Rule()
_NEEDED = Rule(least=1)
_MANY = Rule(many=True)
_TIME = Rule(is_time=True)
_UNREAD = Rule(many=True, is_read=False)
_PAIR = Rule(many=True, holds={"valueName": _TEXT, "value": _TEXT})

_AREA = {
    "areaDesc": _NEEDED,
    "polygon": _MANY,
    "circle": _MANY,
    "geocode": _PAIR,
    "altitude": _UNREAD,
    "ceiling": _UNREAD,
}
_INFO = {
    "language": _TEXT,
    "category": Rule(least=1, many=True, words=_words(model.Category), otherwise="Other"),
    "event": _NEEDED,
    "responseType": Rule(many=True, words=_words(model.ResponseType), otherwise=""),
    "urgency": Rule(least=1, words=_words(model.Urgency)),
    "severity": Rule(least=1, words=tuple(severity.cap for severity in model.Severity)),
    "certainty": Rule(least=1, words=_words(model.Certainty), otherwise="Unknown"),
    "audience": _UNREAD,
    "eventCode": _PAIR,
    "effective": _TIME,
    "onset": _TIME,
    "expires": _TIME,
    "senderName": _TEXT,
    "headline": _TEXT,
    "description": _TEXT,
    "instruction": _TEXT,
    "web": _UNREAD,
    "contact": _UNREAD,
    "parameter": _PAIR,
    "resource": _UNREAD,
    "area": Rule(many=True, holds=_AREA),
}
ALERT = {
    "identifier": _NEEDED,
    "sender": _NEEDED,
    "sent": Rule(least=1, is_time=True),
    "status": Rule(least=1, words=_words(model.Status)),
    "msgType": Rule(least=1, words=_words(model.MsgType)),
    "source": _TEXT,
    "scope": Rule(least=1, words=_words(model.CapScope)),
    "restriction": _UNREAD,
    "addresses": _UNREAD,
    "code": _MANY,
    "note": _TEXT,
    "references": _TEXT,
    "incidents": _TEXT,
    "info": Rule(many=True, holds=_INFO),
}


@dataclass
class Findings:
    """What was found while reading: faults refuse the message, repairs are told with it."""

    faults: list[Reason] = field(default_factory=list)
    repairs: list[Reason] = field(default_factory=list)

    def fault(self, code: str, path: str, detail: str = "") -> None:
        """Note what refuses the message."""
        _note(self.faults, Reason(code, path, detail[:80]))

    def repair(self, code: str, path: str, detail: str = "") -> None:
        """Note what was put right."""
        _note(self.repairs, Reason(code, path, detail[:80]))


def _note(reasons: list[Reason], reason: Reason) -> None:
    """Each thing once, and no more than a person reads: a message can be wrong in 80,000 places."""
    if len(reasons) < _MOST_REASONS and reason not in reasons:
        reasons.append(reason)


@dataclass(frozen=True)
class Part:
    """One element and where it stands; its children are found by CAP's names alone."""

    element: etree._Element
    path: str

    def all(self, name: str) -> Iterator[Self]:
        """The children of that name; numbered in their paths from 1 where there are several."""
        found = self.element.findall(f"{{{NAMESPACE}}}{name}")
        for n, element in enumerate(found, 1):
            yield type(self)(element, f"{self.path}/{name}[{n}]" if len(found) > 1 else f"{self.path}/{name}")

    def texts(self, name: str) -> tuple[str, ...]:
        """The cleaned texts of the children of that name that are not empty."""
        return tuple(part.text for part in self.all(name) if part.text)

    def first(self, name: str) -> str | None:
        """The cleaned text of the child of that name; None where it is missing or empty."""
        return next(iter(self.texts(name)), None)

    @property
    def text(self) -> str:
        """The cleaned text."""
        return clean(self.element.text)


def check_form(part: Part, rules: dict[str, Rule], findings: Findings) -> None:
    """Hold an element and all that is in it against the rules for its children."""
    _check_order(part, rules, findings)
    for name, rule in rules.items():
        if rule.is_read:
            _check_count(part, name, rule, findings)
            for child in part.all(name):
                _check_child(child, rule, findings)


def _check_order(part: Part, rules: dict[str, Rule], findings: Findings) -> None:
    places = {f"{{{NAMESPACE}}}{name}": place for place, name in enumerate(rules)}
    highest, misplaced = 0, []
    for element in part.element:
        place = places.get(str(element.tag))
        if place is None:
            _note_unknown(element, part.path, findings)
        elif place < highest:
            misplaced.append(etree.QName(element).localname)
        else:
            highest = place
    if misplaced:
        findings.repair("order", part.path, ", ".join(dict.fromkeys(misplaced)))


def _note_unknown(element: etree._Element, path: str, findings: Findings) -> None:
    if element.tag != SIGNATURE:
        findings.repair("unknown_element", path, str(element.tag))


def _check_count(part: Part, name: str, rule: Rule, findings: Findings) -> None:
    children = list(part.all(name))
    if len(children) > 1 and not rule.many:
        findings.fault("repeated", f"{part.path}/{name}", str(len(children)))
    if rule.least and not any(child.text for child in children):
        if rule.otherwise:
            findings.repair("assumed", f"{part.path}/{name}", rule.otherwise)
        else:
            findings.fault("missing", f"{part.path}/{name}")


def _check_child(child: Part, rule: Rule, findings: Findings) -> None:
    if rule.holds is not None:
        check_form(child, rule.holds, findings)
    elif len(child.element):
        findings.fault("nested", child.path, str(child.element[0].tag))
    elif child.text:
        _check_text(child, rule, findings)


def _check_text(child: Part, rule: Rule, findings: Findings) -> None:
    if needs_cleaning(child.element.text):
        findings.repair("text_cleaned", child.path)
    if rule.is_time:
        _check_time(child, findings)
    elif rule.words and child.text not in rule.words:
        _check_word(child, rule, findings)


def _check_time(child: Part, findings: Findings) -> None:
    if time_of(child.text) is None:
        findings.fault("time", child.path, child.text)
    elif not is_cap_time(child.text):
        findings.repair("time_form", child.path, child.text)


def _check_word(child: Part, rule: Rule, findings: Findings) -> None:
    if rule.otherwise is None:
        findings.fault("word", child.path, child.text)
    elif rule.otherwise:
        findings.repair("assumed", child.path, rule.otherwise)
    else:
        findings.repair("word_dropped", child.path, child.text)
