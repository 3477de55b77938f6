"""Watching: the last value of what loudspeakers say of themselves; no deliveries, and nothing that must not be lost."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from broadcaster.desk.office import Desk
from broadcaster.desk.rows import SpeakerHealth
from broadcaster.model.precedence import Lane

FLUSH_SECONDS = 5.0
MOST_PROGRESS = 20_000


@dataclass(slots=True)
class Watch:
    """What is known at this moment; health goes to the book every few seconds.

    Attributes:
        progress: (order, speaker) → milliseconds heard and what it waits for.
    """

    health: dict[str, SpeakerHealth] = field(default_factory=dict)
    progress: dict[tuple[str, str], tuple[int, str | None]] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)

    def seen(self, speaker: str, at: datetime, said: dict[str, object] | None = None) -> None:
        """Note that a loudspeaker spoke, and what it said of itself."""
        known = replace(self.health.get(speaker) or SpeakerHealth(speaker, at), seen_at=at)
        if said is not None:
            known = replace(
                known,
                volume=_number(said.get("volume")),
                clock_error_ms=_number(said.get("clock_error_ms")),
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


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) else None


async def keep_health(desk: Desk, watch: Watch) -> None:
    """Write health down for ever, every few seconds."""
    while True:
        await desk.clock.sleep(FLUSH_SECONDS)
        rows = [watch.health[speaker] for speaker in sorted(watch.changed)]
        watch.changed.clear()
        if rows:
            await desk.book.write(Lane.NOTICE, lambda pen, rows=rows: pen.put(rows))  # type: ignore[misc]
