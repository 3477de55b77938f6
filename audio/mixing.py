"""Sentences and pauses put together (pydub), with the silence that every loudspeaker needs at both ends."""

import warnings
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from audio.encoding import FRAME_SAMPLES, to_pcm
from audio.voices.port import RATE_HZ, Samples

with warnings.catch_warnings():
    # pydub looks for ffmpeg when it is imported and says so when there is none; we never let it decode or encode.
    warnings.filterwarnings("ignore", message="Couldn't find ff", category=RuntimeWarning)
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    warnings.filterwarnings("ignore", category=SyntaxWarning)
    from pydub import AudioSegment

MIXING_VERSION = "1"
EDGE_MS = 200
PAUSES_MS = {"。": 450, "！": 450, "？": 450, "；": 350, "：": 300, "，": 200, "、": 120}
NO_MARK_MS = 80

FRAME_SECONDS = 0.01
MARGIN_FRAMES = 3
QUIET_DB = -42.0
SILENT_PEAK = 1e-4


def trim(samples: Samples) -> Samples:
    """Cut the silence off both ends, down to 30 ms; voices leave up to a second of it.

    Silence is what lies 42 dB under the loudest 10 ms. Returns nothing at all, (0,), for a silent clip.
    """
    frame = round(FRAME_SECONDS * RATE_HZ)
    whole = np.pad(samples, (0, -len(samples) % frame)).reshape(-1, frame)
    peaks = np.abs(whole).max(axis=1, initial=0.0) if len(whole) else np.zeros(0)
    if not len(peaks) or peaks.max() < SILENT_PEAK:
        return samples[:0]
    loud = np.flatnonzero(peaks > peaks.max() * 10 ** (QUIET_DB / 20))
    first, last = max(loud[0] - MARGIN_FRAMES, 0), loud[-1] + 1 + MARGIN_FRAMES
    return samples[first * frame : last * frame]


def assemble(spoken: Sequence[tuple[str, Samples]]) -> Samples:
    """Put sentences, each with its trimmed sound, into one sound.

    The pause after a sentence follows from the mark at its end. The whole has 200 ms of silence at head and tail
    and is a whole number of 20 ms frames long.
    """
    whole = AudioSegment.silent(duration=EDGE_MS, frame_rate=RATE_HZ)
    for (sentence, sound), (following, _) in pairwise([*spoken, ("", np.zeros(0, np.float32))]):
        whole += _segment(sound)
        whole += AudioSegment.silent(_pause_ms(sentence) if following else EDGE_MS, frame_rate=RATE_HZ)
    return _samples(whole)


def _pause_ms(sentence: str) -> int:
    return PAUSES_MS.get(sentence[-1:], NO_MARK_MS)


def _segment(sound: Samples) -> AudioSegment:
    return AudioSegment(data=to_pcm(sound).tobytes(), sample_width=2, frame_rate=RATE_HZ, channels=1)


def _samples(segment: AudioSegment) -> Samples:
    pcm = np.frombuffer(segment.raw_data, dtype="<i2")
    return (np.pad(pcm, (0, -len(pcm) % FRAME_SAMPLES)) / np.float32(32767)).astype(np.float32)
