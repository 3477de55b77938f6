"""Listening: whether a WAV file holds what a sound log says that it holds."""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import soundfile

RATE_HZ = 24_000
LONGEST_HOLE_SECONDS = 10.0
PROBE = 64
"""So many samples, just as they should be, are found in one place only: no two moments of a voice are equal."""

MOST_PROBES = 60
AUDIBLE = 50
STEP = 2 * RATE_HZ
LOUDEST, PERCENTS = 100, range(100, 0, -1)

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


def likeness(wave: Samples, reference: Samples, left: int, right: int) -> tuple[float, int, int]:
    """Tell how alike a stretch of a WAV is to what should have sounded there, however loud it was.

    A process that was held up leaves a hole of silence between two blocks; what was heard around it counts.

    Args:
        left, right: between which samples of the WAV it has to begin.

    Returns:
        Correlation from -1 to 1 (0 for silence), and where in the WAV it was found, [start, end).
    """
    expected = _at_volume(reference, _percent(wave[left : right + PROBE], reference))
    pieces = list(_pieces(wave, expected, left, right - left))
    heard = np.concatenate([wave[start:end] for start, end in pieces] or [wave[:0]])
    return _correlation(heard, reference), pieces[0][0] if pieces else left, pieces[-1][1] if pieces else left


def _at_volume(reference: Samples, percent: int) -> Samples:
    """Scale as a loudspeaker does: whole percents, rounded down."""
    return reference if percent >= LOUDEST else (reference.astype(np.int32) * percent // 100).astype(np.int16)


def _percent(window: Samples, reference: Samples) -> int:
    """Tell how loud it was played: at which volume its beginning is found."""
    for at in _probes(reference, 0):
        for percent in PERCENTS:
            if _place(window, _at_volume(reference[at : at + PROBE], percent)) is not None:
                return percent
    return LOUDEST


def _probes(expected: Samples, begin: int) -> Iterator[int]:
    """Yield places from which a few samples can be looked for: they are loud enough to be found nowhere else."""
    place = begin
    for _ in range(MOST_PROBES):
        ahead = np.flatnonzero(np.abs(expected[place : place + STEP * 5].astype(np.int32)) > AUDIBLE)
        if not len(ahead) or place + int(ahead[0]) + PROBE > len(expected):
            return
        yield place + int(ahead[0])
        place += int(ahead[0]) + PROBE


def _place(window: Samples, probe: Samples) -> int | None:
    """Find the first place in a window where samples stand just as in a probe."""
    if len(window) < len(probe):
        return None
    places = np.flatnonzero(window[: len(window) - len(probe) + 1] == probe[0])
    for n in range(1, len(probe)):
        if not len(places):
            return None
        places = places[window[places + n] == probe[n]]
    return int(places[0]) if len(places) else None


def _pieces(wave: Samples, expected: Samples, left: int, room: int) -> Iterator[tuple[int, int]]:
    """Yield the pieces of a WAV, [start, end), that together are what was expected, holes left out.

    What is not found goes on where the last piece ended, so that the pieces are as long as what was expected.
    """
    done, place = 0, left
    while done < len(expected):
        found = _next(wave, expected, done, place, room)
        if found is None:
            yield place, min(place + len(expected) - done, len(wave))
            return
        start, end = found
        yield start, end
        done, place, room = done + end - start, end, round(LONGEST_HOLE_SECONDS * RATE_HZ)


def _next(wave: Samples, expected: Samples, done: int, place: int, room: int) -> tuple[int, int] | None:
    """Find what is expected from `done` on, in a WAV from `place` on; return from where to where it is the same."""
    for at in _probes(expected, done):
        first = place + at - done
        found = _place(wave[first : first + room + PROBE], expected[at : at + PROBE])
        if found is not None:
            there = wave[first + found : first + found + STEP]
            wanted = expected[at : at + len(there)]
            differs = np.flatnonzero(there[: len(wanted)] != wanted)
            same = int(differs[0]) if len(differs) else len(wanted)
            return first + found - (at - done), first + found + same
    return None


def _correlation(heard: Samples, reference: Samples) -> float:
    if len(heard) != len(reference) or not heard.any() or not reference.any():
        return 0.0
    return float(np.corrcoef(heard.astype(np.float64), reference.astype(np.float64))[0, 1])
