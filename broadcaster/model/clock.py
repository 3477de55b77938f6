"""Time, as a thing that is passed in."""

import asyncio
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Protocol

# China has kept one time without summer time since 1991; a fixed offset needs no tz database on a bare machine.
SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")


class Clock(Protocol):
    """What the hour is, and waiting for another."""

    def now(self) -> datetime:
        """Tell the time of day: aware, UTC, may jump."""

    def monotonic(self) -> float:
        """Tell seconds since some start: never jumps."""

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds of `monotonic`."""


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        """Tell the time of day."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Tell seconds since the machine's start."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


def milliseconds(at: datetime) -> int:
    """Turn an aware moment into milliseconds since 1970, as the book and the wire hold it."""
    return round(at.timestamp() * 1000)


def moment(ms: int) -> datetime:
    """Turn milliseconds since 1970 into an aware moment in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC)
