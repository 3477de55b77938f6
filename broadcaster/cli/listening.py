"""Listening: whether a WAV file holds what a sound log says that it holds."""

from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import soundfile

RATE_HZ = 24_000
WITHIN_SECONDS = 0.5
"""How far from where the log places it a stretch may lie: its time is read before its first block is written."""

PROBES_SECONDS = (0.2, 1.0)
"""How much of a stretch is looked for: the less, the seldomer a hole lies in it; the more, the surer it is found."""

LONGEST_HOLE_SECONDS = 10.0
MOST_HOLES = 200
PERCENTS = range(1, 101)

Samples: TypeAlias = npt.NDArray[np.int16]


def read_wave(path: Path) -> Samples:
    """Read a loudspeaker's WAV: (n,) 16-bit samples at 24 kHz.

    Raises:
        OSError: it is not there.
        ValueError: it is no mono WAV at 24 kHz.
    """
    if not path.is_file():
        raise FileNotFoundError(2, "no such file", str(path))
    try:
        samples, rate_hz = soundfile.read(str(path), dtype="int16")
    except soundfile.LibsndfileError as error:
        raise ValueError(str(error)) from error
    if rate_hz != RATE_HZ or samples.ndim != 1:
        raise ValueError(f"{rate_hz} Hz, {samples.ndim} channels")
    return np.asarray(samples, dtype=np.int16)


def likeness(wave: Samples, reference: Samples, about: int) -> tuple[float, int, int]:
    """Tell how alike a stretch of a WAV is to what should have sounded there, however loud it was.

    A process that was held up leaves a hole of silence between two blocks; what was heard around it counts.

    Args:
        about: where in the WAV it should begin, in samples; it is looked for around there.

    Returns:
        Correlation from -1 to 1 (0 for silence), and where in the WAV it was found, [start, end).
    """
    tries = (_likeness(wave, reference, _found(wave, reference, about, seconds)) for seconds in PROBES_SECONDS)
    return max(tries, key=lambda one: one[0])


def _likeness(wave: Samples, reference: Samples, start: int) -> tuple[float, int, int]:
    heard, end = _without_holes(wave, reference, start)
    return _correlation(heard, reference), start, end


def _found(wave: Samples, reference: Samples, about: int, seconds: float) -> int:
    """Find where the first loud piece of a reference fits best, and return where its start lies then."""
    lead = _first_loud(reference)
    probe = reference[lead : lead + round(seconds * RATE_HZ)].astype(np.float64)
    within = round(WITHIN_SECONDS * RATE_HZ)
    left = max(0, about + lead - within)
    window = wave[left : about + lead + within + len(probe)].astype(np.float64)
    if len(window) < len(probe) or not len(probe):
        return max(0, about)
    return max(0, left + int(np.argmax(_correlations(window, probe))) - lead)


def _first_loud(reference: Samples) -> int:
    loud = np.abs(reference.astype(np.int32)) > np.abs(reference.astype(np.int32)).max(initial=0) // 4
    return int(np.argmax(loud)) if loud.any() else 0


def _correlations(window: npt.NDArray[np.float64], probe: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Correlate a probe with each place of a window, by FFT, each place brought to the same loudness."""
    size = len(window) + len(probe)
    product = np.fft.irfft(np.fft.rfft(window, size) * np.conj(np.fft.rfft(probe, size)), size)
    places = len(window) - len(probe) + 1
    energy = np.concatenate([[0.0], np.cumsum(window**2)])
    local = energy[len(probe) : len(probe) + places] - energy[:places]
    return np.asarray(product[:places] / np.sqrt(np.maximum(local, 1.0)))


def _without_holes(wave: Samples, reference: Samples, start: int) -> tuple[Samples, int]:
    """Return as many samples as the reference has, holes left out, and where the last of them stands."""
    expected = _as_loud(wave, reference, start)
    pieces: list[Samples] = []
    place, done = start, 0
    for _ in range(MOST_HOLES):
        piece = wave[place : place + len(reference) - done]
        differs = np.flatnonzero(piece != expected[done : done + len(piece)])
        hole = _hole(wave, place + int(differs[0])) if len(differs) else 0
        if not hole:
            break
        pieces.append(piece[: differs[0]])
        done += int(differs[0])
        place += int(differs[0]) + hole
    pieces.append(wave[place : place + len(reference) - done])
    return np.concatenate(pieces), place + len(pieces[-1])


def _as_loud(wave: Samples, reference: Samples, start: int) -> Samples:
    """Scale a reference as the loudspeaker did: by the whole percent that gives most samples just as they are."""
    lead = _first_loud(reference)
    there = wave[start + lead : start + lead + RATE_HZ]
    said = reference[lead : lead + len(there)].astype(np.int32)
    fitting = [
        int(np.count_nonzero((said * percent // 100 == there[: len(said)]) & (said != 0))) for percent in PERCENTS
    ]
    return (reference.astype(np.int32) * PERCENTS[int(np.argmax(fitting))] // 100).astype(np.int16)


def _hole(wave: Samples, place: int) -> int:
    """Tell how many samples of nothing stand at a place; 0 if something does, or nothing follows."""
    ahead = np.flatnonzero(wave[place : place + round(LONGEST_HOLE_SECONDS * RATE_HZ)])
    return int(ahead[0]) if len(ahead) else 0


def _correlation(heard: Samples, reference: Samples) -> float:
    if len(heard) != len(reference) or not heard.any() or not reference.any():
        return 0.0
    return float(np.corrcoef(heard.astype(np.float64), reference.astype(np.float64))[0, 1])
