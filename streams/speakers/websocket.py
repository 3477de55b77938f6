"""The WebSocket carrier of the line, the service's end: on the service's own port, for wiring to mount (wire.md)."""

import base64
import binascii
import json
from collections.abc import Awaitable, Callable

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from broadcaster.desk.rows import Speaker
from broadcaster.model.clock import Clock
from broadcaster.model.errors import Invalid, OutOfReach
from broadcaster.signing.envelope import check_answer
from streams.speakers.challenges import Challenges
from streams.speakers.exchange import QUEUE, Exchange

CHALLENGE_PATH = "/api/v1/line/challenge"
LINE_PATH = "/api/v1/line"
SUBPROTOCOL = "vb.1"
SCHEME = "Speaker "
LONGEST_HEADER = 512

PING_SECONDS = 20.0
LARGEST_FRAME_BYTES = 64 * 1024
"""For the server that carries it: a larger frame ends the connection; a smaller one that is too large is told so."""

Known = Callable[[str], Awaitable[Speaker | None]]

log = structlog.get_logger()


class WebSocketLine(Exchange):
    """The port `SpeakerLine` over WebSockets.

    Args:
        known: the loudspeaker of an id as it was enrolled, None if there is none.

    Attributes:
        routes: to be mounted at the root of the service.
    """

    def __init__(self, known: Known, clock: Clock, *, challenges: Challenges | None = None, queue: int = QUEUE) -> None:
        super().__init__(clock, queue=queue)
        self._known = known
        self._challenges = challenges or Challenges(clock)
        self.routes: list[BaseRoute] = [
            Route(CHALLENGE_PATH, self._give_challenge, methods=["GET"]),
            WebSocketRoute(LINE_PATH, self._connect),
        ]

    async def _give_challenge(self, _: Request) -> Response:
        return JSONResponse({"challenge": self._challenges.make()}, headers={"Cache-Control": "no-store"})

    async def _connect(self, socket: WebSocket) -> None:
        """Let a loudspeaker in that proves who it is; everybody else is told 401 before the upgrade."""
        try:
            speaker = await self._proved(socket.headers.get("authorization", ""))
        except Invalid as error:
            log.warning("loudspeaker turned away", why=str(error))
            await _deny(socket, 401, error.code)
            return
        except OutOfReach as error:
            await _deny(socket, 503, error.code)
            return
        if SUBPROTOCOL not in socket.scope.get("subprotocols", ()):
            await _deny(socket, 400, "subprotocol")
            return
        await socket.accept(subprotocol=SUBPROTOCOL)
        await self.serve(speaker, _SocketWire(socket))

    async def _proved(self, header: str) -> Speaker:
        name, challenge, sig = _read_header(header)
        self._challenges.check(challenge)
        speaker = await self._known(name)
        if speaker is None or speaker.retired_at is not None:
            raise Invalid("speaker_unknown", speaker=name[:60])
        check_answer(speaker.pubkey, name, challenge, sig)
        # Looked at again: while the book was asked, another may have answered the same.
        self._challenges.check(challenge)
        self._challenges.use(challenge)
        return speaker


def _read_header(header: str) -> tuple[str, str, bytes]:
    """Read ``Speaker <id>:<challenge>:<base64 signature>``."""
    parts = header.removeprefix(SCHEME).rsplit(":", 2)
    if not header.startswith(SCHEME) or len(header) > LONGEST_HEADER or len(parts) != len(("id", "challenge", "sig")):
        raise Invalid("authorization")
    try:
        return parts[0], parts[1], base64.b64decode(parts[2], validate=True)
    except (ValueError, binascii.Error) as error:
        raise Invalid("authorization") from error


async def _deny(socket: WebSocket, status: int, code: str) -> None:
    body = json.dumps({"code": code})
    await socket.send_denial_response(Response(body, status, media_type="application/json"))


class _SocketWire:
    """A WebSocket as the exchange uses it."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def receive(self) -> str | bytes | None:
        message = await self._socket.receive()
        if message["type"] != "websocket.receive":
            return None
        text: str | bytes | None = message.get("text")
        return text if text is not None else message.get("bytes", b"")

    async def send(self, text: str) -> None:
        try:
            await self._socket.send_text(text)
        except WebSocketDisconnect as error:
            raise ConnectionError("gone") from error
        except RuntimeError as error:
            # Starlette's word for sending on what was closed meanwhile.
            raise ConnectionError("closed") from error

    async def close(self, code: int) -> None:
        if self._socket.application_state is WebSocketState.CONNECTED:
            try:
                await self._socket.close(code)
            except (WebSocketDisconnect, RuntimeError) as error:
                raise ConnectionError("gone") from error
