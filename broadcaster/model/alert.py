"""The alert: a warning in CAP 1.2's own words, and what follows from those words for a village.

Terms and their meaning are those of OASIS Common Alerting Protocol 1.2, section 3.2.
All times are aware and in UTC.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

from broadcaster.model.area import area_code
from broadcaster.model.errors import Invalid
from broadcaster.model.precedence import SoundClass


class Severity(IntEnum):
    """How bad it is, comparable: more is worse."""

    UNKNOWN = 0
    MINOR = 1
    MODERATE = 2
    SEVERE = 3
    EXTREME = 4

    @property
    def cap(self) -> str:
        """CAP's spelling, such as ``Extreme``."""
        return self.name.capitalize()

    @classmethod
    def of_cap(cls, word: str) -> "Severity":
        """The severity that CAP spells so.

        Raises:
            Invalid: CAP has no such severity.
        """
        for severity in cls:
            if severity.cap == word:
                return severity
        raise Invalid("severity_unknown_word", word=word, words=[severity.cap for severity in cls])


class Urgency(StrEnum):
    """How soon people have to act."""

    IMMEDIATE = "Immediate"
    EXPECTED = "Expected"
    FUTURE = "Future"
    PAST = "Past"
    UNKNOWN = "Unknown"


class Certainty(StrEnum):
    """How sure the sender is."""

    OBSERVED = "Observed"
    LIKELY = "Likely"
    POSSIBLE = "Possible"
    UNLIKELY = "Unlikely"
    UNKNOWN = "Unknown"


class Status(StrEnum):
    """Whether it is meant: only Actual may sound as live."""

    ACTUAL = "Actual"
    EXERCISE = "Exercise"
    SYSTEM = "System"
    TEST = "Test"
    DRAFT = "Draft"


class MsgType(StrEnum):
    """What the message does to earlier ones."""

    ALERT = "Alert"
    UPDATE = "Update"
    CANCEL = "Cancel"
    ACK = "Ack"
    ERROR = "Error"


class CapScope(StrEnum):
    """For whom it is: only Public may be spoken aloud."""

    PUBLIC = "Public"
    RESTRICTED = "Restricted"
    PRIVATE = "Private"


class Category(StrEnum):
    """The field that the event belongs to."""

    GEO = "Geo"
    MET = "Met"
    SAFETY = "Safety"
    SECURITY = "Security"
    RESCUE = "Rescue"
    FIRE = "Fire"
    HEALTH = "Health"
    ENV = "Env"
    TRANSPORT = "Transport"
    INFRA = "Infra"
    CBRNE = "CBRNE"
    OTHER = "Other"


class ResponseType(StrEnum):
    """What people should do."""

    SHELTER = "Shelter"
    EVACUATE = "Evacuate"
    PREPARE = "Prepare"
    EXECUTE = "Execute"
    AVOID = "Avoid"
    MONITOR = "Monitor"
    ASSESS = "Assess"
    ALL_CLEAR = "AllClear"
    NONE = "None"


@dataclass(frozen=True)
class Reference:
    """The three words by which CAP names an earlier message."""

    sender: str
    identifier: str
    sent: datetime


@dataclass(frozen=True)
class Geocode:
    """An area by its code, in the code system that ``name`` speaks of."""

    name: str
    value: str


@dataclass(frozen=True)
class Circle:
    """A round area: centre in degrees (WGS 84), radius in kilometres."""

    latitude: float
    longitude: float
    radius_km: float


@dataclass(frozen=True)
class CapArea:
    """Where: all parts together.

    Args:
        description: in words.
        geocodes: by code.
        polygons: each a closed ring of (latitude, longitude) in degrees.
        circles: each a centre and a radius.
    """

    description: str
    geocodes: tuple[Geocode, ...] = ()
    polygons: tuple[tuple[tuple[float, float], ...], ...] = ()
    circles: tuple[Circle, ...] = ()


@dataclass(frozen=True)
class Info:
    """What is said, in one language, to some areas.

    ``event_codes`` and ``parameters`` are pairs of name and value.
    """

    language: str
    categories: tuple[Category, ...]
    event: str
    response_types: tuple[ResponseType, ...]
    urgency: Urgency
    severity: Severity
    certainty: Certainty
    effective: datetime | None = None
    onset: datetime | None = None
    expires: datetime | None = None
    sender_name: str | None = None
    headline: str | None = None
    description: str | None = None
    instruction: str | None = None
    event_codes: tuple[tuple[str, str], ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()
    areas: tuple[CapArea, ...] = ()


@dataclass(frozen=True)
class Alert:
    """One CAP message; ``sender``, ``identifier`` and ``sent`` together are its name."""

    identifier: str
    sender: str
    sent: datetime
    status: Status
    msg_type: MsgType
    scope: CapScope
    references: tuple[Reference, ...] = ()
    infos: tuple[Info, ...] = ()
    note: str | None = None
    source: str | None = None
    codes: tuple[str, ...] = ()
    incidents: tuple[str, ...] = ()

    @property
    def reference(self) -> Reference:
        """How a later message would refer to this one."""
        return Reference(self.sender, self.identifier, self.sent)


def sound_class(info: Info) -> SoundClass | None:
    """With which right it may sound.

    Returns:
        None where a person has to decide first: an unknown severity is held even if it is
        Immediate, because a siren for nothing is not taken back, and the desk is told at once.
    """
    if info.severity is Severity.UNKNOWN:
        return None
    if info.severity >= Severity.SEVERE or info.urgency is Urgency.IMMEDIATE:
        return SoundClass.EMERGENCY
    return SoundClass.ROUTINE


# ISO 639 knows Chinese under several names; senders use them all.
_CHINESE = frozenset({"zh", "zho", "chi", "cmn"})


def primary_language(tag: str) -> str:
    """The language of an RFC 3066 tag without region or script: ``zh`` of ``zh-Hans-CN``."""
    primary = re.split(r"[-_]", tag.strip().lower(), maxsplit=1)[0]
    return "zh" if primary in _CHINESE else primary


def chosen_info(alert: Alert, language: str = "zh") -> tuple[Info, ...]:
    """What is spoken of an alert: all infos in the language, else all in that of the first.

    Several infos of one language are no repetition; they speak to different areas.
    """
    return _infos_in(alert, language) or (_infos_in(alert, alert.infos[0].language) if alert.infos else ())


def _infos_in(alert: Alert, language: str) -> tuple[Info, ...]:
    wanted = primary_language(language)
    return tuple(info for info in alert.infos if primary_language(info.language) == wanted)


def villages_of(info: Info) -> tuple[str, ...]:
    """The administrative codes that an info is meant for: county 6, town 9 or village 12 digits.

    Any geocode counts whose value is 6, 9 or 12 digits, whatever its sender calls the code
    system. Padding is cut off: 620723103000 is the town 620723103. Each code once, as they came.
    """
    values = (geocode.value for area in info.areas for geocode in area.geocodes)
    return tuple(dict.fromkeys(area_code(value) for value in values if _is_area_code(value)))


def _is_area_code(value: str) -> bool:
    return len(value) in (6, 9, 12) and value.isascii() and value.isdigit()


def spoken_frame(info: Info) -> str:
    """What a voice says of an info: who announces what, then headline, description and instruction.

    What was said already, or what the next part begins with, is left out: ears cannot skip as eyes
    do. Nothing else is, for "撤离" inside "不要撤离" is no repetition.

    Returns:
        Sentences, each ended by ``。``.
    """
    # An all-clear always opens with its own words: its headline may name the danger and no more.
    is_opened = _headline_opens(info) and ResponseType.ALL_CLEAR not in info.response_types
    opening = () if is_opened else (_opening(info),)
    parts = (*opening, info.headline, info.description, info.instruction)
    return "".join(f"{_without_end(part)}。" for part in _each_once([part for part in parts if part]))


def _opening(info: Info) -> str:
    if ResponseType.ALL_CLEAR in info.response_types:
        return f"{info.sender_name or ''}通知，{info.event}已解除"
    return f"{info.sender_name}发布{info.event}" if info.sender_name else f"现在播报{info.event}"


def _headline_opens(info: Info) -> bool:
    headline = _letters(info.headline or "")
    return all(_letters(words) in headline for words in (info.sender_name or "", info.event))


def _each_once(parts: list[str]) -> Iterator[str]:
    letters = [_letters(part) for part in parts]
    for n, part in enumerate(parts):
        is_opening_of_later = any(later.startswith(letters[n]) for later in letters[n + 1 :] if later != letters[n])
        if letters[n] and letters[n] not in letters[:n] and not is_opening_of_later:
            yield part


def _letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def _without_end(part: str) -> str:
    return part.strip().rstrip("。．.！!；;，,、：: ")
