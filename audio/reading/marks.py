"""Rules for spaces, brackets, dashes and foreign punctuation: what they are in the seven marks that voices know."""

import re

from audio.reading.numbers import cardinal
from audio.reading.rule import DASH, Piece, after, before, rule

MARKS = "，。！？；：、"
_HANZI = r"[\u4e00-\u9fff]"
_ENDS_TIME = re.compile(r"(?:[时点分日号月晚午晨天年半]|周.|星期.)$")
_TIME = re.compile(
    r"次日|翌日|第二天|凌晨|早|上午|中午|下午|傍晚|晚|夜|今|明|后天|周|星期|下周|[一二三四五六七八九十]+[时点月日]"
)
_JOINED = frozenset({"date", "time", "quantity", "temperature", "fraction", "money", "angle"})
_TELEPHONE = r"1[3-9]\d{9}(?!\d)|0\d{2,3}-?\d{7}"
_SAME = {",": "，", ";": "；", "!": "！", "?": "？", ":": "：", ".": "。", "…": "，", "|": "，", "&": "和"}
# The strongest of several marks side by side is heard.
_STRENGTH = "、，：；。？！"
_RUN = re.compile(f"[{MARKS}]+")


@rule("line break", r"\s*\n\s*")
def line_break(_match: re.Match[str], _last: Piece | None) -> str:
    """A line ends a sentence."""
    return "。"


@rule("space", " +")
def space(match: re.Match[str], _last: Piece | None) -> str:
    """Nothing; but two figures side by side must not grow into one."""
    apart = re.search(r"[\w%℃㎡㎥²³]$", before(match)) and re.match(r"[\dA-Za-z]", after(match))
    return "，" if apart and not re.search(rf"{_HANZI}$", before(match)) else ""


@rule("list number", rf"(?:^|(?<=[\n。；！？;]))(?P<figures>\d{{1,2}})[.)]\s*(?={_HANZI})")
def list_number(match: re.Match[str], _last: Piece | None) -> str:
    """1. at the head of a line."""
    return cardinal(match["figures"]) + "，"


@rule("mark", r"[,;!?:…|&]|\.(?!\d)|(?<!\d)\.")
def mark(match: re.Match[str], last: Piece | None) -> str | None:
    """Western marks and their like; not within a figure."""
    follows_whole = match[0] == "," and last is not None and last.rule in ("time", "telephone")
    if match[0] in ":,." and not follows_whole and before(match, 1).isdigit() and after(match, 1).isdigit():
        return None
    return _SAME[match[0]]


@rule("bracket", r"[()\[\]{}〔〕【】〈〉「」『』〖〗]")
def bracket(match: re.Match[str], _last: Piece | None) -> str:
    """A bracket is a short pause."""
    return "" if match[0] in "「」『』〈〉" else "，"


@rule("quotation", "[\"'“”‘’《》`´]|(?<=[\u4e00-\u9fff])·(?=[\u4e00-\u9fff])")
def quotation(_match: re.Match[str], _last: Piece | None) -> str:
    """Quotation marks, title marks and the dot within a name are not heard."""
    return ""


@rule("range", rf"\s*{DASH}\s*(?=[-+]?\d)")
def joined_figures(match: re.Match[str], last: Piece | None) -> str | None:
    """3月1日-5日, 8:00-10:00, 10%~20%: a dash between two of a kind."""
    if last is not None and last.end == match.start() and last.rule in _JOINED:
        return "到"
    unit = re.search(rf"\d+({_HANZI}{{0,2}}{_HANZI})$", before(match))
    following = re.match(r"[-+]?[\d.:,]+[^，。；！？\n]{0,6}", after(match, 14))
    if unit and following and unit[1][-1] in following[0]:
        return "到"
    if "—" in match[0] and unit is None:
        return None
    return "到" if "~" in match[0] and re.search(rf"{_HANZI}\s*$", before(match)) else None


@rule("range", rf"\s*(?P<dash>{DASH})\s*(?={_HANZI})")
def joined_words(match: re.Match[str], last: Piece | None) -> str | None:
    """周一～周五, 上午8时-下午5时, 8:00-次日8:00."""
    is_time = last is not None and last.end == match.start() and last.rule in ("date", "time")
    if (
        is_time
        or after(match, 2) in ("零下", "零上")
        or (_ENDS_TIME.search(before(match)) and _TIME.match(after(match)))
    ):
        return "到"
    return "到" if match["dash"] == "~" and re.search(rf"{_HANZI}$", before(match)) else None


@rule(
    "dash",
    rf"——+|(?:--+|—)(?![\d-])|(?<={_HANZI})\s*-\s*(?={_HANZI})|[-—]\s*(?={_TELEPHONE})|(?:^|(?<=\n))-\s*(?={_HANZI})",
)
def dash(match: re.Match[str], _last: Piece | None) -> str:
    """A dash between words, before a telephone number or at the head of a line is a pause."""
    return "，"


@rule("stroke", rf"(?<={_HANZI})\s*/\s*(?={_HANZI})")
def stroke(_match: re.Match[str], _last: Piece | None) -> str:
    """村民/游客."""
    return "、"


def tidy(spoken: str) -> str:
    """One mark at a time, none at the beginning, and none at the end that promises more."""
    strongest = _RUN.sub(lambda run: max(run[0], key=_STRENGTH.index), spoken)
    return strongest.lstrip(MARKS).rstrip("，、：；")


RULES = (
    line_break, list_number, joined_figures, joined_words, dash, space, mark, bracket, quotation, stroke,
)  # fmt: skip
