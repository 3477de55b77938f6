"""Figures: from many moments to the few numbers that say how it was."""

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MARK_SECONDS = 0.3
"""Release → first sound of a cached recording, for 99 in 100 of 1,000 loudspeakers."""

STEPS = (
    "accepted by the desk",
    "ordering begun",
    "signed",
    "sending begun",
    "on the line",
    "written to its socket",
    "accepted by the loudspeaker",
    "sounds",
)
SERVICE_STEPS = 6
"""So many of them are the service's; the others pass in the process that is all the loudspeakers at once."""

"""The way of one order. Each step's time is from the one before it; the first is counted from the release."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How numbers lie, in the unit in which they were given."""

    count: int
    least: float
    median: float
    p99: float
    most: float


def spread(numbers: Sequence[float]) -> Spread | None:
    """Describe numbers; None where there are none."""
    if not numbers:
        return None
    return Spread(len(numbers), min(numbers), statistics.median(numbers), percentile(numbers, 99), max(numbers))


def percentile(numbers: Sequence[float], percent: float) -> float:
    """Return the smallest number that so many percent do not exceed (nearest rank)."""
    ordered = sorted(numbers)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def steps(moments: Sequence[float]) -> list[float]:
    """Return how long each step took, of moments in the order of STEPS after the release."""
    return [later - earlier for earlier, later in itertools.pairwise(moments)]


def blamed(ways: Sequence[Sequence[float]], mark_seconds: float = MARK_SECONDS) -> Mapping[str, int]:
    """Count, of those ways that took longer than the mark, in which step each spent most time beyond its usual.

    Args:
        ways: (n, 1 + len(STEPS)) moments, the release first.
    """
    taken = [steps(way) for way in ways]
    usual = [statistics.median(column) for column in zip(*taken, strict=True)]
    counts: dict[str, int] = {}
    for way, each in zip(ways, taken, strict=True):
        if way[-1] - way[0] > mark_seconds:
            # Where all of them are slow, the usual is slow itself: then the longest step is to blame.
            beyond = [long - min(normal, mark_seconds / len(STEPS)) for long, normal in zip(each, usual, strict=True)]
            name = STEPS[beyond.index(max(beyond))]
            counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items(), key=lambda one: -one[1]))
