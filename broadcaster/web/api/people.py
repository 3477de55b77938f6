"""People: who may do what, and the links, tokens and sources by which they are known."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field

from broadcaster.cap.signatures import check_certificate
from broadcaster.desk.directory import PersonView, people_seen
from broadcaster.desk.people import (
    LINK_LASTS,
    make_link,
    make_person,
    make_source,
    make_token,
    revoke_tokens,
    set_grants,
)
from broadcaster.desk.rows import Role, Source
from broadcaster.model.area import area_code
from broadcaster.web.api.shapes import Asked, Id, Moment, Shape
from broadcaster.web.auth import WELCOME_PATH, AtDesk, WhoAsks

router = APIRouter(tags=["people"])

LONGEST_HOLD_MS = 600_000
Code = Annotated[str, Field(max_length=30)]


class GrantIn(Asked):
    """A role in an area, up to a severity (4: Extreme)."""

    role: Role
    area: Code
    max_severity: int = Field(4, ge=0, le=4)

    def grant(self) -> tuple[Role, str, int]:
        """Return it as the desk takes it."""
        return self.role, area_code(self.area), self.max_severity


class GrantOut(Shape):
    """A role that somebody holds."""

    role: str
    area: str
    max_severity: int


class GrantsIn(Asked):
    """All that somebody may do from now on."""

    grants: list[GrantIn] = Field(max_length=100)


class PersonIn(GrantsIn):
    """Somebody new. `kind`: person, source or service."""

    name: str = Field(max_length=200)
    kind: str = Field("person", max_length=20)


class SourceOut(Shape):
    """What a principal is bound to as a source of alerts."""

    principal: str
    sender: str
    areas: list[str]
    hold_ms: int
    has_certificate: bool

    @classmethod
    def of(cls, source: Source) -> "SourceOut":
        """Show a source."""
        return cls(
            principal=source.principal,
            sender=source.sender,
            areas=list(source.areas),
            hold_ms=source.hold_ms,
            has_certificate=source.certificate is not None,
        )


class PersonMade(Shape):
    """Somebody new."""

    id: str
    name: str
    kind: str


class PersonOut(PersonMade):
    """Somebody and what they may do."""

    retired_at: Moment | None
    grants: list[GrantOut]
    source: SourceOut | None

    @classmethod
    def of(cls, view: PersonView) -> "PersonOut":
        """Show somebody."""
        return cls(
            id=view.principal.id,
            name=view.principal.name,
            kind=view.principal.kind,
            retired_at=view.principal.retired_at,
            grants=[GrantOut.model_validate(grant) for grant in view.grants],
            source=SourceOut.of(view.source) if view.source else None,
        )


class LinkOut(Shape):
    """A one-use link, shown this once: hand it over by a way that only its owner reads."""

    link: str
    expires: Moment


class TokenIn(Asked):
    """For how many days."""

    days: int = Field(90, ge=-10_000, le=10_000)


class TokenOut(Shape):
    """A token, shown this once."""

    token: str


class SourceIn(Asked):
    """What a principal of kind source is bound to. `certificate`: PEM; with one, its alerts must be signed."""

    principal: str = Field(max_length=80)
    sender: str = Field(max_length=200)
    areas: list[Code] = Field(max_length=500)
    hold_ms: int = Field(10_000, ge=0, le=LONGEST_HOLD_MS)
    certificate: str | None = Field(None, min_length=1, max_length=20_000)

    def source(self) -> Source:
        """Return it as the desk takes it."""
        areas = tuple(map(area_code, self.areas))
        if self.certificate:
            check_certificate(self.certificate)
        return Source(self.principal, self.sender.strip(), areas, self.hold_ms, self.certificate)


@router.post("/people", status_code=201)
async def post_person(asked: PersonIn, desk: AtDesk, who: WhoAsks) -> PersonMade:
    """Make somebody known."""
    grants = [grant.grant() for grant in asked.grants]
    return PersonMade.model_validate(await make_person(desk, who.asker, asked.name, asked.kind, grants))


@router.get("/people")
async def get_people(desk: AtDesk, who: WhoAsks) -> list[PersonOut]:
    """Look at everybody within the areas that the asker administers or audits."""
    return [PersonOut.of(view) for view in await desk.book.look(lambda state: people_seen(state, who.asker))]


@router.put("/people/{principal}/grants", status_code=204)
async def put_grants(principal: Id, asked: GrantsIn, desk: AtDesk, who: WhoAsks) -> None:
    """Replace what somebody may do."""
    await set_grants(desk, who.asker, principal, [grant.grant() for grant in asked.grants])


@router.post("/people/{principal}/links", status_code=201)
async def post_link(principal: Id, request: Request, desk: AtDesk, who: WhoAsks, again: bool = False) -> LinkOut:
    """Make a one-use link that opens a session. `again`: also for somebody who has opened one before."""
    secret = await make_link(desk, who.asker, principal, again=again)
    origin: str = request.app.state.public_origin
    return LinkOut(link=f"{origin}{WELCOME_PATH}/{secret}", expires=desk.clock.now() + LINK_LASTS)


@router.post("/people/{principal}/tokens", status_code=201)
async def post_token(principal: Id, asked: TokenIn, desk: AtDesk, who: WhoAsks) -> TokenOut:
    """Make a token for a program."""
    return TokenOut(token=await make_token(desk, who.asker, principal, asked.days))


@router.delete("/people/{principal}/tokens", status_code=204)
async def delete_tokens(principal: Id, desk: AtDesk, who: WhoAsks) -> None:
    """Take back somebody's tokens, links and sessions, at once."""
    await revoke_tokens(desk, who.asker, principal)


@router.post("/sources", status_code=201)
async def post_source(asked: SourceIn, desk: AtDesk, who: WhoAsks) -> SourceOut:
    """Bind a principal to one sender and its areas; the signer's own limits have to name it too."""
    source = asked.source()
    await make_source(desk, who.asker, source)
    return SourceOut.of(source)


@router.get("/sources")
async def get_sources(desk: AtDesk, who: WhoAsks) -> list[SourceOut]:
    """Look at the sources within the areas that the asker administers or audits."""
    views = await desk.book.look(lambda state: people_seen(state, who.asker))
    return [SourceOut.of(view.source) for view in views if view.source]
