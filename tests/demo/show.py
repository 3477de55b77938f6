"""A show that went well, small and made by hand, for tests to spoil."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from audio.chimes import chime
from audio.playing import louder, wave_header
from broadcaster.cli.judging import Duty, Evidence, Part
from streams.agent.soundlog import Stretch

RATE_HZ = 24_000
BEGAN_MS = 1_800_000_000_000
VOLUME = 70
FADE = RATE_HZ // 20


def a_recording(seconds: float, seed: int) -> Any:
    """Make something as restless as speech, with a silence in its middle."""
    sound = np.random.default_rng(seed).integers(-12_000, 12_000, int(seconds * RATE_HZ), dtype=np.int16)
    middle = len(sound) // 2
    sound[middle : middle + RATE_HZ // 10] = 0
    return sound


def a_part(name: str, sound: Any) -> Part:
    return Part(f"order-{name}", f"announcement-{name}", f"{name:f>64}", len(sound) * 1000 // RATE_HZ, sound)


@dataclass
class Loudspeaker:
    """Plays into a WAV and keeps a log, as an agent does."""

    name: str
    folder: Path
    log: list[Stretch] = field(default_factory=list)
    sound: Any = field(default_factory=lambda: np.zeros(0, dtype=np.int16))
    late_samples: int = 0

    def plays(self, part: Part, start: int = 0, end: int | None = None, hole_at: int | None = None) -> None:
        """Let a recording sound from a place to another; a cut fades."""
        is_cut = end is not None
        end = len(part.samples) if end is None else end
        piece = part.samples[start:end].copy()
        if is_cut:
            piece[-FADE:] = piece[-FADE:] * np.linspace(1, 0, FADE)
        stretch = self._stretch(part, "recording", part.sha256, start, end)
        self.log.append(replace(stretch, ended="cut" if is_cut else "end"))
        if hole_at is not None:
            self._write(piece[:hole_at])
            self._write(np.zeros(1_234, dtype=np.int16))
            piece = piece[hole_at:]
        self._write(piece)

    def chimes(self, part: Part, tone: str) -> None:
        """Let a tone sound before a recording."""
        sound = np.frombuffer(chime(tone), dtype=np.int16)
        self.log.append(replace(self._stretch(part, "tone", tone, 0, len(sound)), ended="end"))
        self._write(sound)

    def rests(self, seconds: float) -> None:
        """Be silent."""
        self.sound = np.concatenate([self.sound, np.zeros(int(seconds * RATE_HZ), dtype=np.int16)])

    def _stretch(self, part: Part, what: str, sha256: str, start: int, end: int) -> Stretch:
        # The hour is read some milliseconds before the first sample is written.
        at_ms = BEGAN_MS + len(self.sound) * 1000 // RATE_HZ - (3 if len(self.sound) else 0)
        return Stretch(self.name, part.order, part.announcement, what, sha256, 1, start, end, at_ms)

    def _write(self, piece: Any) -> None:
        quieter = np.frombuffer(louder(piece.astype(np.int16).tobytes(), VOLUME), dtype=np.int16)
        self.sound = np.concatenate([self.sound, quieter])

    @property
    def file(self) -> Path:
        return self.folder / f"{self.name}.wav"

    def closes(self) -> None:
        """Write the file."""
        content = self.sound.astype("<i2").tobytes()
        self.file.write_bytes(wave_header(len(content)) + content)


NOTICE = a_part("notice", a_recording(4.0, 1))
ALERT = a_part("alert", a_recording(2.0, 2))
DRY_NOTICE = replace(NOTICE, order="order-dry", announcement="announcement-dry")


def a_show(folder: Path) -> Evidence:
    """Two loudspeakers: one where the river rises, one where it does not."""
    wet, dry = Loudspeaker("wet", folder), Loudspeaker("dry", folder)
    wet.chimes(NOTICE, "notice")
    wet.plays(NOTICE, end=36_000, hole_at=7_000)
    wet.chimes(ALERT, "alert")
    wet.plays(ALERT)
    wet.rests(0.2)
    wet.plays(NOTICE, start=36_000)
    dry.chimes(DRY_NOTICE, "notice")
    dry.plays(DRY_NOTICE)
    wet.closes()
    dry.closes()
    first_alert_ms = next(one.at_ms for one in wet.log if one.order == ALERT.order)
    return Evidence(
        duties=[Duty("wet", "east", NOTICE, ALERT), Duty("dry", "west", DRY_NOTICE)],
        stretches=[*wet.log, *dry.log],
        accepted_ms={("wet", ALERT.order): first_alert_ms - 200},
        waves=folder,
        deliveries={
            (NOTICE.announcement, "wet"): played(NOTICE),
            (ALERT.announcement, "wet"): played(ALERT),
            (DRY_NOTICE.announcement, "dry"): played(DRY_NOTICE),
        },
    )


def played(part: Part) -> dict[str, Any]:
    return {"outcome": "played", "heard_ms": part.ms, "audio_sha256": part.sha256}


def with_stretches(evidence: Evidence, stretches: Sequence[Stretch]) -> Evidence:
    return replace(evidence, stretches=stretches)
