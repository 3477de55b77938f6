"""The port of a voice, and what a sound is throughout this package."""

from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

RATE_HZ = 24_000
"""Samples per second of every voice and every master."""

Samples: TypeAlias = npt.NDArray[np.float32]
"""(n,) floats in [-1, 1], mono, at `RATE_HZ`."""


class Voice(Protocol):
    """One who reads aloud, a sentence at a time."""

    @property
    def name(self) -> str:
        """How operators call the voice: ``kokoro/zf_xiaobei``."""

    @property
    def fingerprint(self) -> str:
        """Everything that shapes its sound: engine, version, model, speaker, speed, rate; equal ones sound alike."""

    async def say(self, sentence: str, *, urgent: bool) -> Samples:
        """Say one sentence of Chinese characters and Chinese punctuation (what `reading.sentences` gives).

        Args:
            sentence: at most about 60 characters.
            urgent: goes before everything that is not; may interrupt it.

        Returns:
            The sound, with whatever silence the voice leaves at both ends.

        Raises:
            VoiceFailed: it cannot say this, now or later.
            VoiceOutOfReach: it is not there just now.
        """

    async def close(self) -> None:
        """Give back what it holds; nothing can be said afterwards."""
