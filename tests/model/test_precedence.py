from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from broadcaster.model.area import Level
from broadcaster.model.precedence import RightOfWay, Scope, SoundClass, Standing

NOON = datetime(2026, 7, 15, 4, tzinfo=UTC)
WAY = RightOfWay()

standings = st.builds(
    Standing,
    scope=st.sampled_from(Scope),
    sound_class=st.sampled_from(SoundClass),
    severity=st.integers(0, 4),
    sender_level=st.sampled_from(Level),
    sent=st.integers(0, 3).map(lambda n: NOON + timedelta(seconds=n)),
    identifier=st.sampled_from("abc"),
)


def standing(severity: int, *, scope: Scope = Scope.LIVE, sound_class: SoundClass = SoundClass.EMERGENCY) -> Standing:
    return Standing(scope, sound_class, severity, Level.COUNTY, NOON, "1")


@given(standings, standings)
def test_of_two_at_most_one_may_cut_the_other_short(one: Standing, other: Standing) -> None:
    assert not (WAY.may_cut_in(one, other) and WAY.may_cut_in(other, one))


@given(standings, standings)
def test_who_may_cut_in_also_waits_before_the_other(one: Standing, other: Standing) -> None:
    if WAY.may_cut_in(one, other):
        assert WAY.turn(one) < WAY.turn(other)


@given(standings, standings, standings)
def test_cutting_in_has_an_order(one: Standing, other: Standing, third: Standing) -> None:
    if WAY.may_cut_in(one, other) and WAY.may_cut_in(other, third):
        assert WAY.may_cut_in(one, third)


@given(standings)
def test_equals_never_cut_each_other_short(one: Standing) -> None:
    assert not WAY.may_cut_in(one, one)


def test_ten_reds_are_heard_one_after_the_other() -> None:
    """
    A red every six seconds would leave all of them unfinished.
    """
    reds = [
        Standing(Scope.LIVE, SoundClass.EMERGENCY, 4, Level.COUNTY, NOON + timedelta(seconds=6 * n), str(n))
        for n in range(10)
    ]

    assert not any(WAY.may_cut_in(new, old) for new in reds for old in reds)
    assert sorted(reds, key=WAY.turn) == reds


def test_a_drill_never_cuts_into_a_real_alarm() -> None:
    drill = standing(4, scope=Scope.DRILL)

    assert not WAY.may_cut_in(drill, standing(3))
    assert WAY.may_cut_in(standing(3), drill)


def test_the_more_severe_of_two_emergencies_cuts_in_but_of_two_notices_does_not() -> None:
    assert WAY.may_cut_in(standing(4), standing(3))
    assert not WAY.may_cut_in(standing(2, sound_class=SoundClass.ROUTINE), standing(0, sound_class=SoundClass.ROUTINE))
