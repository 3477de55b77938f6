"""Slips: one notice as it goes from hand to hand: read, heard, submitted, approved, released, withdrawn."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request, Response

from broadcaster.desk.approving import approve
from broadcaster.desk.audience import Audience
from broadcaster.desk.authority import Asker, require
from broadcaster.desk.cancelling import cancel, may_cancel
from broadcaster.desk.drafting import hear, submit, targets_ever
from broadcaster.desk.office import Desk
from broadcaster.desk.overview import OriginView, origin_view
from broadcaster.desk.ports import State
from broadcaster.desk.releasing import places_touched, release_notice
from broadcaster.desk.rows import Role
from broadcaster.model.announcement import villages_meant
from broadcaster.model.errors import Conflict, Invalid, NotFound
from broadcaster.model.notice import Revision
from broadcaster.web.auth import AtDesk, WhoAsks
from broadcaster.web.console.frame import page
from broadcaster.web.console.places import names_of, who_hears
from broadcaster.web.rendering import PageRoute, go

router = APIRouter(route_class=PageRoute)

LIVING = frozenset({"draft", "submitted", "approved", "held", "released", "sounding"})
"""The stages in which a notice can be revised: what sounds goes on until the new revision takes its place."""


@dataclass(frozen=True, slots=True)
class Done:
    """One step of the notice's way: who did it, and when."""

    step: str
    who: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Slip:
    """All that the page shows of a notice, and what whoever looks can do with it.

    Attributes:
        next: the step that comes next: submit, approve or release; None where none does.
        may: whether whoever looks may do it. `why_not`: the key of the words that say why not.
        touched: all places where releasing it changes what is heard.
        needed: how many approvals are still missing.
    """

    view: OriginView
    revision: Revision
    audience: Audience | None
    places: tuple[str, ...]
    track: tuple[Done, ...]
    next: str | None
    may: bool
    why_not: str | None
    touched: tuple[str, ...]
    needed: int
    may_revise: bool
    may_withdraw: bool


@router.get("/console/origins/{origin}")
async def any_origin(request: Request, desk: AtDesk, visitor: WhoAsks, origin: str) -> Response:
    """Go on to where a notice or an alert is looked at."""
    view = await desk.book.look(lambda state: origin_view(state, visitor.asker, origin))
    is_open = view.origin.kind == "notice" and not view.villages
    return go(request, f"/console/notices/{origin}" if is_open else f"/console/origins/{origin}/heard")


@router.get("/console/notices/{origin}")
async def slip(request: Request, desk: AtDesk, visitor: WhoAsks, origin: str) -> Response:
    """Show the slip."""
    shown = await _look(desk, visitor.asker, origin)
    hints = await _hints(desk, shown.revision.text)
    done = request.query_params.get("done")
    return page(
        request, visitor, "console/slip.html", slip=shown, hints=hints, done=done, most=desk.policy.many_villages
    )


@router.get("/console/notices/{origin}/sound")
async def sound(request: Request, desk: AtDesk, visitor: WhoAsks, origin: str) -> Response:
    """Show only the recording, for a page that waits for it."""
    is_asked = "asked" in request.query_params
    shown = await _look(desk, visitor.asker, origin)
    return page(request, visitor, "parts/sound.html", slip=shown, is_asked=is_asked)


@router.post("/console/notices/{origin}/hear")
async def hear_it(request: Request, desk: AtDesk, visitor: WhoAsks, origin: str) -> Response:
    """Have it spoken, to be listened to."""
    shown = await _look(desk, visitor.asker, origin)
    await hear(desk, visitor.asker, origin, shown.revision.revision)
    if request.headers.get("HX-Request"):
        return page(request, visitor, "parts/sound.html", slip=await _look(desk, visitor.asker, origin), is_asked=True)
    return go(request, f"/console/notices/{origin}?done=hear")


@router.post("/console/notices/{origin}/submit")
async def submit_it(request: Request, desk: AtDesk, visitor: WhoAsks, origin: str) -> Response:
    """Lay it before the approvers."""
    await submit(desk, visitor.asker, origin, await _number(request))
    return go(request, f"/console/notices/{origin}?done=submitted")


@router.post("/console/notices/{origin}/approve")
async def approve_it(request: Request, desk: AtDesk, visitor: WhoAsks, origin: str) -> Response:
    """Approve what stood on the page, and its recording if it was listened to."""
    form = await request.form()
    number, content, heard = await _number(request), str(form.get("content", "")), form.get("recording")
    await approve(desk, visitor.asker, origin, number, content, str(heard)[:64] if heard else None)
    return go(request, f"/console/notices/{origin}?done=approved")


@router.get("/console/notices/{origin}/release")
async def look_once_more(request: Request, desk: AtDesk, visitor: WhoAsks, origin: str) -> Response:
    """Repeat what will be said, and where, before it is let go."""
    shown = await _look(desk, visitor.asker, origin)
    require(visitor.asker, Role.PUBLISH, shown.touched, shown.revision.severity)
    if shown.next != "release":
        raise Conflict("not_approved", missing=shown.needed or 1)
    many = shown.audience is not None and len(shown.audience.villages) > desk.policy.many_villages
    hold = desk.policy.many_hold if many else desk.policy.undo
    return page(request, visitor, "console/release.html", slip=shown, hold=int(hold.total_seconds()), key=desk.new_id())


@router.post("/console/notices/{origin}/release")
async def release_it(request: Request, desk: AtDesk, visitor: WhoAsks, origin: str) -> Response:
    """Let it go."""
    form = await request.form()
    await release_notice(desk, visitor.asker, origin, await _number(request), str(form.get("key", "")) or None)
    return go(request, f"/console/origins/{origin}/heard?done=released")


@router.post("/console/notices/{origin}/withdraw")
async def withdraw(request: Request, desk: AtDesk, visitor: WhoAsks, origin: str) -> Response:
    """Take a notice back for good."""
    await cancel(desk, visitor.asker, origin, "withdrawn")
    return go(request, f"/console/notices/{origin}")


async def _number(request: Request) -> int:
    given = (await request.form()).get("revision", "")
    if not isinstance(given, str) or not given.isascii() or not given.isdigit():
        raise Invalid("form_unread")
    return int(given[:9])


async def _hints(desk: Desk, text: str) -> tuple[tuple[str, str], ...]:
    try:
        return (await asyncio.to_thread(desk.reader.read, text)).hints
    except Invalid:  # a rule that came after it was saved: what was read then stands
        return ()


async def _look(desk: Desk, asker: Asker, origin: str) -> Slip:
    online = desk.line.online()
    return await desk.book.look(lambda state: _slip(desk, state, asker, origin, online))


def _slip(desk: Desk, state: State, asker: Asker, origin: str, online: frozenset[str]) -> Slip:
    view = origin_view(state, asker, origin)
    revision = view.revision
    if revision is None or view.origin.kind != "notice":
        raise NotFound("notice_unknown", origin=origin[:60])
    needed = _needed(desk, state, view, revision)
    step = _next(view, needed)
    touched = places_touched(state, revision, desk.clock.now())
    why_not = _why_not(view, revision, asker, step, touched) if step else None
    return Slip(
        view=view,
        revision=revision,
        audience=who_hears(state, revision.targets, online),
        places=tuple(names_of(state.areas(), revision.targets)),
        track=_track(state, view, revision),
        next=step,
        may=step is not None and why_not is None,
        why_not=why_not,
        touched=touched,
        needed=needed,
        may_revise=view.stage in LIVING and asker.may(Role.DRAFT, targets_ever(state, origin)),
        may_withdraw=view.origin.fate is None and view.stage != "ended" and may_cancel(state, asker, origin),
    )


def _needed(desk: Desk, state: State, view: OriginView, revision: Revision) -> int:
    try:
        villages = villages_meant(revision.targets, state.villages())
    except Invalid:
        return 1
    wanted = 2 if len(villages) > desk.policy.many_villages else 1
    given = {one.approver_id for one in view.approvals if one.content_sha256 == revision.content_sha256}
    return max(0, wanted - len(given - {revision.author}))


def _next(view: OriginView, needed: int) -> str | None:
    if view.origin.fate or view.release:
        return None
    if view.submission is None:
        return "submit"
    return "approve" if needed else "release"


def _why_not(view: OriginView, revision: Revision, asker: Asker, step: str, touched: tuple[str, ...]) -> str | None:
    role = {"submit": Role.DRAFT, "approve": Role.APPROVE, "release": Role.PUBLISH}[step]
    severity = 0 if step == "submit" else revision.severity
    if step != "submit" and asker.id == revision.author:
        return f"why.own_{step}"
    if not asker.may(role, touched if step == "release" else revision.targets, severity):
        return f"why.no_role_{step}"
    if step == "approve" and any(one.approver_id == asker.id for one in view.approvals):
        return "why.mine"
    return None


def _track(state: State, view: OriginView, revision: Revision) -> tuple[Done, ...]:
    def name(principal: str) -> str:
        found = state.principal(principal)
        return found.name if found else principal

    steps = [Done("author", view.author, view.origin.made_at)]
    if view.submission:
        steps.append(Done("submit", name(view.submission.by), view.submission.at))
    steps += [Done("approve", name(one.approver_id), one.at) for one in view.approvals]
    if view.release:
        steps.append(Done("release", name(view.release.by), view.release.at))
    return tuple(steps)
