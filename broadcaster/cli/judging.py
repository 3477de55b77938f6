"""Judging: whether every loudspeaker of the demo town played what it should have, by its sound log, WAV and the book.

Nothing is taken on trust from the thing judged: what should have sounded comes from the stored orders, what did sound
from the loudspeakers' own logs and files.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from audio.chimes import chime
from broadcaster.cli.listening import RATE_HZ, Samples, likeness, read_wave
from streams.agent.soundlog import Stretch

CUT_IN_MS = 1_000
LIKE_ENOUGH = 0.95
PER_MS = RATE_HZ // 1000
FAINT = 100
WITHIN_SAMPLES = RATE_HZ // 2
"""How much later than the log has it a stretch may lie in a file; on a busy machine files run short, never long."""

FADE_SAMPLES = 50 * PER_MS
"""What was cut short fades out over its last 50 ms; those are not compared."""


@dataclass(frozen=True, slots=True)
class Part:
    """Something that a village was to hear, as its stored order says.

    Attributes:
        order, announcement: their ids.
        sha256, ms: of the recording.
        samples: the recording decoded here: (n,) at 24 kHz.
    """

    order: str
    announcement: str
    sha256: str
    ms: int
    samples: Samples


@dataclass(frozen=True, slots=True)
class Duty:
    """What one loudspeaker was to play: the notice, and in some villages an alert that cuts in."""

    speaker: str
    village: str
    notice: Part
    alert: Part | None = None

    @property
    def parts(self) -> tuple[Part, ...]:
        """Return all of it."""
        return (self.notice, self.alert) if self.alert else (self.notice,)


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is looked at.

    Attributes:
        accepted_ms: when each loudspeaker accepted an order, (speaker, order) → service time.
        waves: the folder of ``<speaker>.wav``.
        deliveries: (announcement, speaker) → the book's row as the interface shows it.
    """

    duties: Sequence[Duty]
    stretches: Sequence[Stretch]
    accepted_ms: Mapping[tuple[str, str], int]
    waves: Path
    deliveries: Mapping[tuple[str, str], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that was not as it should have been. `code` is its stable name; `what` says it in words."""

    speaker: str
    code: str
    what: str


@dataclass(slots=True)
class Verdict:
    """What the judge found. `likeness`: the least correlation of each loudspeaker's file."""

    faults: list[Fault] = field(default_factory=list)
    likeness: dict[str, float] = field(default_factory=dict)

    @property
    def is_well(self) -> bool:
        """Tell whether nothing was wrong."""
        return not self.faults


def judge(evidence: Evidence) -> Verdict:
    """Judge every loudspeaker, and whatever sounded that nobody was to hear."""
    verdict = Verdict()
    for duty in evidence.duties:
        mine = sorted((one for one in evidence.stretches if one.speaker == duty.speaker), key=lambda one: one.at_ms)
        verdict.faults += [
            *_covered(duty, mine),
            *_cut_in(duty, mine, evidence),
            *_delivered(duty, evidence),
            *_in_file(duty, mine, evidence.waves, verdict),
        ]
    verdict.faults += _elsewhere(evidence)
    return verdict


def _of(part: Part, stretches: Sequence[Stretch]) -> list[Stretch]:
    return [one for one in stretches if one.order == part.order and one.part != "tone"]


def _covered(duty: Duty, mine: Sequence[Stretch]) -> Iterator[Fault]:
    """Each recording sounds from its first sample to its last, once, and it is the one that was ordered."""
    for part in duty.parts:
        place = 0
        for one in _of(part, mine):
            if one.part != "recording" or one.sha256 != part.sha256:
                yield Fault(duty.speaker, "wrong_hash", f"{one.part} {one.sha256[:12]} sounded for {part.sha256[:12]}")
            # A place is kept in whole milliseconds, rounded down.
            if not 0 <= place - one.start < PER_MS or one.repeat_no != 1:
                yield Fault(duty.speaker, "not_once", f"at sample {place}, {one.start} came (repeat {one.repeat_no})")
            place = one.end
        if place != len(part.samples):
            yield Fault(duty.speaker, "not_covered", f"{place} of {len(part.samples)} samples sounded")


def _cut_in(duty: Duty, mine: Sequence[Stretch], evidence: Evidence) -> Iterator[Fault]:
    """The alert sounds at once, the notice waits for it in two pieces; without an alert nothing interrupts."""
    pieces = _of(duty.notice, mine)
    if duty.alert is None:
        if len(pieces) > 1:
            yield Fault(duty.speaker, "interrupted", f"the notice sounded in {len(pieces)} pieces")
        return
    first_ms = next((one.at_ms for one in mine if one.order == duty.alert.order), None)
    accepted = evidence.accepted_ms.get((duty.speaker, duty.alert.order))
    if first_ms is None or accepted is None:
        yield Fault(duty.speaker, "no_alert", "the alert was not accepted, or never sounded")
        return
    if first_ms - accepted > CUT_IN_MS:
        yield Fault(duty.speaker, "late", f"the alert sounded {first_ms - accepted} ms after it was accepted")
    around = [one.at_ms < first_ms for one in pieces]
    if around != [True, False] or pieces[0].ended != "cut" or not _resumed_after(pieces[1], duty.alert, mine):
        yield Fault(duty.speaker, "no_cut_in", f"the notice sounded in {len(pieces)} pieces, not around the alert")


def _resumed_after(resumed: Stretch, alert: Part, mine: Sequence[Stretch]) -> bool:
    said = _of(alert, mine)
    return bool(said) and resumed.at_ms >= said[-1].at_ms


def _delivered(duty: Duty, evidence: Evidence) -> Iterator[Fault]:
    """The book says of each: played, and heard whole."""
    for part in duty.parts:
        row = evidence.deliveries.get((part.announcement, duty.speaker), {})
        said = (row.get("outcome"), row.get("heard_ms"), row.get("audio_sha256"))
        if said != ("played", part.ms, part.sha256):
            yield Fault(duty.speaker, "not_delivered", f"the book says {said}, of {part.ms} ms")


def _in_file(duty: Duty, mine: Sequence[Stretch], waves: Path, verdict: Verdict) -> Iterator[Fault]:
    """The file holds what the log says, where it says, and nothing else."""
    try:
        wave = read_wave(waves / f"{duty.speaker}.wav")
    except (OSError, ValueError) as error:
        yield Fault(duty.speaker, "no_wave", str(error))
        return
    known = {part.order: part.samples for part in duty.parts}
    compared: list[tuple[float | None, int, int]] = []
    for one in (one for one in mine if one.order in known):
        left = compared[-1][2] if compared else 0
        compared.append(_compared(one, known[one.order], wave, left, (one.at_ms - mine[0].at_ms) * PER_MS))
    least = min((like for like, *_ in compared if like is not None), default=0.0)
    verdict.likeness[duty.speaker] = round(least, 4)
    if least <= LIKE_ENOUGH:
        yield Fault(duty.speaker, "not_alike", f"the file holds something else: correlation {least:.3f}")
    rest = wave.copy()
    for _, start, end in compared:
        # A fade is a block of its own, before which a busy process may have been held up.
        rest[start : end + WITHIN_SAMPLES] = 0
    loud = int(np.count_nonzero(np.abs(rest.astype(np.int32)) > FAINT))
    if loud > FADE_SAMPLES:
        yield Fault(duty.speaker, "more_in_file", f"{loud} samples that the log knows nothing of")


def _compared(one: Stretch, samples: Samples, wave: Samples, left: int, about: int) -> tuple[float | None, int, int]:
    """Compare a stretch with its recording, between the one before and where the log has it; of a tone the place."""
    whole = np.frombuffer(chime(one.sha256), dtype=np.int16) if one.part == "tone" else samples
    faded = FADE_SAMPLES if one.ended == "cut" else 0
    like, start, end = likeness(wave, whole[one.start : one.end - faded], left, max(left, about) + WITHIN_SAMPLES)
    return None if one.part == "tone" else like, start, end + faded


def _elsewhere(evidence: Evidence) -> Iterator[Fault]:
    """Nothing sounds on a loudspeaker that was not ordered there."""
    ordered = {(duty.speaker, part.order) for duty in evidence.duties for part in duty.parts}
    for one in evidence.stretches:
        if (one.speaker, one.order) not in ordered:
            yield Fault(one.speaker, "strange", f"{one.part} of order {one.order} was not meant for it")
