"""The judge of the demo: it lets pass what went well, and nothing else."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from audio.playing import HEADER_BYTES, wave_header
from broadcaster.cli.judging import Evidence, judge
from tests.demo.show import ALERT, DRY_NOTICE, NOTICE, RATE_HZ, a_show, with_stretches


@pytest.fixture
def evidence(tmp_path: Path) -> Evidence:
    return a_show(tmp_path)


def codes(evidence: Evidence) -> set[str]:
    return {fault.code for fault in judge(evidence).faults}


def samples(path: Path) -> np.ndarray:
    return np.frombuffer(path.read_bytes()[HEADER_BYTES:], dtype="<i2").copy()


def write(path: Path, sound: np.ndarray) -> None:
    content = sound.astype("<i2").tobytes()
    path.write_bytes(wave_header(len(content)) + content)


def test_a_show_that_went_well_passes(evidence: Evidence) -> None:
    """
    Also where a busy machine left a hole of silence between two blocks: that is late, not wrong.
    """
    verdict = judge(evidence)

    assert verdict.faults == []
    assert min(verdict.likeness.values()) > 0.95


def test_a_missing_stretch_is_found(evidence: Evidence) -> None:
    kept = [one for one in evidence.stretches if not (one.order == NOTICE.order and one.start)]

    assert {"not_covered", "no_cut_in"} <= codes(with_stretches(evidence, kept))


def test_a_second_left_out_in_the_middle_is_found(evidence: Evidence) -> None:
    later = [
        replace(one, start=one.start + RATE_HZ) if one.order == NOTICE.order and one.start else one
        for one in evidence.stretches
    ]

    assert "not_once" in codes(with_stretches(evidence, later))


def test_what_sounds_twice_is_found(evidence: Evidence) -> None:
    again = [one for one in evidence.stretches if one.order == DRY_NOTICE.order and one.part == "recording"]
    twice = [*evidence.stretches, *(replace(one, at_ms=one.at_ms + 10_000) for one in again)]

    assert {"not_once", "interrupted"} <= codes(with_stretches(evidence, twice))


def test_another_file_than_the_one_ordered_is_found(evidence: Evidence) -> None:
    other = [replace(one, sha256="0" * 64) if one.part == "recording" else one for one in evidence.stretches]

    assert "wrong_hash" in codes(with_stretches(evidence, other))


def test_a_stock_phrase_is_not_the_recording(evidence: Evidence) -> None:
    stock = [replace(one, part="stock") if one.order == ALERT.order else one for one in evidence.stretches]

    assert "wrong_hash" in codes(with_stretches(evidence, stock))


def test_a_silent_file_is_found(evidence: Evidence) -> None:
    path = evidence.waves / "dry.wav"
    write(path, np.zeros_like(samples(path)))

    assert codes(evidence) == {"not_alike"}


def test_a_file_that_holds_something_else_is_found(evidence: Evidence) -> None:
    path = evidence.waves / "wet.wav"
    write(path, np.random.default_rng(9).integers(-9_000, 9_000, len(samples(path))))

    assert "not_alike" in codes(evidence)


def test_a_piece_that_was_never_written_is_found(evidence: Evidence) -> None:
    path = evidence.waves / "dry.wav"
    sound = samples(path)
    sound[3 * RATE_HZ : 4 * RATE_HZ] = 0
    write(path, sound)

    assert codes(evidence) == {"not_alike"}


def test_sound_that_the_log_knows_nothing_of_is_found(evidence: Evidence) -> None:
    path = evidence.waves / "dry.wav"
    loud = np.full(RATE_HZ, 5_000)
    write(path, np.concatenate([samples(path), np.zeros(RATE_HZ), loud]))

    assert codes(evidence) == {"more_in_file"}


@pytest.mark.parametrize("content", [None, b"no sound"], ids=["no file", "no WAV"])
def test_a_file_that_cannot_be_read_is_found(evidence: Evidence, content: bytes | None) -> None:
    path = evidence.waves / "dry.wav"
    path.unlink()
    if content:
        path.write_bytes(content)

    assert codes(evidence) == {"no_wave"}


def test_an_alert_that_came_late_is_found(evidence: Evidence) -> None:
    accepted = {one: at_ms - 1_000 for one, at_ms in evidence.accepted_ms.items()}

    assert codes(replace(evidence, accepted_ms=accepted)) == {"late"}


def test_an_alert_that_waits_for_the_notice_is_found(evidence: Evidence) -> None:
    """
    All of it sounded, but the red alert did not cut in.
    """
    later = [replace(one, at_ms=one.at_ms + 60_000) if one.order == ALERT.order else one for one in evidence.stretches]

    assert "no_cut_in" in codes(with_stretches(evidence, later))


def test_an_alert_in_a_village_that_it_is_not_for_is_found(evidence: Evidence) -> None:
    strayed = [replace(one, speaker="dry") for one in evidence.stretches if one.order == ALERT.order]

    assert "strange" in codes(with_stretches(evidence, [*evidence.stretches, *strayed]))


@pytest.mark.parametrize(
    "said", [{"outcome": "partly_played"}, {"heard_ms": 1}, {"audio_sha256": "0" * 64}], ids=lambda it: str(it)
)
def test_a_book_that_says_otherwise_is_found(evidence: Evidence, said: dict[str, object]) -> None:
    key = (ALERT.announcement, "wet")
    deliveries = {**evidence.deliveries, key: {**evidence.deliveries[key], **said}}

    assert codes(replace(evidence, deliveries=deliveries)) == {"not_delivered"}


def test_a_loudspeaker_that_did_nothing_is_found(evidence: Evidence) -> None:
    (evidence.waves / "wet.wav").unlink()
    silent = replace(evidence, stretches=[one for one in evidence.stretches if one.speaker != "wet"], deliveries={})

    assert {"not_covered", "no_alert", "not_delivered", "no_wave"} <= codes(silent)
