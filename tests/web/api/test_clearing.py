"""The shelf is cleared of what nobody waits for, and the book knows it."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import httpx

from broadcaster.desk.clearing import clear
from broadcaster.desk.ports import Pen
from broadcaster.desk.rows import Role, Script
from broadcaster.model.announcement import AnnouncementState
from broadcaster.model.precedence import Lane
from tests.virtual import VirtualClock
from tests.web.api.town import EAST, TOWN, Town, cap, notice


class FullShelf:
    """Has to part with all that nobody wants."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)

    async def surplus(self, wanted: Collection[str]) -> Sequence[str]:
        return [name for name in self.names if name not in wanted]

    async def remove(self, names: Collection[str]) -> None:
        self.names = [name for name in self.names if name not in names]


async def _spoken(town: Town, name: str, script: str) -> None:
    def job(pen: Pen) -> None:
        known = pen.script(script)
        assert known is not None
        pen.put(Script(known.id, known.spoken, known.voice, known.rules, "ready", known.lane, name))

    await town.desk.book.write(Lane.NOTICE, job)


async def _script(town: Town, origin: str) -> str:
    revision = await town.desk.book.read(lambda state: state.revision(origin, 1))
    assert revision is not None
    return revision.script


async def _alert(town: Town, county: httpx.AsyncClient, clock: VirtualClock) -> str:
    taken = await county.post("/api/v1/alerts", content=cap(clock), headers={"Content-Type": "application/xml"})
    origin: str = taken.json()["origin"]
    return origin


async def test_what_somebody_waits_for_stays_on_the_shelf(town: Town, clock: VirtualClock) -> None:
    clerk, county = await town.somebody("clerk", (Role.DRAFT, TOWN)), await town.source()
    drafted = (await clerk.post("/api/v1/notices", json=notice(clock, targets=[EAST]))).json()["revision"]["origin"]
    await clerk.post(f"/api/v1/notices/{drafted}/revisions/1/hear")
    await _spoken(town, "of the draft", await _script(town, drafted))
    await _spoken(town, "of the alert", await _script(town, await _alert(town, county, clock)))
    shelf = FullShelf("of the draft", "of the alert", "of nobody")

    assert await clear(town.desk, shelf) == 1
    assert shelf.names == ["of the draft", "of the alert"]


async def test_what_went_from_the_shelf_is_spoken_again_for_the_next_who_wants_it(
    town: Town, clock: VirtualClock
) -> None:
    county = await town.source()
    origin = await _alert(town, county, clock)
    script = await _script(town, origin)
    await _spoken(town, "flood", script)

    def close(pen: Pen) -> None:
        pen.put(replace(one, state=AnnouncementState.CLOSED) for one in pen.announcements_of(origin))

    await town.desk.book.write(Lane.ALERT, close)
    shelf = FullShelf("flood")

    await clear(town.desk, shelf)

    known = await town.desk.book.read(lambda state: state.script(script))
    assert shelf.names == []
    assert known is not None
    assert (known.state, known.recording) == ("wanted", None)
