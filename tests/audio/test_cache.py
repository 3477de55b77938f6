"""What was said once need not be said again, and never sounds like something else."""

import os
from pathlib import Path

import numpy as np
import pytest

from audio.voices.cache import SentenceCache, key, on_grid
from tests.audio.sounds import sine

SHAPED = {"fingerprint": "voice", "rules": "1", "split": "1", "trimming": "1"}


def test_a_sentence_comes_back_as_it_was_put(tmp_path: Path) -> None:
    cache, sound = SentenceCache(tmp_path), on_grid(sine(440, 1))

    cache.put("a", sound)

    known = cache.get("a")
    assert known is not None
    assert np.array_equal(known, sound)
    assert cache.get("b") is None
    assert [path.name for path in tmp_path.iterdir()] == ["a.flac"]


@pytest.mark.parametrize("part", [*SHAPED, "sentence"])
def test_whatever_shapes_a_sound_is_in_its_key(part: str) -> None:
    first = key("好。", **SHAPED)

    other = key("走。", **SHAPED) if part == "sentence" else key("好。", **{**SHAPED, part: "2"})

    assert first != other
    assert first == key("好。", **SHAPED)


def test_a_damaged_file_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / "a.flac").write_bytes(b"fLaC, or so it says")

    assert SentenceCache(tmp_path).get("a") is None
    assert not list(tmp_path.iterdir())


def test_the_least_recently_used_makes_room(tmp_path: Path) -> None:
    cache = SentenceCache(tmp_path, largest_bytes=100_000)
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, 12_000).astype(np.float32)
    for age, name in enumerate("abc"):
        cache.put(name, noise)
        os.utime(tmp_path / f"{name}.flac", (age, age))
    cache.get("a")

    for name in "de":
        cache.put(name, noise)

    left = {path.stem for path in tmp_path.iterdir()}
    assert {"a", "e"} <= left
    assert "b" not in left
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 100_000
