"""What happens is told to whoever looks, in their language, and to nobody whom it does not concern."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import Request

from broadcaster.desk.office import secret_hash
from broadcaster.desk.ports import Pen
from broadcaster.desk.rows import Grant, Role
from broadcaster.model.errors import OutOfReach
from broadcaster.model.precedence import Lane
from broadcaster.web.auth import Visitor, still_known
from broadcaster.web.happenings import Happening, frame
from broadcaster.web.live import (
    KEEP_ALIVE_SECONDS,
    MOST_WAITING,
    BookLog,
    Client,
    Frames,
    Live,
    seen_by,
    seen_by_all,
)
from tests.virtual import VirtualClock
from tests.web.api.town import EAST, OTHER, TOWN, WEST, Town, cap

SECONDS = 15


def read(raw: bytes) -> dict[str, Any]:
    """Read one event of a stream."""
    lines = dict(line.split(": ", 1) for line in raw.decode().strip().splitlines())
    return {"id": lines.get("id"), "event": lines.get("event"), **json.loads(lines.get("data", "{}"))}


async def until(true: Callable[[], bool], push: Callable[[], None] = lambda: None) -> None:
    """Wait for something that another task or thread does."""
    async with asyncio.timeout(SECONDS):
        while not true():
            push()
            await asyncio.sleep(0.01)


class Listener:
    """Somebody who looks, and what they were told."""

    def __init__(self, stream: AsyncIterator[bytes]) -> None:
        self._stream = stream

    async def opened(self) -> "Listener":
        assert (await anext(self._stream)).startswith(b"retry: ")
        return self

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(SECONDS):
            return read(await anext(self._stream))

    async def is_over(self) -> bool:
        async with asyncio.timeout(SECONDS):
            return [one async for one in self._stream] == []


@pytest.fixture
async def live(town: Town) -> AsyncIterator[Live]:
    live: Live = town.app.state.live
    async with asyncio.TaskGroup() as tasks:
        reader = tasks.create_task(live.run())
        await until(lambda: live.seq is not None)
        yield live
        reader.cancel()


async def _alert(town: Town, clock: VirtualClock, name: str = "flood-1") -> None:
    county = await town.source()
    answer = await county.post("/api/v1/alerts", content=cap(clock, name), headers={"Content-Type": "application/xml"})
    assert answer.status_code == 202


async def test_what_happens_in_ones_villages_is_told_in_ones_language(
    town: Town, live: Live, clock: VirtualClock
) -> None:
    await town.somebody("operator", (Role.OPERATE, EAST))
    asker = await town.asker("operator")
    zh = await Listener(live.stream(seen_by(asker, "zh", None), None)).opened()
    en = await Listener(live.stream(seen_by(asker, "en", None), None)).opened()

    await _alert(town, clock)

    first, same = await zh.next(), await en.next()
    assert (first["event"], first["villages"]) == ("announcement.planned", [EAST])
    assert (first["text"], same["text"]) == ("已安排播出", "Planned")
    assert first["at"].endswith("+08:00")


async def test_who_comes_back_is_told_what_was_missed_and_then_what_is_new(
    town: Town, live: Live, clock: VirtualClock
) -> None:
    await town.somebody("operator", (Role.OPERATE, TOWN))
    choose = seen_by(await town.asker("operator"), "zh", None)
    await _alert(town, clock)
    end = await BookLog(town.desk.book).end()
    await until(lambda: live.seq == end)

    back = await Listener(live.stream(choose, 0)).opened()
    missed = [await back.next(), await back.next()]
    await _alert(town, clock, "flood-2")
    new = [await back.next(), await back.next()]

    assert [one["villages"] for one in missed + new] == [[EAST], [WEST]] * 2
    assert [int(one["id"]) for one in missed + new] == sorted(int(one["id"]) for one in missed + new)
    again = await Listener(live.stream(choose, int(missed[0]["id"]))).opened()
    assert (await again.next())["id"] == missed[1]["id"]


async def test_who_missed_too_much_is_told_to_load_the_page_again(
    town: Town, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    await town.somebody("operator", (Role.OPERATE, TOWN))
    choose = seen_by(await town.asker("operator"), "zh", None)
    monkeypatch.setattr(live, "seq", 10_000)

    behind = await Listener(live.stream(choose, 3)).opened()
    ahead = await Listener(live.stream(choose, 20_000)).opened()

    assert [(await one.next())["event"] for one in (behind, ahead)] == ["reload", "reload"]


def test_what_happens_elsewhere_is_told_to_nobody_here() -> None:
    one = Happening(1, "delivery.changed", (OTHER,), {"rank": 3, "target": "x"})

    assert seen_by_all(EAST)(one, {}) is None
    assert seen_by_all(OTHER)(one, {}) == b'id: 1\nevent: village.changed\ndata: {"village": "%s"}\n\n' % OTHER.encode()


def test_everybody_is_told_that_a_village_changed_and_no_more() -> None:
    one = Happening(7, "delivery.changed", (EAST,), {"rank": 5, "outcome": "played", "target": "east-1"})

    assert set(read(seen_by_all(EAST)(one, {}) or b"")) == {"id", "event", "village"}


def test_an_order_on_its_way_is_not_told_to_everybody() -> None:
    assert seen_by_all(EAST)(Happening(7, "delivery.changed", (EAST,), {"rank": 1}), {}) is None


def test_a_delivery_is_told_in_words() -> None:
    one = Happening(7, "delivery.changed", (EAST,), {"rank": 5, "outcome": "muted", "target": "east-1", "at": 0})

    assert read(frame(one, "zh"))["text"] == "静音，没有人听到"
    assert read(frame(one, "en"))["rank"] == "final"


def test_a_client_too_far_behind_is_let_go_and_not_waited_for() -> None:
    client = Client(seen_by_all(EAST))

    taken = [client.tell(b"x") for _ in range(MOST_WAITING + 1)]
    client.end()

    assert taken == [True] * MOST_WAITING + [False]
    assert client.queue.qsize() == MOST_WAITING


async def test_only_those_whom_it_concerns_are_looked_at(town: Town, live: Live) -> None:
    """
    Thousands of phones look at other villages; what happens here costs nothing for them.
    """
    asked: list[str] = []

    @dataclass(frozen=True)
    class Noting:
        village: str
        is_known: bool = False

        def __call__(self, one: Happening, _frames: Frames, /) -> bytes | None:
            asked.append(self.village)
            return b"changed"

    with ExitStack() as looking:
        phones = [looking.enter_context(live.client(Noting(where))) for where in (EAST, WEST) for _ in range(100)]
        live._tell(Happening(1, "delivery.changed", (EAST,), {"rank": 5}))

        told = [phone.choose.village for phone in phones if not phone.queue.empty()]

    assert asked == [EAST]
    assert told == [EAST] * 100
    assert live.clients == 0


async def test_phones_leave_places_for_those_on_duty(town: Town, live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("broadcaster.web.live.MOST_UNKNOWN", 2)
    monkeypatch.setattr("broadcaster.web.live.MOST_CLIENTS", 3)
    await town.somebody("operator", (Role.OPERATE, TOWN))
    duty = seen_by(await town.asker("operator"), "zh", None)
    with ExitStack() as looking:
        for _ in range(2):
            looking.enter_context(live.client(seen_by_all(EAST)))

        phone = await town.client().get("/api/v1/stream", params={"village": WEST})
        looking.enter_context(live.client(duty))

        assert (phone.status_code, phone.json()["code"]) == (503, "streams_full")
        with pytest.raises(OutOfReach):
            live.check(duty)


@pytest.mark.virtual
async def test_a_stream_ends_when_its_client_may_no_longer_look(town: Town, clock: VirtualClock) -> None:
    may = iter([True, False])

    async def still() -> bool:
        return next(may)

    live: Live = town.app.state.live
    stream = await Listener(live.stream(seen_by_all(EAST), None, still)).opened()
    begun = clock.monotonic()
    rest = [one async for one in stream._stream]

    assert rest == []
    assert clock.monotonic() - begun == pytest.approx(2 * KEEP_ALIVE_SECONDS)


@pytest.mark.parametrize("change", ["revoked", "other grants", "nothing"])
async def test_who_may_look_is_asked_again_by_token_and_grants(town: Town, clock: VirtualClock, change: str) -> None:
    await town.somebody("operator", (Role.OPERATE, TOWN))
    headers = [(b"authorization", b"Bearer token-of-operator")]
    connection = Request({"type": "http", "method": "GET", "path": "/", "app": town.app, "headers": headers})
    visitor = Visitor(await town.asker("operator"), None)

    def job(pen: Pen) -> None:
        if change == "revoked":
            token = pen.token(secret_hash("token-of-operator"))
            assert token is not None
            pen.put(replace(token, revoked_at=clock.now()))
        elif change == "other grants":
            pen.put(Grant("operator", Role.OPERATE, OTHER))

    await town.desk.book.write(Lane.NOTICE, job)

    assert await still_known(connection, visitor) is (change == "nothing")


async def test_all_streams_end_when_the_service_stops(town: Town, live: Live) -> None:
    await town.somebody("operator", (Role.OPERATE, TOWN))
    stream = await Listener(live.stream(seen_by(await town.asker("operator"), "zh", None), None)).opened()

    live.close()

    assert await stream.is_over()
    late = await town.client("token-of-operator").get("/api/v1/stream")
    assert (late.status_code, late.json()["code"]) == (503, "stopping")


async def test_whoever_is_unknown_names_a_village_to_follow(town: Town) -> None:
    client = town.client()

    everything = await client.get("/api/v1/stream")
    nowhere = await client.get("/api/v1/stream", params={"village": "620723999999"})

    assert (everything.status_code, nowhere.status_code) == (401, 404)


async def test_a_broken_book_does_not_end_the_reader(town: Town, clock: VirtualClock) -> None:
    class Broken:
        asked = 0

        async def after(self, seq: int, limit: int) -> list[Happening]:
            raise AssertionError("asked before its end was known")

        async def end(self) -> int:
            self.asked += 1
            raise OutOfReach("book_broken")

    log = Broken()
    live = Live(log, town.desk.bell, clock)
    reader = asyncio.create_task(live.run())
    await until(lambda: log.asked > 1, lambda: town.desk.bell.ring("events.alert"))

    assert not reader.done()
    reader.cancel()


async def test_a_page_in_a_browser_follows_an_alert(town: Town, clock: VirtualClock) -> None:
    """
    The whole way, over a socket: the app under uvicorn, and a stream that ends within three seconds of the stop.
    """
    await town.somebody("operator", (Role.OPERATE, TOWN))
    async with _served(town) as (server, origin), httpx.AsyncClient(base_url=origin, timeout=SECONDS) as browser:
        headers = {"Authorization": "Bearer token-of-operator", "Accept-Language": "en"}
        async with browser.stream("GET", "/api/v1/stream", headers=headers) as stream:
            lines = stream.aiter_lines()
            assert (await anext(lines)).startswith("retry:")
            assert stream.headers["content-type"].startswith("text/event-stream")
            await _alert(town, clock)
            async with asyncio.timeout(SECONDS):
                data = [line async for line in _until(lines, "data:")]

            town.app.state.live.close()
            server.should_exit = True
            async with asyncio.timeout(3):
                async for _ in lines:
                    pass

    assert json.loads(data[-1].removeprefix("data: "))["text"] == "Planned"


@asynccontextmanager
async def _served(town: Town) -> AsyncIterator[tuple[uvicorn.Server, str]]:
    config = uvicorn.Config(town.app, host="127.0.0.1", port=0, log_level="warning", timeout_graceful_shutdown=3)
    server = uvicorn.Server(config)
    async with asyncio.TaskGroup() as tasks:
        # Signals belong to the test run.
        tasks.create_task(server._serve())
        await until(lambda: server.started)
        yield server, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        server.should_exit = True


async def _until(lines: AsyncIterator[str], start: str) -> AsyncIterator[str]:
    async for line in lines:
        yield line
        if line.startswith(start):
            return
