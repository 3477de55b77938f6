"""Soak: the service, the signer, the voice and loudspeakers are killed at any moment, again and again.

What was accepted is not lost, and the invariants hold after every round. The seed is printed: with VB_SOAK_SEED it
comes again, as far as a machine's own timing lets it. VB_SOAK_KILLS says how often is killed.
"""

import asyncio
import os
import time
from collections import Counter
from pathlib import Path
from random import Random, SystemRandom

import pytest

from tests.faults.invariants import violations
from tests.faults.nursery import Nursery
from tests.faults.processes import Town, cast, children, running
from tests.faults.story import Teller, heal

ROUND_KILLS = 5
FEWEST_SECONDS, MOST_SECONDS = 0.3, 4.0
GRACE_SECONDS = 30.0
LONGEST_HEALING_SECONDS = 300.0
"""A real voice that shares two cores, begun again five times, says a sentence in a minute."""

VICTIMS = ("service", "service", "signer", "east-1", "east-2")
CHILDREN = {"signer": "broadcaster.signing.process", "voice": "audio.voices"}


class Soak:
    """Rounds of a town that speaks while it is killed."""

    def __init__(self, town: Town, dice: Random, victims: tuple[str, ...]) -> None:
        self.town = town
        self.dice = dice
        self.victims = victims
        self.teller = Teller(town)
        self.kills: Counter[str] = Counter()
        self.heal_seconds: list[float] = []
        self.outcomes: Counter[str] = Counter()

    async def round(self, number: int, kills: int) -> list[str]:
        """Say things while some are killed; heal, and return what was broken."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._say(number))
            for _ in range(kills):
                await asyncio.sleep(self.dice.uniform(FEWEST_SECONDS, MOST_SECONDS))
                await self._kill(self.dice.choice(self.victims))
        begun = time.monotonic()
        seen = await heal(self.town, self.teller.made, longest_seconds=LONGEST_HEALING_SECONDS)
        self.outcomes = Counter(str(one.outcome or one.rank.name) for one in seen.deliveries)
        self.heal_seconds.append(round(time.monotonic() - begun, 1))
        return violations(seen)

    async def _say(self, number: int) -> None:
        """A notice, an alert, and by the dice a cancel of the one and an update of the other."""
        signs = "一二三四五六七八九十"
        name = "".join(signs[int(digit)] for digit in str(number))
        origin = await self.teller.write(f"notice-{number}", f"第{name}次停水，请储水。", repeat=2)
        await self.teller.release(origin)
        await asyncio.sleep(self.dice.uniform(0, 4))
        alert = await self.teller.warn(f"flood-{number}", f"第{name}次山洪快撤离")
        await asyncio.sleep(self.dice.uniform(0, 4))
        if self.dice.random() < 0.4:
            await self.teller.withdraw(origin)
        if self.dice.random() < 0.4:
            await self.teller.warn(f"flood-{number}-again", f"第{name}次往东山撤离", of=alert, kind="Update")

    async def _kill(self, victim: str) -> None:
        until = time.monotonic() + GRACE_SECONDS
        while not self._killed(victim) and time.monotonic() < until:  # noqa: ASYNC110 - nobody rings
            await asyncio.sleep(0.05)

    def _killed(self, victim: str) -> bool:
        if victim in self.town.speakers:
            is_dead = self.town.speakers[victim].kill()
        elif victim == "service":
            is_dead = self.town.service.kill()
        else:
            is_dead = self._killed_child(CHILDREN[victim])
        self.kills[victim] += is_dead
        return is_dead

    def _killed_child(self, command: str) -> bool:
        service = self.town.service.pid
        found = [pid for pid, line in children(service).items() if command in line] if service else []
        for pid in found:
            os.kill(pid, 9)
        return bool(found)


async def soak(folder: Path, kills: int, victims: tuple[str, ...], **environment: str) -> Soak:
    """Kill so often, in rounds; print the seed, and the figures."""
    seed = int(os.environ.get("VB_SOAK_SEED") or SystemRandom().randrange(10**6))
    print(f"seed {seed}: {kills} kills of {sorted(set(victims))}")
    tokens = await cast(folder / "template")
    (folder / "run").mkdir()
    async with (
        Nursery() as nursery,
        running(nursery, folder / "template", tokens, folder / "run", **environment) as town,
    ):
        soaking = Soak(town, Random(seed), victims)
        try:
            for number in range(-(-kills // ROUND_KILLS)):
                left = min(ROUND_KILLS, kills - number * ROUND_KILLS)
                assert await soaking.round(number, left) == [], f"seed {seed}, round {number}\n{town.logs()}"
        finally:
            await soaking.teller.close()
            print(f"killed {dict(soaking.kills)}, healed in {soaking.heal_seconds} s, {dict(soaking.outcomes)}")
    return soaking


async def test_a_town_that_is_killed_six_times_loses_nothing(tmp_path: Path) -> None:
    soaking = await soak(tmp_path, 6, VICTIMS)

    assert soaking.kills.total() == 6


@pytest.mark.soak
async def test_a_town_that_is_killed_forty_times_loses_nothing(tmp_path: Path) -> None:
    kills = int(os.environ.get("VB_SOAK_KILLS") or 40)

    soaking = await soak(tmp_path, kills, VICTIMS)

    assert soaking.kills.total() == kills


@pytest.mark.soak
@pytest.mark.voice
async def test_a_town_whose_voice_is_killed_ten_times_loses_nothing(tmp_path: Path) -> None:
    """
    With the real voice: what it was saying when it died is said by it again, or by another.
    """
    kills = int(os.environ.get("VB_SOAK_KILLS") or 10)

    soaking = await soak(tmp_path, kills, ("voice", "voice", "service"), VB_VOICE="kokoro", VB_IS_TEST="0")

    assert soaking.kills.total() == kills
