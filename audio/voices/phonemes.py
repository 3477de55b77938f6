"""Mandarin text to the phonemes that Kokoro-82M v1.0 was trained on.

The table gives what misaki 0.9.4 gives for every pinyin syllable; misaki itself forbids
Python 3.13 and needs jieba, which has no wheel.
"""

import re

import rjieba
from pypinyin import Style, lazy_pinyin
from pypinyin.contrib.tone_convert import to_finals, to_initials, to_normal

INITIALS = {
    "b": "p", "c": "ʦʰ", "ch": "ꭧʰ", "d": "t", "f": "f", "g": "k", "h": "x", "j": "ʨ", "k": "kʰ", "l": "l",
    "m": "m", "n": "n", "p": "pʰ", "q": "ʨʰ", "r": "ɻ", "s": "s", "sh": "ʂ", "t": "tʰ", "x": "ɕ", "z": "ʦ",
    "zh": "ꭧ",
}  # fmt: skip
# 0 marks where the tone goes.
FINALS = {
    "a": "a0", "ai": "ai0", "an": "a0n", "ang": "a0ŋ", "ao": "au0", "e": "ɤ0", "ei": "ei0",
    "en": "ə0n", "eng": "ə0ŋ", "i": "i0", "ia": "ja0", "ian": "jɛ0n", "iang": "ja0ŋ", "iao": "jau0",
    "ie": "je0", "in": "i0n", "iou": "jou0", "ing": "i0ŋ", "iong": "jʊ0ŋ", "ong": "ʊ0ŋ", "ou": "ou0",
    "u": "u0", "uei": "wei0", "ua": "wa0", "uai": "wai0", "uan": "wa0n", "uen": "wə0n",
    "uang": "wa0ŋ", "ueng": "wə0ŋ", "uo": "wo0", "o": "wo0", "ü": "y0", "üe": "ɥe0",
    "üan": "ɥɛ0n", "ün": "y0n",
}  # fmt: skip
WHOLE = {
    "hm": "hm0", "hng": "hŋ0", "m": "m0", "n": "n0", "ng": "ŋ0", "io": "jɔ0", "ê": "ɛ0", "er": "ɚ0", "o": "ɔ0",
}  # fmt: skip
TONES = {"1": "→", "2": "↗", "3": "↓", "4": "↘", "5": ""}
PUNCTUATION = str.maketrans({"，": ", ", "、": ", ", "。": ". ", "！": "! ", "？": "? ", "：": ": ", "；": "; "})
HANZI = re.compile("[\u4e00-\u9fff]+")
_BUZZING = ("zh", "ch", "sh", "r", "z", "c", "s")


def phonemes(text: str) -> str:
    """Spell plain Chinese text in phonemes, words apart.

    Raises:
        KeyError: a character has no syllable that the model knows.
    """
    return HANZI.sub(lambda run: " ".join(map(_word, rjieba.cut(run[0]))), text).translate(PUNCTUATION).strip()


def syllable(pinyin: str) -> str:
    """Spell one syllable such as ``zhang4`` in phonemes."""
    plain, tone = to_normal(pinyin), pinyin[-1]
    spelt = WHOLE.get(plain) or _initial_and_final(to_initials(plain), to_finals(plain, v_to_u=True))
    return spelt.replace("0", TONES[tone])


def _word(word: str) -> str:
    return "".join(map(syllable, lazy_pinyin(word, style=Style.TONE3, neutral_tone_with_five=True)))


def _initial_and_final(initial: str, final: str) -> str:
    if final == "i" and initial in _BUZZING:
        return INITIALS[initial] + "ɨ0"
    return INITIALS.get(initial, "") + FINALS[final]
