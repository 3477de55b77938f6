"""The reader: what was written becomes what is to be said, or is refused with its place.

The text is folded to one form and read from left to right. Our own rules come first, for they know what
broadcasts write (-12℃, 8～10, 0936-5521234, 119); wetext reads what they leave. Nothing else passes:
only Chinese characters and seven marks come out.
"""

import re
import threading
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from audio.errors import Unreadable
from audio.reading import calendar, marks, naming, quantities
from audio.reading.folding import Folded, fold
from audio.reading.rule import Piece

RULES_VERSION = "1"
"""Changes whenever some text would be read otherwise; part of every key under which a sound is kept."""

_PLAIN = re.compile(rf"[\u4e00-\u9fff{marks.MARKS}]+")
_ALL_PLAIN = re.compile(r"[\u4e00-\u9fff]+")
# Telephones before dates and ranges, units before plain numbers, marks before both where a line begins.
_RULES = (
    marks.line_break,
    marks.list_number,
    naming.document,
    *calendar.RULES[:1],
    *naming.RULES,
    *calendar.RULES[1:],
    *quantities.RULES[:-1],
    *marks.RULES[2:],
    quantities.number,
)
_FOR_WETEXT = re.compile(r"\d[\dA-Za-z.%°′″²³]*")
_SILENT = frozenset({"space", "mark", "bracket", "quotation", "line break"})


@dataclass(frozen=True)
class Hint:
    """A place where what is said is not simply what was written; shown to the author.

    Attributes:
        start: index in the text as written.
        end: index after it.
        written: what stands there.
        spoken: what is said for it.
        rule: why, in a word or two: ``telephone``.
    """

    start: int
    end: int
    written: str
    spoken: str
    rule: str


@dataclass(frozen=True)
class Reading:
    """A text and how it is said.

    Attributes:
        written: as it was given.
        spoken: Chinese characters and ，。！？；：、 only.
        hints: where and how the two differ, in the order of the text.
    """

    written: str
    spoken: str
    hints: tuple[Hint, ...]


def read(text: str) -> Reading:
    """Say how a text is read aloud.

    Raises:
        Unreadable: something in it has no sure reading; it says where, and what to write instead.
    """
    folded = fold(text)
    pieces = _pieces(folded)
    spoken = marks.tidy("".join(piece.spoken for piece in pieces))
    if not _ALL_PLAIN.search(spoken):
        raise Unreadable(text, 0, len(text), "there is nothing to say: write what the village should hear")
    return Reading(text, spoken, tuple(_hint(piece, folded) for piece in pieces if piece.rule not in _SILENT))


def _pieces(folded: Folded) -> list[Piece]:
    """Read from left to right; plain Chinese stands for itself and gives a piece without a rule."""
    pieces: list[Piece] = []
    last: Piece | None = None
    at = 0
    while at < len(folded.text):
        plain = _PLAIN.match(folded.text, at)
        if plain:
            pieces.append(Piece(at, plain.end(), plain[0], "space"))
            at = plain.end()
            continue
        last = _first_that_reads(folded, at, last) or _by_wetext(folded, at)
        if last is None:
            raise _unreadable(folded, at)
        pieces.append(last)
        at = last.end
    return pieces


def _first_that_reads(folded: Folded, at: int, last: Piece | None) -> Piece | None:
    for rule in _RULES:
        match = rule.pattern.match(folded.text, at)
        if match and match.end() > at:
            spoken = rule.say(match, last)
            if spoken is not None:
                return Piece(at, match.end(), spoken, rule.name)
    return None


def _by_wetext(folded: Folded, at: int) -> Piece | None:
    """What our rules leave, if wetext makes plain Chinese of it."""
    match = _FOR_WETEXT.match(folded.text, at)
    if not match or (at and re.match(r"[\dA-Za-z.,:/-]", folded.text[at - 1])):
        return None
    if re.match(r"[-,:/.~—]", folded.text[match.end() : match.end() + 1]):
        # The figure goes on with a sign that wetext would drop or take for another.
        return None
    spoken = _wetext(match[0])
    return Piece(at, match.end(), spoken, "wetext") if _ALL_PLAIN.fullmatch(spoken) else None


_building = threading.Lock()


def _wetext(text: str) -> str:
    # Its automata are not documented to be safe for several threads at once.
    with _building:
        return str(_normalizer().normalize(text))


@lru_cache(maxsize=1)
def _normalizer() -> Any:
    """Built once, when first needed: importing it takes a third of a second, its tables 45 MB."""
    from wetext import Normalizer

    return Normalizer(lang="zh", operator="tn")


def _hint(piece: Piece, folded: Folded) -> Hint:
    start, end = folded.span(piece.start, piece.end)
    return Hint(start, end, folded.written[start:end], piece.spoken, piece.rule)


def _unreadable(folded: Folded, at: int) -> Unreadable:
    for pattern, what in _ADVICE:
        match = pattern.match(folded.text, at)
        if match:
            return Unreadable(folded.written, *folded.span(at, match.end()), what)
    name = unicodedata.name(folded.text[at], "unknown character").lower()
    return Unreadable(
        folded.written, *folded.span(at, at + 1), f"no voice can say this sign ({name}): write it in Chinese characters"
    )


_ADVICE = tuple(
    (re.compile(pattern), what)
    for pattern, what in (
        (r"https?://\S+|www\.\S+|\S+@\S+", "an address cannot be heard: say in words where to look"),
        (r"[-~—]", "this dash may be a minus, a range or a pause: write 零下, 负, 至 or a comma"),
        (r"[A-Za-z]+", "no voice here reads foreign words: write it in Chinese characters"),
        (r"[.,:/](?=\d)", "this figure goes on in more ways than one: write it in Chinese characters"),
        (r"\d[\d.,:/\-~]*[A-Za-z%°/]*", "this figure can be read in more than one way: write it in Chinese characters"),
        (r"[\u3400-\u4dbf\U00020000-\U0003ffff]", "the voices do not know this rare character: write another one"),
    )
)
