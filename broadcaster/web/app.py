"""App: the town's desk over HTTP, put together from its parts."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute

from broadcaster.desk.office import Desk
from broadcaster.desk.ports import Engine
from broadcaster.desk.watching import Watch
from broadcaster.model.errors import NotFound
from broadcaster.web import audio, live, metrics
from broadcaster.web.api import alerts, engine, notices, people, places, reading
from broadcaster.web.api.shapes import Problem
from broadcaster.web.auth import Attempts, Gate
from broadcaster.web.guard import Capped, Guarded
from broadcaster.web.packed import Packed
from broadcaster.web.problems import all_problems, answer_with_problems
from broadcaster.web.rendering import problem_page
from broadcaster.web.villagers.pages import Parts
from broadcaster.web.words import WORDS

HERE = Path(__file__).parent
PAGES = ("broadcaster.web.console.pages", "broadcaster.web.villagers.pages")
VOLUME: Mapping[str, Any] = {"usual": 70, "emergency": [60, 100], "routine": [0, 85]}
"""Percent: what is usual, and (least, most) for each class; a loudspeaker may keep to narrower limits."""

PublicKeys = Callable[[], Sequence[Mapping[str, str]]]
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": words}
    for status, words in {
        401: "Nobody is known",
        403: "Not allowed",
        404: "Unknown, or not to be known",
        409: "It has moved on",
        422: "Wrong for ever",
        429: "Too often",
        503: "Not now",
    }.items()
}


def create_app(
    desk: Desk,
    watch: Watch,
    *,
    shelf: audio.Shelf,
    keys: PublicKeys,
    public_origin: str,
    secure_cookies: bool,
    follow: live.Log | None = None,
    line_routes: Sequence[BaseRoute] = (),
    volume: Mapping[str, Any] = VOLUME,
    figures: metrics.Figures | None = None,
    readers: Engine | None = None,
    is_line_up: Callable[[], bool] = lambda: True,
) -> FastAPI:
    """Put the service's HTTP together.

    Args:
        watch: what loudspeakers say of themselves now.
        shelf: where recordings lie.
        keys: returns the public keys that loudspeakers trust, each ``{kid, purpose, key}`` with the key in base64.
        public_origin: ``https://host`` as browsers write it; pages of ours come from there.
        secure_cookies: over HTTPS; cookies are then bound to it and to this host.
        follow: the log as live streams follow it; the book's own, if none is given.
        line_routes: where loudspeakers connect.
        volume: what a loudspeaker is told at enrolment.
        figures: what the engine knows of itself, for `/metrics`.
        readers: the engine itself, where it runs in this process.
        is_line_up: whether loudspeakers can connect.

    Returns:
        The app. Its lifespan runs the reader of the live streams; `app.state.live.close()` ends all streams, to be
        called as soon as the service is told to stop.
    """
    app = house(line_routes)
    app.state.desk, app.state.watch, app.state.shelf, app.state.public_keys = desk, watch, shelf, keys
    app.state.public_origin, app.state.secure_cookies = public_origin.rstrip("/"), secure_cookies
    app.state.volume, app.state.is_line_up = volume, is_line_up
    app.state.problem_page, app.state.engine = problem_page, readers
    app.state.attempts, app.state.audio_cache = Attempts(desk.clock), audio.Cache()
    app.state.live = live.Live(follow or live.BookLog(desk.book), desk.bell, desk.clock)
    app.state.village_parts = Parts(desk, app.state.live)
    app.state.metrics = metrics.Metrics(desk, watch, app.state.live, figures, readers)
    return app


def house(line_routes: Sequence[BaseRoute] = ()) -> FastAPI:
    """Return the routes and their guards, with nobody at the desk yet."""
    app = FastAPI(
        title="Village Broadcaster",
        version="1",
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    _add_routes(app, line_routes)
    answer_with_problems(app)
    # The last one added stands outermost: first the headers, then the size, then the gate.
    app.add_middleware(Gate)
    app.add_middleware(Capped)
    app.add_middleware(Guarded)
    return app


def _add_routes(app: FastAPI, line_routes: Sequence[BaseRoute]) -> None:
    api = APIRouter(prefix="/api/v1", responses=REFUSALS)
    for part in (notices, reading, people, alerts, places, engine, live):
        api.include_router(part.router)
    app.include_router(api)
    app.include_router(audio.router)
    app.include_router(metrics.router)
    app.add_api_route("/problems", _problems, tags=["problems"])
    app.add_api_route("/problems/{code}", _problem, tags=["problems"])
    app.router.routes.extend(line_routes)
    for name in PAGES:
        if find_spec(name.rpartition(".")[0]) and find_spec(name):
            app.include_router(import_module(name).router, include_in_schema=False)
    for folder in ("static", "vendor"):
        if (HERE / folder).is_dir():
            app.mount(f"/{folder}", Packed(HERE / folder), name=folder)


async def _problems() -> dict[str, dict[str, dict[str, str]]]:
    """Return every problem that may be answered, with its words in both languages."""
    return all_problems()


async def _problem(code: str) -> dict[str, dict[str, str]]:
    """Return one problem's words in both languages: where its `type` points to."""
    found = all_problems().get("cap" if code.startswith("cap_") and code not in WORDS else code)
    if found is None:
        raise NotFound("not_found")
    return found


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        reader = tasks.create_task(app.state.live.run())
        try:
            yield
        finally:
            app.state.live.close()
            reader.cancel()
