"""Every crash point is passed for real, and every process that passes it is killed there: what was promised holds.

A town of real processes tells the same story each time. Those that own a label end at it as by a power cut, at its
first pass and, begun again, at a later one; then they run on until all is healed, and the invariants are asked.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from broadcaster.model.crashing import LABELS
from tests.faults.invariants import violations
from tests.faults.nursery import Nursery
from tests.faults.processes import Kept, Tokens, Town, cast, running
from tests.faults.story import Teller, heal, tell

AT_ONCE = 2
"""Towns that run together: the machine has two cores."""

LATER = {
    "accept.commit.before": 5,
    "accept.commit.after": 6,
    "order.signed": 3,
    "order.stored": 2,
    "order.sent": 2,
    "receipt.commit.before": 5,
    "receipt.commit.after": 6,
    "stage.commit.before": 8,
    "stage.commit.after": 12,
    "work.claimed": 5,
    "work.acted": 4,
    "work.recorded.before": 6,
    "work.recorded": 3,
    "book.commit.before": 50,
    "book.commit.after": 70,
}
"""At which pass a service that was begun again ends once more."""

OF_SPEAKERS = sorted(label for label in LABELS if label.startswith("agent."))
OF_SERVICE = sorted(set(LABELS) - set(OF_SPEAKERS))
EVERY_SPEAKER = "every loudspeaker"
RUNS = [EVERY_SPEAKER, *OF_SERVICE]


@dataclass(slots=True)
class Run:
    """What came of one run.

    Attributes:
        crashed_at: the labels at which a process ended, with the pass at which it did.
        strange: processes that ended otherwise than they were to.
    """

    violations: list[str] = field(default_factory=list)
    crashed_at: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)
    failure: str = ""
    logs: str = ""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Run]:
    """Run them all, two at a time."""
    return asyncio.run(_all(tmp_path_factory.mktemp("labels")))


async def _all(folder: Path) -> Mapping[str, Run]:
    tokens = await cast(folder / "template")
    found: dict[str, Run] = {}
    turn = asyncio.Semaphore(AT_ONCE)
    async with Nursery() as nursery, asyncio.TaskGroup() as tasks:
        for name in RUNS:
            tasks.create_task(_one(nursery, folder, tokens, name, turn, found))
    return found


async def _one(
    nursery: Nursery, folder: Path, tokens: Tokens, name: str, turn: asyncio.Semaphore, found: dict[str, Run]
) -> None:
    async with turn:
        home = folder / name.replace(" ", "-")
        home.mkdir()
        crashes = _crashes(name)
        async with running(nursery, folder / "template", tokens, home, **crashes) as town:
            found[name] = await _told(town)


def _crashes(name: str) -> dict[str, Mapping[str, Sequence[str]] | Sequence[str]]:
    if name == EVERY_SPEAKER:
        return {
            "speaker_crashes": {
                f"east-{label}".replace(".", "-"): [f"{label}:1", f"{label}:2"] for label in OF_SPEAKERS
            }
        }
    return {"service_crashes": [f"{name}:1", f"{name}:{LATER[name]}"]}


async def _told(town: Town) -> Run:
    teller, run = Teller(town), Run()
    try:
        await tell(town, teller)
        seen = await heal(town, teller.made)
        run.violations = violations(seen)
    except Exception as error:
        run.failure = repr(error)
    finally:
        await teller.close()
    run.crashed_at = [label for one in town.kept for label in one.crashed_at]
    run.strange = [f"{one.name}: {status}" for one in town.kept for status in _strange(one)]
    run.logs = town.logs()
    return run


def _strange(one: Kept) -> list[int]:
    return [status for status, label in one.ended if not (label and label in one.crashed_at)]


@pytest.mark.parametrize("name", RUNS)
def test_whoever_is_killed_at_a_crash_point_breaks_no_promise(name: str, runs: Mapping[str, Run]) -> None:
    run = runs[name]

    assert not run.failure, run.logs
    assert run.violations == [], run.logs
    assert run.strange == [], run.logs


def test_every_crash_point_was_reached_and_killed_somebody(runs: Mapping[str, Run]) -> None:
    """
    A label that is never passed is a promise that nobody tests.
    """
    first = {label.rpartition(":")[0] for run in runs.values() for label in run.crashed_at if label.endswith(":1")}

    assert first == set(LABELS)
