"""Notice: what publicity staff write, revision by revision, and what an approval binds."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from broadcaster.model.clock import milliseconds
from broadcaster.model.errors import Invalid
from broadcaster.model.identity import digest
from broadcaster.model.precedence import Scope, SoundClass
from broadcaster.model.schedule import QuietHours

LONGEST_TEXT = 2_000
MOST_REPEATS = 5
LONGEST_WINDOW = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Window:
    """From when until when an announcement may sound; without a start: from its release."""

    not_before: datetime | None
    expires: datetime


@dataclass(frozen=True, slots=True)
class Revision:
    """One version of what a notice or an alert says, to whom, when and how often.

    Attributes:
        text: as written. `spoken`: as it will be read aloud.
        targets: the areas meant, as chosen; villages follow from them when it is released.
        content_sha256: the hash that an approval binds; see `content_hash`.
        alert: the id of the stored alert that it was read from; None for a notice.
    """

    origin: str
    revision: int
    author: str
    text: str
    spoken: str
    script: str
    targets: tuple[str, ...]
    sound_class: SoundClass
    severity: int
    sender_level: int
    window: Window
    repeat: int
    content_sha256: str
    scope: Scope = Scope.LIVE
    alert: str | None = None


def content_hash(
    spoken: str, targets: Collection[str], sound_class: SoundClass, severity: int, window: Window, repeat: int
) -> str:
    """Name what is approved: the spoken words, who is meant, how loudly in rank, when and how often (DESIGN §8)."""
    return digest(
        {
            "spoken": spoken,
            "targets": sorted(targets),
            "class": sound_class,
            "severity": severity,
            "not_before": milliseconds(window.not_before) if window.not_before else None,
            "expires": milliseconds(window.expires),
            "repeat": repeat,
        }
    )


def check_notice(text: str, targets: Collection[str], window: Window, repeat: int, now: datetime) -> None:
    """Refuse a notice that could not be heard as meant.

    Raises:
        Invalid: with the code of the first thing to mend: text_missing, text_long, targets_missing, window_over,
            window_long, window_backwards or repeat_range.
    """
    start = window.not_before or now
    broken = {
        "text_missing": not text.strip(),
        "text_long": len(text) > LONGEST_TEXT,
        "targets_missing": not targets,
        "window_over": window.expires <= now,
        "window_backwards": window.expires <= start,
        "window_long": window.expires - now > LONGEST_WINDOW,
        "repeat_range": not 1 <= repeat <= MOST_REPEATS,
    }
    for code, is_broken in broken.items():
        if is_broken:
            raise Invalid(code, longest=LONGEST_TEXT, most=MOST_REPEATS, days=LONGEST_WINDOW.days)


def check_quiet(window: Window, quiet: QuietHours, now: datetime) -> None:
    """Refuse a routine window that lies wholly in the quiet hours.

    Raises:
        Invalid: window_quiet.
    """
    if quiet.swallow(window.not_before or now, window.expires):
        raise Invalid("window_quiet", start=str(quiet.start)[:5], end=str(quiet.end)[:5])
