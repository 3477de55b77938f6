"""Arabic figures as they are said in Mandarin."""

DIGITS = "零一二三四五六七八九"
_PLACES = ("", "十", "百", "千")
_GROUPS = ("", "万", "亿", "万亿")
MOST_DIGITS = 16
NUMBER = r"(?<![\d.])(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![.,]?\d)"
"""A figure as it is written: thousands may be set apart by commas. Never a part of a longer one."""


def cardinal(figures: str) -> str:
    """``1,200`` → 一千二百, ``2000`` → 两千, ``3.05`` → 三点零五.

    Args:
        figures: digits, with an optional point; commas between thousands are ignored. At most 16 before the point.
    """
    whole, point, fraction = figures.replace(",", "").partition(".")
    return _whole(whole) + ("点" + digits(fraction) if point else "")


def digits(figures: str) -> str:
    """One by one, as in a year: ``2026`` → 二零二六."""
    return "".join(DIGITS[int(figure)] for figure in figures)


def telephone(figures: str) -> str:
    """One by one with 幺 for 1, as on the telephone: ``110`` → 幺幺零. Anything that is no digit is left out."""
    return "".join("幺" if figure == "1" else DIGITS[int(figure)] for figure in figures if figure.isdigit())


def counted(figures: str) -> str:
    """Before a measure word: like `cardinal`, but ``2`` → 两."""
    return "两" if figures == "2" else cardinal(figures)


def _whole(figures: str) -> str:
    figures = figures.lstrip("0")
    if not figures:
        return "零"
    groups = [figures[max(end - 4, 0) : end] for end in range(len(figures), 0, -4)][::-1]
    said = ""
    for index, group in enumerate(groups):
        if not int(group):
            continue
        # 零 for a gap: before a group that does not fill its four places, or after an empty one.
        if said and (group[0] == "0" or not int(groups[index - 1])):
            said += "零"
        # 两万, 两亿 at the head; 二 within.
        said += ("两" if group == "2" and not index and len(groups) > 1 else _group(group)) + _GROUPS[
            len(groups) - 1 - index
        ]
    said = said.replace("亿亿", "亿")
    return said[1:] if said.startswith("一十") else said


def _group(group: str) -> str:
    """Up to four digits, not all zero, without leading 零."""
    said, gap = "", False
    group = group.lstrip("0")
    for index, figure in enumerate(group):
        place = len(group) - 1 - index
        if figure == "0":
            gap = True
            continue
        said += ("零" if gap else "") + _placed(figure, place, leading=index == 0)
        gap = False
    return said


def _placed(figure: str, place: int, *, leading: bool) -> str:
    """两千, 两百 at the head, 二百 within."""
    digit = "两" if figure == "2" and (place == 3 or (place == 2 and leading)) else DIGITS[int(figure)]
    return digit + _PLACES[place]
