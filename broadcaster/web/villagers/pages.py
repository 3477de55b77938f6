"""Pages: what a village hears and has heard, for everybody's phone; no name, no cookie, complete without scripts."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from broadcaster.desk.office import Desk
from broadcaster.desk.overview import OnAir, on_air
from broadcaster.desk.ports import State
from broadcaster.desk.sounding import sounding_now
from broadcaster.model.area import Area
from broadcaster.model.errors import NotFound
from broadcaster.model.precedence import Lane, Scope
from broadcaster.web.auth import AtDesk
from broadcaster.web.happenings import Happening, changes_pages
from broadcaster.web.kept import Kept
from broadcaster.web.live import Live
from broadcaster.web.rendering import PageRoute, language, render
from broadcaster.web.words import LANGUAGES, Language

router = APIRouter(route_class=PageRoute, include_in_schema=False)

MOST_NOW = 12
MOST_BEFORE = 8
"""What is listed: what a phone on a slow line loads at once."""

TOWN_LENGTH = 9


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that is or was said. `who`: the office or system that said it.

    Attributes:
        is_sounding: a loudspeaker says it at this moment. `is_paused`: all that began it say something else first.
    """

    on_air: OnAir
    who: str
    is_sounding: bool
    is_paused: bool

    @property
    def is_alert(self) -> bool:
        """Tell whether it is a warning."""
        return self.on_air.announcement.lane is Lane.ALERT

    @property
    def is_drill(self) -> bool:
        """Tell whether it is only an exercise."""
        return self.on_air.announcement.scope is Scope.DRILL


@dataclass(frozen=True, slots=True)
class VillageSeen:
    """All that a village's page shows."""

    village: Area
    now: tuple[Said, ...]
    before: tuple[Said, ...]


@router.get("/v")
async def villages(request: Request, desk: AtDesk) -> Response:
    """List the villages by their towns."""
    towns = await desk.book.look(_towns)
    return render(request, "villagers/villages.html", towns=towns)


@dataclass(frozen=True, slots=True)
class Part:
    """What changes of a village's page, written for all who read it in one language; `at`: when it was looked up."""

    village: Area
    body: str
    etag: str
    at: datetime


class Parts:
    """The parts of every village's page, each looked up once a second at most: all phones ask at the same moment."""

    def __init__(self, desk: Desk, live: Live) -> None:
        self._desk = desk
        self._kept: Kept[tuple[str, Language], Part] = Kept(desk.clock)
        live.watchers.append(self._changed)

    async def part(self, request: Request, code: str) -> Part:
        """Return what changes of a village's page.

        Raises:
            NotFound: village_unknown.
        """
        return await self._kept.get((code, language(request)), lambda: self._look(request, code))

    async def _look(self, request: Request, code: str) -> Part:
        at = self._desk.clock.now()
        seen = await self._desk.book.look(lambda state: _look(state, code, at))
        body = bytes(render(request, "villagers/now.html", seen=seen).body)
        return Part(seen.village, body.decode(), f'"{hashlib.sha256(body).hexdigest()[:20]}"', at)

    def _changed(self, one: Happening) -> None:
        # Phones are told after this, and what they fetch then must not be from before.
        if changes_pages(one):
            for code in one.villages:
                for tongue in LANGUAGES:
                    self._kept.forget((code, tongue))


@router.get("/v/{code}")
async def village(request: Request, code: str) -> Response:
    """Show a village's page."""
    try:
        part = await _part(request, code)
    except NotFound:
        return render(request, "villagers/lost.html", 404)
    return render(request, "villagers/village.html", village=part.village, now=Markup(part.body), at=part.at)  # noqa: S704 - the template escaped it


@router.get("/v/{code}/now")
async def village_now(request: Request, code: str) -> Response:
    """Show only what changes; unchanged, it costs a phone next to nothing."""
    part = await _part(request, code)
    headers = {"ETag": part.etag, "Cache-Control": "no-cache", "Vary": "Cookie", "Referrer-Policy": "same-origin"}
    if request.headers.get("if-none-match", "").removeprefix("W/") == part.etag:
        return Response(status_code=304, headers=headers)
    return HTMLResponse(part.body, headers=headers)


async def _part(request: Request, code: str) -> Part:
    parts: Parts = request.app.state.village_parts
    return await parts.part(request, code)


def _look(state: State, code: str, at: datetime) -> VillageSeen:
    found = on_air(state, code, at)
    begun = {one.announcement.id for one in found if one.is_sounding}
    sounds = {announcement for announcement, _ in sounding_now(state.deliveries(begun))}
    said = [_said(one, one.announcement.id in begun, one.announcement.id in sounds) for one in found]
    open_now = sorted((one for one in said if not one.on_air.is_over), key=_weight)
    return VillageSeen(
        state.areas()[code], _first(open_now, MOST_NOW), _first([s for s in said if s.on_air.is_over], MOST_BEFORE)
    )


def _said(one: OnAir, has_begun: bool, is_sounding: bool) -> Said:
    return Said(one, one.author, is_sounding, has_begun and not is_sounding)


def _weight(said: Said) -> tuple[bool, bool, int]:
    """Order what is said now: what sounds first, then warnings, the worst first."""
    return not said.is_sounding, not said.is_alert, -said.on_air.announcement.severity


def _first(said: Sequence[Said], most: int) -> tuple[Said, ...]:
    return tuple(said[:most])


def _towns(state: State) -> list[tuple[str, list[Area]]]:
    areas, towns = state.areas(), dict[str, list[Area]]()
    for code in state.villages():
        town = areas.get(code[:TOWN_LENGTH])
        towns.setdefault(town.name if town else "", []).append(areas[code])
    return list(towns.items())
