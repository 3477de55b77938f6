"""Rendering: pages from templates, in the reader's language."""

import hashlib
from collections.abc import Callable, Coroutine
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from broadcaster.model.clock import SHANGHAI, moment
from broadcaster.model.errors import BroadcasterError, Invalid
from broadcaster.web.console.words import say, say_problem
from broadcaster.web.problems import NOBODY_KNOWN, status_of
from broadcaster.web.words import LANGUAGES, Language

HERE = Path(__file__).parent
LANGUAGE_COOKIE = "lang"
YEAR_SECONDS = 31_536_000
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # noqa: SIM905 - a list of twelve reads worse

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class PageRoute(APIRoute):
    """A route for people: what is refused is answered with a page that says what to do."""

    def get_route_handler(self) -> Handler:
        """Wrap the route so that its errors become pages."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except BroadcasterError as error:
                return problem_page(request, error)
            except RequestValidationError:
                return problem_page(request, Invalid("form_unread"))

        return answer


def language(request: Request) -> Language:
    """Return the language to answer in: as asked in the address, else as chosen before, else Chinese."""
    wanted = (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE))
    return next((one for asked in wanted for one in LANGUAGES if one == asked), LANGUAGES[0])


def render(request: Request, template: str, status: int = 200, **facts: Any) -> HTMLResponse:
    """Answer with a page.

    Args:
        facts: what the template shows; all of it is escaped.
    """
    tongue = language(request)
    around = {
        "lang": tongue,
        "t": partial(say, tongue),
        "problem": partial(say_problem, tongue),
        "when": partial(when, tongue),
        "path": request.url.path,
        "other_lang": _other_language(request, tongue),
        "visitor": None,
    }
    body = environment().get_template(template).render(around | facts)
    # Under the stricter policy of the other answers, browsers leave the origin out of our own forms' requests.
    headers = {"Cache-Control": "no-store", "Vary": "Cookie", "Referrer-Policy": "same-origin"}
    response = HTMLResponse(body, status, headers)
    if request.query_params.get("lang") in LANGUAGES:
        response.set_cookie(LANGUAGE_COOKIE, tongue, max_age=YEAR_SECONDS, samesite="lax")
    return response


def problem_page(request: Request, error: BroadcasterError) -> HTMLResponse:
    """Say what went wrong and what to do next."""
    is_part = bool(request.headers.get("HX-Request"))
    is_lost = error.code in NOBODY_KNOWN - {"link_spent"}
    name = "parts/problem.html" if is_part else "problem.html"
    answer = render(request, name, status_of(error), error=error, is_lost=is_lost)
    if is_part:
        # In its own place: in that of the form, it would wipe out what was typed.
        answer.headers.update({"HX-Retarget": "#trouble", "HX-Reselect": ".note", "HX-Reswap": "innerHTML show:top"})
    return answer


def go(request: Request, address: str) -> Response:
    """Send the browser on after a form, so that a reload does not send it twice."""
    if request.headers.get("HX-Request"):
        return Response(status_code=204, headers={"HX-Redirect": address})
    return RedirectResponse(address, 303)


def when(tongue: Language, at: datetime | int | None, *, seconds: bool = False) -> str:
    """Write a moment by the village's clock; milliseconds since 1970 are taken too. Nothing known: a dash."""
    if at is None:
        return "—"
    local = (moment(at) if isinstance(at, int) else at).astimezone(SHANGHAI)
    clock = local.strftime("%H:%M:%S" if seconds else "%H:%M")
    return say(tongue, "time.moment", month=local.month, name=MONTHS[local.month - 1], day=local.day, clock=clock)


def iso(at: datetime) -> str:
    """Write a moment for machines."""
    return at.isoformat(timespec="seconds")


@cache
def asset(name: str, folder: str = "static") -> str:
    """Return the address of one of our own files, with what it holds in its name, so that it may be kept for ever."""
    held = hashlib.sha256((HERE / folder / name).read_bytes()).hexdigest()[:10]
    return f"/{folder}/{name}?v={held}"


@cache
def environment() -> Environment:
    """Return the templates, ready to use."""
    found = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals.update(asset=asset)
    found.filters["iso"] = iso
    return found


def _other_language(request: Request, tongue: Language) -> str:
    other = next(one for one in LANGUAGES if one != tongue)
    if request.method != "GET":
        return f"/console?lang={other}"
    return f"{request.url.path}?{request.url.include_query_params(lang=other).query}"
