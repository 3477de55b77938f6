"""People: who may do what, and the links and tokens that are shown once."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData

from broadcaster.desk.authority import Asker
from broadcaster.desk.directory import READERS, people_trail
from broadcaster.desk.people import has_entered, make_link, make_person, make_token, revoke_tokens
from broadcaster.desk.ports import State
from broadcaster.desk.rows import Grant, Principal, Role
from broadcaster.model.area import Area, covered, covers
from broadcaster.model.errors import BroadcasterError, Invalid, NotAllowed, NotFound
from broadcaster.web.auth import WELCOME_PATH, AtDesk, Visitor, WhoAsks
from broadcaster.web.console.frame import page
from broadcaster.web.console.places import one_of
from broadcaster.web.rendering import PageRoute, go

router = APIRouter(route_class=PageRoute)

TOKEN_DAYS = 365
KINDS = ("person", "source", "service")
SEVERITIES = (4, 3, 2, 1)
KNOWN_SEVERITIES = ("0", "1", "2", "3", "4")
PLACE_LENGTHS = (6, 9, 12)


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody, with what they may do.

    Attributes:
        has_entered: they have signed in before: a link made for them now could be used in their name.
        may_change: whoever looks administers all that they may do.
    """

    principal: Principal
    grants: tuple[tuple[Grant, str], ...]
    has_entered: bool = False
    may_change: bool = True


@dataclass(frozen=True, slots=True)
class PersonForm:
    """What stands in the form."""

    name: str = ""
    kind: str = "person"
    roles: tuple[str, ...] = ()
    area: str = ""
    severity: str = "4"


@router.get("/console/people")
async def people(request: Request, desk: AtDesk, visitor: WhoAsks) -> Response:
    """Show everybody within the areas that the visitor administers or audits, and what was lately done there."""
    return await _page(request, desk, visitor, PersonForm())


@router.post("/console/people")
async def make(request: Request, desk: AtDesk, visitor: WhoAsks) -> Response:
    """Add somebody."""
    form = await request.form()
    typed = read_person(form)
    try:
        grants = [
            (Role(one_of(role, list(Role))), typed.area, int(one_of(typed.severity, KNOWN_SEVERITIES)))
            for role in typed.roles
        ]
        made = await make_person(desk, visitor.asker, typed.name, typed.kind, grants)
    except (Invalid, NotAllowed) as error:
        return await _page(request, desk, visitor, typed, error)
    return go(request, f"/console/people?made={made.id}#p-{made.id}")


@router.post("/console/people/{principal}/link")
async def link(request: Request, desk: AtDesk, visitor: WhoAsks, principal: str) -> Response:
    """Make a one-use link and show it, this once."""
    is_again = "again" in await request.form()
    secret = await make_link(desk, visitor.asker, principal, again=is_again)
    address = f"{request.app.state.public_origin}{WELCOME_PATH}/{secret}"
    return await _secret(request, desk, visitor, principal, "link", address)


@router.post("/console/people/{principal}/token")
async def token(request: Request, desk: AtDesk, visitor: WhoAsks, principal: str) -> Response:
    """Make a token and show it, this once."""
    secret = await make_token(desk, visitor.asker, principal, TOKEN_DAYS)
    return await _secret(request, desk, visitor, principal, "token", secret)


@router.post("/console/people/{principal}/revoke")
async def revoke(request: Request, desk: AtDesk, visitor: WhoAsks, principal: str) -> Response:
    """Take back all links, tokens and sessions."""
    await revoke_tokens(desk, visitor.asker, principal)
    return go(request, f"/console/people?revoked={principal}#p-{principal}")


def read_person(form: FormData) -> PersonForm:
    """Read what was typed; judging it is left to the desk."""

    def typed(name: str) -> str:
        return str(form.get(name, ""))[:200]

    roles = tuple(str(role) for role in form.getlist("roles"))
    return PersonForm(typed("name"), typed("kind"), roles, typed("area"), typed("severity"))


async def _secret(request: Request, desk: AtDesk, visitor: Visitor, principal: str, kind: str, secret: str) -> Response:
    person = await desk.book.look(lambda state: state.principal(principal))
    if person is None:
        raise NotFound("principal_unknown", principal=principal[:60])
    return page(request, visitor, "console/secret.html", person=person, kind=kind, secret=secret)


async def _page(
    request: Request, desk: AtDesk, visitor: Visitor, typed: PersonForm, error: BroadcasterError | None = None
) -> Response:
    if not visitor.asker.areas(*READERS):
        raise NotAllowed("role_missing", role="admin/audit")
    known, places, trail = await desk.book.look(
        lambda state: (
            known_to(state, visitor.asker, *READERS),
            places_of(state, visitor.asker),
            people_trail(state, visitor.asker),
        )
    )
    names = {one.principal.id: one.principal.name for one in known}
    return page(
        request,
        visitor,
        "console/people.html",
        422 if error else 200,
        known=known,
        places=places,
        trail=trail,
        may_make=Role.ADMIN in visitor.asker.roles(),
        typed=typed,
        error=error,
        roles=[role.value for role in Role],
        kinds=KINDS,
        severities=SEVERITIES,
        made=names.get(request.query_params.get("made", "")),
        revoked=names.get(request.query_params.get("revoked", "")),
    )


def known_to(state: State, asker: Asker, *roles: Role) -> list[Known]:
    """Return everybody all of whose grants lie where the asker holds one of these roles, or else administers."""
    areas, seen, changed = state.areas(), asker.areas(*(roles or (Role.ADMIN,))), asker.areas(Role.ADMIN)
    return [
        Known(
            person,
            tuple((grant, name_of(areas, grant.area)) for grant in grants),
            has_entered=has_entered(state, person.id),
            may_change=bool(changed) and _lie_within(grants, changed),
        )
        for person in state.principals()
        if person.retired_at is None and _lie_within(grants := state.grants(person.id), seen)
    ]


def _lie_within(grants: Sequence[Grant], held: Sequence[str]) -> bool:
    return all(covered(held, grant.area) for grant in grants)


def name_of(areas: dict[str, Area], code: str) -> str:
    """Name a place; one that is not known is named by its code."""
    return areas[code].name if code in areas else code


def places_of(state: State, asker: Asker) -> list[Area]:
    """Return the places over which an administrator may give roles."""
    held = asker.areas(Role.ADMIN)
    return [
        area
        for code, area in state.areas().items()
        if len(code) in PLACE_LENGTHS and any(covers(own, code) for own in held)
    ]
