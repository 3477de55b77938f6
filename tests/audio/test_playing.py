"""What a loudspeaker decodes is what was recorded."""

import asyncio
import io
import math
import sys
from array import array
from pathlib import Path

import pytest
import soundfile

from audio.chimes import TONE_RATE_HZ
from audio.playing import PipeSink, SinkBroken, Undecodable, decode, louder, wave_header

SWALLOW = (sys.executable, "-c", "import sys\nwhile sys.stdin.buffer.read(4096): pass")
KEEP = (sys.executable, "-c", "import sys\nopen(sys.argv[1], 'wb').write(sys.stdin.buffer.read())")
DIE = (sys.executable, "-c", "import sys\nsys.stdin.buffer.read(10)")
BEEP = array("h", (round(8_000 * math.sin(n / 10)) for n in range(TONE_RATE_HZ)))


def encoded(
    samples: "array[int]", rate_hz: int, channels: int = 1, form: str = "WAV", subtype: str = "PCM_16"
) -> bytes:
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", rate_hz, channels, format=form, subtype=subtype) as sound:
        sound.buffer_write(samples.tobytes(), dtype="int16")
    return file.getvalue()


def test_a_wave_comes_out_as_it_went_in(tmp_path: Path) -> None:
    sound = wave_header(2 * len(BEEP)) + BEEP.tobytes()
    (tmp_path / "beep.wav").write_bytes(sound)

    assert decode(sound) == BEEP
    assert decode(tmp_path / "beep.wav") == BEEP


def test_opus_keeps_its_length() -> None:
    assert len(decode(encoded(BEEP, TONE_RATE_HZ, form="OGG", subtype="OPUS"))) == len(BEEP)


def test_a_strangers_rate_and_channels_are_brought_to_ours() -> None:
    both = array("h", (sample for pair in zip(BEEP, BEEP, strict=True) for sample in pair))

    assert decode(encoded(both, TONE_RATE_HZ, channels=2)) == BEEP
    assert len(decode(encoded(BEEP, 48_000))) == len(BEEP) // 2
    assert max(decode(encoded(BEEP, 16_000))) == pytest.approx(8_000, rel=0.02)


@pytest.mark.parametrize("rubbish", [b"", b"no sound", wave_header(10)[:20]])
def test_rubbish_is_called_so(rubbish: bytes) -> None:
    with pytest.raises(Undecodable):
        decode(rubbish)


def test_volume_scales_samples() -> None:
    assert array("h", louder(BEEP.tobytes(), 0)) == array("h", bytes(2 * len(BEEP)))
    assert louder(BEEP.tobytes(), 100) == BEEP.tobytes()


def test_a_box_without_a_sound_program_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(SinkBroken, match="alsa-utils"):
        PipeSink(Hurry())


async def test_a_pipe_gets_what_sounds_after_a_breath_of_silence(tmp_path: Path) -> None:
    path = tmp_path / "raw"
    sink = PipeSink(Hurry(), (*KEEP, str(path)))
    await sink.write(BEEP.tobytes())
    await sink.write(BEEP.tobytes())
    await sink.close()

    assert path.read_bytes() == bytes(2 * TONE_RATE_HZ // 10) + BEEP.tobytes() + BEEP.tobytes()


async def test_a_pipe_whose_program_died_says_so_and_starts_another() -> None:
    sink = PipeSink(Hurry(), DIE)
    with pytest.raises(SinkBroken):
        await play_on(sink)
    sink._command = SWALLOW

    await sink.write(BEEP.tobytes())
    await sink.close()


async def play_on(sink: PipeSink) -> None:
    # Each second more than a pipe holds: the death shows as soon as the pipe is full.
    for _ in range(100):
        await sink.write(BEEP.tobytes())


class Hurry:
    """A clock on which waiting takes no time."""

    def __init__(self) -> None:
        self._at = 0.0

    def monotonic(self) -> float:
        return self._at

    async def sleep(self, seconds: float) -> None:
        self._at += seconds
        await asyncio.sleep(0)
