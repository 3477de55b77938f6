"""Sentences are trimmed, and put together with pauses."""

import subprocess
import sys

import numpy as np
import pytest

from audio.mixing import assemble, trim
from tests.audio.sounds import silence, sine


def test_silence_at_both_ends_is_cut_off() -> None:
    trimmed = trim(np.concatenate([silence(0.4), sine(300, 1), silence(1.05)]))

    assert 1.0 <= len(trimmed) / 24_000 <= 1.1


def test_a_pause_within_a_sentence_stays() -> None:
    spoken = np.concatenate([sine(300, 1), silence(0.5), sine(300, 1)])

    assert len(trim(spoken)) == len(spoken)


@pytest.mark.parametrize("sound", [silence(1), silence(0)])
def test_nothing_is_left_of_silence(sound: np.ndarray) -> None:
    assert len(trim(sound)) == 0


def test_a_recording_begins_and_ends_with_a_fifth_of_a_second_of_silence() -> None:
    whole = assemble([("好。", sine(300, 1)), ("走。", sine(300, 1))])

    assert len(whole) % 480 == 0
    assert len(whole) / 24_000 == pytest.approx(0.2 + 1 + 0.45 + 1 + 0.2, abs=0.021)
    assert not whole[: int(0.2 * 24_000)].any()
    assert not whole[-int(0.2 * 24_000) :].any()


def test_a_full_stop_is_a_longer_pause_than_a_comma() -> None:
    sound = sine(300, 1)

    assert len(assemble([("好。", sound), ("走。", sound)])) > len(assemble([("好，", sound), ("走。", sound)]))


def test_a_machine_without_ffmpeg_is_not_told_so() -> None:
    script = "import warnings; warnings.simplefilter('error'); import audio.mixing"

    ended = subprocess.run(
        [sys.executable, "-c", script], env={"PATH": ""}, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 0, ended.stderr
