"""Priority: how soon an alert is taken up behind a long queue of notices, and while the voice is busy with them."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from broadcaster.benching.town import CACHED, Sent, Town, new_sentence, until

GAP_SECONDS = 0.25
BUSY_SECONDS = 3.0
SPOKEN_SECONDS = 60.0
OTHERS = "惠民补贴"
"""In every sentence of a notice that keeps the voice busy."""

STAGE, WORKER, SPEECH = "commit → stage called", "commit → worker called", "commit → inference begun"


@dataclass(slots=True)
class Priority:
    """What was measured. `seconds`: (step, state of the lane beside) → seconds, one for each alert.

    Attributes:
        queued: notices' announcements put into the book.
        left: of them not ordered yet when the last alert had been taken up.
    """

    queued: int = 0
    left: int = 0
    seconds: dict[tuple[str, str], list[float]] = field(default_factory=dict)

    def add(self, state: str, marks: list[Any], sent: Sent) -> None:
        """Read one alert's moments."""
        for step, seconds in _steps(marks, sent).items():
            self.seconds.setdefault((step, state), []).append(seconds)


async def measure_priority(town: Town, alerts: int, notices: int, say: Callable[[str], None]) -> Priority:
    """Measure with no loudspeaker connected: what they cost is another table's."""
    found = Priority()
    await _one(town, CACHED)
    say(f"alerts alone: {alerts}")
    await _alerts(town, alerts, found, "idle")
    say(f"queueing {notices} notices")
    found.queued = int(await town.host.ask("queue", count=notices))
    say(f"alerts behind {found.queued} notices: {alerts}")
    await _alerts(town, alerts, found, "behind the queue")
    found.left = int(await town.host.ask("left"))
    await town.stop()
    await until(lambda: town.host.ask("left"), SPOKEN_SECONDS, "notices not stopped")
    return found


async def measure_speech(town: Town, alerts: int, found: Priority, say: Callable[[str], None]) -> None:
    """Measure how soon a new alert's sentence is being spoken, with the voice idle and busy."""
    for state, is_busy in (("idle", False), ("voice busy with notices", True)):
        say(f"speech, {state}: {alerts}")
        if is_busy:
            await town.host.ask("busy")
        for _ in range(alerts):
            await asyncio.sleep(BUSY_SECONDS if is_busy else GAP_SECONDS)
            sentence = new_sentence()
            # To its end: an alert that is still being spoken is not cut short for the next one.
            marks, sent = await _one(town, sentence)
            committed = _committed(marks, sent)
            began = [at for what, said, at in marks if what == "speaking" and OTHERS not in said]
            if committed and (after := [at for at in began if at >= committed]):
                found.seconds.setdefault((SPEECH, state), []).append(min(after) - committed)
        if is_busy:
            await town.host.ask("free")


async def _alerts(town: Town, count: int, found: Priority, state: str) -> None:
    for _ in range(count):
        marks, sent = await _one(town, CACHED)
        found.add(state, marks, sent)
        await asyncio.sleep(GAP_SECONDS)


async def _one(town: Town, sentence: str) -> tuple[list[Any], Sent]:
    """Send an alert; return what was noted until its ordering began."""
    await town.host.ask("marks")
    sent = await town.alert(sentence)
    seen: list[Any] = []

    def is_there() -> bool:
        return _steps(seen, sent).get(WORKER) is not None

    await _wait(town.host.ask, seen, is_there)
    return seen, sent


async def _wait(ask: Callable[[str], Awaitable[Any]], seen: list[Any], is_there: Callable[[], bool]) -> None:
    end = time.monotonic() + SPOKEN_SECONDS
    with suppress(TimeoutError):
        while not is_there() and time.monotonic() < end:
            await asyncio.sleep(0.05)
            seen += await ask("marks")


def _steps(marks: list[Any], sent: Sent) -> dict[str, float]:
    """Return how long after the commit the first of an alert's announcements came to the stage and to the worker."""
    committed, announced = _committed(marks, sent), set(sent.announcements)
    found = {}
    for name, what in ((STAGE, "airing"), (WORKER, "ordering")):
        at = [moment for kind, of, moment in marks if kind == what and of in announced]
        if at and committed:
            # A stage that was awake anyway takes an event in the very transaction that wrote it, before its commit.
            found[name] = max(0.0, min(at) - committed)
    return found


def _committed(marks: list[Any], sent: Sent) -> float | None:
    """Return when the bell rang for the transaction that took the alert: the first after its release was set."""
    return next((at for what, _, at in marks if what == "committed" and at >= sent.released - 0.002), None)
