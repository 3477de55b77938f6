"""The guard: what becomes of an event that its stage could not take.

Refused is wrong for ever and is buried; anything else is tried again, and buried when the ladder is at its end. Too
many burials in a run or in a hundred are no bad events but a bad deploy: then nothing is buried until somebody looks.
"""

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from broadcaster.model.errors import BroadcasterError, Refused

LADDER_SECONDS = (5, 30, 300)
"""After how long an event is tried again; after the last it is buried (DESIGN §4)."""

LONGEST_ERROR = 500


@dataclass(frozen=True, slots=True)
class BuryingLimits:
    """When burying stops.

    Attributes:
        run: most that are buried one after another.
        most: most that are buried among the last `window` events.
        pause_seconds: how long a reader that may not bury waits before it tries the same event again.
    """

    run: int = 10
    most: int = 20
    window: int = 100
    pause_seconds: float = 60.0


class Burials:
    """Counts what one reader buried, and tells whether it may bury one more."""

    def __init__(self, limits: BuryingLimits) -> None:
        self._limits = limits
        self._last: deque[bool] = deque(maxlen=limits.window)
        self._run = 0

    def may_bury(self) -> bool:
        """Tell whether one more burial is within the limits."""
        return self._run < self._limits.run and sum(self._last) < self._limits.most

    def taken(self, count: int) -> None:
        """Note that events were taken."""
        if count:
            self._run = 0
            self._last.extend([False] * min(count, self._limits.window))

    def buried(self) -> None:
        """Note that an event was buried."""
        self._run += 1
        self._last.append(True)

    def forget(self) -> None:
        """Begin to count anew: somebody has looked."""
        self._run = 0
        self._last.clear()


def next_try(error: BaseException, attempt: int, now: datetime) -> datetime | None:
    """Tell when to try again what failed for the `attempt`-th time; None: never, bury it."""
    if isinstance(error, Refused) or attempt > len(LADDER_SECONDS):
        return None
    return now + timedelta(seconds=LADDER_SECONDS[attempt - 1])


def described(error: BaseException) -> str:
    """Say in one line what was wrong, for the dead letter and the log."""
    return f"{type(error).__name__}: {error}"[:LONGEST_ERROR]


def surprise(error: BaseException) -> BaseException | None:
    """Return an error whose traceback belongs into the log: one that is none of ours."""
    return None if isinstance(error, BroadcasterError) else error
