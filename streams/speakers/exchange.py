"""The exchange: who is connected, what goes down to each, and what comes up from all. It knows no carrier.

What goes down to a loudspeaker waits in a queue of its own with a writer of its own, so that one that does not read
holds up nobody else; when its queue is full it is hung up on, and its next hello heals what it missed.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from typing import Any, Protocol

import structlog

from broadcaster.desk.ports import Heard, SignedOrder
from broadcaster.desk.rows import Speaker
from broadcaster.model.clock import Clock
from broadcaster.model.errors import BroadcasterError, Invalid, NotFound, OutOfReach, Refused

Message = dict[str, Any]

QUEUE = 64
HELLO_SECONDS = 5.0
WELCOME_SECONDS = 30.0
CLOSE_SECONDS = 2.0
LONGEST_MESSAGE_BYTES = 16 * 1024
MOST_AT_ONCE = 50
GATHER_SECONDS = 0.005
"""How long receipts of one loudspeaker are gathered: each costs a fraction of a transaction so, instead of a whole."""

ESCAPE = rb"\u"
UP = frozenset({"hello", "time", "accepted", "refused", "started", "progress", "done", "need", "heartbeat"})

CLOSE_NORMAL, CLOSE_GOING, CLOSE_LATER = 1000, 1001, 1013
CLOSE_REPLACED, CLOSE_HELLO, CLOSE_UNKNOWN, CLOSE_SLOW = 4000, 4001, 4004, 4008

log = structlog.get_logger()


class Wire(Protocol):
    """One connection of a carrier, the service's end."""

    async def receive(self) -> str | bytes | None:
        """Return the next message, None when the other end has gone."""

    async def send(self, text: str) -> None:
        """Send a message; waits while the other end does not read. OSError: it has gone."""

    async def close(self, code: int) -> None:
        """End the connection."""


class Connection:
    """One loudspeaker that is connected.

    Attributes:
        code: why it ended, once `ended` is set.
    """

    def __init__(self, speaker: Speaker, queue: int) -> None:
        self.speaker = speaker
        self.ended = asyncio.Event()
        self.code = CLOSE_NORMAL
        self.down: asyncio.Queue[str] = asyncio.Queue(queue)
        self.up: asyncio.Queue[Message] = asyncio.Queue(MOST_AT_ONCE)

    def put(self, text: str) -> bool:
        """Queue what is to go down; a loudspeaker that cannot keep up is hung up on."""
        if self.ended.is_set():
            return False
        try:
            self.down.put_nowait(text)
        except asyncio.QueueFull:
            log.warning("loudspeaker does not read", speaker=self.speaker.id)
            self.end(CLOSE_SLOW)
            return False
        return True

    def end(self, code: int) -> None:
        """Ask for its end; the first reason stays."""
        if not self.ended.is_set():
            self.code = code
            self.ended.set()


class Exchange:
    """The port `SpeakerLine` over whatever carrier serves its connections here."""

    def __init__(self, clock: Clock, *, queue: int = QUEUE) -> None:
        self._clock = clock
        self._queue = queue
        self._heard: Heard | None = None
        self._connections: dict[str, Connection] = {}
        self._villages: defaultdict[str, dict[str, Connection]] = defaultdict(dict)
        self._is_closed = False

    def hand_to(self, heard: Heard) -> None:
        """Say who takes what comes up; before that, loudspeakers are asked to come later."""
        self._heard = heard

    async def send(self, order: SignedOrder, to: Collection[str] | None = None) -> frozenset[str]:
        """Hand an order to the loudspeakers of its village, or to those named."""
        if self._is_closed:
            raise OutOfReach("line_down")
        # Written once, whatever the number of loudspeakers: the same text goes to all.
        text = to_text({"type": "order", **order.envelope.to_wire()})
        village = dict(self._villages.get(order.village, {}))
        meant = village if to is None else {one: village[one] for one in to if one in village}
        return frozenset(one for one, connection in meant.items() if connection.put(text))

    @property
    def is_open(self) -> bool:
        """Tell whether loudspeakers can connect."""
        return self._heard is not None and not self._is_closed

    def online(self) -> frozenset[str]:
        """Return the loudspeakers that are connected now."""
        return frozenset(self._connections)

    async def hang_up(self, speaker: str) -> None:
        """End a loudspeaker's connection, if it has one."""
        if connection := self._connections.get(speaker):
            connection.end(CLOSE_UNKNOWN)

    def close(self) -> None:
        """Hang up on all, and take nobody any more."""
        self._is_closed = True
        for connection in self._connections.values():
            connection.end(CLOSE_GOING)

    async def serve(self, speaker: Speaker, wire: Wire) -> None:
        """Serve a loudspeaker that has proved who it is, until its connection ends."""
        connection = Connection(speaker, self._queue)
        try:
            hello = await self._hello(speaker, wire)
            if hello is None or self._heard is None or self._is_closed:
                connection.end(CLOSE_HELLO if hello is None else CLOSE_LATER)
                return
            self._join(connection)
            await self._welcome(connection, self._heard, wire, hello)
            await self._talk(connection, self._heard, wire)
        except OSError:
            pass  # it has gone
        finally:
            await self._leave(connection, wire)

    # coming and going

    async def _hello(self, speaker: Speaker, wire: Wire) -> Message | None:
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                hello = read(await wire.receive() or "")
        except (TimeoutError, Invalid):
            return None
        is_own = hello["type"] == "hello" and hello.get("speaker") == speaker.id
        return hello if is_own else None

    def _join(self, connection: Connection) -> None:
        """Take it in before its hello is answered, so that no order falls between the answer and the first send."""
        speaker = connection.speaker
        if earlier := self._connections.get(speaker.id):
            earlier.end(CLOSE_REPLACED)
        self._connections[speaker.id] = connection
        self._villages[speaker.village][speaker.id] = connection

    async def _leave(self, connection: Connection, wire: Wire) -> None:
        speaker = connection.speaker
        connection.end(CLOSE_NORMAL)
        is_last = self._connections.get(speaker.id) is connection
        if is_last:
            del self._connections[speaker.id]
            self._villages[speaker.village].pop(speaker.id, None)
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await wire.close(connection.code)
        if is_last and self._heard:
            with suppress(BroadcasterError):
                await self._heard.gone(speaker.id)

    async def _welcome(self, connection: Connection, heard: Heard, wire: Wire, hello: Message) -> None:
        """Answer a hello directly: however many orders it lacks, its queue is not what they wait in."""
        is_known = True
        try:
            answers = await heard.hello(connection.speaker.id, hello)
        except Refused as error:
            answers, is_known = [refusal("hello", error.code)], not isinstance(error, NotFound)
        except OutOfReach as error:
            log.warning("hello unanswered", speaker=connection.speaker.id, why=str(error))
            connection.end(CLOSE_LATER)
            return
        try:
            async with asyncio.timeout(WELCOME_SECONDS):
                for answer in answers:
                    await wire.send(to_text(answer))
        except TimeoutError:
            connection.end(CLOSE_SLOW)
        if not is_known:
            connection.end(CLOSE_UNKNOWN)

    # talking

    async def _talk(self, connection: Connection, heard: Heard, wire: Wire) -> None:
        async with asyncio.TaskGroup() as tasks:
            name = connection.speaker.id
            sides = [
                tasks.create_task(self._write(connection, wire), name=f"down to {name}"),
                tasks.create_task(self._read(connection, wire), name=f"up from {name}"),
                tasks.create_task(self._listen(connection, heard), name=f"heard from {name}"),
            ]
            await connection.ended.wait()
            for side in sides:
                side.cancel()

    async def _write(self, connection: Connection, wire: Wire) -> None:
        with suppress(OSError):
            while True:
                await wire.send(await connection.down.get())
        connection.end(CLOSE_NORMAL)

    async def _read(self, connection: Connection, wire: Wire) -> None:
        with suppress(OSError):
            while (said := await wire.receive()) is not None:
                try:
                    await connection.up.put(read(said))
                except Invalid as error:
                    connection.put(to_text(refusal(error.facts.get("type"), error.code)))
        connection.end(CLOSE_NORMAL)

    async def _listen(self, connection: Connection, heard: Heard) -> None:
        while True:
            messages = await self._gathered(connection.up)
            for answer in await self._answers(heard, connection.speaker.id, messages):
                connection.put(to_text(answer))

    async def _gathered(self, up: asyncio.Queue[Message]) -> list[Message]:
        messages = [await up.get()]
        await self._clock.sleep(GATHER_SECONDS)
        while not up.empty() and len(messages) < MOST_AT_ONCE:
            messages.append(up.get_nowait())
        return messages

    async def _answers(self, heard: Heard, speaker: str, messages: Sequence[Message]) -> Iterable[Message]:
        """Hand messages on, and what is refused one by one, so that a bad one takes no other with it."""
        try:
            return await self._handed(heard, speaker, messages)
        except Refused as error:
            if len(messages) == 1:
                return [refusal(messages[0]["type"], error.code)]
        except OutOfReach as error:
            # Not confirmed, so it is said again.
            log.warning("not heard", speaker=speaker, messages=len(messages), why=str(error))
            return []
        return [answer for one in messages for answer in await self._answers(heard, speaker, [one])]

    async def _handed(self, heard: Heard, speaker: str, messages: Sequence[Message]) -> Sequence[Message]:
        if len(messages) == 1 and messages[0]["type"] == "hello":
            return await heard.hello(speaker, messages[0])
        if any(message["type"] == "hello" for message in messages):
            raise Refused("hello_among_others")
        return await heard.heard(speaker, messages)


def read(said: str | bytes) -> Message:
    """Read a message of a loudspeaker.

    Raises:
        Invalid: message_long, message_unreadable or message_unknown (with its type).
    """
    if len(said if isinstance(said, bytes) else said.encode()) > LONGEST_MESSAGE_BYTES:
        raise Invalid("message_long", longest=LONGEST_MESSAGE_BYTES)
    try:
        found = json.loads(said)
        if ESCAPE in (said if isinstance(said, bytes) else said.encode()):
            # Half a surrogate pair is JSON, and no text: nobody further on could write it down or say it again.
            to_text(found).encode()
    except (ValueError, RecursionError) as error:
        raise Invalid("message_unreadable") from error
    if not isinstance(found, dict) or not isinstance(found.get("type"), str):
        raise Invalid("message_unreadable")
    if found["type"] not in UP:
        raise Invalid("message_unknown", type=found["type"][:40])
    return found


def refusal(what: object, why: str) -> Message:
    """Say of a message, by its name, that it was not taken and why."""
    return {"type": "refused", "message": what, "reason": why}


def to_text(message: Message) -> str:
    """Write a message as it goes over the line."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))
