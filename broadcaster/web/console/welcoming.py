"""Welcoming: from a one-use link to an open console, and out again."""

from fastapi import APIRouter, Request, Response

from broadcaster.web.auth import Perhaps, WhoAsks, leave, redeem
from broadcaster.web.rendering import PageRoute, go, render

router = APIRouter(route_class=PageRoute)


@router.get("/welcome/{secret}")
async def welcome(request: Request, secret: str) -> Response:
    """Show a button: previews that chat programs fetch of a link must not spend it."""
    return render(request, "console/welcome.html", secret=secret)


@router.post("/enter")
async def enter(request: Request) -> Response:
    """Spend the link."""
    form = await request.form()
    answer = go(request, "/console")
    await redeem(request, answer, str(form.get("link", "")))
    return answer


@router.get("/")
async def door(request: Request, visitor: Perhaps) -> Response:
    """Send staff to their desk, and everybody else to the villages."""
    return go(request, "/console" if visitor else "/v")


@router.post("/console/leave")
async def out(request: Request, visitor: WhoAsks) -> Response:
    """End the session."""
    answer = render(request, "console/left.html")
    await leave(request, answer, visitor)
    return answer
