"""Silence: cancel, stop, quiet hours, and those who come back late."""

from datetime import datetime, timedelta

import pytest

from broadcaster.model.clock import SHANGHAI
from broadcaster.model.delivery import Outcome
from broadcaster.model.errors import Invalid
from tests.village.test_hearing import LONG, WATER
from tests.village.town import Horn, Village, cap

pytestmark = pytest.mark.virtual
RATE_HZ = 24_000


def fell_silent_ms(horn: Horn) -> float:
    """Return when the last sample of a loudspeaker ended, by the samples of its sound log."""
    last = horn.log.stretches[-1]
    return last.at_ms + (last.end - last.start) * 1000 / RATE_HZ


async def test_a_cancel_silences_eighteen_loudspeakers_within_two_seconds(village: Village) -> None:
    horns = await village.has_horns()
    origin = await village.publishes(LONG)
    await village.passes(seconds=20)

    cancelled_ms = village.clock.now().timestamp() * 1000
    await village.cancels(origin)
    await village.passes(seconds=60)

    assert max(map(fell_silent_ms, horns)) - cancelled_ms <= 2_000
    assert {one.outcome for one in await village.deliveries(origin)} == {Outcome.CANCELLED}
    assert all(one.heard_ms > 5_000 for one in await village.deliveries(origin))


async def test_a_loudspeaker_that_comes_back_after_the_cancel_never_starts(village: Village) -> None:
    horns = await village.has_horns()
    away = horns[:6]
    for horn in away:
        await village.switch_off(horn)
    origin = await village.publishes(LONG)
    await village.passes(seconds=20)
    await village.cancels(origin)
    await village.passes(seconds=30)

    for horn in away:
        village.switch_on(horn)
    await village.passes(seconds=120)

    assert [horn.sounded() for horn in away] == [[]] * 6
    assert {one.outcome for one in await village.deliveries(origin)} == {Outcome.CANCELLED}


async def test_a_loudspeaker_cut_off_in_mid_sentence_does_not_go_on_after_a_cancel(village: Village) -> None:
    horns = await village.has_horns(9)
    origin = await village.publishes(LONG)
    await village.passes(seconds=20)
    await village.switch_off(horns[0])
    sounded = len(horns[0].log.stretches)
    await village.cancels(origin)
    await village.passes(seconds=30)

    village.switch_on(horns[0])
    await village.passes(seconds=120)

    after = horns[0].log.stretches[sounded:]
    # It hears of the cancel within two seconds of being back.
    assert sum(one.end - one.start for one in after) <= 2 * RATE_HZ
    assert {one.outcome for one in await village.deliveries(origin)} <= {Outcome.CANCELLED, Outcome.INTERRUPTED}


async def test_stop_everything_silences_the_town_within_two_seconds_and_the_next_alert_sounds(village: Village) -> None:
    horns = await village.has_horns()
    await village.publishes(LONG)
    await village.receives(cap("flood-1", LONG, at=village.clock.now()))
    await village.passes(seconds=20)

    stopped_ms = village.clock.now().timestamp() * 1000
    stopped = await village.stops()
    await village.passes(seconds=30)
    silent_ms = max(map(fell_silent_ms, horns))
    await village.receives(cap("flood-2", "堤坝决口", at=village.clock.now()))
    await village.passes(seconds=60)

    assert stopped.silenced == 18
    assert silent_ms - stopped_ms <= 2_000
    assert all("堤坝决口" in heard[-1] for heard in await village.heard_everywhere())


async def test_whoever_was_away_at_the_stop_is_told_when_it_returns(village: Village) -> None:
    horns = await village.has_horns(9)
    await village.switch_off(horns[0])
    origin = await village.publishes(LONG)
    await village.passes(seconds=20)
    await village.stops()
    await village.passes(seconds=10)

    village.switch_on(horns[0])
    await village.passes(seconds=120)

    assert horns[0].sounded() == []
    assert {one.outcome for one in await village.deliveries(origin)} == {Outcome.CANCELLED}


async def test_what_is_planned_for_later_outlives_a_stop_and_is_listed(village: Village) -> None:
    await village.has_horns(3)
    later = village.clock.now() + timedelta(hours=1)
    await village.publishes(WATER, not_before=later)

    stopped = await village.stops()
    await village.passes(hours=1.1)

    assert len(stopped.staying) == 9
    assert await village.heard_everywhere() == [[WATER]] * 3


async def test_stopping_one_village_leaves_the_others_speaking(village: Village) -> None:
    horns = await village.has_horns(9)
    await village.publishes(LONG)
    await village.passes(seconds=20)

    await village.stops(horns[0].village)
    await village.passes(seconds=60)

    assert horns[0].sounded()[-1].ended == "cut"
    assert {horn.sounded()[-1].ended for horn in horns[1:]} == {"end"}


async def _until(village: Village, hour: int, minute: int = 0, second: int = 0) -> None:
    now = village.clock.now().astimezone(SHANGHAI)
    at = now.replace(hour=hour, minute=minute, second=second, microsecond=0)
    await village.passes(seconds=(at - now).total_seconds())


def _minutes(horns: list[Horn], place: int) -> set[str]:
    starts = {horn.sounded()[place].at_ms for horn in horns}
    return {f"{datetime.fromtimestamp(ms / 1000, SHANGHAI):%H:%M}" for ms in starts}


async def test_nothing_routine_sounds_in_quiet_hours_and_an_emergency_does(sleepy_village: Village) -> None:
    village = sleepy_village
    await _until(village, 22, 5)
    horns = await village.has_horns(9)

    await village.publishes(WATER)
    await village.receives(cap("flood-1", at=village.clock.now()))
    await _until(village, 22, 29, 55)
    at_night = await village.heard_everywhere()
    await _until(village, 22, 31)

    assert all(len(heard) == 1 and heard[0] != WATER for heard in at_night)
    assert all(heard[1:] == [WATER] for heard in await village.heard_everywhere())
    assert _minutes(horns, 0) == {"22:05"}
    assert _minutes(horns, 1) == {"22:30"}


async def test_a_routine_item_that_sounds_into_the_night_pauses_until_morning(sleepy_village: Village) -> None:
    village = sleepy_village
    horns = await village.has_horns(9)
    await _until(village, 21, 59, 35)

    origin = await village.publishes(LONG)
    await _until(village, 22, 1)
    paused = [horn.sounded()[-1] for horn in horns]
    await _until(village, 22, 31)

    assert {one.ended for one in paused} == {"cut"}
    assert _minutes(horns, 0) == {"21:59"}
    assert _minutes(horns, 1) == {"22:30"}
    assert {one.outcome for one in await village.deliveries(origin)} == {Outcome.PLAYED}


async def test_a_window_wholly_within_the_night_is_refused_when_it_is_written(sleepy_village: Village) -> None:
    village = sleepy_village
    await _until(village, 22, 1)

    with pytest.raises(Invalid) as refused:
        await village.publishes(WATER, lasts=timedelta(minutes=20))

    assert refused.value.code == "window_quiet"


async def test_a_loudspeaker_away_for_two_hours_gets_what_is_still_valid_and_only_that(village: Village) -> None:
    horns = await village.has_horns(3)
    late = horns[0]
    await village.switch_off(late)
    short = await village.publishes("这条通知半小时后失效。", lasts=timedelta(minutes=30))
    await village.publishes(WATER, lasts=timedelta(hours=4))
    gone = await village.publishes("这条通知已经取消。", lasts=timedelta(hours=4))
    await village.receives(cap("flood-1", "请马上撤离", at=village.clock.now(), lasts=timedelta(hours=6)))
    await village.passes(seconds=120)
    await village.cancels(gone)
    await village.passes(hours=2)

    village.switch_on(late)
    await village.passes(seconds=120)

    await village.learns_recordings()
    alert, notice = village.heard(late)
    assert "撤离" in alert
    assert notice == WATER
    [expired] = [one for one in await village.deliveries(short) if one.target == late.id]
    assert (expired.outcome, expired.reason) == (Outcome.EXPIRED, "offline")


async def test_a_loudspeaker_put_up_later_hears_what_still_holds(village: Village) -> None:
    await village.has_horns(9)
    origin = await village.publishes(WATER, lasts=timedelta(hours=4))
    await village.passes(seconds=60)
    new = Horn("horn-new", "620723103204")

    await village.enrol(new)
    village.switch_on(new)
    await village.passes(seconds=60)

    await village.learns_recordings()
    assert village.heard(new) == [WATER]
    [made] = [one for one in await village.deliveries(origin) if one.target == "horn-new"]
    assert (made.planned, made.outcome) == (False, Outcome.PLAYED)
