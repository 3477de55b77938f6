"""Sound log: what really came out of a loudspeaker, stretch by stretch. The judge in every test of the whole way.

A stretch is a run of samples of one tone or recording without a gap. A line is written when it begins, each second
while it lasts, and when it ends; the last line of a stretch tells it whole, so after a kill at most a second is unsaid.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TextIO

LARGEST_BYTES = 64 * 1024 * 1024
REMEMBERED_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Stretch:
    """Samples that sounded without a gap.

    Attributes:
        part: ``tone``, ``recording`` or ``stock``.
        sha256: of the recording's file; the tone's name for a tone.
        start, end: samples of the part at 24 kHz, [start, end); ``from`` and ``to`` in a file.
        at_ms: service time of its first sample, milliseconds since 1970.
        ended: ``end`` (the part was over), ``cut`` (by another, a cancel or quiet hours) or empty: no more is known.
        crash_replay: this repeat may have been heard before.
    """

    speaker: str
    order: str
    announcement: str
    part: str
    sha256: str
    repeat_no: int
    start: int
    end: int
    at_ms: int
    ended: str = ""
    crash_replay: bool = False

    @property
    def key(self) -> tuple[str, str, str, int, int, int]:
        """Name the stretch: its lines share this."""
        return (self.speaker, self.order, self.part, self.repeat_no, self.start, self.at_ms)

    def to_json(self) -> dict[str, Any]:
        """Write it as JSON fields."""
        fields = {name: getattr(self, name) for name in self.__slots__ if name not in ("start", "end")}
        return fields | {"from": self.start, "to": self.end}

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> "Stretch":
        """Read it from JSON fields."""
        fields = {name: value for name, value in found.items() if name in cls.__slots__}
        return cls(**fields, start=found["from"], end=found["to"])


class SoundLog(Protocol):
    """Keeps what sounded."""

    def note(self, stretch: Stretch) -> None:
        """Keep a stretch as far as it has sounded; a later note of the same key replaces it."""

    def furthest(self, speaker: str, order: str, repeat_no: int) -> int:
        """Return how far the recording came in a repeat, in samples; asked of what sounded last before a restart."""


class MemorySoundLog:
    """A sound log for tests and fleets."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str, int, int, int], Stretch] = {}

    def note(self, stretch: Stretch) -> None:
        """Keep it."""
        self._kept[stretch.key] = stretch

    def furthest(self, speaker: str, order: str, repeat_no: int) -> int:
        """Return how far the recording came in a repeat, in samples."""
        return _furthest(self._kept.values(), speaker, order, repeat_no)

    @property
    def stretches(self) -> list[Stretch]:
        """Return all of it, in the order in which it began."""
        return list(self._kept.values())


class FileSoundLog:
    """JSON lines, flushed line by line; several loudspeakers of one process may share it.

    Args:
        largest_bytes: beyond this the file is set aside as ``<name>.1``, in place of the one before.
    """

    def __init__(self, path: Path, largest_bytes: int = LARGEST_BYTES) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._largest_bytes = largest_bytes
        self._before = _last_lines(path)
        is_torn = _is_torn(path)
        self._file = self._open()
        if is_torn:
            self._file.write("\n")

    def note(self, stretch: Stretch) -> None:
        """Append a line, to the page cache: it survives the process, and costs microseconds."""
        if self._file.tell() >= self._largest_bytes:
            self._file.close()
            self._path.replace(self._path.with_name(self._path.name + ".1"))
            self._file = self._open()
        self._file.write(json.dumps(stretch.to_json(), ensure_ascii=False) + "\n")

    def furthest(self, speaker: str, order: str, repeat_no: int) -> int:
        """Return how far the recording came in a repeat, in samples, before this process began."""
        return _furthest(self._before, speaker, order, repeat_no)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _open(self) -> TextIO:
        return self._path.open("a", encoding="utf-8", buffering=1)


def _furthest(stretches: Iterable[Stretch], speaker: str, order: str, repeat_no: int) -> int:
    wanted = (speaker, order, repeat_no, "recording")
    mine = (one.end for one in stretches if (one.speaker, one.order, one.repeat_no, one.part) == wanted)
    return max(mine, default=0)


def _last_lines(path: Path) -> list[Stretch]:
    """Read the end of a file: what sounded last is all that a restart has to know."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - REMEMBERED_BYTES))
        return merged(read(file.read().decode(errors="replace")))


def _is_torn(path: Path) -> bool:
    """Tell whether the last line was cut off by the end of a process."""
    if not path.exists() or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) != b"\n"


def merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Fold marks into whole stretches, in the order in which they began."""
    whole: dict[tuple[str, str, str, int, int, int], Stretch] = {}
    for stretch in stretches:
        known = whole.get(stretch.key)
        if known is None or stretch.end >= known.end:
            whole[stretch.key] = stretch
    return list(whole.values())


def read_sound_log(path: Path) -> list[Stretch]:
    """Read a file of JSON lines, marks folded; a last line torn by a power cut is left out."""
    return merged(_lines(path))


def _lines(path: Path) -> Iterator[Stretch]:
    return read(path.read_text(encoding="utf-8"))


def read(text: str) -> Iterator[Stretch]:
    """Read marks out of JSON lines; what is no whole line is left out."""
    for line in text.splitlines():
        try:
            yield Stretch.from_json(json.loads(line))
        except (ValueError, TypeError, KeyError):
            # Cut off, by a power cut at its end or by us at its beginning.
            continue
