from datetime import UTC, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from broadcaster.model.clock import SHANGHAI
from broadcaster.model.precedence import SoundClass
from broadcaster.model.schedule import QuietHours, due

NIGHT = QuietHours()
moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001
hours = st.builds(QuietHours, st.times(), st.times())


def shanghai(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 7, 15, hour, minute, tzinfo=SHANGHAI)


def test_the_night_is_quiet_by_the_villages_clock() -> None:
    assert NIGHT.hold(shanghai(22))
    assert NIGHT.hold(shanghai(5, 59))
    assert not NIGHT.hold(shanghai(6))
    assert not NIGHT.hold(shanghai(21, 59))


@given(hours, moments)
def test_when_quiet_hours_are_over_it_is_not_quiet(quiet: QuietHours, at: datetime) -> None:
    over = quiet.over(at)

    assert over >= at
    assert over - at <= timedelta(days=1)
    assert not quiet.hold(over) or quiet.start == quiet.end


@given(moments)
def test_a_town_without_quiet_hours_is_never_quiet(at: datetime) -> None:
    assert not QuietHours.none().hold(at)


def test_a_routine_announcement_waits_for_the_morning_and_an_emergency_does_not() -> None:
    at = shanghai(23)

    assert due(at, None, SoundClass.ROUTINE, NIGHT) == shanghai(6) + timedelta(days=1)
    assert due(at, None, SoundClass.EMERGENCY, NIGHT) == at


def test_a_window_wholly_inside_the_night_holds_nothing() -> None:
    assert NIGHT.swallow(shanghai(22, 30), shanghai(23))
    assert not NIGHT.swallow(shanghai(22, 30), shanghai(7) + timedelta(days=1))


def test_hours_within_one_day_are_hours_too() -> None:
    siesta = QuietHours(time(12), time(14))

    assert siesta.hold(shanghai(13))
    assert siesta.over(shanghai(13)) == shanghai(14)
