"""Right of way: who speaks first, and who may be cut short, on one loudspeaker."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from broadcaster.model.area import Level


class Scope(StrEnum):
    """Live or drill: never mixed."""

    LIVE = "live"
    DRILL = "drill"


class SoundClass(StrEnum):
    """Whether a thing may wake people."""

    EMERGENCY = "emergency"
    ROUTINE = "routine"


class Lane(StrEnum):
    """Alerts and notices never wait in one queue."""

    ALERT = "alert"
    NOTICE = "notice"


NOTICE_SEVERITY = 0
"""Notices rank below Minor (1); an alert of Unknown severity sounds only after a person gave it a class."""

EXTREME = 4
SEVERE = 3


def severity_meant(severity: int, sound_class: "SoundClass") -> int:
    """Return what somebody must be allowed to let go: unknown severity made an emergency counts as Severe."""
    return SEVERE if severity == NOTICE_SEVERITY and sound_class is SoundClass.EMERGENCY else severity


@dataclass(frozen=True, slots=True)
class Standing:
    """What of an announcement counts for its right of way.

    Attributes:
        severity: 4 Extreme, 3 Severe, 2 Moderate, 1 Minor, 0 a notice or unknown.
        sent: when its sender said it; the earlier goes first.
        identifier: its sender's name for it; decides between equals.
    """

    scope: Scope
    sound_class: SoundClass
    severity: int
    sender_level: Level
    sent: datetime
    identifier: str

    @property
    def is_top(self) -> bool:
        """Tell whether it is live, emergency and Extreme: such may be heard once more after a crash."""
        return self.scope is Scope.LIVE and self.sound_class is SoundClass.EMERGENCY and self.severity >= EXTREME


@dataclass(frozen=True, slots=True)
class RightOfWay:
    """The order of the classes, first first: a township may set another, within live before drill.

    Attributes:
        classes: kinds of item; those of one tuple are of one rank.
    """

    classes: tuple[tuple[Scope, SoundClass] | Scope, ...] = (
        (Scope.LIVE, SoundClass.EMERGENCY),
        Scope.DRILL,
        (Scope.LIVE, SoundClass.ROUTINE),
    )

    def rank(self, standing: Standing) -> int:
        """Tell the place of its class: 0 speaks before 1."""
        kinds = ((standing.scope, standing.sound_class), standing.scope)
        return next(place for place, kind in enumerate(self.classes) if kind in kinds)

    def turn(self, standing: Standing) -> tuple[int, int, int, datetime, str]:
        """Return a key that sorts waiting items: who comes first, is least."""
        return (
            self.rank(standing),
            -standing.severity,
            int(standing.sender_level),
            standing.sent,
            standing.identifier,
        )

    def may_cut_in(self, new: Standing, sounding: Standing) -> bool:
        """Tell whether `new` may interrupt what is sounding.

        Only for a strictly higher class, or a strictly higher severity within live emergencies. Never among equals:
        ten reds six seconds apart would leave every one of them unfinished.
        """
        higher = self.rank(new) < self.rank(sounding)
        equal = self.rank(new) == self.rank(sounding)
        return higher or (equal and _both_live_emergencies(new, sounding) and new.severity > sounding.severity)


def _both_live_emergencies(one: Standing, other: Standing) -> bool:
    return all(it.scope is Scope.LIVE and it.sound_class is SoundClass.EMERGENCY for it in (one, other))
