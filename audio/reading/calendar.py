"""Rules for dates and times of day."""

import re

from audio.reading.numbers import NUMBER, cardinal, digits
from audio.reading.rule import DASH, Piece, before, rule

_YEAR = r"(?:1[6-9]|20|21)\d\d"
_MONTH = "0?[1-9]|1[0-2]"
_DAY = r"0?[1-9]|[12]\d|3[01]"


@rule(
    "date",
    rf"(?<![\d.])(?P<year>{_YEAR})(?P<mark>[-/.])(?P<month>0?[1-9]|1[0-2])(?P=mark)(?P<day>0?[1-9]|[12]\d|3[01])(?![\d.]\d|\d)",
)
def whole_date(match: re.Match[str], _last: Piece | None) -> str:
    """2026-07-15, 2026/7/15, 2026.7.15."""
    return f"{digits(match['year'])}年{_plain(match['month'])}月{_plain(match['day'])}日"


@rule("date", rf"(?<!\d)(?P<year>{_YEAR})[-/](?P<month>0[1-9]|1[0-2])(?![\d./-])")
def year_and_month(match: re.Match[str], _last: Piece | None) -> str:
    """2026-07."""
    return f"{digits(match['year'])}年{_plain(match['month'])}月"


@rule("date", rf"(?<!\d)(?P<low>{_YEAR})(?:年?\s*{DASH}\s*(?P<high>{_YEAR}))?(?=\s*(?:学?年|年度))")
def years(match: re.Match[str], _last: Piece | None) -> str:
    """2026年, 2021-2025年: digit by digit."""
    return digits(match["low"]) + (f"到{digits(match['high'])}" if match["high"] else "")


@rule("date", r"(?<!\d)(?P<year>\d\d)(?=年\d{1,2}月)")
def short_year(match: re.Match[str], _last: Piece | None) -> str:
    """26年7月."""
    return digits(match["year"])


@rule("date", r"(?<!\d)0(?P<figure>[1-9])(?=\s*[月日号])")
def filled_month(match: re.Match[str], _last: Piece | None) -> str:
    """07月05日."""
    return cardinal(match["figure"])


@rule("time", r"(?<!\d)0(?P<figure>\d)(?=\s*[分秒])")
def filled_minute(match: re.Match[str], _last: Piece | None) -> str:
    """8时05分."""
    return "零" + digits(match["figure"]) if match["figure"] != "0" else "零"


@rule("time", r"(?<![\d:])0(?P<figure>\d)(?=\s*[时点])")
def filled_hour(match: re.Match[str], _last: Piece | None) -> str:
    """08时."""
    return _hour(match["figure"])


@rule("time", r"(?<![\d:.])(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?(?![\d:]|\.\d)")
def clock(match: re.Match[str], _last: Piece | None) -> str | None:
    """14:30, 8:00, 14:30:15; not in 比分3:20."""
    if re.search(r"(比分|比例|比率|配比|按)[^，。]{0,4}$", before(match)):
        return None
    said = _hour(match["hour"]) + "点"
    if match["minute"] != "00" or match["second"]:
        said += _minute(match["minute"]) + "分"
    return said + (_minute(match["second"]) + "秒" if match["second"] else "")


@rule("ratio", rf"(?P<left>{NUMBER}):(?P<right>{NUMBER})(?!:)")
def ratio(match: re.Match[str], _last: Piece | None) -> str:
    """3:2."""
    return f"{cardinal(match['left'])}比{cardinal(match['right'])}"


def _hour(figures: str) -> str:
    return "两" if int(figures) == 2 else _plain(figures)


def _minute(figures: str) -> str:
    return "零" + digits(figures[1]) if figures[0] == "0" and figures != "00" else _plain(figures)


def _plain(figures: str) -> str:
    return cardinal(str(int(figures)))


RULES = (
    whole_date, year_and_month, years, short_year, filled_month, filled_minute, filled_hour, clock, ratio,
)  # fmt: skip
