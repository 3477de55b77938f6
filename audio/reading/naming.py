"""Rules for figures and letters that name: telephones, roads, documents, letters, Roman numerals."""

import re

from audio.reading.numbers import cardinal, digits, telephone
from audio.reading.rule import Piece, after, before, rule
from audio.reading.tables import CALLED, COUNT_SHOWN, LETTERS, MOST_LETTERS, SHORT_NUMBERS, WORDS

_CALLED = re.compile(rf"(?:{CALLED})[^\d。；！？\n]{{0,8}}$")
_COUNT_SHOWN = re.compile(rf"\s*(?:{COUNT_SHOWN})")
_COUNT_BEGUN = re.compile(r"[第共计约达为近超过到至增减余剩有是满足]$")
_ROMAN = {"I": 1, "V": 5, "X": 10}
_NO_MORE = r"(?![\d.,:%]?\d)"
_MOBILE = r"1[3-9]\d[- ]?\d{4}[- ]?\d{4}"
_LANDLINE = r"\(?0\d{2,3}\)?[-— ]{0,2}(?:\d{7,8}|\d{3,4}[- ]\d{4})"
_PREFIX = r"(?<![\dA-Za-z.])(?:\+86[- ]?)?"
_FREE = r"[48]00[- ]?\d{3,4}[- ]?\d{3,4}"
_ROAD = "|".join(f"(?<={kind})" for kind in ("国道", "省道", "县道", "乡道", "高速"))


@rule(
    "telephone",
    rf"{_PREFIX}(?P<number>(?:{_MOBILE}|{_LANDLINE}|{_FREE}){_NO_MORE}(?:[- ]\d{{1,4}}{_NO_MORE})?)",
)
def full_telephone(match: re.Match[str], _last: Piece | None) -> str | None:
    """13912345678, 0936-5521234, 400-123-4567."""
    return None if _COUNT_SHOWN.match(after(match)) else telephone(match["number"])


@rule("telephone", rf"(?<![\dA-Za-z.])\d{{3,12}}(?:[- ]\d{{3,8}})*{_NO_MORE}")
def called(match: re.Match[str], last: Piece | None) -> str | None:
    """A figure that somebody is asked to call."""
    if _COUNT_SHOWN.match(after(match)):
        return None
    chained = (
        last is not None
        and last.rule == "telephone"
        and re.fullmatch(r"\s*(?:或者?|和|及|与|、|，|,|/|;)?\s*", match.string[last.end : match.start()])
    )
    return telephone(match[0]) if chained or _CALLED.search(before(match, 16)) else None


@rule("telephone", rf"\s*[/,]\s*(?P<number>\d{{3,12}}){_NO_MORE}")
def next_telephone(match: re.Match[str], last: Piece | None) -> str | None:
    """5521234/5521235."""
    follows = last is not None and last.rule == "telephone" and last.end == match.start()
    return "、" + telephone(match["number"]) if follows else None


@rule("telephone", rf"(?<![\dA-Za-z.第])(?:{SHORT_NUMBERS}){_NO_MORE}(?!\s*[-~:/]\s*\d)")
def short_telephone(match: re.Match[str], _last: Piece | None) -> str | None:
    """119 is called, unless it counts: 119元, 共119."""
    is_count = _COUNT_SHOWN.match(after(match)) or _COUNT_BEGUN.search(before(match))
    return None if is_count else telephone(match[0])


@rule("extension", r"(?<=转)\d{1,6}(?!\d)")
def extension(match: re.Match[str], last: Piece | None) -> str | None:
    """转8001."""
    near = last is not None and last.rule == "telephone" and match.start() - last.end <= 3
    return telephone(match[0]) if near else None


@rule("road", rf"(?:{_ROAD})(?P<letter>[GSXYZ]?)(?P<figures>\d{{1,4}})(?!\d|[-.~]\d)")
def road(match: re.Match[str], _last: Piece | None) -> str | None:
    """国道312, 高速G30."""
    if not match["letter"] and _COUNT_SHOWN.match(after(match)):
        return None
    return LETTERS.get(match["letter"], "") + telephone(match["figures"])


@rule("road", r"(?<![A-Za-z\d])(?P<letter>[GSXYZ])(?P<figures>\d{1,4})(?![\dA-Za-z.])")
def lettered_road(match: re.Match[str], _last: Piece | None) -> str:
    """G30."""
    return LETTERS[match["letter"]] + telephone(match["figures"])


@rule("road", r"(?<![A-Za-z\d])K(?P<kilometres>\d{1,4})(?:\+(?P<metres>\d{1,3}))?(?![\dA-Za-z.])")
def milestone(match: re.Match[str], _last: Piece | None) -> str:
    """K2650+300."""
    said = LETTERS["K"] + telephone(match["kilometres"])
    return said + ("加" + telephone(match["metres"]) if match["metres"] else "")


@rule("road", r"(?<![\d.A-Za-z第-])\d{3,4}(?=国道|省道|县道|乡道)")
def numbered_road(match: re.Match[str], _last: Piece | None) -> str:
    """312国道."""
    return telephone(match[0])


@rule("room", r"(?<![\d.A-Za-z])\d{3,4}(?=室|房间|号房|包间)")
def room(match: re.Match[str], _last: Piece | None) -> str:
    """201室."""
    return telephone(match[0])


@rule("day", r"(?<![\d.])(?P<month>\d{1,2})·(?P<day>\d{1,2})(?![\d.])")
def remembered_day(match: re.Match[str], _last: Piece | None) -> str:
    """3·15, a day that became a name."""
    return digits(match["month"] + match["day"])


@rule("document number", r"[(\[〔【{](?P<year>(?:19|20)\d\d)年?[)\]〕】}]\s*(?P<ordinal>第?)(?P<number>\d{1,5})(?=号)")
def document(match: re.Match[str], _last: Piece | None) -> str:
    """国发〔2021〕3号."""
    return f"{digits(match['year'])}，{match['ordinal']}{cardinal(str(int(match['number'])))}"


@rule("Roman numeral", r"(?<![A-Za-z\d])(?P<figures>(?:X{0,2})(?:IX|IV|V?I{0,3}))(?=\s*[级类期度号])")
def roman(match: re.Match[str], _last: Piece | None) -> str | None:
    """IV级."""
    if not match["figures"]:
        return None
    values = [_ROMAN[figure] for figure in match["figures"]]
    pairs = zip(values, [*values[1:], 0], strict=True)
    total = sum(-value if value < following else value for value, following in pairs)
    return cardinal(str(total))


@rule("word", rf"(?<![A-Za-z\d])(?i:{'|'.join(WORDS)})(?![A-Za-z\d])")
def word(match: re.Match[str], _last: Piece | None) -> str:
    """WiFi."""
    return WORDS[match[0].upper()]


@rule("letters", rf"(?<![A-Za-z])(?:[A-Z]{{1,{MOST_LETTERS}}}|[a-z]|pH)(?![A-Za-z])")
def letters(match: re.Match[str], _last: Piece | None) -> str | None:
    """A级, GPS; each by its usual Chinese transcription."""
    # After a figure they are a unit that nobody here knows, except for G: 5G.
    if before(match, 1).isdigit() and (match[0].islower() or len(match[0]) > 1):
        return None
    return "".join(LETTERS[letter] for letter in match[0].upper())


@rule("dash", r"(?<=[A-Z])-(?=[A-Z\d])")
def lettered_dash(_match: re.Match[str], _last: Piece | None) -> str:
    """A-3."""
    return "杠"


RULES = (
    full_telephone, called, next_telephone, short_telephone, extension, road, lettered_road, milestone,
    numbered_road, room, remembered_day, document, roman, word,
    letters, lettered_dash,
)  # fmt: skip
