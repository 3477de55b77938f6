"""Timekeeping: what the service's time is, as a loudspeaker knows it. Its own clock may say anything.

Time is the last signed answer to a nonce of ours, plus the monotonic clock. Below it lies a floor that outlives a
power cut. It rises by no more than what has passed and a day, so that one wrong answer cannot silence a loudspeaker
for years.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from broadcaster.model.clock import Clock
from broadcaster.model.errors import Invalid

ROUND = 4
"""Questions asked one after another; the answer with the smallest round trip counts."""

DAY_MS = 86_400_000
OPEN_QUESTIONS = 16


@dataclass(frozen=True, slots=True)
class Now:
    """What is known of the service's time.

    Attributes:
        ms: milliseconds since 1970; a lower bound while `floor_ms` is not None.
        floor_ms: None once it was told; else orders issued before this may be old ones said again.
    """

    ms: int
    floor_ms: int | None = None


class TimeCheck(Protocol):
    """Verifies a signed time; the key ring has it."""

    def check_time(self, nonce: str, service_ms: int, epoch: int, sig: bytes) -> None:
        """Raise Invalid unless a time key signed this."""


@dataclass(frozen=True, slots=True)
class _Answer:
    round_trip: float
    offset_ms: float


class ServiceTime:
    """The service's time on one loudspeaker.

    Attributes:
        floor_ms: to be journalled whenever it rose; None before the first signed answer ever.
        past_ms: a moment that had passed before this process began: what it says until it is answered is not earlier.
    """

    def __init__(self, clock: Clock, keys: TimeCheck, nonce: Callable[[], str], floor_ms: int | None = None) -> None:
        self._clock = clock
        self._keys = keys
        self._nonce = nonce
        self._asked: dict[str, float] = {}
        self._answers: list[_Answer] = []
        self.floor_ms = floor_ms
        self.past_ms = 0
        self._floor_at = self._begun = clock.monotonic()

    def now(self) -> Now:
        """Tell what is known of the service's time."""
        best = self._best()
        if best is None:
            floor = self.floor_ms or 0
            return Now(max(floor, self.past_ms) + round(self._since(self._begun)), floor)
        return Now(round(best.offset_ms + 1000 * self._clock.monotonic()))

    def clock_error_ms(self) -> int | None:
        """Tell how far the box's own clock is ahead of the service's."""
        now = self.now()
        return round(self._clock.now().timestamp() * 1000) - now.ms if now.floor_ms is None else None

    def ask(self) -> str:
        """Make a question's nonce and note when it was asked."""
        nonce = self._nonce()
        self._asked[nonce] = self._clock.monotonic()
        while len(self._asked) > OPEN_QUESTIONS:
            del self._asked[next(iter(self._asked))]
        return nonce

    def begin_round(self) -> None:
        """Let the next ROUND answers decide anew, so that the monotonic clock's drift does not add up."""
        self._answers = self._answers[-1:]

    def hear(self, nonce: str, service_ms: int, epoch: int, sig: bytes) -> None:
        """Take a signed answer.

        Raises:
            Invalid: nobody asked that, its signature is wrong, or it lies before the floor.
        """
        asked = self._asked.pop(nonce, None)
        if asked is None:
            raise Invalid("time_unasked")
        self._keys.check_time(nonce, service_ms, epoch, sig)
        if self.floor_ms is not None and service_ms < self.floor_ms:
            raise Invalid("time_before_floor", floor_ms=self.floor_ms)
        heard = self._clock.monotonic()
        self._answers.append(_Answer(heard - asked, service_ms + 500 * (heard - asked) - 1000 * heard))
        self._answers = self._answers[-ROUND:]
        self._raise_floor(service_ms)

    def _best(self) -> _Answer | None:
        return min(self._answers, key=lambda answer: answer.round_trip, default=None)

    def _raise_floor(self, service_ms: int) -> None:
        if self.floor_ms is None:
            self.floor_ms = service_ms
        else:
            self.floor_ms = min(service_ms, self.floor_ms + round(self._since(self._floor_at)) + DAY_MS)
        self._floor_at = self._clock.monotonic()

    def _since(self, at: float) -> float:
        return 1000 * (self._clock.monotonic() - at)


def time_fields(message: Mapping[str, Any]) -> tuple[str, int, int, bytes]:
    """Read nonce, service_ms, epoch and signature of a ``welcome`` or ``time`` message.

    Raises:
        Invalid: message_unreadable.
    """
    try:
        sig = base64.b64decode(message["sig"], validate=True)
        return str(message["nonce"]), int(message["service_ms"]), int(message["epoch"]), sig
    except (KeyError, TypeError, ValueError) as error:
        raise Invalid("message_unreadable", why=type(error).__name__) from error
