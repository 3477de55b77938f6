"""Loudspeakers: the fleet as a child of the bench, with sinks that remember when they sounded.

All agents of the process share one cache of decoded recordings and one of verified envelopes: in the field each has a
processor of its own for that, here a thousand share one.
"""

import asyncio
import json
import sys
import time
from typing import Any

from audio.playing import BYTES_PER_SECOND, NullSink
from broadcaster.benching.talk import Action, keep_stdout, obey
from broadcaster.model.clock import SystemClock
from streams.agent.fleet import FleetSettings, run_fleet
from streams.agent.sounding import Observed

GAP_SECONDS = 0.5
"""Silence after which the next sample is the first of another sound."""


class EarSink(NullSink):
    """Keeps time, and remembers when its last sound began and until when it went."""

    def __init__(self, clock: SystemClock) -> None:
        super().__init__(clock)
        self.first = self.last = 0.0

    async def write(self, block: bytes) -> None:
        """Note the block's first sample at the moment it is handed over, and where its last one falls."""
        now = time.monotonic()
        if now - self.last > GAP_SECONDS:
            self.first = now
        # Blocks that follow each other are back to back, also where one was handed over late.
        start = max(now, self.last) if now - self.last <= GAP_SECONDS else now
        self.last = start + len(block) / BYTES_PER_SECOND
        await super().write(block)


class Fleet:
    """The loudspeakers, and what was seen on them."""

    def __init__(self, said: dict[str, Any]) -> None:
        speakers = tuple((speaker, village) for speaker, village in said["speakers"])
        self._settings = FleetSettings(
            said["url"], said["token"], speakers, per_second=said["per_second"], block_ms=said["block_ms"]
        )
        self._sinks: dict[str, EarSink] = {}
        self._seen: list[tuple[Observed, float]] = []

    async def run(self) -> None:
        """Let them live until the bench ends."""
        running = asyncio.create_task(run_fleet(self._settings, self._note, make_sink=self._make))
        actions: dict[str, Action] = {"count": self.count, "heard": self.heard}
        obeying = asyncio.create_task(obey({"ready": True}, actions))
        await asyncio.wait({running, obeying}, return_when=asyncio.FIRST_COMPLETED)
        for task in (running, obeying):
            task.cancel()
        await asyncio.gather(running, obeying, return_exceptions=True)

    def _make(self, speaker: str) -> EarSink:
        sink = self._sinks[speaker] = EarSink(SystemClock())
        return sink

    def _note(self, seen: Observed) -> None:
        """Keep it; with the first sample of what sounds, or the last of what is done, as its sink was handed them."""
        sink = self._sinks[seen.speaker]
        moments = {"sounding": sink.first, "done": sink.last}
        self._seen.append((seen, moments.get(seen.kind, seen.monotonic)))

    async def count(self, announcements: list[str], kind: str) -> int:
        """Tell on how many loudspeakers something happened to these announcements."""
        return sum(one.kind == kind and one.announcement in announcements for one, _ in self._seen)

    async def heard(self) -> list[dict[str, Any]]:
        """Hand over what was seen on each loudspeaker since the last time: moments on the machine's monotonic clock."""
        rows: dict[tuple[str, str], dict[str, Any]] = {}
        for one, at in self._seen:
            row = rows.setdefault(
                (one.speaker, one.announcement),
                {"speaker": one.speaker, "announcement": one.announcement, "order": one.order},
            )
            row[one.kind] = at
        self._seen.clear()
        return list(rows.values())


if __name__ == "__main__":
    keep_stdout()
    asyncio.run(Fleet(json.loads(sys.argv[1])).run())
