"""What every sink promises: it keeps time, drifts not, and lets go."""

import sys
import wave
from array import array
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from audio.chimes import TONE_RATE_HZ
from audio.playing import NullSink, PipeSink, Sink, WaveSink
from tests.virtual import VirtualClock

pytestmark = pytest.mark.virtual

BLOCK = array("h", [1_000] * (TONE_RATE_HZ // 50)).tobytes()
SWALLOW = (sys.executable, "-c", "import sys\nwhile sys.stdin.buffer.read(4096): pass")


@pytest.fixture(params=["null", "wave", "pipe"])
async def sink(request: pytest.FixtureRequest, tmp_path: Path, clock: VirtualClock) -> AsyncIterator[Sink]:
    made: dict[str, Sink] = {
        "null": NullSink(clock),
        "wave": WaveSink(tmp_path / "east.wav", clock),
        "pipe": PipeSink(clock, SWALLOW),
    }
    yield made[request.param]
    for one in made.values():
        await one.close()


async def test_a_block_takes_its_time(sink: Sink, clock: VirtualClock) -> None:
    await sink.write(BLOCK)

    assert clock.monotonic() == pytest.approx(0.02)


async def test_blocks_that_follow_each_other_do_not_drift(sink: Sink, clock: VirtualClock) -> None:
    """
    What comes a few milliseconds late is made up for: ten seconds of speech are ten seconds long.
    """
    for _ in range(500):
        await clock.sleep(0.003)
        await sink.write(BLOCK)

    assert clock.monotonic() == pytest.approx(10.003, abs=0.001)


async def test_after_a_gap_a_new_count_begins(sink: Sink, clock: VirtualClock) -> None:
    await sink.write(BLOCK)
    await clock.sleep(100)
    before = clock.monotonic()

    await sink.write(BLOCK)
    await sink.write(BLOCK)

    assert clock.monotonic() - before == pytest.approx(0.04)


async def test_volume_may_be_set_at_any_time(sink: Sink) -> None:
    await sink.set_volume(50)
    await sink.write(BLOCK)
    await sink.set_volume(0)
    await sink.write(BLOCK)


def samples_of(path: Path) -> "array[int]":
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, TONE_RATE_HZ)
        return array("h", file.readframes(file.getnframes()))


async def test_a_wave_holds_what_sounded_with_the_silence_between(tmp_path: Path, clock: VirtualClock) -> None:
    path = tmp_path / "east.wav"
    sink = WaveSink(path, clock)
    await clock.sleep(50)
    await sink.write(BLOCK)
    await clock.sleep(10)
    await sink.set_volume(50)
    await sink.write(BLOCK)

    samples = samples_of(path)
    await sink.close()

    size = TONE_RATE_HZ // 50
    assert len(samples) == 2 * size + 10 * TONE_RATE_HZ
    assert set(samples[:size]) == {1_000}
    assert set(samples[size:-size]) == {0}
    assert set(samples[-size:]) == {500}


async def test_a_day_of_silence_is_cut_to_an_hour(tmp_path: Path, clock: VirtualClock) -> None:
    sink = WaveSink(tmp_path / "east.wav", clock)
    await sink.write(BLOCK)
    await clock.sleep(86_400)
    await sink.write(BLOCK)
    await sink.close()

    assert (tmp_path / "east.wav").stat().st_size == 44 + 2 * (3_600 * TONE_RATE_HZ + 2 * TONE_RATE_HZ // 50)
    assert (tmp_path / "east.wav").stat().st_blocks * 512 < 100_000
