"""The commands ``read`` and ``say``."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.cli.conftest import run


def test_a_text_is_read_aloud_on_paper() -> None:
    result = run("read", "最高气温-12℃，请拨119")

    assert result.stdout == "最高气温零下十二摄氏度，请拨幺幺九\n"
    assert result.exit_code == 0


def test_every_line_gives_a_line_also_where_one_cannot_be_read() -> None:
    """
    Whoever lays both files side by side finds each text beside its reading.
    """
    result = run("read", "-", stdin="三点开会\n这里有§号\n第3组\n")

    assert result.stdout == "三点开会\n\n第三组\n"
    assert result.stderr.startswith("2:4-4: '§'")
    assert result.exit_code == 1


def test_hints_show_what_is_said_otherwise_than_written() -> None:
    result = run("read", "拨打119", "--hints")

    assert "119 → 幺幺九" in result.stderr
    assert result.stdout == "拨打幺幺九\n"


def test_nothing_in_gives_nothing_out() -> None:
    result = run("read", "-", stdin="")

    assert (result.stdout, result.exit_code) == ("", 0)


@pytest.mark.parametrize("name", ["a.ogg", "a", "missing/a.wav"])
def test_a_file_that_cannot_be_made_is_refused_before_anything_is_said(tmp_path: Path, name: str) -> None:
    result = run("say", "你好", "-o", str(tmp_path / name))

    assert result.exit_code == 2
    assert len(result.stderr.strip().splitlines()) == 2


def test_what_cannot_be_read_is_not_said(tmp_path: Path) -> None:
    result = run("say", "§", "-o", str(tmp_path / "a.wav"), VB_VOICE="tone", VB_IS_TEST="1")

    assert result.exit_code == 1
    assert "section sign" in result.stderr
    assert not (tmp_path / "a.wav").exists()


def test_beeps_are_refused_outside_tests(tmp_path: Path) -> None:
    result = run("say", "你好", "-o", str(tmp_path / "a.wav"), VB_VOICE="tone")

    assert result.exit_code == 1
    assert "VB_VOICE" in result.stderr


@pytest.mark.parametrize("suffix", ["opus", "mp3", "wav"])
def test_the_suffix_chooses_the_kind_of_file(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"a.{suffix}"

    result = run("say", "今天下午三点开会", "-o", str(file), VB_VOICE="tone", VB_IS_TEST="1")

    assert result.exit_code == 0, result.output
    samples, rate_hz = soundfile.read(str(file))
    assert len(samples) / rate_hz > 1
    assert np.abs(samples).max() > 0.05
    assert f"{file.stat().st_size} bytes" in result.stdout


@pytest.mark.voice
def test_the_real_voice_says_it_without_a_service(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"

    result = run("say", "各位村民请注意", "-o", str(file))

    assert result.exit_code == 0, result.output
    assert "kokoro" in result.stdout
    assert soundfile.info(str(file)).duration > 1
