"""Whatever the reader lets pass, Kokoro can spell."""

from pathlib import Path

import pytest

from audio.errors import VoiceFailed
from audio.reading import sentences
from audio.reading.tables import LETTERS, UNITS
from audio.voices.kokoro import LONGEST, SPEAKERS, fingerprint, tokens
from audio.voices.phonemes import phonemes, syllable

SAMPLES = (Path(__file__).parent / "samples/reading.tsv").read_text(encoding="utf-8").splitlines()


def test_every_sample_that_is_read_can_be_spelt() -> None:
    for line in SAMPLES:
        for sentence in sentences(line.split("\t")[1]):
            assert 0 < len(tokens(sentence)) < LONGEST


@pytest.mark.parametrize("spoken", [*LETTERS.values(), *(unit.format("二") for unit in UNITS.values())])
def test_every_letter_and_unit_can_be_spelt(spoken: str) -> None:
    assert tokens(spoken)


def test_the_longest_sentence_fits() -> None:
    assert len(tokens("装" * 60)) < LONGEST


@pytest.mark.parametrize(
    ("pinyin", "spelt"), [("zhang4", "ꭧa↘ŋ"), ("shi2", "ʂɨ↗"), ("er4", "ɚ↘"), ("lü4", "ly↘"), ("de5", "tɤ")]
)
def test_a_syllable_is_spelt_as_the_model_learnt_it(pinyin: str, spelt: str) -> None:
    assert syllable(pinyin) == spelt


def test_words_stand_apart_and_marks_are_breaths() -> None:
    assert phonemes("请注意，快跑！") == "ʨʰi↓ŋ ꭧu↘i↘, kʰwai↘ pʰau↓!"


@pytest.mark.parametrize("sentence", ["A级", "12度", "", "你" * 200, "℃"])
def test_what_is_no_mandarin_sentence_is_refused_loudly(sentence: str) -> None:
    with pytest.raises(VoiceFailed):
        tokens(sentence)


def test_another_speaker_has_another_fingerprint() -> None:
    assert len({fingerprint(speaker) for speaker in SPEAKERS}) == len(SPEAKERS)
    with pytest.raises(ValueError, match="zf_xiaobei"):
        fingerprint("nobody")
