"""Attention tones: what makes people listen before a voice speaks. Synthesised here, owned by us.

None of them may be taken for a civil-defence siren: no sweep, no wail of three seconds on and off. Each is a pattern of
struck notes with a soft end.
"""

import math
from array import array
from dataclasses import dataclass
from functools import cache

TONE_RATE_HZ = 24_000
FULL = 32_767
ATTACK_SECONDS = 0.008
OVERTONES = ((1, 1.0), (2, 0.35), (3, 0.12))
"""(multiple of the note, its share): a bell-like note carries further on a horn than a bare sine."""


@dataclass(frozen=True, slots=True)
class _Note:
    hz: float
    seconds: float
    decay: float


_G4, _C5, _D5, _E5, _G5, _C6 = 392.0, 523.25, 587.33, 659.26, 783.99, 1046.5

PATTERNS: dict[str, tuple[float, tuple[_Note, ...]]] = {
    # Three rising notes, three times, short and close: urgent, and over after three seconds.
    "alert": (0.9, (_Note(_G5, 0.2, 3), _Note(_C6, 0.2, 3), _Note(_G5 * 1.5, 0.5, 4), _Note(0, 0.1, 1)) * 3),
    # Two soft falling notes, as a door bell.
    "notice": (0.4, (_Note(_E5, 0.5, 5), _Note(_C5, 0.7, 5))),
    # Two equal low notes and a high one, twice: an exercise is told from the real thing before a word is said.
    "drill": (0.6, (_Note(_G4, 0.3, 4), _Note(_G4, 0.3, 4), _Note(_D5, 0.5, 5)) * 2),
}
"""Name → (loudness of full scale, notes)."""


@cache
def chime(name: str) -> "array[int]":
    """Return an attention tone; the same array each time, not to be written to.

    Args:
        name: ``alert`` (3 s), ``notice`` (1.2 s) or ``drill`` (2.2 s).

    Returns:
        (n,) signed 16-bit samples, mono, at TONE_RATE_HZ.

    Raises:
        KeyError: there is no tone of that name.
    """
    level, notes = PATTERNS[name]
    sound = array("h")
    for note in notes:
        sound.extend(_strike(note, level))
    return sound


def _strike(note: _Note, level: float) -> "array[int]":
    count = round(note.seconds * TONE_RATE_HZ)
    if not note.hz:
        return array("h", bytes(2 * count))
    return array("h", (round(FULL * level * _wave(note, n, count)) for n in range(count)))


def _wave(note: _Note, n: int, count: int) -> float:
    at = n / TONE_RATE_HZ
    rise = min(1.0, at / ATTACK_SECONDS)
    fall = min(1.0, (count - 1 - n) / TONE_RATE_HZ / ATTACK_SECONDS)
    body = sum(share * math.sin(2 * math.pi * note.hz * multiple * at) for multiple, share in OVERTONES)
    return rise * fall * math.exp(-note.decay * at) * body / sum(share for _, share in OVERTONES)
