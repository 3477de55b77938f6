"""Kept: an answer that many ask for at the same moment, made once for all of them."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from broadcaster.model.clock import Clock

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

FRESH_SECONDS = 1.0
MOST_KEPT = 2_000


@dataclass(slots=True)
class _Entry(Generic[V]):
    """One answer: the last one made, a list of one or none, and whose turn it is to make the next."""

    made: list[V] = field(default_factory=list)
    at: float = 0.0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Kept(Generic[K, V]):
    """Answers by what was asked, each good for a moment.

    Args:
        seconds: how long an answer is good.
        most: how many are kept; the one asked for longest ago is forgotten first.
    """

    def __init__(self, clock: Clock, *, seconds: float = FRESH_SECONDS, most: int = MOST_KEPT) -> None:
        self._clock, self._seconds, self._most = clock, seconds, most
        self._entries: OrderedDict[K, _Entry[V]] = OrderedDict()

    async def get(self, key: K, make: Callable[[], Awaitable[V]]) -> V:
        """Return the answer, made now by the first who asks; all who ask meanwhile wait for it.

        Raises:
            Whatever `make` raises; nothing is kept then, and whoever waited tries for themselves.
        """
        entry = self._entries.setdefault(key, _Entry())
        self._entries.move_to_end(key)
        while len(self._entries) > self._most:
            self._entries.popitem(last=False)
        async with entry.turn:
            if not entry.made or self._clock.monotonic() - entry.at > self._seconds:
                await self._make(key, entry, make)
            return entry.made[0]

    async def _make(self, key: K, entry: _Entry[V], make: Callable[[], Awaitable[V]]) -> None:
        begun = self._clock.monotonic()
        try:
            entry.made = [await make()]
            entry.at = begun
        except BaseException:
            if self._entries.get(key) is entry:
                del self._entries[key]
            raise

    def forget(self, key: K) -> None:
        """Forget an answer, also one that is being made: what is asked from now on is looked up anew."""
        self._entries.pop(key, None)
