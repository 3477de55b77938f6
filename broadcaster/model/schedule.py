"""Quiet hours, and from when an announcement may sound."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from broadcaster.model.clock import SHANGHAI
from broadcaster.model.precedence import SoundClass


@dataclass(frozen=True, slots=True)
class QuietHours:
    """When nothing routine sounds, by the village's clock (Asia/Shanghai). Equal ends: never quiet."""

    start: time = time(22, 0)
    end: time = time(6, 0)

    @classmethod
    def none(cls) -> "QuietHours":
        """Return the hours of a town that has none."""
        return cls(time(0), time(0))

    def hold(self, at: datetime) -> bool:
        """Tell whether it is quiet at that moment."""
        now = at.astimezone(SHANGHAI).time()
        if self.start <= self.end:
            return self.start <= now < self.end
        return now >= self.start or now < self.end

    def over(self, at: datetime) -> datetime:
        """Return the first moment, not before `at`, at which it is not quiet."""
        if not self.hold(at):
            return at
        local = at.astimezone(SHANGHAI)
        end = datetime.combine(local.date(), self.end, SHANGHAI)
        return (end if end > local else end + timedelta(days=1)).astimezone(at.tzinfo)

    def swallow(self, start: datetime, end: datetime) -> bool:
        """Tell whether all of a window is quiet, so that nothing routine could sound in it."""
        return self.over(start) >= end


def due(release_at: datetime, not_before: datetime | None, sound_class: SoundClass, quiet: QuietHours) -> datetime:
    """Return the moment from which an announcement may sound: released, in its window, and nobody woken for routine."""
    start = max(release_at, not_before or release_at)
    return quiet.over(start) if sound_class is SoundClass.ROUTINE else start
