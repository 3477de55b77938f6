"""One form for the many that a character may be typed in, without losing its place in the text as written."""

import unicodedata
from dataclasses import dataclass

# NFKC would tear these apart: ℃ into °C, ① into 1, ½ into 1/2 with a slash of its own, ㎡ into m2, … into three dots.
# A full-width comma never stands between thousands, so it must not become the other one.
_KEPT = set("，℃℉㎡㎥′″…²³·‰")
_SAME = {
    **dict.fromkeys("‐‑‒–−﹣－", "-"),
    # The long dash is never a minus.
    **dict.fromkeys("—―─━ー﹘", "—"),
    **dict.fromkeys("～〜∼˜﹏〰", "~"),
    **dict.fromkeys("﹪％", "%"),
    **dict.fromkeys("︰∶", ":"),
    **dict.fromkeys("〇○", "零"),
    **dict.fromkeys("￥¥", "¥"),
    **dict.fromkeys("º˚", "°"),
    **dict.fromkeys("•‧・･", "·"),
    **dict.fromkeys("′＇", "′"),
    "⁄": "/",
    "∕": "/",
    "µ": "μ",
    "✕": "×",
    "✖": "×",
    "㎢": "km²",
    "㎞": "km",
}
_SPACES = " \t\u3000\u00a0"
_BREAKS = "\n\r\v\f\u0085\u2028\u2029"


@dataclass(frozen=True)
class Folded:
    """A text in one form.

    Attributes:
        text: the folded text.
        places: for every character of it the index in the text as written of the one it came from.
        written: the text as written.
    """

    text: str
    places: tuple[int, ...]
    written: str

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The place in the text as written of a stretch of the folded one."""
        return self.places[start], self.places[end - 1] + 1


def fold(written: str) -> Folded:
    """Fold full-width and compatibility forms, drop what cannot be seen, keep a line break as a line feed."""
    folded, places = [], []
    for place, character in enumerate(written):
        for plain in _fold_one(character):
            folded.append(plain)
            places.append(place)
    return Folded("".join(folded), tuple(places), written)


def _fold_one(character: str) -> str:
    if character in _BREAKS:
        return "\n"
    if character in _SPACES:
        return " "
    if character in _SAME:
        return _SAME[character]
    if character in _KEPT or _is_numeral_sign(character):
        return character
    category = unicodedata.category(character)
    if category in ("Cc", "Cf", "Mn", "Me") or category == "Cs":
        # Controls, bidi marks, zero-width joiners, variation selectors; never meant to be heard.
        return "" if category != "Cs" else character
    if category == "Zs":
        return " "
    return unicodedata.normalize("NFKC", character)


def _is_numeral_sign(character: str) -> bool:
    """① ⑴ ❶ Ⅳ ½: signs that are a number of their own; subscripts (CO₂) are figures, superscripts are neither."""
    return unicodedata.category(character) in ("No", "Nl") and "<sub>" not in unicodedata.decomposition(character)
