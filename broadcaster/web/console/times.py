"""Times: the chips by which a notice gets its window, and what was chosen of them."""

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from broadcaster.model.clock import SHANGHAI
from broadcaster.model.errors import Invalid
from broadcaster.model.notice import Window

LASTS = {"2h": timedelta(hours=2), "12h": timedelta(hours=12), "1d": timedelta(days=1), "3d": timedelta(days=3)}
NOW, OTHER = "now", "other"
DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
CLOCK = re.compile(r"(\d{1,2})[:：点](\d{2})分?")
HOURS = {"noon": time(12), "evening": time(19), "morning": time(7)}


@dataclass(frozen=True, slots=True)
class Chip:
    """One time to choose. `value` is the moment itself, so that it means what was shown however late it is sent."""

    value: str
    word: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class TimesChosen:
    """What a form says of its window, as typed."""

    start: str = NOW
    start_day: str = ""
    start_clock: str = ""
    until: str = "12h"
    until_day: str = ""
    until_clock: str = ""


def chips(now: datetime, kept: datetime | None = None) -> list[Chip]:
    """Return the times offered: at once, the next noon, evening and morning, and what was chosen before."""
    coming = [Chip(_local(at).isoformat(), f"write.start.{word}", at) for word, at in _coming(now)]
    before = [Chip(_local(kept).isoformat(), "write.start.kept", kept)] if kept and kept > now else []
    return [Chip(NOW, "write.start.now", None), *before, *coming]


def _coming(now: datetime) -> list[tuple[str, datetime]]:
    local = now.astimezone(SHANGHAI)
    today = {word: local.replace(hour=at.hour, minute=0, second=0, microsecond=0) for word, at in HOURS.items()}
    coming = [(word, at if at > local else at + timedelta(days=1)) for word, at in today.items()]
    return sorted(coming, key=lambda one: one[1])


def _local(at: datetime) -> datetime:
    return at.astimezone(SHANGHAI)


def read_window(chosen: TimesChosen, now: datetime) -> Window:
    """Read a window from what was chosen; moments come out in the village's time, aware.

    Raises:
        Invalid: time_unread, with what could not be read.
    """
    start = None if chosen.start == NOW else _start(chosen)
    if chosen.until in LASTS:
        return Window(start, (start or now) + LASTS[chosen.until])
    return Window(start, _typed(chosen.until_day, chosen.until_clock))


def _start(chosen: TimesChosen) -> datetime:
    if chosen.start == OTHER:
        return _typed(chosen.start_day, chosen.start_clock)
    try:
        at = datetime.fromisoformat(chosen.start)
    except ValueError as error:
        raise Invalid("time_unread", text=chosen.start[:30]) from error
    return at if at.tzinfo else at.replace(tzinfo=SHANGHAI)


def _typed(day: str, clock: str) -> datetime:
    date_found, clock_found = DAY.fullmatch(day.strip()), CLOCK.fullmatch(clock.strip())
    if date_found is None or clock_found is None:
        raise Invalid("time_unread", text=f"{day} {clock}".strip()[:30])
    try:
        return datetime(*map(int, date_found.groups()), *map(int, clock_found.groups()), tzinfo=SHANGHAI)  # type: ignore[misc, arg-type]  # five whole numbers: year to minute
    except ValueError as error:
        raise Invalid("time_unread", text=f"{day} {clock}"[:30]) from error


def typed_as(window: Window) -> TimesChosen:
    """Show a window as it would have been typed."""
    start, end = window.not_before, _local(window.expires)
    return TimesChosen(
        start=_local(start).isoformat() if start else NOW,
        until=OTHER,
        until_day=end.strftime("%Y-%m-%d"),
        until_clock=end.strftime("%H:%M"),
    )
