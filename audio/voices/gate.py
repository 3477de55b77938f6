"""The completeness gate: what a voice gave is speech of the right length, or another voice is asked.

Voices fail without saying so: they drop what they cannot read, break off, or give noise and silence.
"""

import numpy as np

from audio.errors import VoiceFailed
from audio.voices.port import RATE_HZ, Samples

GATE_VERSION = "1"
SHORTEST_SECONDS = 0.12
LONGEST_SECONDS = 0.35
# A clip of two characters is mostly its first attack and its last fall; a mark in the middle is a breath.
GRACE_SECONDS = 0.6
GRACE_PER_MARK_SECONDS = 0.5
SHORT_CLIP_CHARACTERS = 4
QUIETEST_RMS = 0.003
FULL_SCALE = 0.999
CLIPPED_SHARE = 0.01
SILENT_SHARE = 0.6
MARKS = "，。！？；：、"


def check(sentence: str, trimmed: Samples) -> None:
    """Let a sentence pass.

    Args:
        sentence: what was to be said.
        trimmed: the sound without the silence at its ends.

    Raises:
        VoiceFailed: it is broken, silent, clipped, or of a length that cannot hold these words.
    """
    if not len(trimmed) or not np.isfinite(trimmed).all():
        raise VoiceFailed(f"no sound for {sentence!r}")
    _check_length(sentence, len(trimmed) / RATE_HZ)
    _check_level(sentence, trimmed)


def _check_length(sentence: str, seconds: float) -> None:
    characters = sum(character not in MARKS for character in sentence)
    breaths = sum(character in MARKS for character in sentence[:-1])
    shortest = SHORTEST_SECONDS * characters * (0.7 if characters <= SHORT_CLIP_CHARACTERS else 1)
    longest = LONGEST_SECONDS * characters + GRACE_SECONDS + GRACE_PER_MARK_SECONDS * breaths
    if not shortest <= seconds <= longest:
        raise VoiceFailed(
            f"{seconds:.2f} s for {characters} characters, {shortest:.2f} to {longest:.2f} s expected: {sentence!r}"
        )


def _check_level(sentence: str, trimmed: Samples) -> None:
    if np.sqrt(np.mean(np.square(trimmed, dtype=np.float64))) < QUIETEST_RMS:
        raise VoiceFailed(f"silence for {sentence!r}")
    if np.mean(np.abs(trimmed) >= FULL_SCALE) > CLIPPED_SHARE:
        raise VoiceFailed(f"clipped sound for {sentence!r}")
    frame = RATE_HZ // 50
    peaks = np.abs(trimmed[: len(trimmed) // frame * frame]).reshape(-1, frame).max(axis=1)
    if len(peaks) and np.mean(peaks < 0.01 * peaks.max()) > SILENT_SHARE:
        raise VoiceFailed(f"mostly silence for {sentence!r}")
