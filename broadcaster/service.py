"""The service on one machine: the desk, its web server, the signer and the voice, begun and ended together."""

import asyncio
import base64
import socket
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI

from audio.voices.port import Voice
from audio.voices.process import VoiceProcess
from broadcaster import places
from broadcaster.desk.people import first_admin
from broadcaster.model.area import Area, covered
from broadcaster.model.clock import Clock, SystemClock
from broadcaster.model.errors import OutOfReach, Refused
from broadcaster.model.precedence import Lane
from broadcaster.model.schedule import QuietHours
from broadcaster.settings import Settings
from broadcaster.signing.client import SocketSigner
from broadcaster.signing.envelope import PublicKey
from broadcaster.signing.keys import create_keys
from broadcaster.signing.limits import Limits, read_limits, write_limits
from broadcaster.signing.process import READY
from broadcaster.signing.supervise import Child
from broadcaster.web.app import create_app
from broadcaster.wiring import Town, open_town, voices_for
from streams.speakers.websocket import LARGEST_FRAME_BYTES, PING_SECONDS, WebSocketLine

GRACE_SECONDS = 3
SIGNER_START_SECONDS = 30.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Running:
    """A service that runs.

    Attributes:
        first_link: where the first administrator opens the console; None once one has.
        stopped: set when the service has to end, by whoever decides that.
    """

    url: str
    settings: Settings
    town: Town
    app: FastAPI
    signer: Child
    voices: Sequence[Voice]
    first_link: str | None
    stopped: asyncio.Event


@asynccontextmanager
async def serve(
    settings: Settings, *, clock: Clock | None = None, town_areas: Sequence[Area] | None = None
) -> AsyncIterator[Running]:
    """Run the whole service for the time of the block.

    Raises:
        OutOfReach: port_taken, signer_away, book_locked: who holds it is said.
        Refused: voice_for_tests, limits_differ.
    """
    clock, voices = clock or SystemClock(), voices_for(settings)
    prepare(settings)
    listening, signer = _listen(settings), SocketSigner(settings.socket)
    url = f"http://{settings.host}:{listening.getsockname()[1]}"
    line = WebSocketLine(lambda speaker: town.desk.book.read(lambda state: state.speaker(speaker)), clock)
    async with AsyncExitStack() as stack:
        stack.callback(listening.close)
        areas = town_areas or places.areas(town=settings.town)
        opened = open_town(settings, clock=clock, signer=signer, line=line, voices=voices, places=areas)
        town = await stack.enter_async_context(opened)
        line.hand_to(town.ear)
        tasks = await stack.enter_async_context(_Tasks())
        child = Child("signer", _signer_command(settings), clock, ready=READY)
        tasks.begin(child.run(), "signer")
        app = _app(settings, town, line, await _keys(child, signer), url)
        tasks.begin(town.run(), "town")
        tasks.begin(_set_up(town, voices), "stock phrases")
        await stack.enter_async_context(_listening(app, listening, line))
        secret = await first_admin(town.desk, [settings.town])
        link = f"{url}/welcome/{secret}" if secret else None
        yield Running(url, settings, town, app, child, voices, link, asyncio.Event())


class _Tasks:
    """A task group whose tasks are cancelled when its block ends, and end the block when one of them fails."""

    def __init__(self) -> None:
        self._group = asyncio.TaskGroup()
        self._begun: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "_Tasks":
        await self._group.__aenter__()
        return self

    async def __aexit__(self, *exit_of_block: Any) -> None:
        for task in self._begun:
            task.cancel()
        await self._group.__aexit__(*exit_of_block)

    def begin(self, running: Coroutine[Any, Any, None], name: str) -> None:
        self._begun.append(self._group.create_task(running, name=name))


@asynccontextmanager
async def _listening(app: FastAPI, listening: socket.socket, line: WebSocketLine) -> AsyncIterator[None]:
    """Answer requests for the time of the block; open streams and loudspeakers are let go at its end."""
    server = _server(app)
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve([listening]), name="web")
        while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        try:
            yield
        finally:
            app.state.live.close()
            line.close()
            server.should_exit = True


def prepare(settings: Settings) -> None:
    """Make the folders, keys and limits that a new town needs; what is there stays as it is.

    Raises:
        Refused: limits_differ: the signer would hold itself to other rules than the desk, and refuse what that
            let go or let go what that would hold.
    """
    for folder in (settings.home, settings.shelf, settings.keys.parent):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not settings.keys.exists():
        create_keys(settings.keys)
    if not settings.limits.exists():
        write_limits(settings.limits, default_limits(settings))
    _check_agreed(settings, read_limits(settings.limits))


def default_limits(settings: Settings) -> Limits:
    """Return the limits of a new town: its own area, its own quiet hours and hold, nobody pinned."""
    return Limits(areas=(settings.town,), quiet=settings.quiet, undo=timedelta(seconds=settings.undo_seconds))


def limits_of(settings: Settings, known: Limits) -> Limits:
    """Return limits with what the settings say of the town, its quiet hours and its hold; the rest stays."""
    ours = default_limits(settings)
    return replace(known, areas=ours.areas, quiet=ours.quiet, undo=ours.undo)


def _check_agreed(settings: Settings, limits: Limits) -> None:
    ours = default_limits(settings)
    said = {
        "VB_TOWN": (settings.town, ", ".join(limits.areas), covered(limits.areas, settings.town)),
        "VB_QUIET_START/END": (ours.quiet, limits.quiet, ours.quiet == limits.quiet),
        "VB_UNDO_SECONDS": (ours.undo.total_seconds(), limits.undo.total_seconds(), ours.undo == limits.undo),
    }
    for name, (set_to, held_to, is_agreed) in said.items():
        if not is_agreed:
            do = f"broadcaster limits --write --home {settings.home}"
            facts = {"name": name, "set_to": _shown(set_to), "held_to": _shown(held_to)}
            raise Refused("limits_differ", path=str(settings.limits), do=do, **facts)


def _shown(said: object) -> str:
    return f"{said.start:%H:%M}–{said.end:%H:%M}" if isinstance(said, QuietHours) else str(said)


def _signer_command(settings: Settings) -> list[str]:
    places = {
        "--book": settings.book,
        "--keys": settings.keys,
        "--limits": settings.limits,
        "--socket": settings.socket,
    }
    words = [str(word) for pair in places.items() for word in pair]
    return [sys.executable, "-m", "broadcaster.signing.process", *words]


async def _keys(child: Child, signer: SocketSigner) -> list[PublicKey]:
    await child.wait_ready(SIGNER_START_SECONDS)
    return list(await signer.public_keys())


def _app(settings: Settings, town: Town, line: WebSocketLine, keys: Sequence[PublicKey], url: str) -> FastAPI:
    shown = [{"kid": key.kid, "purpose": key.purpose, "key": base64.b64encode(key.key).decode()} for key in keys]
    return create_app(
        town.desk,
        town.watch,
        shelf=town.sound,
        keys=lambda: shown,
        public_origin=settings.public_origin or url,
        secure_cookies=settings.secure_cookies,
        line_routes=line.routes,
        figures=town.engine.behind,
        readers=town.engine,
        is_line_up=lambda: line.is_open,
    )


class _Server(uvicorn.Server):
    """A server that leaves signals to whoever runs the service."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def _server(app: FastAPI) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_ping_interval=PING_SECONDS,
        ws_max_size=LARGEST_FRAME_BYTES,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    return _Server(config)


def _listen(settings: Settings) -> socket.socket:
    listening = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        listening.close()
        raise OutOfReach("port_taken", host=settings.host, port=settings.port) from error
    return listening


async def _set_up(town: Town, voices: Sequence[Voice]) -> None:
    """Warm the voice, and render the phrases of last resort while all is well."""
    for voice in voices:
        if isinstance(voice, VoiceProcess):
            await voice.ready()
    for lane in Lane:
        try:
            await town.desk.studio.stock(lane)
        except (OutOfReach, Refused) as error:
            log.warning("no stock phrase", lane=lane.value, why=str(error))
