"""Samples to files and back, through PyAV: no ffmpeg on the machine."""

import io
from collections.abc import Iterable
from typing import cast

import av
import numpy as np

from audio.voices.port import RATE_HZ, Samples

ENCODING_VERSION = "1"
OPUS_BITS_PER_SECOND = 24_000
MP3_BITS_PER_SECOND = 48_000
PAGE_MICROSECONDS = 100_000
FRAME_SAMPLES = RATE_HZ // 50
"""20 ms, one Opus frame: masters are whole frames long, so that every decoder agrees on their length."""


def opus(samples: Samples) -> bytes:
    """Ogg/Opus with a page every 100 ms, so that a player can begin at once; the same bytes for the same samples."""
    return _encode(samples, "ogg", "libopus", OPUS_BITS_PER_SECOND, {"page_duration": str(PAGE_MICROSECONDS)})


def mp3(samples: Samples) -> bytes:
    """MP3 at 48 kbit/s, for terminals and telephones that play no Ogg."""
    return _encode(samples, "mp3", "libmp3lame", MP3_BITS_PER_SECOND, {})


def wav(samples: Samples) -> bytes:
    """16-bit WAV."""
    return _encode(samples, "wav", "pcm_s16le", None, {})


def decode(sound: bytes) -> Samples:
    """Any of the above, back to samples."""
    with av.open(io.BytesIO(sound), "r") as file:
        return _through(av.AudioResampler("flt", "mono", RATE_HZ), file.decode(audio=0))


def decoded_ms(sound: bytes) -> int:
    """How long a file sounds, counted in samples by the decoder that loudspeakers use (libsndfile), rounded down."""
    import soundfile

    with soundfile.SoundFile(io.BytesIO(sound)) as file:
        # The header of an Ogg file does not say how long it is; only reading to the end does.
        frames = sum(len(block) for block in file.blocks(blocksize=file.samplerate, dtype="int16"))
        return frames * 1000 // int(file.samplerate)


def resample(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    """Bring mono samples to another rate."""
    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout="mono")
    frame.sample_rate = from_hz
    return _through(av.AudioResampler("flt", "mono", to_hz), [frame])


def to_pcm(samples: Samples) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    """Round to 16 bits, (n,); what lies beyond full scale is cut off."""
    return np.rint(np.clip(samples, -1, 1) * 32767).astype(np.int16)


def _encode(samples: Samples, container: str, codec: str, bit_rate: int | None, options: dict[str, str]) -> bytes:
    out = io.BytesIO()
    # Without bitexact the Ogg serial number is drawn at random and the hash of a recording changes each time.
    with av.open(out, "w", format=container, options={"fflags": "+bitexact", **options}) as file:
        stream = cast(av.AudioStream, file.add_stream(codec, rate=RATE_HZ, layout="mono"))
        if bit_rate:
            stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(to_pcm(samples).reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = RATE_HZ
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return out.getvalue()


def _through(resampler: av.AudioResampler, frames: Iterable[av.AudioFrame]) -> Samples:
    heard = [piece for frame in frames for piece in resampler.resample(frame)]
    heard += resampler.resample(None)
    return np.concatenate([piece.to_ndarray().ravel() for piece in heard]).astype(np.float32, copy=False)
