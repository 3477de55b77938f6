"""Workers: an act may happen twice; what it records happens once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count, pairwise
from pathlib import Path

import pytest

from broadcaster.desk.ports import Pen
from broadcaster.desk.rows import Audit, Work
from broadcaster.model.errors import NotAllowed, OutOfReach, Refused
from broadcaster.model.precedence import Lane
from broadcaster.store.book import SqlBook
from streams.topology import Topology
from streams.working import LEASE, Act, Outcome, Workers
from tests.contracts.engines import bell_of, open_book, put, running, work
from tests.streams.samples import AT
from tests.virtual import START, VirtualClock

pytestmark = pytest.mark.virtual


def test_the_clock_of_these_tests_begins_with_their_samples() -> None:
    assert START == AT


class Shop:
    """A book with one worker, ``voicing``."""

    def __init__(self, book: SqlBook, clock: VirtualClock) -> None:
        self.book = book
        self.clock = clock
        self.acted: list[str] = []
        self.hands: Callable[[Work], Awaitable[None]] | None = None
        self.refused: Callable[[Work, Refused], Outcome | None] | None = None
        self._tokens = count()

    def workers(self, at_once: int = 8) -> Workers:
        topology = Topology()
        topology.worker("voicing", ["voice"], at_once=at_once)
        act = Act(self.act, self.refused)
        return Workers(
            self.book,
            bell_of(self.book),
            self.clock,
            topology,
            {"voicing": act},
            lambda: f"token-{id(topology)}-{next(self._tokens)}",
        )

    async def act(self, work: Work) -> Outcome:
        self.acted.append(work.subject)
        if self.hands:
            await self.hands(work)
        return lambda pen: self._note(pen, work)

    def _note(self, pen: Pen, work: Work) -> str:
        pen.put(Audit(self.clock.now(), "worker", work.subject, {}))
        return "spoken"

    async def wants(self, *works: Work) -> None:
        for lane in Lane:
            await self.book.write(lane, put([one for one in works if one.lane is lane]))

    async def noted(self) -> list[str]:
        trail = await self.book.read(lambda state: state.audit_trail())
        return [line.what for line in reversed(trail)]

    async def result(self, subject: str) -> str | None:
        found = await self.book.read(lambda state: state.work("voice", subject))
        return found.result if found else None


@pytest.fixture
async def shop(tmp_path: Path, clock: VirtualClock) -> AsyncIterator[Shop]:
    async with open_book(tmp_path / "book.db") as book:
        yield Shop(book, clock)


async def test_work_is_done_and_its_outcome_kept(shop: Shop) -> None:
    await shop.wants(work("flood"))

    async with running(shop.workers().run()):
        await asyncio.sleep(1)

    assert await shop.noted() == ["flood"]
    assert await shop.result("flood") == "spoken"


async def test_work_is_not_touched_before_it_is_due(shop: Shop) -> None:
    """
    For an order this row is the hold.
    """
    async with running(shop.workers().run()):
        await shop.wants(work("flood", after_seconds=10))
        await asyncio.sleep(9.9)
        before = list(shop.acted)
        await asyncio.sleep(0.2)

    assert before == []
    assert shop.acted == ["flood"]


async def test_new_work_is_begun_when_the_bell_rings(shop: Shop) -> None:
    begun: list[float] = []

    async def hands(_: Work) -> None:
        begun.append(shop.clock.monotonic())

    shop.hands = hands
    async with running(shop.workers().run()):
        await asyncio.sleep(2.3)
        await shop.wants(work("flood", after_seconds=0))
        await asyncio.sleep(5)

    assert begun == [pytest.approx(2.3, abs=0.1)]


async def test_an_alert_is_voiced_while_notices_fill_all_hands(shop: Shop) -> None:
    """
    A voice that hangs on notices has hands of its own for alerts.
    """

    async def hands(one: Work) -> None:
        if one.lane is Lane.NOTICE:
            await asyncio.sleep(3600)

    shop.hands = hands
    await shop.wants(*(work(f"notice-{n}") for n in range(20)))

    async with running(shop.workers(at_once=4).run()):
        await asyncio.sleep(1)
        await shop.wants(work("flood", Lane.ALERT))
        await asyncio.sleep(1)

        assert await shop.noted() == ["flood"]
    assert len(shop.acted) == 5


async def test_work_is_done_side_by_side_but_no_more_than_allowed(shop: Shop) -> None:
    inside, most = 0, 0

    async def hands(_: Work) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(1)
        inside -= 1

    shop.hands = hands
    await shop.wants(*(work(f"notice-{n}") for n in range(10)))

    async with running(shop.workers(at_once=3).run()):
        await asyncio.sleep(6)

    assert most == 3
    assert len(await shop.noted()) == 10


async def test_what_is_out_of_reach_is_due_again_after_1_5_15_and_30_seconds(shop: Shop) -> None:
    tries: list[float] = []

    async def hands(_: Work) -> None:
        tries.append(shop.clock.monotonic())
        raise OutOfReach("signer_away")

    shop.hands = hands
    await shop.wants(work("flood", Lane.ALERT))

    async with running(shop.workers().run()):
        await asyncio.sleep(85)

    waits = [later - earlier for earlier, later in pairwise(tries)]
    assert [round(wait) for wait in waits] == [1, 5, 15, 30, 30]
    assert await shop.noted() == []


async def test_an_act_with_a_fault_of_its_own_is_tried_again(shop: Shop) -> None:
    """
    Nobody is to be forgotten because of our mistake.
    """
    faults = iter([ZeroDivisionError()])

    async def hands(_: Work) -> None:
        if fault := next(faults, None):
            raise fault

    shop.hands = hands
    await shop.wants(work("flood"))

    async with running(shop.workers().run()):
        await asyncio.sleep(3)

    assert await shop.noted() == ["flood"]


async def test_what_is_refused_is_done_and_says_why(shop: Shop) -> None:
    async def hands(_: Work) -> None:
        raise NotAllowed("tombstoned")

    shop.hands = hands
    shop.refused = lambda one, error: lambda pen: pen.put(Audit(AT, "worker", f"{one.subject} {error.code}", {}))
    await shop.wants(work("flood"))

    async with running(shop.workers().run()):
        await asyncio.sleep(120)

    assert shop.acted == ["flood"]
    assert await shop.result("flood") == "refused:tombstoned"
    assert await shop.noted() == ["flood tombstoned"]


async def test_a_refusal_while_recording_counts_as_one(shop: Shop) -> None:
    def refuse(_: Pen) -> str:
        raise Refused("superseded")

    async def act(_: Work) -> Outcome:
        return refuse

    shop.act = act  # type: ignore[method-assign]  # another act for this test
    await shop.wants(work("flood"))

    async with running(shop.workers().run()):
        await asyncio.sleep(1)

    assert await shop.result("flood") == "refused:superseded"


async def test_a_long_act_keeps_its_lease(shop: Shop) -> None:
    async def hands(_: Work) -> None:
        await asyncio.sleep(200)

    shop.hands = hands
    await shop.wants(work("flood"))

    async with running(shop.workers().run()), running(shop.workers().run()):
        await asyncio.sleep(210)

    assert shop.acted == ["flood"]
    assert await shop.noted() == ["flood"]


async def test_the_outcome_of_a_lost_lease_is_dropped(shop: Shop) -> None:
    """
    Somebody else took the work over: what both did is recorded once.
    """

    async def hands(one: Work) -> None:
        await shop.book.write(one.lane, lambda pen: pen.work_later(one.id, str(one.lease_token), shop.clock.now()))
        shop.hands = None

    shop.hands = hands
    await shop.wants(work("flood"))

    async with running(shop.workers().run()):
        await asyncio.sleep(60)

    assert shop.acted == ["flood", "flood"]
    assert await shop.noted() == ["flood"]


async def test_the_work_of_one_who_died_is_taken_over_when_his_lease_has_run_out(shop: Shop) -> None:
    await shop.wants(work("flood"))
    dead = shop.clock.now()
    await shop.book.write(
        Lane.NOTICE, lambda pen: pen.claim(["voice"], Lane.NOTICE, dead, dead + LEASE, "dead", limit=1)
    )

    async with running(shop.workers().run()):
        await asyncio.sleep(LEASE.total_seconds() - 1)
        waiting = list(shop.acted)
        await asyncio.sleep(2)

    assert waiting == []
    assert await shop.noted() == ["flood"]


async def test_a_worker_that_is_stopped_gives_its_work_back(shop: Shop) -> None:
    """
    A restart must not cost an alert the half minute of a lease.
    """

    async def hands(_: Work) -> None:
        await asyncio.sleep(3600)

    shop.hands = hands
    await shop.wants(work("flood", Lane.ALERT))
    async with running(shop.workers().run()):
        await asyncio.sleep(1)
    shop.hands = None

    async with running(shop.workers().run()):
        await asyncio.sleep(1)

    assert await shop.noted() == ["flood"]


async def test_a_full_book_delays_the_record_but_does_not_lose_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await shop.wants(work("flood"))
    write, refusals = shop.book.write, iter(range(3))

    async def full(lane: Lane, job: Callable[[Pen], object]) -> object:
        if shop.acted and next(refusals, None) is not None:
            raise OutOfReach("book_full", lane=lane.value)
        return await write(lane, job)

    monkeypatch.setattr(shop.book, "write", full)

    async with running(shop.workers().run()):
        await asyncio.sleep(10)

    assert shop.acted == ["flood"]
    assert await shop.noted() == ["flood"]


async def test_a_broken_book_ends_the_workers(shop: Shop) -> None:
    async def work_on() -> None:
        async with running(shop.workers().run()):
            await asyncio.sleep(1)
            shop.book._writer._break(OSError("disk full"))
            await shop.wants(work("flood"))

    with pytest.raises((BaseExceptionGroup, OutOfReach)):
        await work_on()
