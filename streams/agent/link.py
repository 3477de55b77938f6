"""Link: the WebSocket carrier of the line, as a loudspeaker holds it; and one in memory for tests and fleets."""

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from broadcaster.model.errors import Invalid, OutOfReach
from broadcaster.signing.envelope import SpeakerKey
from streams.agent.asking import Answered, ask, service
from streams.agent.core import LineDown, Link
from streams.agent.messages import Message, from_text, to_text

CHALLENGE_PATH = "/api/v1/line/challenge"
LINE_PATH = "/api/v1/line"
SUBPROTOCOL = Subprotocol("vb.1")
PING_SECONDS = 20
OPEN_SECONDS = 10
LARGEST_FRAME_BYTES = 4 * 1024 * 1024
"""Far above the largest message: one that is too large is refused by name, and the connection stays."""


class WebSocketLine:
    """The way to the service over its own port.

    Args:
        service_url: ``http://host:port`` of the service.
    """

    def __init__(self, service_url: str, speaker: str, key: SpeakerKey) -> None:
        self._service = service(service_url)
        self._speaker = speaker
        self._key = key
        parts = urlsplit(self._service)
        scheme = {"http": "ws", "https": "wss"}[parts.scheme]
        self._line_url = urlunsplit((scheme, parts.netloc, parts.path + LINE_PATH, "", ""))

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Link]:
        """Answer a challenge and open the connection."""
        challenge = await asyncio.to_thread(self._challenge)
        try:
            async with connect(
                self._line_url,
                additional_headers={"Authorization": self._answer(challenge)},
                subprotocols=[SUBPROTOCOL],
                compression=None,
                proxy=None,
                open_timeout=OPEN_SECONDS,
                ping_interval=PING_SECONDS,
                ping_timeout=PING_SECONDS,
                max_size=LARGEST_FRAME_BYTES,
            ) as socket:
                yield WebSocketLink(socket)
        except (WebSocketException, OSError, TimeoutError) as error:
            raise LineDown("line_down", why=str(error)) from error

    def _challenge(self) -> str:
        try:
            answer = ask(self._service + CHALLENGE_PATH, seconds=OPEN_SECONDS, largest=4096)
            return str(json.loads(answer)["challenge"])
        except (OutOfReach, Answered, ValueError, KeyError, TypeError) as error:
            raise LineDown("line_down", why=str(error)) from error

    def _answer(self, challenge: str) -> str:
        signature = base64.b64encode(self._key.answer(self._speaker, challenge)).decode()
        return f"Speaker {self._speaker}:{challenge}:{signature}"


class WebSocketLink:
    """One WebSocket connection."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def send(self, message: Message) -> None:
        """Send a message as one text frame."""
        try:
            await self._socket.send(to_text(message))
        except (WebSocketException, OSError) as error:
            raise LineDown("line_down", why=str(error)) from error

    async def __aiter__(self) -> AsyncIterator[Message]:
        """Yield what comes, until the connection ends well; LineDown where it breaks."""
        try:
            async for text in self._socket:
                yield readable(text)
        except (WebSocketException, OSError) as error:
            raise LineDown("line_down", why=str(error)) from error


class MemoryLink:
    """One end of a connection within the process. `close` ends it for the other end too."""

    def __init__(self, longest: int = 1_000) -> None:
        self._down: asyncio.Queue[str | None] = asyncio.Queue(longest)
        self.up: asyncio.Queue[Message] = asyncio.Queue(longest)
        self.is_closed = False

    async def send(self, message: Message) -> None:
        """Say something up."""
        if self.is_closed:
            raise LineDown("line_down")
        # As it goes over a real line: what cannot be written as JSON fails here too.
        await self.up.put(from_text(to_text(message)))

    async def __aiter__(self) -> AsyncIterator[Message]:
        """Yield what was put down, until it is closed."""
        while (text := await self._down.get()) is not None:
            yield readable(text)

    async def put(self, message: Message | str) -> None:
        """Say something down, from the service's end."""
        await self._down.put(message if isinstance(message, str) else to_text(message))

    async def close(self) -> None:
        """End the connection."""
        self.is_closed = True
        await self._down.put(None)


class MemoryLine:
    """A line within the process, for tests and fleets: `serve` is the service's end of each connection."""

    def __init__(self, serve: Callable[[MemoryLink], None]) -> None:
        self._serve = serve
        self.is_down = False

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Link]:
        """Open a connection, unless the line is down."""
        if self.is_down:
            raise LineDown("line_down")
        link = MemoryLink()
        self._serve(link)
        try:
            yield link
        finally:
            link.is_closed = True


def readable(text: str | bytes) -> Message:
    """Read a message; one that cannot be read gets the type ``unreadable``, so that it can be refused by its hash."""
    try:
        return from_text(text)
    except Invalid as error:
        raw = text.encode() if isinstance(text, str) else text
        return {"type": "unreadable", "sha256": hashlib.sha256(raw).hexdigest(), "why": error.code}
