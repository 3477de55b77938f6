"""The last voice: espeak-ng 1.52 out of espeakng-loader, a child for every sentence.

A process of its own because it is GPL, and because it may crash. Robotic, yet better than silence.
As a child: ``python -m audio.voices.espeak LANGUAGE WORDS_PER_MINUTE < text > raw 16-bit mono``.
"""

import asyncio
import ctypes
import sys
from importlib.metadata import version

import numpy as np

from audio.encoding import resample
from audio.errors import VoiceFailed, VoiceOutOfReach
from audio.voices.port import RATE_HZ, Samples

ESPEAK_RATE_HZ = 22_050
WORDS_PER_MINUTE = 150
LIMIT_SECONDS = 20
AT_ONCE = 2
# Numbers of speak_lib.h.
_RETRIEVAL, _UTF8, _RATE_PARAMETER = 1, 1, 1


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

    async def say(self, sentence: str, *, urgent: bool) -> Samples:  # noqa: ARG002 - 0.1 s: there is no queue to jump
        """Say one sentence in a fresh child."""
        async with self._room:
            raw = await self._child(sentence)
        if len(raw) < 2:
            raise VoiceFailed(f"espeak-ng said nothing for {sentence!r}")
        pcm = np.frombuffer(raw[: len(raw) // 2 * 2], dtype="<i2").astype(np.float32) / 32768
        return await asyncio.to_thread(resample, pcm, ESPEAK_RATE_HZ, RATE_HZ)

    async def close(self) -> None:
        """Nothing to give back: children end with their sentence."""

    async def _child(self, sentence: str) -> bytes:
        pipe = asyncio.subprocess.PIPE
        words = (sys.executable, "-m", "audio.voices.espeak", self._language, str(self._words_per_minute))
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


def _speak(language: str, words_per_minute: int) -> None:
    """Be the child: text in, samples out."""
    import espeakng_loader

    espeak = ctypes.CDLL(espeakng_loader.get_library_path())
    if espeak.espeak_Initialize(_RETRIEVAL, 200, espeakng_loader.get_data_path().encode(), 0) != ESPEAK_RATE_HZ:
        raise SystemExit("espeak-ng found no voices")
    heard = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)(_write)
    espeak.espeak_SetSynthCallback(heard)
    if espeak.espeak_SetVoiceByName(language.encode()) != 0:
        raise SystemExit(f"espeak-ng does not speak {language!r}")
    espeak.espeak_SetParameter(_RATE_PARAMETER, words_per_minute, 0)
    text = sys.stdin.buffer.read()
    espeak.espeak_Synth(text, len(text) + 1, 0, 1, 0, _UTF8, None, None)
    espeak.espeak_Synchronize()
    sys.stdout.buffer.flush()


def _write(samples: "ctypes._Pointer[ctypes.c_short]", count: int, _events: int) -> int:
    if samples and count:
        sys.stdout.buffer.write(ctypes.string_at(samples, 2 * count))
    return 0


if __name__ == "__main__":
    _speak(sys.argv[1], int(sys.argv[2]))
