"""Sinks: where a loudspeaker's samples go, block by block, in step with the clock."""

import asyncio
import io
import shutil
import struct
from array import array
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path
from typing import BinaryIO, Protocol

import soundfile

from audio.chimes import TONE_RATE_HZ
from audio.errors import SpeechError

BLOCK_MS = 20
BYTES_PER_SECOND = 2 * TONE_RATE_HZ
PRIMED_MS = 100
"""Silence that a sound card gets ahead, so that a block which comes a little late leaves no hole."""

LONGEST_GAP_SECONDS = 3_600
HEADER_BYTES = 44
FULL_VOLUME = 100


class Undecodable(SpeechError):
    """These bytes are no sound that we can read."""


class SinkBroken(SpeechError):
    """The sound card or its program is gone; try again, with a new sink."""


class Clock(Protocol):
    """What a sink needs of time; the platform's clock port has it."""

    def monotonic(self) -> float:
        """Tell seconds since some start: never jumps."""

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds of `monotonic`."""


class Sink(Protocol):
    """Takes signed 16-bit mono samples at TONE_RATE_HZ and lets them sound."""

    async def write(self, block: bytes) -> None:
        """Let a block sound; return when its time has passed.

        Blocks that follow each other end at absolute deadlines, so that nothing drifts; after a gap a new count begins.

        Raises:
            SinkBroken: nothing sounds any more.
        """

    async def set_volume(self, percent: int) -> None:
        """Set how loud the blocks from now on are; 0 is silence."""

    async def close(self) -> None:
        """Let go of the sound card or file."""


class Pace:
    """Keeps blocks in step with a clock: the n-th of a stretch ends n lengths after its start, whatever came late."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._end = float("-inf")

    def gap_seconds(self) -> float:
        """Tell how long nothing has sounded: 0 within a stretch, infinite before the first block."""
        late = self._clock.monotonic() - self._end
        # A block that comes less than its own length late belongs to the same stretch.
        return late if late > BLOCK_MS / 1000 else 0.0

    async def keep(self, byte_count: int) -> None:
        """Return when so many more bytes have had their time."""
        now = self._clock.monotonic()
        start = now if self.gap_seconds() else self._end
        self._end = start + byte_count / BYTES_PER_SECOND
        if self._end > now:
            await self._clock.sleep(self._end - now)


class NullSink:
    """Keeps time and makes no sound."""

    def __init__(self, clock: Clock) -> None:
        self._pace = Pace(clock)
        self.volume = FULL_VOLUME

    async def write(self, block: bytes) -> None:
        """Wait for the block's time."""
        await self._pace.keep(len(block))

    async def set_volume(self, percent: int) -> None:
        """Remember it."""
        self.volume = percent

    async def close(self) -> None:
        """Do nothing."""


class WaveSink:
    """Writes what sounded to a WAV file.

    Time in the file is time on the clock, counted from the first sound: silence between items is written as silence (as
    a hole in the file, which costs no disk), up to an hour for each gap. The header is right after every block, so that
    the file of a process that was killed can be read.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO = path.open("wb", buffering=0)
        self._pace = Pace(clock)
        self._bytes = 0
        self.volume = FULL_VOLUME

    async def write(self, block: bytes) -> None:
        """Append the block at its place in time, and wait for its end."""
        gap = self._pace.gap_seconds()
        if self._bytes:
            self._bytes += 2 * round(min(gap, LONGEST_GAP_SECONDS) * TONE_RATE_HZ)
        # To the page cache, some microseconds: cheaper than a thread for every 20 ms.
        self._file.seek(HEADER_BYTES + self._bytes)
        self._file.write(louder(block, self.volume))
        self._bytes += len(block)
        self._file.seek(0)
        self._file.write(wave_header(self._bytes))
        await self._pace.keep(len(block))

    async def set_volume(self, percent: int) -> None:
        """Scale what is written from now on."""
        self.volume = percent

    async def close(self) -> None:
        """Close the file."""
        self._file.close()


class PipeSink:
    """Plays through ``aplay`` (ALSA) or ``pacat`` (PulseAudio), whichever is there.

    The child gets PRIMED_MS of silence ahead of each stretch; everything sounds that much after its time on the clock.
    """

    COMMANDS = (
        ("aplay", ("-q", "-t", "raw", "-f", "S16_LE", "-c", "1", "-r", str(TONE_RATE_HZ))),
        ("pacat", ("--raw", "--format=s16le", "--channels=1", f"--rate={TONE_RATE_HZ}", "--latency-msec=80")),
    )

    def __init__(self, clock: Clock, command: tuple[str, ...] | None = None) -> None:
        self._command = command or self._found()
        self._pace = Pace(clock)
        self._child: Process | None = None
        self.volume = FULL_VOLUME

    @classmethod
    def _found(cls) -> tuple[str, ...]:
        for name, arguments in cls.COMMANDS:
            if path := shutil.which(name):
                return (path, *arguments)
        raise SinkBroken("no sound program: install alsa-utils (aplay) or pulseaudio-utils (pacat)")

    async def write(self, block: bytes) -> None:
        """Hand the block to the child, and wait for its end."""
        child = await self._started()
        silence = bytes(BYTES_PER_SECOND * PRIMED_MS // 1000) if self._pace.gap_seconds() else b""
        try:
            assert child.stdin is not None  # noqa: S101 - it was started with a pipe; for the type checker
            child.stdin.write(silence + louder(block, self.volume))
            await child.stdin.drain()
        except (BrokenPipeError, ConnectionResetError) as error:
            self._child = None
            raise SinkBroken(f"{self._command[0]} ended: {child.returncode}") from error
        await self._pace.keep(len(block))

    async def _started(self) -> Process:
        if self._child is None or self._child.returncode is not None:
            self._child = await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL
            )
        return self._child

    async def set_volume(self, percent: int) -> None:
        """Scale the samples: the card's own mixer belongs to whoever set up the box."""
        self.volume = percent

    async def close(self) -> None:
        """Close the pipe and wait for the child, which plays what it still holds."""
        child, self._child = self._child, None
        if child is None or child.stdin is None:
            return
        child.stdin.close()
        try:
            async with asyncio.timeout(2):
                await child.wait()
        except TimeoutError:
            child.kill()
            await child.wait()


def louder(block: bytes, percent: int) -> bytes:
    """Scale samples to a volume; 100 leaves them as they are."""
    if percent >= FULL_VOLUME:
        return block
    samples = array("h", block)
    return array("h", (sample * percent // FULL_VOLUME for sample in samples)).tobytes()


def wave_header(data_bytes: int) -> bytes:
    """Return the 44 bytes before mono 16-bit samples at TONE_RATE_HZ (RIFF, PCM)."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, TONE_RATE_HZ, BYTES_PER_SECOND, 2, 16)
    size = HEADER_BYTES - 8 + data_bytes
    return struct.pack("<4sI4s", b"RIFF", size, b"WAVE") + form + struct.pack("<4sI", b"data", data_bytes)


def decode(sound: bytes | Path) -> "array[int]":
    """Read a recording: Opus, WAV, FLAC, MP3, whatever libsndfile reads. Call it off the loop: some 6 ms per second.

    Returns:
        (n,) signed 16-bit samples, mono, at TONE_RATE_HZ.

    Raises:
        Undecodable: it is no sound.
    """
    source = io.BytesIO(sound) if isinstance(sound, bytes) else str(sound)
    try:
        with soundfile.SoundFile(source) as file:
            samples = array("h")
            samples.frombytes(bytes(file.buffer_read(dtype="int16")))
            return _at_rate(_mono(samples, file.channels), file.samplerate)
    except (soundfile.LibsndfileError, RuntimeError, ValueError) as error:
        raise Undecodable(str(error)) from error


def _mono(samples: "array[int]", channels: int) -> "array[int]":
    if channels == 1:
        return samples
    return array("h", (sum(samples[n : n + channels]) // channels for n in range(0, len(samples), channels)))


def _at_rate(samples: "array[int]", rate_hz: int) -> "array[int]":
    # Our recordings come at TONE_RATE_HZ; straight lines between samples are enough for a stranger's file.
    if rate_hz == TONE_RATE_HZ or not samples:
        return samples
    count = len(samples) * TONE_RATE_HZ // rate_hz
    last = len(samples) - 1
    return array("h", (_between(samples, min(last, n * rate_hz / TONE_RATE_HZ), last) for n in range(count)))


def _between(samples: "array[int]", at: float, last: int) -> int:
    left = int(at)
    part = at - left
    return round(samples[left] * (1 - part) + samples[min(left + 1, last)] * part)
