"""The lines that keep the contract, a loudspeaker's end of each, and a desk that notes what it hears."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Protocol

import httpx
import uvicorn
from starlette.applications import Starlette
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from broadcaster.desk.ports import SignedOrder
from broadcaster.desk.rows import Speaker
from broadcaster.model.clock import Clock
from broadcaster.model.errors import BroadcasterError
from broadcaster.model.order import Purpose
from broadcaster.signing.envelope import SealingKey, SpeakerKey
from streams.speakers.exchange import Exchange
from streams.speakers.memory import MemoryLine, MemoryWire
from streams.speakers.websocket import CHALLENGE_PATH, LARGEST_FRAME_BYTES, LINE_PATH, SUBPROTOCOL, WebSocketLine

Message = dict[str, Any]

VILLAGE, NEXT_VILLAGE = "620723103204", "620723103205"
SEALING = SealingKey(b"\x07" * 32, Purpose.ALERT)


class Desk:
    """The port `Heard`: notes what comes, and answers as a test wants."""

    def __init__(self) -> None:
        self.hellos: list[str] = []
        self.batches: list[list[Message]] = []
        self.left: list[str] = []
        self.lacking: list[Message] = []
        self.failures: list[BroadcasterError] = []
        self.bad: set[str] = set()

    async def hello(self, speaker: str, message: Message) -> Sequence[Message]:
        self.hellos.append(speaker)
        if self.failures:
            raise self.failures.pop(0)
        return [{"type": "welcome", "nonce": message.get("nonce")}, *self.lacking]

    async def heard(self, speaker: str, messages: Sequence[Message]) -> Sequence[Message]:
        from broadcaster.model.errors import Invalid

        if self.failures:
            raise self.failures.pop(0)
        if any(message.get("id") in self.bad for message in messages):
            raise Invalid("receipt_unreadable")
        self.batches.append(list(messages))
        return [{"type": "got", "receipts": [message.get("id") for message in messages]}]

    async def gone(self, speaker: str) -> None:
        self.left.append(speaker)


class Call(Protocol):
    """A loudspeaker's end of one connection."""

    async def say(self, message: Message | str | bytes) -> None: ...
    async def hear(self) -> Message | None:
        """Return what comes next, None when the service has hung up."""

    @property
    def code(self) -> int | None: ...


class Place(Protocol):
    """A line with somebody to serve it."""

    line: Exchange

    def call(self, speaker: str, village: str = VILLAGE) -> AbstractAsyncContextManager[Call]: ...


def speaker_of(name: str, village: str = VILLAGE, *, retired: bool = False) -> Speaker:
    """A loudspeaker as it was enrolled."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Speaker(name, village, "agent", key_of(name).public, at, at if retired else None)


def key_of(name: str) -> SpeakerKey:
    """Its own key."""
    return SpeakerKey(name.encode().ljust(32, b".")[:32])


def order(name: str, village: str = VILLAGE, size: int = 100) -> SignedOrder:
    """Something signed; a line does not look inside."""
    return SignedOrder(name, village, "play", SEALING.seal(json.dumps({"order_id": name}).ljust(size).encode()))


class _MemoryCall:
    def __init__(self, wire: MemoryWire) -> None:
        self.say = wire.say
        self._wire = wire

    async def hear(self) -> Message | None:
        text = await self._wire.hear()
        return None if text is None else json.loads(text)

    @property
    def code(self) -> int | None:
        return self._wire.code


class MemoryPlace:
    """The line in memory."""

    def __init__(self, desk: Desk, clock: Clock, queue: int) -> None:
        self.line = MemoryLine(clock, queue=queue)
        self.line.hand_to(desk)

    @asynccontextmanager
    async def call(self, speaker: str, village: str = VILLAGE) -> AsyncIterator[Call]:
        async with self.line.connected(speaker_of(speaker, village)) as wire:
            yield _MemoryCall(wire)


class _SocketCall:
    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def say(self, message: Message | str | bytes) -> None:
        await self._socket.send(json.dumps(message) if isinstance(message, dict) else message)

    async def hear(self) -> Message | None:
        try:
            return json.loads(await self._socket.recv())  # type: ignore[no-any-return]  # the service sends objects
        except ConnectionClosed:
            return None

    @property
    def code(self) -> int | None:
        return self._socket.close_code


class SocketPlace:
    """The line over WebSockets, on a server of its own."""

    def __init__(self, desk: Desk, clock: Clock, queue: int) -> None:
        self.known: dict[str, Speaker] = {}
        self.line = WebSocketLine(self._find, clock, queue=queue)
        self.line.hand_to(desk)
        self.port = 0

    async def _find(self, speaker: str) -> Speaker | None:
        return self.known.get(speaker)

    @asynccontextmanager
    async def call(self, speaker: str, village: str = VILLAGE) -> AsyncIterator[Call]:
        self.known[speaker] = speaker_of(speaker, village)
        challenge = await self.challenge()
        async with self.dial(answer(speaker, challenge)) as socket:
            yield _SocketCall(socket)

    async def challenge(self) -> str:
        async with httpx.AsyncClient(trust_env=False) as client:
            return str((await client.get(f"http://127.0.0.1:{self.port}{CHALLENGE_PATH}")).json()["challenge"])

    def dial(self, header: str | None, subprotocol: str = SUBPROTOCOL) -> connect:
        return connect(
            f"ws://127.0.0.1:{self.port}{LINE_PATH}",
            additional_headers={"Authorization": header} if header else {},
            subprotocols=[Subprotocol(subprotocol)],
            compression=None,
            proxy=None,
            close_timeout=1,
        )


def answer(speaker: str, challenge: str, key: SpeakerKey | None = None) -> str:
    """The header by which a loudspeaker proves who it is."""
    sig = (key or key_of(speaker)).answer(speaker, challenge)
    return f"Speaker {speaker}:{challenge}:{base64.b64encode(sig).decode()}"


@asynccontextmanager
async def in_memory(desk: Desk, clock: Clock, queue: int = 64) -> AsyncIterator[MemoryPlace]:
    """Serve a line in memory."""
    yield MemoryPlace(desk, clock, queue)


@asynccontextmanager
async def on_socket(desk: Desk, clock: Clock, queue: int = 64) -> AsyncIterator[SocketPlace]:
    """Serve a line over WebSockets on loopback."""
    place = SocketPlace(desk, clock, queue)
    config = uvicorn.Config(
        Starlette(routes=place.line.routes),
        host="127.0.0.1",
        port=0,
        log_level="warning",
        lifespan="off",
        ws_max_size=LARGEST_FRAME_BYTES,
        ws_ping_interval=None,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # a test has no signals
    task = asyncio.ensure_future(server._serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    place.port = server.servers[0].sockets[0].getsockname()[1]
    yield place
    place.line.close()
    server.should_exit = True
    await task


PLACES = {"memory": in_memory, "websocket": on_socket}
