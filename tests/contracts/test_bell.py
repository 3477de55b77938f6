"""What every bell promises."""

import asyncio
from collections.abc import Callable

import pytest

from broadcaster.desk.ports import Bell
from broadcaster.store.bell import LocalBell
from tests.virtual import VirtualClock

pytestmark = pytest.mark.virtual

BELLS: dict[str, Callable[[], Bell]] = {"local": LocalBell}
"""Name → how to make one, on a running loop."""


@pytest.fixture(params=BELLS)
async def bell(request: pytest.FixtureRequest) -> Bell:
    return BELLS[request.param]()


async def waited(clock: VirtualClock, waiting: asyncio.Task[None]) -> float:
    before = clock.monotonic()
    await waiting
    return clock.monotonic() - before


async def test_who_listens_is_woken(bell: Bell, clock: VirtualClock) -> None:
    ear = bell.listen("events.alert", "timers")

    waiting = asyncio.create_task(ear.wait(60))
    await clock.sleep(1)
    bell.ring("timers")

    assert await waited(clock, waiting) == 0


async def test_a_ring_before_the_wait_is_not_missed(bell: Bell, clock: VirtualClock) -> None:
    ear = bell.listen("timers")
    bell.ring("timers")
    await clock.sleep(1)

    assert await waited(clock, asyncio.create_task(ear.wait(60))) == 0


async def test_many_rings_wake_once(bell: Bell, clock: VirtualClock) -> None:
    ear = bell.listen("timers", "book")
    bell.ring("timers", "book")
    bell.ring("timers")
    await clock.sleep(1)
    await ear.wait(60)

    assert await waited(clock, asyncio.create_task(ear.wait(60))) == 60


async def test_other_names_wake_nobody(bell: Bell, clock: VirtualClock) -> None:
    ear = bell.listen("events.alert")
    bell.ring("events.notice", "events")
    bell.ring()

    assert await waited(clock, asyncio.create_task(ear.wait(5))) == 5


async def test_all_who_listen_are_woken(bell: Bell, clock: VirtualClock) -> None:
    ears = [bell.listen("book") for _ in range(3)]
    bell.ring("book")

    await asyncio.gather(*(ear.wait(60) for ear in ears))

    assert clock.monotonic() == 0


async def test_any_thread_may_ring(bell: Bell, clock: VirtualClock) -> None:
    ear = bell.listen("book")

    await asyncio.to_thread(bell.ring, "book")

    assert await waited(clock, asyncio.create_task(ear.wait(60))) == 0
