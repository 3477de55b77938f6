"""Faults: what goes wrong with loudspeakers in the field, by plan, so that a fleet can show it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from random import Random

from broadcaster.model.clock import Clock
from broadcaster.model.delivery import ReceiptKind
from broadcaster.model.errors import Invalid
from streams.agent.core import Line, Link
from streams.agent.messages import Message

RECEIPTS = frozenset(kind.value for kind in ReceiptKind)
SLOW_SECONDS = (1.0, 4.0)
WRONG_DAYS = (-400, 400)


@dataclass(frozen=True, slots=True)
class Faults:
    """How much goes wrong, as shares from 0 to 1.

    Attributes:
        offline: loudspeakers that never connect.
        slow: that hear everything seconds late.
        deaf: that say hello, and then nothing more.
        clock: whose time of day is wrong by up to 400 days.
        powercut: whose power goes once, while they sound.
        lost, doubled: receipts that get lost, or are said twice, on any line.
    """

    offline: float = 0
    slow: float = 0
    deaf: float = 0
    clock: float = 0
    powercut: float = 0
    lost: float = 0
    doubled: float = 0
    seed: int = 0

    @classmethod
    def parse(cls, text: str, seed: int = 0) -> "Faults":
        """Read ``offline=10%,slow=5%``; empty is none.

        Raises:
            Invalid: faults_unreadable, with the part that is wrong and the names that there are.
        """
        known = {one.name for one in fields(cls)} - {"seed"}
        shares: dict[str, float] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, _, share = part.partition("=")
            if name not in known or not share.endswith("%") or not share[:-1].replace(".", "", 1).isdigit():
                raise Invalid("faults_unreadable", part=part, form="name=5%", names=sorted(known))
            shares[name] = min(1.0, float(share[:-1]) / 100)
        return cls(**shares, seed=seed)

    def of(self, speaker: str) -> "Ailing":
        """Draw what is wrong with one loudspeaker; the same seed and id draw the same."""
        dice = Random(f"{self.seed}:{speaker}")  # noqa: S311 - a plan, not a secret
        return Ailing(
            offline=dice.random() < self.offline,
            slow=dice.random() < self.slow,
            deaf=dice.random() < self.deaf,
            clock_error=timedelta(days=dice.uniform(*WRONG_DAYS)) if dice.random() < self.clock else timedelta(),
            powercut=dice.random() < self.powercut,
            lost=self.lost,
            doubled=self.doubled,
            dice=dice,
        )


@dataclass(slots=True)
class Ailing:
    """What is wrong with one loudspeaker."""

    offline: bool
    slow: bool
    deaf: bool
    clock_error: timedelta
    powercut: bool
    lost: float
    doubled: float
    dice: Random


class WrongClock:
    """A clock whose time of day is wrong; seconds pass as they should."""

    def __init__(self, clock: Clock, error: timedelta) -> None:
        self._clock = clock
        self._error = error

    def now(self) -> datetime:
        """Tell a wrong time of day."""
        return self._clock.now() + self._error

    def monotonic(self) -> float:
        """Tell seconds since some start."""
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._clock.sleep(seconds)


class FaultyLine:
    """A line on which things go wrong."""

    def __init__(self, line: Line, ailing: Ailing, clock: Clock) -> None:
        self._line = line
        self._ailing = ailing
        self._clock = clock

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Link]:
        """Open a connection that loses, doubles, delays or swallows."""
        async with self._line.connect() as link:
            yield _FaultyLink(link, self._ailing, self._clock)


class _FaultyLink:
    def __init__(self, link: Link, ailing: Ailing, clock: Clock) -> None:
        self._link = link
        self._ailing = ailing
        self._clock = clock

    async def send(self, message: Message) -> None:
        for _ in range(self._times(str(message.get("type")))):
            await self._link.send(message)

    async def __aiter__(self) -> AsyncIterator[Message]:
        async for message in self._link:
            if self._ailing.slow:
                await self._clock.sleep(self._ailing.dice.uniform(*SLOW_SECONDS))
            yield message

    def _times(self, kind: str) -> int:
        if self._ailing.deaf and kind != "hello":
            return 0
        if kind not in RECEIPTS:
            return 1
        if self._ailing.dice.random() < self._ailing.lost:
            return 0
        return 2 if self._ailing.dice.random() < self._ailing.doubled else 1
