"""What every voice keeps to, whoever speaks."""

import asyncio
from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest

from audio.errors import VoiceFailed
from audio.mixing import trim
from audio.voices import gate
from audio.voices.espeak import EspeakVoice
from audio.voices.port import Samples, Voice
from audio.voices.process import VoiceProcess
from audio.voices.tone import ToneVoice

SENTENCE = "请马上转移。"
OTHER = "今晚停水。"


@pytest.fixture(params=["tone", "espeak", pytest.param("kokoro", marks=pytest.mark.voice)])
async def voice(request: pytest.FixtureRequest) -> AsyncIterator[Voice]:
    voice = _voice(request.param)
    yield voice
    await voice.close()


def _voice(name: str) -> Voice:
    voices: dict[str, Callable[[], Voice]] = {"tone": ToneVoice, "espeak": EspeakVoice, "kokoro": VoiceProcess}
    return voices[name]()


async def test_a_voice_says_whole_sentences_of_speech(voice: Voice) -> None:
    """
    Mono floats at 24 kHz; as long as the words need; another sentence sounds otherwise; the same one alike.
    """
    spoken, other, again = await asyncio.gather(
        voice.say(SENTENCE, urgent=False), voice.say(OTHER, urgent=True), voice.say(SENTENCE, urgent=True)
    )

    for sentence, sound in ((SENTENCE, spoken), (OTHER, other)):
        assert sound.dtype == np.float32
        assert sound.ndim == 1
        gate.check(sentence, trim(sound))
    assert np.array_equal(spoken, again)
    assert not _alike(spoken, other)
    await _refuses_what_it_cannot_say(voice)


async def test_equal_voices_have_equal_fingerprints(voice: Voice) -> None:
    kind = type(voice)

    assert voice.fingerprint == kind().fingerprint
    assert str(24_000) in voice.fingerprint
    assert voice.name


async def _refuses_what_it_cannot_say(voice: Voice) -> None:
    with pytest.raises(VoiceFailed):
        await voice.say("", urgent=False)


def _alike(one: Samples, other: Samples) -> bool:
    length = min(len(one), len(other))
    return len(one) == len(other) and bool(np.allclose(one[:length], other[:length]))
