"""Rules for quantities: temperatures, ranges, units, money, shares, plain numbers."""

import re
import unicodedata
from fractions import Fraction

from audio.reading.numbers import MOST_DIGITS, NUMBER, cardinal, counted, telephone
from audio.reading.rule import DASH, Piece, after, before, rule
from audio.reading.tables import COUNTED, COUNTED_UNITS, MONEY, NOT_COUNTED, UNITS

_UNIT = "|".join(map(re.escape, sorted(UNITS, key=len, reverse=True)))
_DEGREE = "℃|° ?C|摄氏度|度"
_MONEY = "".join(MONEY)
_TIMES = "百|千|万|亿|万亿"
_COUNTED = re.compile(rf"\s*(?:{COUNTED})")
_NOT_COUNTED = re.compile(rf"\s*(?:{'|'.join(NOT_COUNTED)})")
_COLD = re.compile(r"(?:温|零下|冻)[^，。；！？\d]{0,8}$")
_FREELY_SIGNED = re.compile(
    r"(^|[\s，。；：、！？(\[<>≤≥±~]|为|约|达|至|到|是|在|近|增长|同比|环比|增速|增幅|涨幅|降幅|变化|指数)$"
)
_LONG_NUMBER = 9


@rule(
    "temperature",
    rf"(?P<sign>[-+]?)(?P<low>{NUMBER})\s*(?:{_DEGREE})?\s*(?P<dash>{DASH}|至|到)"
    rf"\s*(?P<sign2>[-+]?)(?P<high>{NUMBER})\s*(?P<unit>{_DEGREE})",
)
def temperature_range(match: re.Match[str], _last: Piece | None) -> str | None:
    """Both ends say on which side of zero they are, as soon as one is below it."""
    if _glued(match) or (not _is_degree(match["unit"]) and "-" not in (match["sign"], match["sign2"])):
        return None
    if match["dash"] + match["sign2"] == "--" and not match["sign"]:
        # 8--10℃: down to minus ten, or a long dash of two hyphens?
        return None
    low, high = _side(match["sign"]), _side(match["sign2"])
    if low == "零下" and not high:
        high = "零上"
    unit = "度" if match["unit"] == "度" else "摄氏度"
    return f"{_unless_said(match, low)}{cardinal(match['low'])}到{high}{cardinal(match['high'])}{unit}"


@rule("temperature", rf"(?P<sign>[-+]?)(?P<low>{NUMBER})\s*(?P<unit>{_DEGREE})")
def temperature(match: re.Match[str], _last: Piece | None) -> str | None:
    """-12℃; a plain 30度 is a plain number."""
    if _glued(match) or (not _is_degree(match["unit"]) and not match["sign"]):
        return None
    unit = "度" if match["unit"] == "度" else "摄氏度"
    return _unless_said(match, _side(match["sign"])) + cardinal(match["low"]) + unit


@rule("negative number", rf"-(?P<number>{NUMBER})\s*(?P<unit>{_UNIT})?(?![A-Za-z])")
def negative(match: re.Match[str], _last: Piece | None) -> str | None:
    """Only where the dash cannot be one that joins: a minus that is lost, or invented, turns a warning round."""
    is_cold = bool(_COLD.search(before(match)))
    if not is_cold and not _FREELY_SIGNED.search(before(match)):
        return None
    sign = "零下" if is_cold and not match["unit"] else "负"
    quantity = UNITS.get(match["unit"] or "", "{}").format(cardinal(match["number"]))
    return _unless_said(match, sign) + quantity


@rule(
    "money",
    rf"(?P<sign>[{_MONEY}])\s*(?P<low>{NUMBER})(?:\s*{DASH}\s*[{_MONEY}]?(?P<high>{NUMBER}))?(?P<times>{_TIMES})?元?",
)
def money(match: re.Match[str], _last: Piece | None) -> str:
    """￥50, ￥1,200.50, ￥50-100."""
    said = cardinal(match["low"]) + (f"到{cardinal(match['high'])}" if match["high"] else "")
    return said + (match["times"] or "") + MONEY[match["sign"]]


@rule(
    "range",
    rf"(?P<low>{NUMBER})\s*(?P<unit1>[%‰])?\s*(?P<dash>{DASH})\s*(?P<high>{NUMBER})(?P<times>{_TIMES})?\s*(?P<unit>{_UNIT})?(?![A-Za-z]|\s*{DASH}\s*\d)",
)
def number_range(match: re.Match[str], _last: Piece | None) -> str | None:
    """8-10人, 10%-20%, 5～6级."""
    if _glued(match) or not _is_range(match):
        return None
    unit = match["unit"] or match["unit1"]
    is_counted = _is_counted(match, unit, match["times"])
    low, high = ((counted if is_counted else cardinal)(match[end]) for end in ("low", "high"))
    template = UNITS.get(unit or "", "{}")
    times = match["times"] or ""
    if unit in ("%", "‰"):
        return f"{template.format(low)}到{template.format(high)}{times}"
    return template.format(f"{low}到{high}{times}")


@rule("fraction", r"(?<![\d/.])(?P<part>\d{1,3})/(?P<whole>\d{1,4})(?![\d/.])")
def fraction(match: re.Match[str], _last: Piece | None) -> str | None:
    """Only proper ones: 7/15 may be a date, and so it is one too many to guess when it is not a plain part."""
    part, whole = int(match["part"]), int(match["whole"])
    if not 0 < part < whole or (whole >= 10 and (whole <= 31 or whole % 10)):
        return None
    return f"{cardinal(match['whole'])}分之{cardinal(match['part'])}"


@rule("quantity", rf"(?P<number>{NUMBER})(?P<times>{_TIMES}|余|多)?\s*(?P<unit>{_UNIT})(?![A-Za-z²³]|(?<=°)\d)")
def quantity(match: re.Match[str], _last: Piece | None) -> str | None:
    """50mm, 3万m³, 30%."""
    if _glued(match):
        return None
    is_counted = _is_counted(match, match["unit"], match["times"])
    number = (counted if is_counted else cardinal)(match["number"])
    return UNITS[match["unit"]].format(number + (match["times"] or ""))


@rule("angle", rf"(?P<degrees>{NUMBER})°(?P<minutes>{NUMBER})′(?:(?P<seconds>{NUMBER})″)?")
def angle(match: re.Match[str], _last: Piece | None) -> str:
    """38°56′, as places are given on a map."""
    seconds = f"{cardinal(match['seconds'])}秒" if match["seconds"] else ""
    return f"{cardinal(match['degrees'])}度{cardinal(match['minutes'])}分{seconds}"


@rule("house number", r"(?P<number>\d{1,4})#")
def house(match: re.Match[str], _last: Piece | None) -> str:
    """3#楼."""
    return cardinal(match["number"]) + ("" if after(match, 1) == "号" else "号")


@rule("number", NUMBER)
def number(match: re.Match[str], last: Piece | None) -> str | None:
    """Not before letters that are no unit of ours: wetext may know them."""
    figures = match[0]
    if re.match(r"[A-Z]?[a-zμ]|[A-Z]{2}|[°′″]", after(match)):
        return None
    if "." not in figures and "," not in figures and _is_name(match, last):
        return telephone(figures)
    if len(figures.replace(",", "").partition(".")[0]) > MOST_DIGITS:
        return None
    is_counted = _is_counted(match, None, None) and not before(match, 1).endswith(("第", "初", "周", "期"))
    return (counted if is_counted else cardinal)(figures)


@rule("numeral", r"[\u00b2-\u00be\u2150-\u218f\u2460-\u249b\u24ea-\u24ff\u2776-\u2793\u3192-\u32bf]")
def numeral(match: re.Match[str], _last: Piece | None) -> str | None:
    """Ⅳ, ①, ½ and their kin."""
    sign = match[0]
    number = unicodedata.numeric(sign, None)
    if number is None or "<super>" in unicodedata.decomposition(sign):
        return None
    value = Fraction(number).limit_denominator(10)
    if value.denominator == 1:
        is_bullet = unicodedata.category(sign) == "No" and not re.match(r"[号级类]", after(match))
        return cardinal(str(value.numerator)) + ("，" if is_bullet else "")
    mixed = "又" if before(match, 1).isdigit() else ""
    return f"{mixed}{cardinal(str(value.denominator))}分之{cardinal(str(value.numerator))}"


@rule(
    "sign",
    r"(?<=\d)\s*(?P<sign>[×*xX+=÷])\s*(?=\d)|(?P<sign2>[±≥≤><≈])\s*=?\s*(?=\d)|(?<=[\d百千万亿])(?P<more>\+)(?![\d+])",
)
def sign(match: re.Match[str], _last: Piece | None) -> str | None:
    """2.5×3, ≥50, 500+."""
    if match["more"]:
        return "以上"
    said = {"×": "乘", "*": "乘", "x": "乘", "X": "乘", "+": "加", "=": "等于", "÷": "除以", "±": "正负"}
    said |= {"≥": "大于等于", "≤": "小于等于", ">": "大于", "<": "小于", "≈": "约"}
    if match["sign2"] and "=" in match[0]:
        return {">": "大于等于", "<": "小于等于"}.get(match["sign2"])
    return said[match["sign"] or match["sign2"]] if match["sign"] or match["sign2"] else None


def _glued(match: re.Match[str]) -> bool:
    """A sign or figure right after a figure or letter belongs to something else: a number plate, a part number."""
    previous = match.string[match.start() - 1 : match.start()] if match.start() else ""
    return bool(re.match(r"[A-Za-z\d]", previous)) or (previous == "-" and match[0][0].isdigit())


def _is_range(match: re.Match[str]) -> bool:
    low, high = match["low"].replace(",", ""), match["high"].replace(",", "")
    if any(len(end) > 1 and end[0] == "0" and "." not in end for end in (low, high)):
        return False
    if match["dash"] != "-" or match["unit"]:
        return True
    # A plain dash may also be a score, a flat or an extension: only what rises is a range.
    return float(low) < float(high) and len(low.partition(".")[0]) <= 6


def _is_counted(match: re.Match[str], unit: str | None, times: str | None) -> bool:
    if unit or times:
        return bool(times) or unit in COUNTED_UNITS
    rest = after(match)
    return bool(_COUNTED.match(rest)) and not _NOT_COUNTED.match(rest)


def _is_name(match: re.Match[str], last: Piece | None) -> bool:
    """A figure that names and does not count is said digit by digit: 007, A12345, 620723198001011234."""
    figures = match[0]
    follows_letter = last is not None and last.rule == "letters" and last.end == match.start()
    if len(figures) > 1 and figures[0] == "0":
        return True
    if follows_letter and len(figures) > 2:
        return True
    return len(figures) >= _LONG_NUMBER and not _is_counted(match, None, None) and not re.match(r"[元人]", after(match))


def _is_degree(unit: str) -> bool:
    return unit != "度"


def _side(sign: str) -> str:
    return {"-": "零下", "+": "零上", "": ""}[sign]


def _unless_said(match: re.Match[str], sign: str) -> str:
    return "" if sign and before(match, 2) == sign else sign


RULES = (
    temperature_range,
    temperature,
    negative,
    money,
    number_range,
    fraction,
    angle,
    quantity,
    house,
    numeral,
    sign,
    number,
)
