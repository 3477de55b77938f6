"""Attention tones make people listen, and frighten nobody."""

from array import array
from itertools import pairwise

import pytest

from audio.chimes import PATTERNS, TONE_RATE_HZ, chime

WINDOW = TONE_RATE_HZ // 50


def crossings(samples: "array[int]") -> float:
    """Zero crossings a second: follows the pitch."""
    signs = [sample >= 0 for sample in samples]
    return sum(a != b for a, b in pairwise(signs)) * TONE_RATE_HZ / len(samples)


@pytest.mark.parametrize(("name", "seconds"), [("alert", 3.0), ("notice", 1.2), ("drill", 2.2)])
def test_a_tone_has_its_length(name: str, seconds: float) -> None:
    assert len(chime(name)) == round(seconds * TONE_RATE_HZ)


@pytest.mark.parametrize("name", PATTERNS)
def test_a_tone_neither_clips_nor_clicks(name: str) -> None:
    samples = chime(name)

    assert max(map(abs, samples)) < 32_000
    assert abs(samples[0]) < 50
    assert abs(samples[-1]) < 50


def test_an_alert_is_louder_than_a_notice_and_no_two_tones_are_alike() -> None:
    assert max(chime("alert")) > 1.5 * max(chime("notice"))
    assert len({chime(name).tobytes() for name in PATTERNS}) == len(PATTERNS)


def test_no_tone_may_be_taken_for_a_siren() -> None:
    """
    A siren sweeps slowly; here pitch stands still within each note and leaps between notes.
    """
    for name in PATTERNS:
        samples = chime(name)
        pitches = [crossings(samples[at : at + WINDOW]) for at in range(0, len(samples) - WINDOW, WINDOW)]
        still = sum(abs(a - b) < 120 for a, b in pairwise(pitches))
        assert still > 0.6 * len(pitches), name


def test_a_tone_is_made_once() -> None:
    assert chime("alert") is chime("alert")
