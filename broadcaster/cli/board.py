"""Board: what an audience sees of the demo: each loudspeaker, what it was told and what it played."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from broadcaster.cli.tongue import both

if TYPE_CHECKING:
    from streams.agent.sounding import Observed
    from streams.agent.soundlog import SoundLog, Stretch

RATE_HZ = 24_000
PER_SECOND = 4
LINES_KEPT = 8
NOTICE, ALERT = "notice", "alert"


@dataclass(slots=True)
class Row:
    """One loudspeaker on the board. Moments in service time, milliseconds; `sounded`: samples by kind and place."""

    village: str
    speaker: str
    accepted: dict[str, int] = field(default_factory=dict)
    first: dict[str, int] = field(default_factory=dict)
    sounded: dict[tuple[str, int, int], int] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)
    paused: int | None = None
    resumed: int | None = None

    def played_seconds(self, kind: str) -> float:
        """Tell how much of a recording has sounded."""
        return sum(count for (of, *_), count in self.sounded.items() if of == kind) / RATE_HZ


class Board:
    """Takes in what loudspeakers do, and shows it: a live table on a terminal, plain lines elsewhere.

    Attributes:
        origins: announcement → notice or alert, as soon as it is known.
        released_ms: from when each may sound.
        accepted_ms: (speaker, order) → service time.
        changed: called after each thing that happened on a loudspeaker.
    """

    def __init__(self, names: Mapping[str, str], speakers: Sequence[tuple[str, str]], *, is_live: bool) -> None:
        self._rows = {speaker: Row(names[village], speaker) for speaker, village in speakers}
        self._console = Console(highlight=False, soft_wrap=not is_live)
        self._is_live = is_live
        self._began = time.monotonic()
        self._said: list[str] = []
        self._doing = ""
        self.kinds: dict[str, str] = {}
        self.released_ms: dict[str, int] = {}
        self.accepted_ms: dict[tuple[str, str], int] = {}
        self.changed: Callable[[], None] = lambda: None
        self._live = Live(console=self._console, refresh_per_second=PER_SECOND, get_renderable=self._picture)

    def __enter__(self) -> "Board":
        if self._is_live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_live:
            self._live.stop()

    @property
    def rows(self) -> Mapping[str, Row]:
        """Return what is known of each loudspeaker."""
        return self._rows

    def say(self, words: str) -> None:
        """Say what happens now, for good."""
        line = f"[{time.monotonic() - self._began:6.1f} s] {words}"
        self._doing = ""
        self._said = [*self._said, line][-LINES_KEPT:]
        if not self._is_live:
            self._console.print(Text(line))

    def doing(self, words: str) -> None:
        """Say how far something has come; the next word replaces it."""
        if words != self._doing and not self._is_live:
            self._console.print(Text(f"           {words}"))
        self._doing = words

    def plain(self, words: str) -> None:
        """Print something that stays on the screen below the table."""
        self._console.print(Text(words))

    def observe(self, seen: "Observed") -> None:
        """Take in what happened on a loudspeaker."""
        row, kind = self._rows[seen.speaker], self._kind(seen.announcement)
        if seen.kind == "accepted":
            row.accepted[kind] = seen.at_ms
            self.accepted_ms[seen.speaker, seen.order] = seen.at_ms
        if seen.kind == "done":
            row.ended[kind] = str(seen.outcome)
        self.changed()

    def note(self, one: "Stretch") -> None:
        """Take in a stretch as far as it has sounded."""
        row, kind = self._rows[one.speaker], self._kind(one.announcement)
        if kind not in row.first:
            row.first[kind] = one.at_ms
        if one.part != "tone":
            row.sounded[kind, one.start, one.at_ms] = one.end - one.start
            if kind == NOTICE and one.ended == "cut":
                row.paused = one.end
            elif kind == NOTICE and row.paused is not None:
                row.resumed = one.start
        self.changed()

    def _kind(self, announcement: str) -> str:
        # Before the answer to the alert is here, whatever is not the notice is the alert.
        return self.kinds.get(announcement, ALERT)

    def after_ms(self, row: Row, kind: str) -> int | None:
        """Tell how long after its release a loudspeaker let a thing sound first."""
        if kind not in row.first or kind not in self.released_ms:
            return None
        return row.first[kind] - self.released_ms[kind]

    def _picture(self) -> Group:
        lines = [*self._said, *([f"           {self._doing}"] if self._doing else [])]
        return Group(Text("\n".join(lines)), self.table())

    def table(self) -> Table:
        """Return the table as it stands."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for title in (
            both("村", "Village"),
            both("喇叭", "Loudspeaker"),
            both("收到", "Accepted"),
            both("通知首响 ms", "Notice after ms"),
            both("预警首响 ms", "Alert after ms"),
            both("已播 s（通知/预警）", "Played s (notice/alert)"),
            both("暂停→续播 s", "Paused → resumed s"),
            both("结果", "Outcome"),
        ):
            table.add_column(title, justify="right" if " " in title else "left")
        for row in self._rows.values():
            table.add_row(*self._cells(row))
        return table

    def _cells(self, row: Row) -> list[str]:
        kinds = [kind for kind in (NOTICE, ALERT) if kind in row.accepted]
        marks = {NOTICE: both("通知", "notice"), ALERT: both("预警", "alert")}
        pause = f"{row.paused / RATE_HZ:.2f}" if row.paused is not None else ""
        resume = f" → {row.resumed / RATE_HZ:.2f}" if row.resumed is not None else ""
        return [
            row.village,
            row.speaker,
            " ".join(marks[kind] for kind in kinds),
            _shown(self.after_ms(row, NOTICE)),
            _shown(self.after_ms(row, ALERT)),
            f"{row.played_seconds(NOTICE):.1f} / {row.played_seconds(ALERT):.1f}",
            pause + resume,
            " ".join(row.ended[kind] for kind in kinds if kind in row.ended),
        ]


def _shown(number: int | None) -> str:
    return "" if number is None else str(number)


class TwoLogs:
    """A sound log that the judge reads as a file and the audience sees at once."""

    def __init__(self, file: "SoundLog", board: Board) -> None:
        self._file = file
        self._board = board

    def note(self, stretch: "Stretch") -> None:
        """Keep it in both."""
        self._file.note(stretch)
        self._board.note(stretch)

    def furthest(self, speaker: str, order: str, repeat_no: int) -> int:
        """Tell how far a recording came before; the file knows."""
        return self._file.furthest(speaker, order, repeat_no)
