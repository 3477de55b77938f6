"""Heard: who has heard a notice or an alert, loudspeaker by loudspeaker; who has not comes first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request, Response

from broadcaster.desk.authority import Asker
from broadcaster.desk.cancelling import CANCELLERS, cancel
from broadcaster.desk.overview import OriginView, VillageHeard, origin_view
from broadcaster.desk.ports import State
from broadcaster.desk.releasing import release_held
from broadcaster.desk.rows import Role, SpeakerHealth
from broadcaster.desk.sounding import cut_in_on
from broadcaster.model.announcement import AnnouncementState
from broadcaster.model.delivery import Delivery, Outcome, Rank, Reason
from broadcaster.model.precedence import Scope, SoundClass
from broadcaster.web.auth import AtDesk, Visitor, WhoAsks
from broadcaster.web.console.frame import page
from broadcaster.web.console.places import one_of
from broadcaster.web.rendering import PageRoute, go

router = APIRouter(route_class=PageRoute)

KNOWN_REASONS = frozenset(Reason) | {"not_sent", "offline"}


@dataclass(frozen=True, slots=True)
class AtSpeaker:
    """One loudspeaker's word. `said`: the key of its state's words; `why`: of its reason's, or None."""

    delivery: Delivery
    said: str
    why: str | None
    is_online: bool
    seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class InVillage:
    """One village. `has_heard`: a loudspeaker there played all of it; `is_open`: one may still."""

    code: str
    name: str
    speakers: tuple[AtSpeaker, ...]
    played: int
    has_heard: bool
    is_open: bool

    @property
    def mood(self) -> str:
        """Return how it stands there: good (all played it), calm (one did), wait (one may still), or bad."""
        if self.has_heard:
            return "good" if self.played == len(self.speakers) else "calm"
        return "wait" if self.is_open else "bad"


@dataclass(frozen=True, slots=True)
class Funnel:
    """How many loudspeakers have come how far; each includes those further on."""

    meant: int
    sent: int
    accepted: int
    started: int
    played: int


@dataclass(frozen=True, slots=True)
class Heard:
    """All that the page shows."""

    view: OriginView
    villages: tuple[InVillage, ...]
    funnel: Funnel
    held_why: str | None
    is_drill: bool
    may_cancel: bool
    may_decide: bool
    text: str

    @property
    def unheard(self) -> list[InVillage]:
        """Return the villages in which nobody has heard it."""
        return [village for village in self.villages if not village.has_heard]


@router.get("/console/origins/{origin}/heard")
async def heard(request: Request, desk: AtDesk, visitor: WhoAsks, origin: str) -> Response:
    """Show who has heard it."""
    return await _answer(request, desk, visitor, origin, "console/heard.html")


@router.get("/console/origins/{origin}/heard/now")
async def heard_now(request: Request, desk: AtDesk, visitor: WhoAsks, origin: str) -> Response:
    """Show only what changes, for a page that is open."""
    return await _answer(request, desk, visitor, origin, "console/heard_now.html")


@router.post("/console/origins/{origin}/cancel")
async def cancel_it(request: Request, desk: AtDesk, visitor: WhoAsks, origin: str) -> Response:
    """Silence it for good."""
    await cancel(desk, visitor.asker, origin)
    return go(request, f"/console/origins/{origin}/heard")


@router.post("/console/origins/{origin}/let-go")
async def let_go(request: Request, desk: AtDesk, visitor: WhoAsks, origin: str) -> Response:
    """Release a held alert, as routine or as emergency."""
    chosen = str((await request.form()).get("class", ""))
    sound_class = SoundClass(one_of(chosen, [one.value for one in SoundClass])) if chosen else None
    await release_held(desk, visitor.asker, origin, sound_class)
    return go(request, f"/console/origins/{origin}/heard")


async def _answer(request: Request, desk: AtDesk, visitor: Visitor, origin: str, template: str) -> Response:
    online = desk.line.online()
    seen = await desk.book.look(lambda state: look(state, visitor.asker, origin, online))
    done = request.query_params.get("done")
    return page(request, visitor, template, heard=seen, now=desk.clock.now(), done=done)


def look(state: State, asker: Asker, origin: str, online: frozenset[str]) -> Heard:
    """Look at who has heard it.

    Raises:
        NotFound: origin_unknown.
    """
    view, health = origin_view(state, asker, origin), state.health()
    rows = [row for one in view.villages for row in one.deliveries]
    paused = cut_in_on(state, rows, [one.village.code for one in view.villages])
    villages = tuple(_village(one, online, health, paused) for one in view.villages)
    places = [village.code for village in villages] or list(view.revision.targets if view.revision else ())
    held = next((one.announcement for one in view.villages if one.announcement.state is AnnouncementState.HELD), None)
    return Heard(
        view=view,
        villages=villages,
        funnel=funnel(rows),
        held_why=(held.held_why or "other") if held else None,
        is_drill=view.origin.scope is Scope.DRILL,
        may_cancel=view.origin.fate is None
        and view.stage != "ended"
        and any(asker.may(role, places) for role in CANCELLERS),
        may_decide=held is not None and asker.may(Role.APPROVE, places, held.severity),
        text=view.revision.text if view.revision else "",
    )


def funnel(rows: Sequence[Delivery]) -> Funnel:
    """Count how far deliveries have come; only what a loudspeaker said counts as accepted, started or played."""
    return Funnel(
        meant=len(rows),
        sent=sum(row.sent_at is not None or row.rank in (Rank.SENT, Rank.ACCEPTED, Rank.STARTED) for row in rows),
        accepted=sum(_accepted(row) for row in rows),
        started=sum(_started(row) for row in rows),
        played=sum(row.outcome is Outcome.PLAYED for row in rows),
    )


def _started(row: Delivery) -> bool:
    return row.started_at is not None or row.rank is Rank.STARTED or row.outcome is Outcome.PLAYED


def _accepted(row: Delivery) -> bool:
    return row.accepted_at is not None or row.rank is Rank.ACCEPTED or _started(row)


def _village(
    heard_there: VillageHeard,
    online: frozenset[str],
    health: dict[str, SpeakerHealth],
    paused: frozenset[tuple[str, str]],
) -> InVillage:
    rows = sorted(heard_there.deliveries, key=lambda row: (row.outcome is Outcome.PLAYED, row.target))
    played = sum(row.outcome is Outcome.PLAYED for row in rows)
    return InVillage(
        code=heard_there.village.code,
        name=heard_there.village.name,
        speakers=tuple(_speaker(row, online, health, (row.announcement, row.target) in paused) for row in rows),
        played=played,
        has_heard=played > 0,
        is_open=any(row.rank < Rank.NO_RECEIPT for row in rows),
    )


def _speaker(row: Delivery, online: frozenset[str], health: dict[str, SpeakerHealth], is_paused: bool) -> AtSpeaker:
    said = f"outcome.{row.outcome}" if row.rank is Rank.FINAL and row.outcome else f"rank.{int(row.rank)}"
    said = "rank.paused" if is_paused else said
    why = f"reason.{row.reason}" if row.reason in KNOWN_REASONS else None
    seen = health.get(row.target)
    return AtSpeaker(row, said, why, row.target in online, seen.seen_at if seen else None)
