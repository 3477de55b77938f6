"""Auth: who asks, and the one gate through which everything that changes something has to come."""

import hmac
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Request, Response, Security
from fastapi.security import APIKeyCookie, HTTPBearer
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from broadcaster.desk.authority import Asker
from broadcaster.desk.office import Desk
from broadcaster.desk.people import SESSION_LASTS, by_cookie, by_token, close_session, open_session
from broadcaster.desk.rows import Session
from broadcaster.model.clock import Clock
from broadcaster.model.errors import BroadcasterError, NotAllowed, OutOfReach
from broadcaster.web.problems import problem

COOKIE = "vb_session"
SECURE_COOKIE = f"__Host-{COOKIE}"
WELCOME_PATH = "/welcome"
"""The page that a one-use link opens."""

ENTRY_PATH = "/enter"
"""Where a one-use link is redeemed: the only POST that comes without token or session."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
UNHINDERED = ("/cancel", "/stop", "/withdraw", "/alerts")
"""What no limit of attempts may stand in the way of: others may share the address of one who guesses."""

FAILURES_A_MINUTE = 5
MOST_ADDRESSES = 10_000


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks, and the session they came by; None with a token."""

    asker: Asker
    session: Session | None


class Attempts:
    """How often an address has failed to show who it is, in the last minute."""

    def __init__(self, clock: Clock, most: int = FAILURES_A_MINUTE) -> None:
        self._clock, self._most = clock, most
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    def check(self, address: str) -> None:
        """Refuse an address that has failed too often.

        Raises:
            OutOfReach: too_often, with how many seconds to wait.
        """
        recent = self._recent(address)
        if len(recent) >= self._most:
            raise OutOfReach("too_often", seconds=int(recent[0] + 60 - self._clock.monotonic()) + 1)

    def failed(self, address: str) -> None:
        """Note a failure; bounded: whoever failed longest ago is forgotten."""
        self._failures[address] = [*self._recent(address), self._clock.monotonic()][-self._most :]
        self._failures.move_to_end(address)
        while len(self._failures) > MOST_ADDRESSES:
            self._failures.popitem(last=False)

    def _recent(self, address: str) -> list[float]:
        since = self._clock.monotonic() - 60
        return [at for at in self._failures.get(address, ()) if at > since]


def address_of(connection: HTTPConnection) -> str:
    """Return where a request comes from; of IPv6 the /64, because one phone has all of it."""
    host = connection.client.host if connection.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    return str(IPv6Address(int(address) >> 64 << 64)) if isinstance(address, IPv6Address) else host


def cookie_name(*, secure: bool) -> str:
    """Name the session's cookie; browsers hold ``__Host-`` to HTTPS and to this host alone."""
    return SECURE_COOKIE if secure else COOKIE


async def known_visitor(connection: HTTPConnection) -> Visitor | None:
    """Return who asks, by token or session; None for one who shows nothing or whose session is over.

    Raises:
        NotAllowed: token_unknown. OutOfReach: too_often.
    """
    state = connection.scope.setdefault("state", {})
    if "visitor" not in state:
        state["visitor"] = await _look_up(connection)
    found: Visitor | None = state["visitor"]
    return found


async def still_known(connection: HTTPConnection, visitor: Visitor) -> bool:
    """Tell whether who asked may still ask, and for the same: a long answer does not outlive its token or session."""
    try:
        found = await _look_up(connection)
    except OutOfReach:  # whether they may is not known now; it is asked again
        return True
    except NotAllowed:
        return False
    return found is not None and found.asker == visitor.asker


async def _look_up(connection: HTTPConnection) -> Visitor | None:
    desk: Desk = connection.app.state.desk
    looks = connection.scope.get("method") in SAFE_METHODS
    scheme, _, secret = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return Visitor(await _by_token(connection, desk, secret.strip(), looks=looks), None)
    cookie = connection.cookies.get(cookie_name(secure=connection.app.state.secure_cookies))
    if not cookie:
        return None
    try:
        return Visitor(*await by_cookie(desk, cookie, looks=looks))
    except NotAllowed:
        return None


async def _by_token(connection: HTTPConnection, desk: Desk, secret: str, *, looks: bool) -> Asker:
    attempts: Attempts = connection.app.state.attempts
    if not connection.url.path.endswith(UNHINDERED):
        attempts.check(address_of(connection))
    try:
        return await by_token(desk, secret, looks=looks)
    except NotAllowed:
        attempts.failed(address_of(connection))
        raise


# These two only describe the ways in; `known_visitor` reads both.
_Token = Annotated[Any, Security(HTTPBearer(scheme_name="token", auto_error=False, description="A program's token."))]
_Cookie = Annotated[
    Any,
    Security(
        APIKeyCookie(
            name=COOKIE,
            scheme_name="session",
            auto_error=False,
            description="A browser's session; whatever changes something also needs X-CSRF-Token, from a page of ours.",
        )
    ),
]


async def _visitor(request: Request, _token: _Token, _cookie: _Cookie) -> Visitor:
    found = await known_visitor(request)
    if found is None:
        raise NotAllowed("session_missing")
    return found


async def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


AtDesk = Annotated[Desk, Depends(_desk)]
WhoAsks = Annotated[Visitor, Depends(_visitor)]
"""Somebody known; anybody else is refused with 401."""

Perhaps = Annotated[Visitor | None, Depends(known_visitor)]
"""Somebody known, or None."""


async def redeem(request: Request, response: Response, link: str) -> Session:
    """Turn a one-use link into a session and set its cookie.

    Raises:
        NotAllowed: link_spent. OutOfReach: too_often.
    """
    attempts: Attempts = request.app.state.attempts
    attempts.check(address_of(request))
    try:
        cookie, session = await open_session(request.app.state.desk, link)
    except NotAllowed:
        attempts.failed(address_of(request))
        raise
    secure: bool = request.app.state.secure_cookies
    response.set_cookie(
        cookie_name(secure=secure),
        cookie,
        max_age=int(SESSION_LASTS.total_seconds()),
        path="/",
        secure=secure,
        httponly=True,
        samesite="strict",
    )
    return session


async def leave(request: Request, response: Response, visitor: Visitor) -> None:
    """End a session and forget its cookie."""
    if visitor.session:
        await close_session(request.app.state.desk, visitor.session)
    secure: bool = request.app.state.secure_cookies
    response.delete_cookie(cookie_name(secure=secure), path="/", secure=secure, httponly=True, samesite="strict")


class Gate:
    """Lets nothing through that would change something, unless its asker has shown that they mean it.

    That is a token; or a session with its CSRF secret, from a page of ours. It stands before all routes, so that one
    that is added later is shut until it is asked for rightly. A plain ASGI class: streams pass through it untouched.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Admit the request, or answer it with what is missing."""
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS:
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            receive = await _admit(request, receive)
        except BroadcasterError as error:
            await problem(request, error)(scope, receive, send)
            return
        await self._app(scope, receive, send)


async def _admit(request: Request, receive: Receive) -> Receive:
    if request.url.path == ENTRY_PATH:
        _same_origin(request)
        return receive
    visitor = await known_visitor(request)
    if visitor is None:
        raise NotAllowed("session_missing")
    if visitor.session is None:
        return receive
    _same_origin(request)
    given, receive = await _csrf(request, receive)
    if not hmac.compare_digest(given.encode(), visitor.session.csrf.encode()):
        raise NotAllowed("csrf_missing")
    return receive


def _same_origin(request: Request) -> None:
    """Refuse what another site's page sends along with our cookie.

    Raises:
        NotAllowed: origin_foreign.
    """
    fetch_site = request.headers.get("sec-fetch-site")
    if fetch_site is not None:
        is_ours = fetch_site == "same-origin"
    else:
        # Browsers leave Sec-Fetch-Site out where the page came over plain HTTP, as within a town hall's own network.
        is_ours = _is_own(request.headers.get("origin"), request.headers, request.app.state.public_origin)
    if not is_ours:
        raise NotAllowed("origin_foreign", origin=request.app.state.public_origin)


def _is_own(origin: str | None, headers: Mapping[str, str], public_origin: str) -> bool:
    if not origin:
        return False
    return origin == public_origin or urlsplit(origin).netloc == headers.get("host")


async def _csrf(request: Request, receive: Receive) -> tuple[str, Receive]:
    header = request.headers.get("x-csrf-token")
    if header is not None or not request.headers.get("content-type", "").startswith(FORM_TYPES):
        return header or "", receive
    # The form is read here and once more by its route: the body, already bounded, is played to both.
    body = await request.body()
    form = await Request(request.scope, _again(body, receive)).form()
    given = form.get("csrf")
    return given if isinstance(given, str) else "", _again(body, receive)


def _again(body: bytes, receive: Receive) -> Receive:
    told: list[Any] = []

    async def replay() -> Message:
        if told:
            return await receive()
        told.append(True)
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
