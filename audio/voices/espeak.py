"""The last voice: espeak-ng 1.52 out of espeakng-loader, a child for every sentence.

A process of its own because it is GPL, and because it may crash. Robotic, yet better than silence.
The child is `espeak_child.py`.
"""

import asyncio
import re
import sys
from importlib.metadata import version

import numpy as np

from audio.encoding import resample
from audio.errors import VoiceFailed, VoiceOutOfReach
from audio.voices.espeak_child import ESPEAK_RATE_HZ
from audio.voices.port import RATE_HZ, Samples

WORDS_PER_MINUTE = 150
LIMIT_SECONDS = 20
AT_ONCE = 2


class EspeakVoice:
    """Speaks any text in any state of the machine."""

    def __init__(self, language: str = "cmn", words_per_minute: int = WORDS_PER_MINUTE) -> None:
        self.name = f"espeak/{language}"
        self._language = language
        self._words_per_minute = words_per_minute
        self._room = asyncio.Semaphore(AT_ONCE)

    @property
    def fingerprint(self) -> str:
        """Package, language, speed and rate."""
        return f"espeakng-loader {version('espeakng-loader')} {self._language} {self._words_per_minute} {RATE_HZ}"

    async def say(self, sentence: str, *, urgent: bool) -> Samples:
        """Say one sentence in a fresh child."""
        # For marks alone it gives silence.
        raw = b""
        if re.search(r"\w", sentence):
            async with self._room:
                raw = await self._child(sentence)
        if len(raw) < 2:
            raise VoiceFailed(f"espeak-ng said nothing for {sentence!r}")
        pcm = np.frombuffer(raw[: len(raw) // 2 * 2], dtype="<i2").astype(np.float32) / np.float32(32768)
        return await asyncio.to_thread(resample, pcm, ESPEAK_RATE_HZ, RATE_HZ)

    async def close(self) -> None:
        """Nothing to give back: children end with their sentence."""

    async def _child(self, sentence: str) -> bytes:
        pipe = asyncio.subprocess.PIPE
        words = (sys.executable, "-m", "audio.voices.espeak_child", self._language, str(self._words_per_minute))
        try:
            child = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe, stderr=pipe)
        except OSError as error:
            raise VoiceOutOfReach(f"espeak-ng could not be started: {error}") from error
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                raw, complaint = await child.communicate(sentence.encode())
        except TimeoutError as error:
            raise VoiceOutOfReach(f"espeak-ng took more than {LIMIT_SECONDS} s") from error
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        if child.returncode:
            last = complaint.decode(errors="replace").strip().rpartition("\n")[2]
            raise VoiceFailed(f"espeak-ng ended with {child.returncode}: {last}")
        return raw
