"""After a power cut: what was promised still holds, and nothing sounds that should not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from broadcaster.model.order import Order
from streams.agent.journal import MemoryJournal, PowerCut
from tests.agent.station import RATE_HZ, Station
from tests.virtual import VirtualClock

pytestmark = pytest.mark.virtual


async def cut_after(station: Station, seconds: float, *orders: Order) -> Station:
    """Send orders, let so many seconds pass, cut the power; return the loudspeaker that comes back."""
    async with station.on():
        for order in orders:
            await station.send(order)
        await asyncio.sleep(seconds)
    return await station.power_cut()


@asynccontextmanager
async def back_for(station: Station, seconds: float) -> AsyncIterator[Station]:
    async with station.on():
        await asyncio.sleep(seconds)
        yield station


async def test_a_notice_that_sounded_loses_that_repeat_and_goes_on_with_the_next(clock: VirtualClock) -> None:
    station = Station(clock)
    order = station.notice(10_000, repeat=2)

    async with back_for(await cut_after(station, 5, order), 60) as again:
        assert [stretch.repeat_no for stretch in again.recordings()] == [1, 2]
        done = again.done(order)
        assert (done["outcome"], done["repeats_done"]) == ("partly_played", 1)


async def test_a_notice_without_another_repeat_is_interrupted(clock: VirtualClock) -> None:
    station = Station(clock)
    order = station.notice(10_000)

    async with back_for(await cut_after(station, 5, order), 60) as again:
        assert len(again.recordings()) == 1
        done = again.done(order)
        # Heard for five seconds, of which the last may be unsaid: an operator has to know that it was not for nothing.
        assert done["outcome"] == "interrupted"
        assert 3_900 <= done["heard_ms"] <= 5_000


async def test_the_top_class_is_heard_once_more_and_says_so(clock: VirtualClock) -> None:
    station = Station(clock)
    order = station.alert(10_000)

    async with back_for(await cut_after(station, 5, order), 60) as again:
        first, second = again.recordings()
        assert (first.crash_replay, second.crash_replay) == (False, True)
        assert (second.start, second.end) == (0, 10 * RATE_HZ)
        done = again.done(order)
        assert (done["outcome"], done["crash_replay"]) == ("played", True)


async def test_the_top_class_is_not_heard_a_third_time(clock: VirtualClock) -> None:
    station = Station(clock)
    order = station.alert(10_000)

    twice = await cut_after(await cut_after(station, 5, order), 5)
    async with back_for(twice, 60) as again:
        assert len(again.recordings()) == 2
        assert again.done(order)["outcome"] == "interrupted"


async def test_a_replay_that_comes_too_late_is_interrupted_not_expired(clock: VirtualClock) -> None:
    """
    It was heard in part: "expired" would say that nobody heard a word.
    """
    station = Station(clock)
    order = station.alert(10_000, lives=20)

    cut = await cut_after(station, 5, order)
    await asyncio.sleep(60)
    async with back_for(cut, 10) as again:
        assert again.done(order)["outcome"] == "interrupted"


async def test_a_paused_notice_resumes_in_its_place(clock: VirtualClock) -> None:
    station = Station(clock)
    notice, alert = station.notice(30_000), station.alert(20_000, severity=3)
    async with station.on():
        await station.send(notice)
        await asyncio.sleep(15)
        await station.send(alert)
        await asyncio.sleep(5)

    async with back_for(await station.power_cut(), 60) as again:
        first, _, third = again.recordings()
        assert (third.order, third.start) == (notice.id, first.end)
        assert again.done(notice)["outcome"] == "played"
        assert again.done(alert)["outcome"] == "interrupted"


async def test_what_waited_still_waits(clock: VirtualClock) -> None:
    station = Station(clock)
    sounding, waiting = station.notice(10_000), station.notice(2_000)

    async with back_for(await cut_after(station, 5, sounding, waiting), 60) as again:
        assert again.done(waiting)["outcome"] == "played"


async def test_a_cancel_outlives_a_power_cut(clock: VirtualClock) -> None:
    station = Station(clock)
    order = station.alert(10_000)

    async with (await cut_after(station, 2, station.cancel(order))).on() as again:
        await again.send(order)
        await asyncio.sleep(10)

        assert again.heard() == []


async def test_a_receipt_is_owed_after_a_power_cut_too(clock: VirtualClock) -> None:
    station = Station(clock, confirms=False)
    order = station.notice(1_000)

    async with back_for(await cut_after(station, 4, order), 30) as again:
        assert again.done(order)["outcome"] == "played"
        assert again.agent.ledger.open_orders() == {}


async def test_nothing_is_dated_before_what_was_said_before_the_power_cut(clock: VirtualClock) -> None:
    """
    Until the service answers, a loudspeaker knows the hour only from what it once heard; operators would read that an
    alert ended before it had been accepted.
    """
    station = Station(clock)
    async with station.on():
        await asyncio.sleep(300)
        order = station.alert(10_000)
        await station.send(order)
        await asyncio.sleep(5)
    again = await station.power_cut()
    again.tells_time = False

    async with back_for(again, 60):
        assert station.receipts(order, "started")[0]["at"] <= again.receipts(order, "started")[-1]["at"]
        assert again.receipts(order, "started")[-1]["at"] <= again.done(order)["at"]


async def test_the_last_stop_outlives_a_power_cut(clock: VirtualClock) -> None:
    station = Station(clock)
    order = station.notice()
    async with station.on():
        await asyncio.sleep(1)
        await station.agent.stop_here()

    async with (await station.power_cut()).on() as again:
        await again.send(order)
        await asyncio.sleep(5)

        assert again.heard() == []


async def test_a_full_disk_refuses_routine_and_lets_emergencies_sound(clock: VirtualClock) -> None:
    async with Station(clock).on() as station:
        assert isinstance(station.journal, MemoryJournal)
        station.journal.is_full = True
        notice, alert, silenced = station.notice(), station.alert(2_000), station.alert(60_000)
        await station.send(notice)
        await station.send(alert)
        await station.send(silenced)
        await asyncio.sleep(10)
        await station.send(station.cancel(silenced))
        await asyncio.sleep(5)

        assert [message["reason"] for message in station.receipts(notice, "refused")] == ["full"]
        assert station.done(alert)["outcome"] == "played"
        assert station.done(silenced)["outcome"] == "cancelled"
        assert "journal" in station.agent.heartbeat()["faults"]


@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize("nth", range(1, 20))
async def test_wherever_the_power_goes_every_order_has_one_end(clock: VirtualClock, nth: int, is_after: bool) -> None:
    """
    Cut at each write of the journal, before it is safe and after: routine is heard once a repeat at most, the top class
    twice and flagged, and the service learns one end of each.
    """
    station = Station(clock, MemoryJournal(cut_at=nth, cut_after=is_after))
    notice, alert, gone = station.notice(12_000, repeat=2), station.alert(3_000), station.notice(2_000)
    orders, cancel = (notice, alert, gone), station.cancel(gone)
    with pytest.raises(PowerCut):
        await live_through(station, notice, cancel, gone, alert)
    async with back_for(await station.power_cut(), 1) as again:
        # The service sends what it has no end for.
        for order in (cancel, *orders):
            if not (station.receipts(order, "done") or again.receipts(order, "done")):
                await again.send(order)
        await asyncio.sleep(120)

        again.said[:0] = station.said
        for order in orders:
            ends = {message["outcome"] for message in again.receipts(order, "done")}
            assert len(ends) == 1, (order.id, ends)
        full = [s for s in again.recordings() if s.order == notice.id and s.start == 0 and s.ended == "end"]
        assert len(full) == len({stretch.repeat_no for stretch in full})
        alerts = [stretch for stretch in again.recordings() if stretch.order == alert.id]
        assert len([stretch for stretch in alerts if not stretch.crash_replay]) <= 1
        assert gone.id not in {stretch.order for stretch in again.recordings()}
        assert again.agent.ledger.open_orders() == {}


async def live_through(station: Station, notice: Order, cancel: Order, gone: Order, alert: Order) -> None:
    async with station.on():
        await station.send(notice)
        await asyncio.sleep(11)
        for order in (cancel, gone, alert):
            await station.send(order)
        await asyncio.sleep(60)
