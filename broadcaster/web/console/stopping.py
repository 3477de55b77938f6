"""Stopping: everything falls silent at one press more, and the page says so village by village."""

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from broadcaster.desk.authority import Asker, require_any
from broadcaster.desk.cancelling import CANCELLERS
from broadcaster.desk.ports import State
from broadcaster.desk.rows import Stop
from broadcaster.desk.stopping import stop_everything
from broadcaster.model.announcement import Announcement
from broadcaster.model.area import area_code, covers
from broadcaster.model.errors import NotAllowed, NotFound
from broadcaster.web.auth import AtDesk, WhoAsks
from broadcaster.web.console.frame import page
from broadcaster.web.rendering import PageRoute, go

router = APIRouter(route_class=PageRoute)

STOPS_LOOKED_AT = 50


@dataclass(frozen=True, slots=True)
class Where:
    """An area that may be silenced."""

    code: str
    name: str
    villages: int


@dataclass(frozen=True, slots=True)
class StoppedVillage:
    """What became of a stop in one village. `is_told`: its order is signed."""

    name: str
    is_told: bool
    online: int
    speakers: int


@dataclass(frozen=True, slots=True)
class Staying:
    """What is planned for later and was not silenced."""

    announcement: Announcement
    title: str


@dataclass(frozen=True, slots=True)
class StopSeen:
    """All that the result page shows."""

    stop: Stop
    area: str
    by: str
    villages: tuple[StoppedVillage, ...]
    staying: tuple[Staying, ...]


@router.get("/console/stop")
async def ask(request: Request, desk: AtDesk, visitor: WhoAsks) -> Response:
    """Ask once; the widest area is chosen already."""
    places = await desk.book.look(lambda state: _places(state, visitor.asker))
    return page(request, visitor, "console/stop.html", places=places, may_stop=False)


@router.post("/console/stop")
async def stop(request: Request, desk: AtDesk, visitor: WhoAsks) -> Response:
    """Silence everything there."""
    area = str((await request.form()).get("area", ""))
    stopped = await stop_everything(desk, visitor.asker, area)
    return go(request, f"/console/stops/{area_code(area)}/{stopped.id}")


@router.get("/console/stops/{area}/{stop_id}")
async def result(request: Request, desk: AtDesk, visitor: WhoAsks, area: str, stop_id: str) -> Response:
    """Say what the press did, village by village."""
    online = desk.line.online()
    seen = await desk.book.look(lambda state: _seen(state, visitor.asker, area_code(area), stop_id, online))
    return page(request, visitor, "console/stopped.html", seen=seen, now=desk.clock.now())


@router.get("/console/stops/{area}/{stop_id}/now")
async def result_now(request: Request, desk: AtDesk, visitor: WhoAsks, area: str, stop_id: str) -> Response:
    """Show only what changes, for a page that is open."""
    online = desk.line.online()
    seen = await desk.book.look(lambda state: _seen(state, visitor.asker, area_code(area), stop_id, online))
    return page(request, visitor, "console/stopped_now.html", seen=seen, now=desk.clock.now())


def _places(state: State, asker: Asker) -> list[Where]:
    areas, villages = state.areas(), state.villages()
    found = [
        Where(code, areas[code].name if code in areas else code, sum(covers(code, village) for village in villages))
        for code in asker.areas(*CANCELLERS)
    ]
    return sorted((place for place in found if place.villages), key=lambda place: (-place.villages, place.code))


def _seen(state: State, asker: Asker, area: str, stop_id: str, online: frozenset[str]) -> StopSeen:
    try:
        require_any(asker, CANCELLERS, [area])
    except NotAllowed as error:
        raise NotFound("stop_unknown") from error
    found = next((one for one in state.stops(area, limit=STOPS_LOOKED_AT) if one.id == stop_id), None)
    if found is None:
        raise NotFound("stop_unknown")
    areas, who = state.areas(), state.principal(found.by)
    return StopSeen(
        stop=found,
        area=areas[found.area].name if found.area in areas else found.area,
        by=who.name if who else found.by,
        villages=_villages(state, found, online),
        staying=_staying(state, found),
    )


def _villages(state: State, stop: Stop, online: frozenset[str]) -> tuple[StoppedVillage, ...]:
    areas, told = state.areas(), {order.village for order in state.orders_of_stop(stop.id)}
    found = []
    for village in state.villages():
        if covers(stop.area, village):
            speakers = state.speakers_in([village])
            here = sum(speaker.id in online for speaker in speakers)
            found.append(StoppedVillage(areas[village].name, village in told, here, len(speakers)))
    return tuple(found)


def _staying(state: State, stop: Stop) -> tuple[Staying, ...]:
    later = [one for one in state.unclosed_in(stop.area) if one.not_before and one.not_before > stop.at]
    stones = state.tombstones([one.id for one in later])
    # One line for each origin: its villages begin together.
    shown = {one.origin: one for one in later if one.id not in stones}
    titles = {origin: state.origin(origin) for origin in shown}
    return tuple(Staying(one, found.title) for origin, one in shown.items() if (found := titles[origin]))
