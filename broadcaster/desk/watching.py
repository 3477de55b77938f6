"""Watching: the last value of what loudspeakers say of themselves; no deliveries, and nothing that must not be lost."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from broadcaster.desk.office import Desk
from broadcaster.desk.rows import SpeakerHealth
from broadcaster.model.errors import OutOfReach, is_passing
from broadcaster.model.precedence import Lane

FLUSH_SECONDS = 5.0
MOST_PROGRESS = 20_000
LARGEST = 2**53
"""The largest number that JSON says exactly; well within the book's 63 bits."""


@dataclass(slots=True)
class Watch:
    """What is known at this moment; health goes to the book every few seconds.

    Attributes:
        progress: (order, speaker) → milliseconds heard and what it waits for.
        dropped: why → how many receipts were confirmed and went no further.
    """

    health: dict[str, SpeakerHealth] = field(default_factory=dict)
    progress: dict[tuple[str, str], tuple[int, str | None]] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    dropped: Counter[str] = field(default_factory=Counter)

    def seen(self, speaker: str, at: datetime, said: dict[str, object] | None = None) -> None:
        """Note that a loudspeaker spoke, and what it said of itself."""
        known = replace(self.health.get(speaker) or SpeakerHealth(speaker, at), seen_at=at)
        if said is not None:
            known = replace(
                known,
                volume=whole(said.get("volume")),
                clock_error_ms=whole(said.get("clock_error_ms")),
                faults=_joined(said.get("faults"))[:200],
                software=str(said.get("software") or known.software)[:60],
            )
        self.health[speaker] = known
        self.changed.add(speaker)

    def heard(self, order: str, speaker: str, heard_ms: int, waiting_for: str | None) -> None:
        """Note how far a play has come; bounded: the oldest are forgotten."""
        self.progress[order, speaker] = (heard_ms, waiting_for)
        while len(self.progress) > MOST_PROGRESS:
            self.progress.pop(next(iter(self.progress)))


def _joined(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value or "")


def whole(value: object) -> int | None:
    """Read a whole number as loudspeakers say them; what the book has no room for (NaN, 1e999) is none."""
    if not isinstance(value, int | float) or not -LARGEST <= value <= LARGEST:
        return None
    return int(value)


async def keep_health(desk: Desk, watch: Watch) -> None:
    """Write health down for ever, every few seconds; what finds the book busy is written the next time."""
    while True:
        await desk.clock.sleep(FLUSH_SECONDS)
        changed = sorted(watch.changed)
        watch.changed.clear()
        try:
            await _keep(desk, [watch.health[speaker] for speaker in changed])
        except OutOfReach as error:
            if not is_passing(error):
                raise
            watch.changed.update(changed)


async def _keep(desk: Desk, rows: Sequence[SpeakerHealth]) -> None:
    if rows:
        await desk.book.write(Lane.NOTICE, lambda pen: pen.put(rows))
