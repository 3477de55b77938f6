"""A loudspeaker knows the service's time and no other."""

import asyncio
from datetime import timedelta

import pytest

from broadcaster.model.clock import milliseconds
from broadcaster.model.errors import Invalid
from broadcaster.model.order import Purpose
from streams.agent.timekeeping import DAY_MS, ServiceTime
from tests.agent.station import KEYRING, KEYS, Station
from tests.virtual import VirtualClock

pytestmark = pytest.mark.virtual


class Service:
    """A service that answers time questions after a while."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock

    def sign(self, nonce: str, ms: int, purpose: Purpose = Purpose.TIME) -> bytes:
        return KEYS[purpose].seal_time(nonce, ms, 1)

    async def answer(self, time: ServiceTime, there: float, back: float) -> None:
        nonce = time.ask()
        await self.clock.sleep(there)
        ms = milliseconds(self.clock.now())
        await self.clock.sleep(back)
        time.hear(nonce, ms, 1, self.sign(nonce, ms))


@pytest.fixture
def service(clock: VirtualClock) -> Service:
    return Service(clock)


def new_time(clock: VirtualClock, floor_ms: int | None = None) -> ServiceTime:
    names = iter(f"nonce-{n}" for n in range(1_000))
    return ServiceTime(clock, KEYRING, lambda: next(names), floor_ms)


async def test_the_answer_with_the_smallest_round_trip_counts(clock: VirtualClock, service: Service) -> None:
    time = new_time(clock)
    for there, back in ((0.1, 3.0), (0.02, 0.02), (2.0, 0.1), (0.5, 0.1)):
        await service.answer(time, there, back)

    assert abs(time.now().ms - milliseconds(clock.now())) <= 1


async def test_the_boxs_own_clock_does_not_matter(clock: VirtualClock, service: Service) -> None:
    time = new_time(clock)
    await service.answer(time, 0, 0)
    right_ms = time.now().ms

    clock.offset = timedelta(days=-9_000)

    assert time.now().ms == right_ms
    assert time.clock_error_ms() == -9_000 * DAY_MS


async def test_time_that_nobody_asked_for_or_that_another_key_signed_is_refused(
    clock: VirtualClock, service: Service
) -> None:
    time = new_time(clock)
    nonce = time.ask()

    with pytest.raises(Invalid, match="time_unasked"):
        time.hear("another", 1, 1, service.sign("another", 1))
    with pytest.raises(Invalid, match="signature"):
        time.hear(nonce, 1, 1, service.sign(nonce, 1, Purpose.ALERT))
    assert time.now().floor_ms == 0


async def test_an_answer_counts_once(clock: VirtualClock, service: Service) -> None:
    time = new_time(clock)
    nonce, ms = time.ask(), milliseconds(clock.now())
    time.hear(nonce, ms, 1, service.sign(nonce, ms))

    with pytest.raises(Invalid, match="time_unasked"):
        time.hear(nonce, ms, 1, service.sign(nonce, ms))


async def test_time_does_not_go_below_the_floor(clock: VirtualClock, service: Service) -> None:
    floor_ms = milliseconds(clock.now())
    time = new_time(clock, floor_ms)
    nonce = time.ask()

    with pytest.raises(Invalid, match="time_before_floor"):
        time.hear(nonce, floor_ms - 1, 1, service.sign(nonce, floor_ms - 1))


async def test_the_floor_rises_by_what_passed_and_a_day_at_most(clock: VirtualClock, service: Service) -> None:
    floor_ms = milliseconds(clock.now())
    time = new_time(clock, floor_ms)
    await asyncio.sleep(1_000)
    nonce, far_ms = time.ask(), floor_ms + 400 * DAY_MS

    time.hear(nonce, far_ms, 1, service.sign(nonce, far_ms))

    assert time.floor_ms == floor_ms + 1_000_000 + DAY_MS
    assert time.now().ms == far_ms


async def test_before_the_hour_is_told_emergencies_sound_and_routine_waits_for_it(clock: VirtualClock) -> None:
    async with Station(clock, tells_time=False).on() as station:
        notice, alert = station.notice(2_000), station.alert(2_000)
        await station.send(notice)
        await station.send(alert)
        await asyncio.sleep(20)
        assert station.heard() == [(alert.id, 0, 2_000)]

        station.tells_time = True
        await asyncio.sleep(60)

        assert station.done(notice)["outcome"] == "played"


async def test_orders_are_judged_by_the_services_time_alone(clock: VirtualClock) -> None:
    clock.offset = timedelta(days=3_000)
    async with Station(clock).on() as station:
        order = station.notice(2_000, lives=60)
        await station.send(order)
        await asyncio.sleep(10)

        assert station.done(order)["outcome"] == "played"


async def test_the_floor_outlives_a_power_cut(clock: VirtualClock) -> None:
    station = Station(clock)
    async with station.on():
        await asyncio.sleep(1_300)
        floor_ms = station.agent.time.floor_ms

    again = await station.power_cut()
    await again.agent.recover()

    assert again.agent.time.floor_ms is not None
    assert floor_ms is not None
    assert floor_ms - again.agent.time.floor_ms < 60_000
