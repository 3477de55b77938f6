"""Today: what sounds, what waits for whoever looks, and which loudspeakers are away."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request, Response

from broadcaster.desk.authority import Asker
from broadcaster.desk.overview import OriginView, SpeakerView, origins_seen, speakers_seen
from broadcaster.desk.ports import State
from broadcaster.desk.rows import Role
from broadcaster.model.area import Area
from broadcaster.model.precedence import Scope
from broadcaster.web.auth import AtDesk, Visitor, WhoAsks
from broadcaster.web.console.frame import page
from broadcaster.web.rendering import PageRoute

router = APIRouter(route_class=PageRoute)

LOOKED_AT = 100
SHOWN = 12
NAMED_PLACES = 2


@dataclass(frozen=True, slots=True)
class Line:
    """A notice or an alert on one line. `do`: what whoever looks can do next, or None."""

    id: str
    kind: str
    title: str
    stage: str
    made_at: datetime
    author: str
    places: str
    is_drill: bool
    do: str | None


@dataclass(frozen=True, slots=True)
class VillageAway:
    """A village some of whose loudspeakers are offline."""

    name: str
    n: int
    away: tuple[SpeakerView, ...]


@dataclass(frozen=True, slots=True)
class Today:
    """All that the page shows."""

    lines: tuple[Line, ...]
    speakers: int
    away: tuple[VillageAway, ...]


@router.get("/console")
async def today(request: Request, desk: AtDesk, visitor: WhoAsks) -> Response:
    """Show the day."""
    return await _answer(request, desk, visitor, "console/today.html")


@router.get("/console/now")
async def now(request: Request, desk: AtDesk, visitor: WhoAsks) -> Response:
    """Show only what changes, for a page that is open."""
    return await _answer(request, desk, visitor, "console/now.html")


@router.get("/console/notices")
async def notices(request: Request, desk: AtDesk, visitor: WhoAsks) -> Response:
    """List the newest notices and alerts."""
    at = desk.clock.now()
    views = await desk.book.look(lambda state: lines(state, visitor.asker, at))
    return page(request, visitor, "console/notices.html", views=views, most=LOOKED_AT)


async def _answer(request: Request, desk: AtDesk, visitor: Visitor, template: str) -> Response:
    online, at = desk.line.online(), desk.clock.now()
    seen = await desk.book.look(lambda state: _look(state, visitor.asker, online, at))
    return page(
        request,
        visitor,
        template,
        now=at,
        air=[line for line in seen.lines if line.stage == "sounding"],
        waiting=[line for line in seen.lines if line.do],
        newest=seen.lines[:SHOWN],
        speakers=seen.speakers,
        villages=seen.away,
        offline=sum(len(village.away) for village in seen.away),
    )


def _look(state: State, asker: Asker, online: frozenset[str], at: datetime) -> Today:
    speakers = speakers_seen(state, asker, online, {})
    return Today(tuple(lines(state, asker, at)), len(speakers), _away(speakers, state.areas()))


def lines(state: State, asker: Asker, at: datetime) -> list[Line]:
    """Return the notices and alerts that somebody may see, each on one line: unfinished ones first, then the newest."""
    areas = state.areas()
    return [_line(view, asker, areas) for view in origins_seen(state, asker, at, limit=LOOKED_AT)]


def _line(view: OriginView, asker: Asker, areas: dict[str, Area]) -> Line:
    return Line(
        id=view.origin.id,
        kind=view.origin.kind,
        title=view.origin.title,
        stage=view.stage,
        made_at=view.origin.made_at,
        author=view.author,
        places=_places(view, areas),
        is_drill=view.origin.scope is Scope.DRILL,
        do=_do(view, asker),
    )


def _places(view: OriginView, areas: dict[str, Area]) -> str:
    codes = view.revision.targets if view.revision else ()
    names = [areas[code].name if code in areas else code for code in codes]
    return " ".join([*names[:NAMED_PLACES], *(["…"] if len(names) > NAMED_PLACES else [])])


def _do(view: OriginView, asker: Asker) -> str | None:
    revision = view.revision
    if revision is None:
        return None
    may_approve = asker.may(Role.APPROVE, revision.targets, revision.severity)
    if view.stage == "held":
        return "held" if may_approve else None
    if asker.id == revision.author:
        return None
    if view.stage == "submitted" and may_approve:
        return "approve"
    return _do_after_approval(view, asker, may_approve)


def _do_after_approval(view: OriginView, asker: Asker, may_approve: bool) -> str | None:
    revision = view.revision
    if view.stage != "approved" or revision is None:
        return None
    if asker.may(Role.PUBLISH, revision.targets, revision.severity):
        return "release"
    has_approved = any(one.approver_id == asker.id for one in view.approvals)
    return "approve" if may_approve and not has_approved and view.release is None else None


def _away(speakers: Sequence[SpeakerView], areas: dict[str, Area]) -> tuple[VillageAway, ...]:
    there: dict[str, list[SpeakerView]] = {}
    for one in speakers:
        there.setdefault(one.speaker.village, []).append(one)
    found = [
        VillageAway(
            areas[code].name if code in areas else code, len(all_), tuple(one for one in all_ if not one.is_online)
        )
        for code, all_ in sorted(there.items())
    ]
    return tuple(village for village in found if village.away)
