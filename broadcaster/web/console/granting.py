"""Granting: what one person or system may do, line by line, and to what a source of alerts is bound."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace

from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData

from broadcaster.desk.authority import Asker
from broadcaster.desk.people import make_source, set_grants
from broadcaster.desk.ports import State
from broadcaster.desk.rows import Principal, Role, Source
from broadcaster.model.alert import Severity
from broadcaster.model.area import Area
from broadcaster.model.errors import BroadcasterError, Invalid, NotAllowed, NotFound
from broadcaster.web.auth import AtDesk, Visitor, WhoAsks
from broadcaster.web.console.frame import page
from broadcaster.web.console.people import KNOWN_SEVERITIES, SEVERITIES, known_to, name_of, places_of
from broadcaster.web.console.places import one_of, simplest
from broadcaster.web.rendering import PageRoute, go

router = APIRouter(route_class=PageRoute)

MOST_LINES = 200
SPARE_LINES = 3
HOLDS_SECONDS = (0, 5, 10, 30, 60, 120, 300, 600)
FIRST_HOLD_MS = 10_000


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the form: a role in a place; without a role it says nothing."""

    role: str = ""
    area: str = ""
    severity: str = str(SEVERITIES[0])


@dataclass(frozen=True, slots=True)
class Granting:
    """All that the page shows.

    Attributes:
        places: (code, name) of each place that can be chosen.
        source: the binding, or what was typed of it; None for whoever is no source.
        pinning: the command that pins the source in the signer; None while it is bound to nothing.
    """

    principal: Principal
    lines: tuple[Line, ...]
    places: tuple[tuple[str, str], ...]
    source: Source | None
    pinning: str | None


@router.get("/console/people/{principal}")
async def look(request: Request, desk: AtDesk, visitor: WhoAsks, principal: str) -> Response:
    """Show what somebody may do."""
    return await _page(request, desk, visitor, principal)


@router.post("/console/people/{principal}/grants")
async def grant(request: Request, desk: AtDesk, visitor: WhoAsks, principal: str) -> Response:
    """Replace what somebody may do."""
    lines = read_lines(await request.form())
    try:
        wanted = [
            (Role(one_of(one.role, list(Role))), one.area, int(one_of(one.severity, KNOWN_SEVERITIES)))
            for one in lines
            if one.role
        ]
        await set_grants(desk, visitor.asker, principal, wanted)
    except (Invalid, NotAllowed) as error:
        return await _page(request, desk, visitor, principal, lines=lines, error=error)
    return go(request, f"/console/people/{principal}?done=granted")


@router.post("/console/people/{principal}/source")
async def bind(request: Request, desk: AtDesk, visitor: WhoAsks, principal: str) -> Response:
    """Bind a source of alerts to its sender and its places."""
    kept = await desk.book.look(lambda state: _seen(state, visitor.asker, principal).source)
    typed = read_source(await request.form(), principal)
    try:
        # A certificate is given over the JSON interface; what is bound here must not lose it.
        await make_source(desk, visitor.asker, replace(typed, certificate=kept.certificate if kept else None))
    except (Invalid, NotAllowed) as error:
        return await _page(request, desk, visitor, principal, source=typed, error=error)
    return go(request, f"/console/people/{principal}?done=bound")


def read_lines(form: FormData) -> tuple[Line, ...]:
    """Read the lines as typed.

    Raises:
        Invalid: form_unread: a line is torn.
    """
    columns = [[str(one)[:40] for one in form.getlist(name)[:MOST_LINES]] for name in ("role", "area", "severity")]
    if len({len(column) for column in columns}) != 1:
        raise Invalid("form_unread")
    return tuple(Line(*line) for line in zip(*columns, strict=True))


def read_source(form: FormData, principal: str) -> Source:
    """Read the binding as typed.

    Raises:
        Invalid: form_unread: a hold that is not offered.
    """
    areas = simplest([str(code)[:20] for code in form.getlist("areas")[:MOST_LINES]])
    hold_ms = str(form.get("hold_ms", ""))
    if not hold_ms.isascii() or not hold_ms.isdigit() or int(hold_ms[:9]) > HOLDS_SECONDS[-1] * 1000:
        raise Invalid("form_unread")
    return Source(principal, str(form.get("sender", "")).strip()[:200], areas, int(hold_ms[:9]))


async def _page(
    request: Request,
    desk: AtDesk,
    visitor: Visitor,
    principal: str,
    *,
    lines: tuple[Line, ...] | None = None,
    source: Source | None = None,
    error: BroadcasterError | None = None,
) -> Response:
    seen = await desk.book.look(lambda state: _seen(state, visitor.asker, principal))
    wanted = lines if lines is not None else (*seen.lines, *[Line()] * SPARE_LINES)
    holds = sorted({*(1000 * seconds for seconds in HOLDS_SECONDS), *([seen.source.hold_ms] if seen.source else [])})
    return page(
        request,
        visitor,
        "console/granting.html",
        422 if error else 200,
        seen=replace(seen, lines=wanted, source=source or seen.source),
        wrong=None if error is None else "grants" if source is None else "source",
        error=error,
        roles=[role.value for role in Role],
        # Also the lowest: a line that holds it must not come back as another.
        severities=(*SEVERITIES, 0),
        holds=holds,
        done=request.query_params.get("done"),
    )


def _seen(state: State, asker: Asker, principal: str) -> Granting:
    if Role.ADMIN not in asker.roles():
        raise NotAllowed("role_missing", role="admin")
    found = next((one for one in known_to(state, asker) if one.principal.id == principal), None)
    if found is None:
        raise NotFound("principal_unknown", principal=principal[:60])
    grants = [one for one, _ in found.grants]
    kept = state.source(principal)
    held = [*(one.area for one in grants), *(kept.areas if kept else ())]
    lines = tuple(Line(one.role.value, one.area, str(int(one.max_severity))) for one in grants)
    is_source = found.principal.kind == "source"
    return Granting(
        found.principal,
        lines,
        _choices(state.areas(), places_of(state, asker), held),
        (kept or Source(principal, "", (), FIRST_HOLD_MS)) if is_source else None,
        _pinning(found.principal, kept, lines) if kept else None,
    )


def _choices(areas: dict[str, Area], places: Sequence[Area], held: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return what can be chosen: what is offered to everybody, and what this one holds besides."""
    offered = {place.code: place.name for place in places}
    return tuple((offered | {code: name_of(areas, code) for code in held if code not in offered}).items())


def _pinning(principal: Principal, source: Source, lines: Sequence[Line]) -> str:
    """Return the command that pins a source with the places that it is bound to."""
    highest = max((int(one.severity) for one in lines if one.role == Role.SOURCE), default=SEVERITIES[0])
    grants = [word for code in source.areas for word in ("--grant", f"source@{code}:{Severity(highest).cap}")]
    words = ["broadcaster", "token", principal.name, *grants, "--sender", source.sender]
    return shlex.join([*words, "--hold-ms", str(source.hold_ms), "--pin", principal.id])
