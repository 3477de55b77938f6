"""Who speaks first, who may cut in, what resumes, and what quiet hours hold back."""

import asyncio
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise

import pytest

from audio.playing import SinkBroken
from broadcaster.model.precedence import Scope
from broadcaster.model.schedule import QuietHours
from tests.agent.station import RATE_HZ, Station
from tests.virtual import VirtualClock

pytestmark = pytest.mark.virtual

NIGHT = QuietHours(time(22, 0), time(6, 0))
LATE_EVENING = datetime(2026, 7, 1, 13, 59, 30, tzinfo=UTC)
"""21:59:30 in the village."""


async def test_an_alert_cuts_in_within_a_second(station: Station) -> None:
    notice, alert = station.notice(60_000), station.alert(2_000)
    await station.send(notice)
    await asyncio.sleep(20)

    asked_ms = station.now().timestamp() * 1000
    await station.send(alert)
    await asyncio.sleep(10)

    (first,) = (stretch for stretch in station.recordings() if stretch.order == alert.id)
    assert first.at_ms - asked_ms <= 1_000


async def test_what_was_heard_for_ten_seconds_resumes_in_its_place(station: Station) -> None:
    notice, alert = station.notice(30_000), station.alert(2_000)
    await station.send(notice)
    await asyncio.sleep(15)
    await station.send(alert)
    await asyncio.sleep(60)

    first, second, third = station.heard()
    assert (first[0], second[0], third[0]) == (notice.id, alert.id, notice.id)
    assert third[1:] == (first[2], 30_000)
    assert station.done(notice)["heard_ms"] == 30_000
    assert len(station.receipts(notice, "started")) == 1


async def test_what_was_hardly_heard_begins_anew(station: Station) -> None:
    notice, alert = station.notice(30_000), station.alert(2_000)
    await station.send(notice)
    await asyncio.sleep(5)
    await station.send(alert)
    await asyncio.sleep(60)

    assert station.heard()[-1] == (notice.id, 0, 30_000)
    assert station.done(notice)["heard_ms"] == 30_000


async def test_a_notice_that_expires_while_it_is_paused_is_partly_played(station: Station) -> None:
    notice, alert = station.notice(30_000, lives=40), station.alert(60_000)
    await station.send(notice)
    await asyncio.sleep(15)
    await station.send(alert)
    await asyncio.sleep(100)

    done = station.done(notice)
    assert done["outcome"] == "partly_played"
    assert 14_500 < done["heard_ms"] < 15_500
    assert [order for order, _, _ in station.heard()] == [notice.id, alert.id]


async def test_equals_wait_their_turn_in_the_order_in_which_they_were_sent(station: Station) -> None:
    now = station.now()
    later = station.alert(3_000, severity=3, sent=now + timedelta(seconds=1))
    earlier = station.alert(3_000, severity=3, sent=now - timedelta(seconds=1))
    sounding = station.alert(3_000, severity=3)
    for order in (sounding, later, earlier):
        await station.send(order)
        await asyncio.sleep(0.1)
    await asyncio.sleep(20)

    assert [order for order, _, _ in station.heard()] == [sounding.id, earlier.id, later.id]


async def test_the_more_severe_emergency_cuts_in(station: Station) -> None:
    severe, extreme = station.alert(20_000, severity=3), station.alert(2_000, severity=4)
    await station.send(severe)
    await asyncio.sleep(3)
    await station.send(extreme)
    await asyncio.sleep(40)

    assert [order for order, _, _ in station.heard()] == [severe.id, extreme.id, severe.id]


async def test_a_drill_goes_before_a_notice_and_after_an_emergency(station: Station) -> None:
    notice, drill, alert = station.notice(20_000), station.alert(20_000, scope=Scope.DRILL), station.alert(2_000)
    for order in (notice, drill, alert):
        await station.send(order)
        await asyncio.sleep(3)
    await asyncio.sleep(90)

    assert [order for order, _, _ in station.heard()] == [notice.id, drill.id, alert.id, drill.id, notice.id]


async def test_one_order_replaces_what_sounds(station: Station) -> None:
    old = station.notice(60_000)
    await station.send(old)
    await asyncio.sleep(15)

    assert old.play is not None
    new = station.notice(2_000, supersedes=(old.play.announcement,))
    await station.send(new)
    await asyncio.sleep(10)

    done = station.done(old)
    assert (done["outcome"], done["cut_by"]) == ("superseded", new.id)
    assert [order for order, _, _ in station.heard()] == [old.id, new.id]
    assert station.done(new)["outcome"] == "played"


async def test_what_was_replaced_is_refused_when_it_comes_late(station: Station) -> None:
    old = station.notice(2_000)
    assert old.play is not None
    await station.send(station.notice(2_000, supersedes=(old.play.announcement,)))
    await asyncio.sleep(1)
    await station.send(old)
    await asyncio.sleep(10)

    assert [message["reason"] for message in station.receipts(old, "refused")] == ["cancelled"]


async def test_what_sounds_goes_on_until_its_replacement_is_here(station: Station) -> None:
    """
    A correction whose recording does not arrive must not silence what it corrects.
    """
    old = station.notice(20_000)
    await station.send(old)
    await asyncio.sleep(2)
    station.fetch.is_down = True
    assert old.play is not None
    await station.send(station.notice(2_000, supersedes=(old.play.announcement,)))
    await asyncio.sleep(60)

    assert station.heard() == [(old.id, 0, 20_000)]


async def test_repeats_follow_each_other_after_their_pause(station: Station) -> None:
    order = station.notice(2_000, repeat=3, pause_ms=5_000)
    await station.send(order)
    await asyncio.sleep(60)

    at = [stretch.at_ms for stretch in station.recordings()]
    assert len(at) == 3
    assert all(7_000 <= later - earlier <= 7_100 for earlier, later in pairwise(at))
    assert station.done(order)["repeats_done"] == 3


async def test_no_repeat_begins_after_it_expired(station: Station) -> None:
    order = station.notice(5_000, repeat=10, pause_ms=1_000, lives=16)
    await station.send(order)
    await asyncio.sleep(60)

    done = station.done(order)
    assert (done["outcome"], done["repeats_done"], done["heard_ms"]) == ("partly_played", 3, 15_000)


async def test_an_alert_may_speak_in_the_pause_between_repeats(station: Station) -> None:
    notice, alert = station.notice(2_000, repeat=2, pause_ms=20_000), station.alert(2_000)
    await station.send(notice)
    await asyncio.sleep(5)
    await station.send(alert)
    await asyncio.sleep(60)

    assert [order for order, _, _ in station.heard()] == [notice.id, alert.id, notice.id]


async def test_an_order_waits_for_its_window(station: Station) -> None:
    order = station.notice(2_000, not_before=station.now() + timedelta(seconds=100))
    await station.send(order)
    await asyncio.sleep(200)

    (stretch,) = station.recordings()
    assert order.play is not None
    assert order.play.not_before is not None
    assert 0 <= stretch.at_ms - order.play.not_before.timestamp() * 1000 <= 100


async def test_what_never_came_to_sound_is_expired(station: Station) -> None:
    long, waiting = station.notice(60_000), station.notice(2_000, lives=30)
    await station.send(long)
    await asyncio.sleep(1)
    await station.send(waiting)
    await asyncio.sleep(100)

    assert station.done(waiting)["outcome"] == "expired"
    assert station.done(waiting)["heard_ms"] == 0


async def test_a_full_queue_refuses_routine_and_never_an_emergency(clock: VirtualClock) -> None:
    async with Station(clock, longest_queue=2).on() as station:
        notices = [station.notice(10_000) for _ in range(4)]
        alert = station.alert(1_000)
        for order in (*notices, alert):
            await station.send(order)
            await asyncio.sleep(0.1)
        await asyncio.sleep(60)

        refused = [order.id for order in notices if station.receipts(order, "refused")]
        assert refused == [notices[2].id, notices[3].id]
        assert station.done(alert)["outcome"] == "played"


async def test_quiet_hours_pause_a_notice_until_their_end(clock: VirtualClock) -> None:
    clock.start = LATE_EVENING
    async with Station(clock, quiet=NIGHT).on() as station:
        order = station.notice(60_000, lives=12 * 3_600)
        await station.send(order)
        await asyncio.sleep(9 * 3_600)

        first, second = station.recordings()
        assert first.end / RATE_HZ == pytest.approx(30, abs=0.5)
        assert second.at_ms >= datetime(2026, 7, 1, 22, 0, tzinfo=UTC).timestamp() * 1000
        assert station.done(order)["outcome"] == "played"


async def test_an_alert_keeps_no_quiet_hours(clock: VirtualClock) -> None:
    clock.start = LATE_EVENING + timedelta(hours=4)
    async with Station(clock, quiet=NIGHT).on() as station:
        notice, alert = station.notice(2_000, lives=86_400), station.alert(2_000)
        await station.send(notice)
        await station.send(alert)
        await asyncio.sleep(60)

        assert station.heard() == [(alert.id, 0, 2_000)]


async def test_a_window_all_in_the_night_is_refused(clock: VirtualClock) -> None:
    clock.start = LATE_EVENING + timedelta(hours=1)
    async with Station(clock, quiet=NIGHT).on() as station:
        order = station.notice(2_000, lives=3_600)
        await station.send(order)
        await asyncio.sleep(60)

        assert [message["reason"] for message in station.receipts(order, "refused")] == ["quiet"]


async def test_a_long_alert_tells_how_far_it_is(station: Station) -> None:
    await station.send(station.alert(35_000))
    await asyncio.sleep(60)

    progress = [message["heard_ms"] for message in station.said if message["type"] == "progress"]
    assert len(progress) >= 3
    assert progress == sorted(progress)


async def test_a_pause_is_told_with_what_it_waits_for(station: Station) -> None:
    await station.send(station.notice(30_000))
    await asyncio.sleep(12)
    await station.send(station.alert(2_000))
    await asyncio.sleep(30)

    told = [message for message in station.said if message["type"] == "progress"]
    assert told[0]["waiting_for"] == "turn"
    assert "waiting_for" not in told[-1]


async def test_whoever_watches_is_told_when_the_first_sample_came(station: Station) -> None:
    await station.send(station.alert(2_000, tone="alert"))
    await asyncio.sleep(10)

    (first,) = (one for one in station.observed if one.kind == "sounding")
    assert first.at_ms == station.log.stretches[0].at_ms
    assert [one.kind for one in station.observed] == ["accepted", "started", "sounding", "done"]


async def test_a_dead_sound_card_is_told_as_heard_by_nobody(station: Station) -> None:
    """
    The service must not believe that a village heard what a broken amplifier swallowed.
    """

    async def broken(_block: bytes) -> None:
        raise SinkBroken("gone")

    station.sink.write = broken  # type: ignore[assignment]  # the card dies
    order = station.alert(2_000)
    await station.send(order)
    await asyncio.sleep(30)

    assert (station.done(order)["outcome"], station.done(order)["heard_ms"]) == ("muted", 0)
    assert "sound" in station.agent.heartbeat()["faults"]
    assert station.heard() == []
