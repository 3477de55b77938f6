"""People: who may do what, and the links and tokens by which they are known."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from broadcaster.desk.authority import Asker, require
from broadcaster.desk.office import Desk, secret_hash
from broadcaster.desk.ports import Pen, State
from broadcaster.desk.rows import Audit, Grant, Principal, Role, Session, Source, Token
from broadcaster.model.errors import Conflict, Invalid, NotAllowed, NotFound
from broadcaster.model.precedence import Lane

LINK_LASTS = timedelta(days=3)
SESSION_LASTS = timedelta(hours=12)
LONGEST_TOKEN_DAYS = 400
LONGEST_NAME = 80
KINDS = ("person", "source", "service")
SPEAKING_ROLES = frozenset({Role.DRAFT, Role.APPROVE, Role.PUBLISH})


async def first_admin(desk: Desk, areas: Sequence[str]) -> str | None:
    """Make the first administrator; return the secret of a one-use link, or None where somebody opened one already.

    While no administrator has ever opened a session, each start gives a fresh link: a lost one locks nobody out.
    """
    secret, person = desk.new_secret(), Principal("first-admin", "管理员", "person")

    def job(pen: Pen) -> str | None:
        if any(_is_admin(pen, one) for one in pen.principals() if one.id != person.id) or has_entered(pen, person.id):
            return None
        pen.put(person, [Grant(person.id, Role.ADMIN, area) for area in areas])
        _put_link(desk, pen, person.id, secret)
        pen.put(Audit(desk.clock.now(), "system", "admin.made", {"principal": person.id}))
        return secret

    return await desk.book.write(Lane.NOTICE, job)


async def make_person(
    desk: Desk, asker: Asker, name: str, kind: str, grants: Iterable[tuple[Role, str, int]]
) -> Principal:
    """Make somebody known, with what they may do.

    Raises:
        NotAllowed: role_missing: the asker is no administrator there; admin_speaks: admin joined with speaking.
        Invalid: name_missing, kind_unknown or grants_missing.
    """
    person = Principal(desk.new_id(), name.strip()[:LONGEST_NAME], kind)
    wanted = tuple(Grant(person.id, role, area, severity) for role, area, severity in grants)
    _check_person(person, wanted)
    require(asker, Role.ADMIN, [grant.area for grant in wanted])

    def job(pen: Pen) -> Principal:
        pen.put(person, wanted)
        pen.put(Audit(desk.clock.now(), asker.id, "person.made", _named(person, wanted)))
        return person

    return await desk.book.write(Lane.NOTICE, job)


async def set_grants(desk: Desk, asker: Asker, principal: str, grants: Iterable[tuple[Role, str, int]]) -> None:
    """Replace what somebody may do.

    Raises:
        NotFound: principal_unknown. NotAllowed, Invalid: as for making them.
    """
    wanted = tuple(Grant(principal, role, area, severity) for role, area, severity in grants)

    def job(pen: Pen) -> None:
        person = _known(pen, principal)
        _check_person(person, wanted)
        _administers(pen, asker, person)
        require(asker, Role.ADMIN, [grant.area for grant in wanted])
        pen.retire_grants(principal)
        pen.put(wanted)
        pen.put(Audit(desk.clock.now(), asker.id, "person.granted", _named(person, wanted)))

    await desk.book.write(Lane.NOTICE, job)


async def make_link(desk: Desk, asker: Asker, principal: str, *, again: bool = False) -> str:
    """Make a one-use link for somebody and return its secret; it is shown once, kept as a hash, and their only one.

    Whoever holds the link can act as that person: for somebody who has come in before, it has to be said that this
    is meant, and the audit line repeats it.

    Raises:
        NotFound: principal_unknown. NotAllowed: role_missing.
        Conflict: link_again: they have opened a session before, and `again` was not said.
    """
    secret = desk.new_secret()

    def job(pen: Pen) -> str:
        person = _known(pen, principal)
        _administers(pen, asker, person)
        is_again = has_entered(pen, principal)
        if is_again and not again:
            raise Conflict("link_again", name=person.name)
        _put_link(desk, pen, principal, secret)
        pen.put(Audit(desk.clock.now(), asker.id, "link.made", {"principal": principal, "again": is_again}))
        return secret

    return await desk.book.write(Lane.NOTICE, job)


async def make_token(desk: Desk, asker: Asker, principal: str, days: int) -> str:
    """Make a token for a program and return it; it is shown once and kept as a hash.

    Raises:
        NotFound: principal_unknown. NotAllowed: role_missing. Invalid: days_range.
    """
    if not 1 <= days <= LONGEST_TOKEN_DAYS:
        raise Invalid("days_range", most=LONGEST_TOKEN_DAYS)
    secret = desk.new_secret()

    def job(pen: Pen) -> str:
        person = _known(pen, principal)
        _administers(pen, asker, person)
        now = desk.clock.now()
        pen.put(Token(secret_hash(secret), principal, "api", now + timedelta(days=days)))
        pen.put(Audit(now, asker.id, "token.made", {"principal": principal, "days": days}))
        return secret

    return await desk.book.write(Lane.NOTICE, job)


async def revoke_tokens(desk: Desk, asker: Asker, principal: str) -> None:
    """Take back somebody's tokens, links and sessions, at once.

    Raises:
        NotFound: principal_unknown. NotAllowed: role_missing.
    """

    def job(pen: Pen) -> None:
        person = _known(pen, principal)
        _administers(pen, asker, person)
        now = desk.clock.now()
        pen.put([replace(token, revoked_at=now) for token in pen.tokens_of(principal)])
        pen.put([replace(session, expires=now) for session in pen.sessions_of(principal)])
        pen.put(Audit(now, asker.id, "tokens.revoked", {"principal": principal}))

    await desk.book.write(Lane.NOTICE, job)


async def make_source(desk: Desk, asker: Asker, source: Source) -> None:
    """Bind a principal of kind source to one sender and its areas.

    The signer believes its own limits file only: a source made here speaks by itself once it is pinned there too.
    To bind one anew takes the right over all that it was bound to, too.

    Raises:
        NotFound: principal_unknown. NotAllowed: role_missing. Invalid: not_a_source or sender_missing.
    """

    def job(pen: Pen) -> None:
        principal = _known(pen, source.principal)
        if principal.kind != "source":
            raise Invalid("not_a_source", principal=source.principal)
        if not source.sender or not source.areas:
            raise Invalid("sender_missing")
        _administers(pen, asker, principal)
        known = pen.source(source.principal)
        require(asker, Role.ADMIN, {*source.areas, *(known.areas if known else ())})
        pen.put(source)
        facts: dict[str, object] = {"principal": source.principal, "sender": source.sender}
        pen.put(Audit(desk.clock.now(), asker.id, "source.made", facts))

    await desk.book.write(Lane.NOTICE, job)


async def open_session(desk: Desk, link: str) -> tuple[str, Session]:
    """Turn a one-use link into a session; return the cookie's secret and the session.

    Raises:
        NotAllowed: link_spent: unknown, used, revoked or too old.
    """
    cookie = desk.new_secret()

    def job(pen: Pen) -> tuple[str, Session]:
        now = desk.clock.now()
        token = pen.token(secret_hash(link))
        if token is None or token.kind != "link" or token.revoked_at or token.expires <= now:
            raise NotAllowed("link_spent")
        session = Session(secret_hash(cookie), token.principal, now + SESSION_LASTS, desk.new_secret())
        pen.put(_spent(pen, token.principal, now), session)
        pen.put(Audit(now, token.principal, "session.opened", {}))
        return cookie, session

    return await desk.book.write(Lane.NOTICE, job)


async def close_session(desk: Desk, session: Session) -> None:
    """End a session."""

    def job(pen: Pen) -> None:
        pen.put(replace(session, expires=desk.clock.now()))

    await desk.book.write(Lane.NOTICE, job)


async def by_cookie(desk: Desk, cookie: str, *, looks: bool = False) -> tuple[Asker, Session]:
    """Return who holds this cookie. `looks`: whoever only looks takes no turn from those who act.

    Raises:
        NotAllowed: session_over.
    """

    def query(state: State) -> tuple[Asker, Session]:
        session = state.session(secret_hash(cookie))
        if session is None or session.expires <= desk.clock.now():
            raise NotAllowed("session_over")
        return _asker(state, session.principal, "session_over"), session

    return await (desk.book.look(query) if looks else desk.book.read(query))


async def by_token(desk: Desk, secret: str, *, looks: bool = False) -> Asker:
    """Return whose token this is. `looks`: whoever only looks takes no turn from those who act.

    Raises:
        NotAllowed: token_unknown.
    """

    def query(state: State) -> Asker:
        token = state.token(secret_hash(secret))
        if token is None or token.kind != "api" or token.revoked_at or token.expires <= desk.clock.now():
            raise NotAllowed("token_unknown")
        return _asker(state, token.principal, "token_unknown")

    return await (desk.book.look(query) if looks else desk.book.read(query))


def _asker(state: State, principal: str, code: str) -> Asker:
    found = state.principal(principal)
    if found is None or found.retired_at:
        raise NotAllowed(code)
    return Asker(found, tuple(state.grants(principal)))


def _check_person(person: Principal, wanted: Sequence[Grant]) -> None:
    if not person.name:
        raise Invalid("name_missing")
    if person.kind not in KINDS:
        raise Invalid("kind_unknown", kind=person.kind[:20])
    if not wanted:
        raise Invalid("grants_missing")
    roles = {grant.role for grant in wanted}
    if Role.ADMIN in roles and roles & SPEAKING_ROLES:
        raise NotAllowed("admin_speaks")


def _known(state: State, principal: str) -> Principal:
    found = state.principal(principal)
    if found is None:
        raise NotFound("principal_unknown", principal=principal[:60])
    return found


def _administers(state: State, asker: Asker, person: Principal) -> None:
    require(asker, Role.ADMIN, [grant.area for grant in state.grants(person.id)] or list(asker.areas(Role.ADMIN)))


def _is_admin(state: State, person: Principal) -> bool:
    return any(grant.role is Role.ADMIN for grant in state.grants(person.id))


def has_entered(state: State, principal: str) -> bool:
    """Tell whether somebody has opened a session, now or before."""
    return bool(state.sessions_of(principal))


def _put_link(desk: Desk, pen: Pen, principal: str, secret: str) -> None:
    now = desk.clock.now()
    pen.put(_spent(pen, principal, now))
    pen.put(Token(secret_hash(secret), principal, "link", now + LINK_LASTS))


def _spent(state: State, principal: str, now: datetime) -> list[Token]:
    """Return somebody's open links as taken back: nobody has two, and none outlives the one that was opened."""
    links = [token for token in state.tokens_of(principal) if token.kind == "link" and token.revoked_at is None]
    return [replace(link, revoked_at=now) for link in links]


def _named(person: Principal, grants: Sequence[Grant]) -> dict[str, object]:
    held = [f"{grant.role}@{grant.area}≤{grant.max_severity}" for grant in grants]
    return {"principal": person.id, "name": person.name, "grants": held}
