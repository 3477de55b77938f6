"""Those who only look keep nobody waiting who acts, and cost the same however much there is to see."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, Engine, event

from broadcaster.desk.rows import Role
from broadcaster.web.happenings import Happening
from broadcaster.web.kept import Kept
from tests.virtual import VirtualClock
from tests.web.api.town import EAST, OTHER, TOWN, WEST, Town, cap, notice

XML = {"Content-Type": "application/xml"}


@contextmanager
def questions() -> Iterator[list[str]]:
    """Note every statement that reads from the book."""
    asked: list[str] = []

    def note(_connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        if statement.lstrip().startswith("SELECT"):
            asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def _alerts(town: Town, clock: VirtualClock, count: int, start: int = 0) -> None:
    county = await town.source(hold_ms=0)
    for n in range(start, start + count):
        taken = await county.post("/api/v1/alerts", content=cap(clock, f"flood-{n}"), headers=XML)
        assert taken.status_code == 202


async def _drafted(clerk: httpx.AsyncClient, said: dict[str, Any]) -> str:
    origin: str = (await clerk.post("/api/v1/notices", json=said)).json()["revision"]["origin"]
    return origin


def _changed(town: Town) -> None:
    """Let the log's reader come to what was said to East."""
    for watcher in town.app.state.live.watchers:
        watcher(Happening(1, "announcement.planned", (EAST,), {}))


@pytest.fixture
async def busy() -> AsyncIterator[threading.Event]:
    """Whoever looks is held up until this is set."""
    over = threading.Event()
    yield over
    over.set()


async def test_a_worker_reads_the_book_while_everybody_looks(town: Town, busy: threading.Event) -> None:
    async with asyncio.TaskGroup() as tasks:
        phones = [tasks.create_task(town.desk.book.look(lambda _state: busy.wait())) for _ in range(60)]

        epoch = await town.desk.book.read(lambda state: state.epoch())

        assert epoch == 1
        assert not any(phone.done() for phone in phones)
        busy.set()


async def test_an_alert_is_taken_while_everybody_looks(town: Town, clock: VirtualClock, busy: threading.Event) -> None:
    county = await town.source()
    async with asyncio.TaskGroup() as tasks:
        phones = [tasks.create_task(town.desk.book.look(lambda _state: busy.wait())) for _ in range(60)]

        taken = await county.post("/api/v1/alerts", content=cap(clock), headers=XML)

        assert taken.status_code == 202
        assert not any(phone.done() for phone in phones)
        busy.set()


async def test_an_alert_is_read_while_others_listen_and_try_texts_out(
    town: Town, clock: VirtualClock, busy: threading.Event
) -> None:
    county = await town.source()
    async with asyncio.TaskGroup() as tasks:
        phones = [tasks.create_task(asyncio.to_thread(busy.wait)) for _ in range(60)]

        taken = await county.post("/api/v1/alerts", content=cap(clock), headers=XML)

        assert taken.status_code == 202
        assert not any(phone.done() for phone in phones)
        busy.set()


@pytest.mark.parametrize("path", ["/api/v1/alerts", f"/v/{EAST}/now"])
async def test_more_to_see_takes_no_more_questions(town: Town, clock: VirtualClock, path: str) -> None:
    chief = await town.somebody("chief", (Role.APPROVE, TOWN))
    counts = []
    for start in (0, 2):
        await _alerts(town, clock, 2 + 4 * bool(start), start)
        clock.offset += timedelta(minutes=1)
        _changed(town)
        with questions() as asked:
            assert (await chief.get(path)).status_code == 200
        counts.append(len(asked))

    assert counts[0] == counts[1]


async def test_what_waits_for_approval_is_not_pushed_out_by_what_others_say_elsewhere(
    town: Town, clock: VirtualClock
) -> None:
    clerk = await town.somebody("clerk", (Role.DRAFT, EAST))
    origin = await _drafted(clerk, notice(clock))
    await clerk.post(f"/api/v1/notices/{origin}/revisions/1/submit")
    clock.offset += timedelta(minutes=1)
    elsewhere = await town.somebody("neighbour", (Role.DRAFT, WEST), (Role.DRAFT, OTHER))
    for place in (WEST, OTHER, WEST):
        await elsewhere.post("/api/v1/notices", json=notice(clock, targets=[place]))
    clock.offset += timedelta(minutes=1)
    later = await _drafted(clerk, notice(clock, title="later"))

    mine = (await clerk.get("/api/v1/notices", params={"limit": 2})).json()
    first = (await clerk.get("/api/v1/notices", params={"limit": 1})).json()

    assert [one["origin"] for one in mine] == [origin, later]
    assert [one["origin"] for one in first] == [origin]


async def test_whoever_sees_a_village_sees_what_is_said_to_it_and_no_other(town: Town, clock: VirtualClock) -> None:
    clerk = await town.somebody("clerk", (Role.DRAFT, TOWN), (Role.DRAFT, OTHER))
    for place in (EAST, WEST, OTHER):
        await clerk.post("/api/v1/notices", json=notice(clock, targets=[place]))
    head = await town.somebody("head", (Role.AUDIT, EAST))

    seen = (await head.get("/api/v1/notices")).json()

    assert [one["revision"]["targets"] for one in seen] == [[EAST]]


@pytest.mark.virtual
async def test_a_thousand_phones_that_ask_at_once_are_answered_from_one_look(clock: VirtualClock) -> None:
    kept: Kept[str, int] = Kept(clock)
    looks: list[float] = []

    async def look() -> int:
        looks.append(clock.monotonic())
        await clock.sleep(0.2)
        return len(looks)

    together = await asyncio.gather(*(kept.get(EAST, look) for _ in range(1_000)))
    await clock.sleep(1)
    after = await kept.get(EAST, look)

    assert set(together) == {1}
    assert after == 2


@pytest.mark.virtual
async def test_a_look_begun_before_a_change_is_not_kept_after_it(clock: VirtualClock) -> None:
    kept: Kept[str, str] = Kept(clock)
    said = "nothing"

    async def look() -> str:
        found = said
        await clock.sleep(0.1)
        return found

    async with asyncio.TaskGroup() as tasks:
        before = tasks.create_task(kept.get(EAST, look))
        await clock.sleep(0.05)
        said = "flood"
        kept.forget(EAST)
        after = tasks.create_task(kept.get(EAST, look))

    assert (before.result(), after.result()) == ("nothing", "flood")


@pytest.mark.virtual
async def test_what_failed_is_tried_again_by_the_next_who_asks(clock: VirtualClock) -> None:
    kept: Kept[str, str] = Kept(clock)

    async def fail() -> str:
        raise LookupError

    async def find() -> str:
        return "found"

    with pytest.raises(LookupError):
        await kept.get(EAST, fail)

    assert await kept.get(EAST, find) == "found"


async def test_a_village_that_changed_is_looked_up_anew_before_its_phones_ask(town: Town, clock: VirtualClock) -> None:
    phone = town.client()
    before = await phone.get(f"/v/{EAST}/now")
    await _alerts(town, clock, 1)
    same = await phone.get(f"/v/{EAST}/now")

    _changed(town)
    clock.offset += timedelta(minutes=1)
    changed = await phone.get(f"/v/{EAST}/now")

    assert same.headers["etag"] == before.headers["etag"]
    assert "暴雨橙色预警" in changed.text
