"""Fetching: gets the recordings of what waits, so that they are here when their turn comes."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from broadcaster.model.clock import Clock
from broadcaster.model.delivery import Outcome, Reason
from broadcaster.model.errors import Invalid, OutOfReach
from streams.agent.bell import Bell
from streams.agent.queue import Ending, Item, Queue, Stage
from streams.agent.recordings import Recordings
from streams.agent.timekeeping import ServiceTime

BACK_OFF_SECONDS = (0.5, 1, 2, 5, 10, 30)
AT_ONCE = 4
"""Downloads side by side on a village's line."""


@dataclass(slots=True)
class Fetching:
    """Fetches for the items of a queue, the first in turn first, until each has its recording or has ended.

    Attributes:
        need: tells the service what is lacking.
        jitter: seconds that a routine item waits first, so that a town does not ask all at once; alerts never do.
    """

    queue: Queue
    recordings: Recordings
    time: ServiceTime
    clock: Clock
    bell: Bell
    need: Callable[[dict[str, Any]], None]
    jitter: Callable[[], float] = lambda: 0.0
    _under_way: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)

    async def run(self) -> None:
        """Fetch for ever."""
        ear = self.bell.ear()
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._call_off()
                for item in self._wanted()[: max(0, AT_ONCE - len(self._under_way))]:
                    self._under_way[item.id] = tasks.create_task(self._fetch(item))
                await ear.wait(None)

    def _wanted(self) -> list[Item]:
        lacking = [
            item for item in self.queue if not item.is_ready and item.ending is None and item.id not in self._under_way
        ]
        return sorted(lacking, key=lambda item: self.queue.way.turn(item.standing))

    def _call_off(self) -> None:
        for name in [name for name in self._under_way if name not in self.queue.items]:
            self._under_way.pop(name).cancel()

    async def _fetch(self, item: Item) -> None:
        try:
            await self._try(item)
        finally:
            self._under_way.pop(item.id, None)
            self.bell.ring()

    async def _try(self, item: Item) -> None:
        tries = 0
        if item.is_routine and not self.recordings.has(item.play.recording):
            await self.clock.sleep(self.jitter())
        while item.id in self.queue.items:
            try:
                await self.recordings.get(item.play.recording)
            except Invalid:
                if item.stage is not Stage.SOUNDING:
                    item.ending = item.ending or Ending(Outcome.REFUSED, reason=Reason.AUDIO)
                return
            except OutOfReach:
                self.need({"sha256": item.play.recording.sha256})
                await self.clock.sleep(BACK_OFF_SECONDS[min(tries, len(BACK_OFF_SECONDS) - 1)])
                tries += 1
            else:
                item.is_ready = True
                return
