"""Values: the texts inside CAP's elements, read as words, times, shapes and references."""

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal

from broadcaster.model.alert import Circle, Reference

Point = tuple[float, float]

# CAP 1.2, section 3.3.2: offset always, no Z, no fractions.
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}[-+]\d{2}:\d{2}", re.ASCII)
_NUMBER = re.compile(r"[-+]?(\d{1,5}(\.\d*)?|\.\d+)", re.ASCII)
# Unicode's Stream-Safe Text Format (UAX #15). Marks are sorted when they are normalised, in time that
# grows with the square of their number: 240,000 on one letter hold a core for three minutes.
_MOST_MARKS = 30
_WORD = re.compile(r"\"([^\"]*)\"|(\S+)")


def clean(text: str | None) -> str:
    """Text as it can be shown and spoken: NFC, nothing invisible, single spaces.

    Bidirectional and zero-width characters are taken out, because with them a text can look, sound
    and compare differently to a person, a voice and a hash.
    """
    visible = "".join(_visible(text)) if needs_cleaning(text) and text else text or ""
    return " ".join(unicodedata.normalize("NFC", visible).split())


def needs_cleaning(text: str | None) -> bool:
    """Tell whether `clean` takes more than white space out of a text."""
    # XML lets no control character of ASCII through but white space and DEL; polygons are long, and plain.
    if not text or (text.isascii() and "\x7f" not in text):
        return False
    return sum(1 for _ in _visible(text)) < len(text)


def _visible(text: str) -> Iterator[str]:
    marks = 0
    for character in text:
        # By category, not by combining class: U+0F73 has none, and falls apart into two that have.
        marks = marks + 1 if unicodedata.category(character).startswith("M") else 0
        if marks <= _MOST_MARKS and not _is_invisible(character):
            yield character


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Co", "Cn") and not character.isspace()


def time_of(text: str) -> datetime | None:
    """A time with its offset, as UTC in whole seconds; None where it is none."""
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC).replace(microsecond=0) if time.tzinfo and "T" in text else None
    except (ValueError, OverflowError):
        return None


def is_cap_time(text: str) -> bool:
    """Tell whether a time is written as CAP asks."""
    return _TIME.fullmatch(text) is not None


def time_text(time: datetime) -> str:
    """A time as CAP writes it; UTC is ``-00:00`` there."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%S}-00:00"


def polygon_of(text: str) -> tuple[Point, ...]:
    """A closed ring of (latitude, longitude) in degrees.

    Raises:
        ValueError: it is unusable, and its words say why. What crosses the date line is: each reader
            takes it for another half of the earth.
    """
    ring = tuple(_point(pair) for pair in text.split())
    if len(ring) < 4:
        raise ValueError(f"{len(ring)} points")
    if ring[0] != ring[-1]:
        raise ValueError("not closed")
    if any(abs(here[1] - there[1]) > 180 for here, there in itertools.pairwise(ring)):
        raise ValueError("crosses the date line")
    return ring


def circle_of(text: str) -> Circle:
    """A circle from ``latitude,longitude radius``, the radius in kilometres.

    Raises:
        ValueError: it is unusable.
    """
    centre, radius = text.split()
    latitude, longitude = _point(centre)
    radius_km = _number(radius, 20_038)
    if radius_km < 0:
        raise ValueError("negative radius")
    return Circle(latitude, longitude, radius_km)


def _point(pair: str) -> Point:
    latitude, longitude = pair.split(",")
    return _number(latitude, 90), _number(longitude, 180)


def _number(text: str, limit: float) -> float:
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(f"{text[:20]} is no number")
    number = float(text)
    if abs(number) > limit:
        raise ValueError(f"{text[:20]} lies beyond {limit}")
    return number


def number_text(number: float) -> str:
    """A number without exponent, which reads back as the same number."""
    return f"{Decimal(repr(number)):f}"


def references_of(text: str) -> Iterator[Reference | str]:
    """The references in ``sender,identifier,sent sender,identifier,sent``; what is unreadable, as it stood."""
    for triple in text.split():
        parts = triple.split(",")
        sent = time_of(parts[2]) if len(parts) == 3 and parts[0] and parts[1] else None
        yield Reference(parts[0], parts[1], sent) if sent else triple


def words_of(text: str) -> tuple[str, ...]:
    """Words between white space; those that hold white space stand in double quotes."""
    return tuple(word for quoted, bare in _WORD.findall(text) if (word := quoted or bare))


def words_text(words: Iterable[str]) -> str:
    """Words as `words_of` reads them."""
    return " ".join(f'"{word}"' if " " in word else word for word in words)
