"""Loudness against the answers that ITU-R BS.1770-5 and EBU Tech 3341 give."""

import numpy as np
import pytest

from audio.errors import TooQuiet
from audio.loudness import CEILING_DBTP, TARGET_LUFS, level, limit, loudness, true_peak
from tests.audio.sounds import silence, sine


@pytest.mark.parametrize("rate_hz", [24_000, 48_000])
@pytest.mark.parametrize("dbfs", [0.0, -20.0, -40.0])
def test_a_sine_of_997_hz_measures_three_below_its_peak(rate_hz: int, dbfs: float) -> None:
    """
    BS.1770: 0 dBFS, 997 Hz, one front channel reads -3.01 LKFS; the shelf differs by 0.03 at 24 kHz.
    """
    measured = loudness(sine(997, 3, dbfs=dbfs, rate_hz=rate_hz), rate_hz)

    assert measured == pytest.approx(dbfs - 3.01, abs=0.05)


def test_two_channels_are_three_louder_than_one() -> None:
    """
    EBU Tech 3341 case 1: a stereo sine of 1 kHz at -23 dBFS reads -23 LUFS.
    """
    stereo = np.stack([sine(1000, 5, dbfs=-23, rate_hz=48_000)] * 2, axis=1)

    assert loudness(stereo, 48_000) == pytest.approx(-23.0, abs=0.1)


def test_quiet_passages_do_not_make_speech_quieter() -> None:
    """
    EBU Tech 3341 case 3: 10 s at -36, 60 s at -23, 10 s at -36 dBFS read -23 LUFS in stereo, -26 in mono.
    """
    sound = np.concatenate([sine(1000, 2, dbfs=-36), sine(1000, 12, dbfs=-23), sine(1000, 2, dbfs=-36)])

    assert loudness(sound, 24_000) == pytest.approx(-26.0, abs=0.1)


def test_bass_counts_less_and_treble_more() -> None:
    bass, middle, treble = (loudness(sine(hertz, 2), 24_000) for hertz in (40, 1000, 6000))

    assert bass < middle - 5
    assert treble == pytest.approx(middle + 3.3, abs=0.5)


@pytest.mark.parametrize("sound", [silence(2), sine(1000, 0.3), sine(1000, 2, dbfs=-80)])
def test_what_is_too_quiet_or_short_has_no_loudness(sound: np.ndarray) -> None:
    with pytest.raises(TooQuiet):
        loudness(sound, 24_000)


@pytest.mark.parametrize("dbfs", [-40.0, -12.0, -1.0])
def test_speech_is_brought_to_minus_sixteen_under_the_ceiling(dbfs: float) -> None:
    syllables = np.concatenate([np.concatenate([sine(300, 0.15, dbfs=dbfs), silence(0.05)]) for _ in range(20)])

    leveled = level(syllables)

    assert loudness(leveled, 24_000) == pytest.approx(TARGET_LUFS, abs=0.1)
    assert true_peak(leveled) <= CEILING_DBTP + 0.01


def test_the_limiter_ducks_a_peak_and_leaves_the_rest_alone() -> None:
    sound = np.concatenate([sine(440, 1, dbfs=-12), sine(440, 0.05, dbfs=6), sine(440, 1, dbfs=-12)])

    limited = limit(sound, -1.5)

    assert true_peak(limited) <= -1.49
    assert np.array_equal(limited[:20_000], sound[:20_000])
    assert np.array_equal(limited[-20_000:], sound[-20_000:])


def test_a_peak_between_two_samples_is_seen() -> None:
    """
    A sine at a quarter of the rate, sampled 45 degrees off its peaks, is 3 dB higher than any sample.
    """
    sound = (0.7071 * np.sign(np.sin(np.pi / 2 * np.arange(2400) + np.pi / 4))).astype(np.float32)

    assert true_peak(sound[100:-100]) == pytest.approx(0.0, abs=0.3)
