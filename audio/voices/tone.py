"""A voice of beeps, for tests and rehearsals: a real sound through the real chain, in no time."""

import hashlib
import math

import numpy as np

from audio.errors import VoiceFailed
from audio.voices.port import RATE_HZ, Samples

LOWEST_HZ = 300.0
HIGHEST_HZ = 3_000.0
PAUSES = "，。！？；：、"


class ToneVoice:
    """Sings every character as a beep of its own, so that two texts never sound alike.

    Attributes:
        said: the sentences it was asked for, in order.
    """

    def __init__(self, seconds_per_character: float = 0.2, name: str = "tone") -> None:
        self.name = name
        self.said: list[str] = []
        self._seconds = seconds_per_character

    @property
    def fingerprint(self) -> str:
        """Its name, speed and rate; it has nothing else."""
        return f"tone 1 {self.name} {self._seconds} {RATE_HZ}"

    async def say(self, sentence: str, *, urgent: bool) -> Samples:
        """Beep at once."""
        self.said.append(sentence)
        heard = [character for character in sentence if character not in PAUSES]
        if not heard:
            raise VoiceFailed(f"nothing to say in {sentence!r}")
        return np.concatenate([_beep(place, character, self._seconds) for place, character in enumerate(heard)])

    async def close(self) -> None:
        """Nothing to give back."""


def _beep(place: int, character: str, seconds: float) -> Samples:
    """Two partials whose pitches follow from the character, and whose phase from its place."""
    seed = hashlib.sha256(character.encode()).digest()
    octaves = math.log2(HIGHEST_HZ / LOWEST_HZ)
    low, high = (LOWEST_HZ * 2 ** (octaves * int.from_bytes(seed[at : at + 4], "big") / 2**32) for at in (0, 4))
    count = round(seconds * RATE_HZ)
    time = np.arange(count) / RATE_HZ
    fade = np.clip(np.minimum(np.arange(count), np.arange(count)[::-1]) / (0.01 * RATE_HZ), 0.2, 1)
    sound = np.sin(2 * np.pi * low * time + place) + 0.6 * np.sin(2 * np.pi * high * time)
    return (0.25 * fade * sound).astype(np.float32)
