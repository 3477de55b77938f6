"""What every engine promises of the stages that it runs."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from broadcaster.desk.events import Event
from broadcaster.desk.ports import Row, State
from broadcaster.model.errors import NotFound, OutOfReach, Refused
from broadcaster.model.precedence import Lane
from streams.guard import BuryingLimits
from tests.contracts.engines import ENGINES, Town, noted, open_book, planned
from tests.virtual import VirtualClock

pytestmark = pytest.mark.virtual

Run = Callable[[], AbstractAsyncContextManager[Any]]


@pytest.fixture
async def town(tmp_path: Path, clock: VirtualClock) -> AsyncIterator[Town]:
    async with open_book(tmp_path / "book.db") as book:
        yield Town(book, clock)


@pytest.fixture(params=ENGINES)
def run(request: pytest.FixtureRequest, town: Town) -> Run:
    factory = ENGINES[request.param]
    return lambda: factory(town.book, town.bell, town.clock, town.topology, {"noting": town.stage}, town.limits)


async def test_what_happened_is_decided_once_and_in_order(town: Town, run: Run) -> None:
    await town.happen(*(planned(n) for n in range(120)))

    async with run():
        await town.until_noted(120)

    assert await town.noted() == [f"notice-{n}" for n in range(120)]
    assert await town.followed(Lane.NOTICE) == 120


async def test_what_happens_while_it_runs_is_seen_at_once(town: Town, run: Run) -> None:
    """
    A bell rings; nobody waits for the next look.
    """
    async with run():
        await asyncio.sleep(3.1)
        before = town.clock.now()
        await town.happen(planned(1))
        async with asyncio.timeout(60):
            while not await town.noted():  # noqa: ASYNC110 - virtual time must not pass
                await asyncio.sleep(0)

        assert town.clock.now() - before < timedelta(milliseconds=100)


async def test_an_engine_that_is_started_again_repeats_nothing(town: Town, run: Run) -> None:
    await town.happen(planned(1))
    async with run():
        await town.until_noted(1)
    await town.happen(planned(2))

    async with run():
        await town.until_noted(2)
        await asyncio.sleep(30)

    assert await town.noted() == ["notice-1", "notice-2"]


async def test_a_batch_that_was_run_but_not_committed_is_run_again_with_one_effect(town: Town, run: Run) -> None:
    """
    A stage may be called any number of times; what it decided is kept once.
    """
    failures = iter([OutOfReach("book_full"), RuntimeError("crash"), RuntimeError("crash")])

    def decide(event: Event, _: State) -> Sequence[Row]:
        if event.payload and event.payload["announcement"] == "notice-2" and (failure := next(failures, None)):
            raise failure
        return noted(event)

    town.decide = decide
    await town.happen(*(planned(n) for n in range(3)))

    async with run():
        await town.until_noted(3)

    assert sorted(await town.noted()) == ["notice-0", "notice-1", "notice-2"]
    assert await town.followed(Lane.NOTICE) == 3


async def test_a_stage_that_looks_again_is_told_once_of_many_changes(town: Town, run: Run) -> None:
    """
    A thousand receipts of one announcement are not a thousand reasons to count its loudspeakers.
    """
    again = {"announcement.planned.v1": "announcement"}
    town.topology.stage("noting", ["announcements.{lane}"], batch=50, together=True, last_only=again)
    repeated = [replace(planned(n % 2), id=f"event-{n}") for n in range(50)]
    await town.happen(*repeated)

    async with run():
        await town.until_noted(2)

    assert town.calls == [["notice-0", "notice-1"]]


async def test_an_alert_does_not_wait_for_ten_thousand_notices(town: Town, run: Run) -> None:
    """
    Told by the order of the stage's calls: priority is lost at the first shared queue.
    """
    await town.happen(*(planned(n) for n in range(10_000)))

    async with run():
        while len(town.calls) < 3:  # noqa: ASYNC110 - virtual time must not pass
            await asyncio.sleep(0)
        before = len(town.calls)
        await town.happen(planned(1, Lane.ALERT))
        await town.until_noted(10_001)

    after = next(place for place, call in enumerate(town.calls) if call == ["alert-1"])
    # A notice's batch is in hand when the alert comes, and another may have been queued.
    assert after - before <= 4
    assert len(town.calls) >= 200


async def test_an_alert_does_not_wait_for_a_notice_that_fails(town: Town, run: Run) -> None:
    def decide(event: Event, _: State) -> Sequence[Row]:
        if event.lane is Lane.NOTICE:
            raise OutOfReach("voice_away")
        return noted(event)

    town.decide = decide
    await town.happen(*(planned(n) for n in range(60)), planned(1, Lane.ALERT))

    async with run():
        await town.until_noted(1)

    assert await town.noted() == ["alert-1"]


async def test_what_cannot_be_decided_now_is_tried_after_5_30_and_300_seconds(town: Town, run: Run) -> None:
    tries: list[float] = []

    def decide(event: Event, _: State) -> Sequence[Row]:
        if event.payload and event.payload["announcement"] == "notice-1":
            tries.append(town.clock.monotonic())
            raise OutOfReach("elsewhere")
        return noted(event)

    town.decide = decide
    await town.happen(*(planned(n) for n in range(3)))

    async def given_up() -> bool:
        return bool(await town.buried())

    async with run():
        await town.until_noted(2)
        at_once = town.clock.monotonic()
        await town.until(given_up)

    waits = [later - earlier for earlier, later in zip(tries[-4:-1], tries[-3:], strict=True)]
    assert [round(wait / 5) * 5 for wait in waits] == [5, 30, 300]
    assert at_once < 5
    assert await town.noted() == ["notice-0", "notice-2"]


async def test_what_went_well_at_the_second_try_is_decided_once(town: Town, run: Run) -> None:
    failures = iter([OutOfReach("elsewhere"), OutOfReach("elsewhere")])

    def decide(event: Event, _: State) -> Sequence[Row]:
        if failure := next(failures, None):
            raise failure
        return noted(event)

    town.decide = decide
    await town.happen(planned(1))

    async with run():
        await town.until_noted(1)
        await asyncio.sleep(600)

    assert await town.noted() == ["notice-1"]
    assert await town.buried() == []


async def test_what_is_wrong_for_ever_is_buried_and_the_rest_goes_on(town: Town, run: Run) -> None:
    def decide(event: Event, _: State) -> Sequence[Row]:
        if event.payload and event.payload["announcement"] == "notice-1":
            raise NotFound("announcement_unknown")
        return noted(event)

    town.decide = decide
    await town.happen(*(planned(n) for n in range(3)))

    async with run():
        await town.until_noted(2)

    [letter] = await town.buried()
    assert await town.noted() == ["notice-0", "notice-2"]
    assert (letter.reader, letter.topic) == ("noting.notice", "announcements.notice")
    assert "announcement_unknown" in letter.error
    assert b"notice-1" in letter.body


async def test_what_cannot_be_read_is_buried_as_it_came(town: Town, run: Run) -> None:
    def garbled(event: Event, _: State) -> Sequence[Row]:
        return noted(event)

    town.decide = garbled
    await town.happen(planned(0), planned(1))
    await town.book.write(Lane.NOTICE, _garble)

    async with run():
        await town.until_noted(1)

    [letter] = await town.buried()
    assert (letter.body, await town.noted()) == (b"{garbled", ["notice-1"])


def _garble(pen: Any) -> None:
    pen._connection.exec_driver_sql("UPDATE outbox SET body = ? WHERE seq = 1", (b"{garbled",))


async def test_a_reader_that_would_bury_everything_stops_instead(town: Town, run: Run) -> None:
    """
    A bad deploy refuses every event; burying them all would lose a day.
    """
    is_bad = True

    def decide(event: Event, _: State) -> Sequence[Row]:
        if is_bad:
            raise Refused("bad_deploy")
        return noted(event)

    town.decide = decide
    town.limits = BuryingLimits(run=5, most=20, window=100, pause_seconds=60)
    await town.happen(*(planned(n) for n in range(60)))

    async with run() as engine:
        await asyncio.sleep(600)
        buried, paused = len(await town.buried()), dict(engine.paused)
        is_bad = False
        await town.until_noted(55)

    assert buried == 5
    assert list(paused) == ["noting.notice"]
    assert engine.paused == {}
    assert len(await town.buried()) == 5


async def test_a_paused_reader_goes_on_when_somebody_lets_it(town: Town, run: Run) -> None:
    def decide(event: Event, _: State) -> Sequence[Row]:
        raise Refused("really_wrong")

    town.decide = decide
    town.limits = BuryingLimits(run=2, most=20, window=100, pause_seconds=3600)
    await town.happen(*(planned(n) for n in range(3)))

    async with run() as engine:
        await asyncio.sleep(10)
        engine.resume("noting.notice")
        await asyncio.sleep(10)

    assert len(await town.buried()) == 3


async def test_burying_too_many_of_a_hundred_stops_too(town: Town, run: Run) -> None:
    def decide(event: Event, _: State) -> Sequence[Row]:
        if int(str((event.payload or {})["announcement"]).removeprefix("notice-")) % 3 == 0:
            raise Refused("every_third")
        return noted(event)

    town.decide = decide
    town.limits = BuryingLimits(run=5, most=8, window=100, pause_seconds=60)
    await town.happen(*(planned(n) for n in range(90)))

    async with run() as engine:
        await asyncio.sleep(300)
        assert "noting.notice" in engine.paused

    assert len(await town.buried()) == 8
    assert len(await town.noted()) == 16


async def test_a_book_that_broke_ends_the_engine(town: Town, run: Run) -> None:
    """
    Rather no service that says so than one that takes alerts and forgets them.
    """

    async def work_on() -> None:
        async with run():
            town.book._writer._break(OSError("disk full"))
            await asyncio.sleep(600)

    with pytest.raises(BaseExceptionGroup) as group:
        await work_on()

    assert group.value.subgroup(lambda error: isinstance(error, OutOfReach) and error.code == "book_broken")
