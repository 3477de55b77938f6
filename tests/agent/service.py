"""A small service on loopback: enrols, challenges, holds lines, gives recordings. Speaks the real protocol."""

import asyncio
import base64
import json
from dataclasses import dataclass, field
from http import HTTPStatus

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from broadcaster.signing.envelope import Envelope, check_answer
from streams.agent.bell import Bell
from streams.agent.messages import Message, from_text, order_message, to_text
from tests.agent.station import KEYRING, Station

TOKEN = "enrol-me"


@dataclass
class Service:
    """The service's end of many lines. `station` makes orders and holds recordings."""

    station: Station
    said: dict[str, list[Message]] = field(default_factory=dict)
    sockets: dict[str, ServerConnection] = field(default_factory=dict)
    known: dict[str, bytes] = field(default_factory=dict)
    challenges: set[str] = field(default_factory=set)
    refused: int = 0
    _said_something: Bell = field(default_factory=Bell)
    _lines: Server | None = None
    _posts: asyncio.Server | None = None

    async def open(self) -> None:
        self._lines = await serve(
            self._line,
            "127.0.0.1",
            0,
            process_request=self._request,
            subprotocols=[Subprotocol("vb.1")],
            compression=None,
        )
        # The WebSocket server takes no POST: a plain one stands in front and hands everything else through.
        self._posts = await asyncio.start_server(self._front, "127.0.0.1", 0)

    async def close(self) -> None:
        assert self._posts is not None
        assert self._lines is not None
        self._posts.close()
        self._lines.close()
        await self._lines.wait_closed()

    @property
    def url(self) -> str:
        assert self._posts is not None
        return f"http://127.0.0.1:{self._posts.sockets[0].getsockname()[1]}"

    async def send(self, speaker: str, envelope: Envelope) -> None:
        await self.sockets[speaker].send(to_text(order_message(envelope)))

    def heard(self, speaker: str, kind: str) -> list[Message]:
        return [message for message in self.said.get(speaker, []) if message["type"] == kind]

    async def until(self, speaker: str, kind: str, seconds: float = 60) -> Message:
        ear = self._said_something.ear()
        async with asyncio.timeout(seconds):
            while not (found := self.heard(speaker, kind)):
                await ear.wait(None)
        return found[-1]

    # --- the front

    async def _front(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"POST"):
            await self._enrol(head, reader, writer)
            return
        assert self._lines is not None
        port = next(iter(self._lines.sockets)).getsockname()[1]
        inner, outer = await asyncio.open_connection("127.0.0.1", port)
        outer.write(head)
        await asyncio.gather(_pump(reader, outer), _pump(inner, writer))

    async def _enrol(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fields = {k.lower(): v for k, _, v in (line.partition(": ") for line in head.decode().splitlines())}
        asked = json.loads(await reader.readexactly(int(fields["content-length"])))
        is_allowed = fields["authorization"] == f"Bearer {TOKEN}"
        status = HTTPStatus.CREATED if is_allowed else HTTPStatus.FORBIDDEN
        body = json.dumps(self._trusted() if is_allowed else {"title": "no"}).encode()
        if is_allowed:
            self.known[asked["id"]] = base64.b64decode(asked["pubkey"])
        writer.write(
            f"HTTP/1.1 {status.value} x\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body
        )
        await writer.drain()
        writer.close()

    def _trusted(self) -> Message:
        keys = [
            {"kid": key.kid, "purpose": key.purpose.value, "key": base64.b64encode(key.key).decode()} for key in KEYRING
        ]
        config = {"quiet": {"start": "00:00", "end": "00:00"}, "volume": {"usual": 80}}
        return {"speaker": "x", "village": "y", "keys": keys, "config": config, "epoch": 1}

    # --- the lines

    def _request(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.path == "/api/v1/line/challenge":
            challenge = f"challenge-{len(self.challenges)}"
            self.challenges.add(challenge)
            return connection.respond(HTTPStatus.OK, json.dumps({"challenge": challenge}))
        if request.path.startswith("/audio/"):
            sha256 = request.path.removeprefix("/audio/").partition(".")[0]
            return Response(200, "OK", Headers(), self.station.fetch.sounds[sha256])
        return None if self._who(request) else connection.respond(HTTPStatus.UNAUTHORIZED, "no")

    def _who(self, request: Request) -> str | None:
        scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
        speaker, challenge, sig = rest.split(":")
        if scheme != "Speaker" or challenge not in self.challenges or speaker not in self.known:
            self.refused += 1
            return None
        check_answer(self.known[speaker], speaker, challenge, base64.b64decode(sig))
        return speaker

    async def _line(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        speaker = self._who(socket.request) or ""
        self.sockets[speaker] = socket
        try:
            async for text in socket:
                message = from_text(text)
                self.said.setdefault(speaker, []).append(message)
                self._said_something.ring()
                for answer in self._answers(message):
                    await socket.send(to_text(answer))
        except ConnectionClosed:
            return

    def _answers(self, message: Message) -> list[Message]:
        match message["type"]:
            case "hello" | "time":
                kind = "welcome" if message["type"] == "hello" else "time"
                return [self.station.time(message["nonce"], kind)]
            case "accepted" | "started" | "done" | "refused":
                return [{"type": "got", "receipts": [message["id"]]}]
        return []


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while block := await reader.read(65_536):
            writer.write(block)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()
