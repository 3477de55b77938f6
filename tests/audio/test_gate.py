"""No voice gets away with less than the whole sentence."""

import numpy as np
import pytest

from audio.errors import VoiceFailed
from audio.mixing import trim
from audio.voices.gate import check
from audio.voices.tone import ToneVoice
from tests.audio.sounds import silence, sine

SENTENCE = "今晚八点全村停水，请提前储水。"


async def test_a_whole_sentence_passes() -> None:
    check(SENTENCE, trim(await ToneVoice().say(SENTENCE, urgent=False)))


@pytest.mark.parametrize("sentence", ["走。", "快跑！", "请注意。"])
async def test_a_short_sentence_passes(sentence: str) -> None:
    check(sentence, trim(await ToneVoice().say(sentence, urgent=False)))


@pytest.mark.parametrize(
    ("sound", "why"),
    [
        (silence(0), "no sound"),
        (sine(300, 1.0), "expected"),
        (sine(300, 9.0), "expected"),
        (sine(300, 3.0, dbfs=-60), "silence"),
        (np.sign(sine(300, 3.0)), "clipped"),
        (np.concatenate([sine(300, 0.5), silence(2.4), sine(300, 0.1)]), "mostly silence"),
        (np.full(72_000, np.nan, np.float32), "no sound"),
    ],
    ids=["empty", "broken off", "drawn out", "silent", "clipped", "holes", "not a number"],
)
def test_what_is_no_whole_sentence_does_not_pass(sound: np.ndarray, why: str) -> None:
    with pytest.raises(VoiceFailed, match=why):
        check(SENTENCE, sound)
