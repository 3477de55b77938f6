"""Way: from the release of an alert to the first sound on every loudspeaker, and from a cancel to silence."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from broadcaster.benching.figures import SERVICE_STEPS
from broadcaster.benching.machine import cpu_seconds, resident_mib
from broadcaster.benching.town import CACHED, Sent, Town, new_sentence

RECEIPTS = 3_000
AHEAD_SECONDS = 0.02
SOUNDS_SECONDS = 1.0
REST_SECONDS = 1.0

Ways = list[list[float]]
"""(n, 9): the release and the end of each of STEPS, seconds on the monotonic clock, for each loudspeaker."""


@dataclass(slots=True)
class Case:
    """One case of the first table. `receipts`: how long the injected ones took, seconds, each round."""

    name: str
    rounds: list[Ways] = field(default_factory=list)
    receipts: list[float] = field(default_factory=list)

    def service_seconds(self) -> list[float]:
        """Return release → written to the loudspeaker's socket: what of it is the service's."""
        return [way[SERVICE_STEPS] - way[0] for ways in self.rounds for way in ways]

    def seconds(self) -> list[float]:
        """Return release → first sound of every loudspeaker in every round."""
        return [way[-1] - way[0] for ways in self.rounds for way in ways]


@dataclass(slots=True)
class Results:
    """What was measured with one number of loudspeakers.

    Attributes:
        silences: ``cancel`` and ``stop``: seconds from the answer to the last sample, of each loudspeaker and round.
        cpu: process → CPU seconds of each delivery (its play and its end).
        resident: process → MiB at the end.
    """

    speakers: int
    cases: list[Case] = field(default_factory=list)
    silences: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    resident: dict[str, float] = field(default_factory=dict)


async def measure(town: Town, rounds: int, say: Callable[[str], None], *, whole: bool = True) -> Results:
    """Measure everything that loudspeakers are needed for.

    Args:
        whole: the four cases; else only how soon it is silent.
    """
    results = Results(len(town.speakers))
    say("warm-up")
    await _round(town, CACHED, [], "cancel")
    for name, sentence, is_loaded, ending in _cases(whole):
        case = Case(name)
        before, deliveries = _cpu(town), 0
        for number in range(rounds):
            say(f"{name}: {number + 1}/{rounds}")
            ways, silence = await _round(town, sentence(), case.receipts if is_loaded else [], ending, loaded=is_loaded)
            case.rounds.append(ways)
            results.silences.setdefault(ending, []).extend(silence)
            deliveries += len(ways)
        if not results.cpu:
            after = _cpu(town)
            results.cpu = {process: (after[process] - before[process]) / deliveries for process in before}
        results.cases.append(case)
    results.resident = {process: resident_mib(pid) for process, pid in town.pids.items()}
    return results


def _cases(whole: bool) -> list[tuple[str, Callable[[], str], bool, str]]:
    idle: list[tuple[str, Callable[[], str], bool, str]] = [
        ("cached, idle", lambda: CACHED, False, "cancel"),
        ("newly spoken, idle", new_sentence, False, "stop"),
    ]
    loaded: list[tuple[str, Callable[[], str], bool, str]] = [
        (f"cached, {RECEIPTS} receipts", lambda: CACHED, True, "cancel, receipts"),
        (f"newly spoken, {RECEIPTS} receipts", new_sentence, True, "stop, receipts"),
    ]
    return [idle[0], loaded[0], idle[1], loaded[1]] if whole else [idle[0], ("stop", lambda: CACHED, False, "stop")]


def _cpu(town: Town) -> dict[str, float]:
    return {process: cpu_seconds(pid) for process, pid in town.pids.items()}


async def _round(
    town: Town, sentence: str, took: list[float], ending: str, *, loaded: bool = False
) -> tuple[Ways, list[float]]:
    """Send one alert, let it sound everywhere, end it; return every loudspeaker's way and how long it sounded on."""
    assert town.fleet is not None  # noqa: S101 - it has loudspeakers here
    await town.host.ask("marks")
    injected = asyncio.create_task(_inject(town)) if loaded else None
    if loaded:
        await asyncio.sleep(AHEAD_SECONDS)
    sent = await town.alert(sentence)
    await town.everybody("sounding", sent)
    await asyncio.sleep(SOUNDS_SECONDS)
    town_heard = await _first(town)
    ended = await (town.stop() if ending.startswith("stop") else town.cancel(sent.origin))
    await town.everybody("done", sent)
    if injected:
        took.append(await injected)
    await town.settled(sent)
    after = await town.fleet.ask("heard")
    ways = _ways(sent, await town.host.ask("marks"), town_heard)
    town.last_plays = await _plays(town, sent)
    await asyncio.sleep(REST_SECONDS)
    return ways, [max(0.0, row["done"] - ended) for row in after if "done" in row]


async def _first(town: Town) -> list[dict[str, Any]]:
    assert town.fleet is not None  # noqa: S101 - it has loudspeakers here
    heard: list[dict[str, Any]] = await town.fleet.ask("heard")
    return [row for row in heard if "sounding" in row]


async def _inject(town: Town) -> float:
    return float(await town.host.ask("receipts", count=RECEIPTS, plays=town.last_plays))


async def _plays(town: Town, sent: Sent) -> dict[str, str]:
    orders = await town.host.ask("orders", origin=sent.origin)
    by_village = {village: orders.get(announcement) for announcement, village in sent.announcements.items()}
    return {speaker: by_village[village] for speaker, village in town.speakers if by_village.get(village)}


def _ways(sent: Sent, marks: list[tuple[str, str, float]], heard: list[dict[str, Any]]) -> Ways:
    """Put together, for each loudspeaker, the moments of its order on the way."""
    first: dict[tuple[str, str], float] = {}
    for what, of, at in marks:
        first.setdefault((what, of), at)
    taken = next((at for what, _, at in marks if what == "committed" and at >= sent.released - 0.002), sent.released)
    return [_way(sent.released, taken, first, row) for row in heard]


def _way(released: float, taken: float, first: Mapping[tuple[str, str], float], row: Mapping[str, Any]) -> list[float]:
    order, announcement = row["order"], row["announcement"]
    way = [
        released,
        taken,
        first["ordering", announcement],
        first["signed", announcement],
        first["sending", order],
        first["handed", order],
        first["written", row["speaker"]],
        row["accepted"],
        row["sounding"],
    ]
    # A loudspeaker may accept before whoever wrote is told that it is written: then that step took no time.
    return [min(way[place:]) for place in range(len(way))]
