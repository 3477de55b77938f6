"""The sound log tells what really sounded, also of a loudspeaker that was killed."""

from dataclasses import replace
from pathlib import Path

from streams.agent.soundlog import FileSoundLog, Stretch, read_sound_log

STRETCH = Stretch("east", "order-1", "announcement-1", "recording", "00", 1, 0, 480, 1_000)


def test_marks_of_a_stretch_are_read_as_one(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    log = FileSoundLog(path)
    for end in (480, 24_000, 48_000):
        log.note(replace(STRETCH, end=end))
    whole = replace(STRETCH, end=60_000, ended="end")
    log.note(whole)
    other = replace(STRETCH, repeat_no=2, at_ms=9_000)
    log.note(other)
    log.close()

    assert read_sound_log(path) == [whole, other]


def test_a_line_torn_by_a_power_cut_costs_that_line_alone(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    log = FileSoundLog(path)
    log.note(STRETCH)
    log.close()
    with path.open("a") as file:
        file.write('{"speaker": "ea')

    again = FileSoundLog(path)
    later = replace(STRETCH, order="order-2")
    again.note(later)
    again.close()

    assert read_sound_log(path) == [STRETCH, later]


def test_a_line_names_its_samples_as_the_protocol_does(tmp_path: Path) -> None:
    fields = STRETCH.to_json()

    assert (fields["from"], fields["to"]) == (0, 480)
    assert Stretch.from_json(fields) == STRETCH


def test_a_log_does_not_fill_the_card(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    log = FileSoundLog(path, largest_bytes=10_000)
    for n in range(1_000):
        log.note(replace(STRETCH, order=f"order-{n}"))
    log.close()

    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 25_000
    assert read_sound_log(path)[-1].order == "order-999"
