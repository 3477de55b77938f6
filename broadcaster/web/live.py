"""Live: what happens now, told to whoever looks, as server-sent events.

One reader follows the log for everybody. Each happening is written once in each language, and the same bytes go to all
who may see it: (m) 0.05 ms of CPU a client and update, against 5 ms where each has a page of its own on the server.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Protocol

import structlog
from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response
from sse_starlette import EventSourceResponse

from broadcaster.desk.authority import Asker
from broadcaster.desk.events import ALERTS, DELIVERIES, NOTICES
from broadcaster.desk.ports import Bell, Book, Entry, LogState
from broadcaster.model.area import covered
from broadcaster.model.clock import Clock
from broadcaster.model.errors import NotAllowed, NotFound, OutOfReach
from broadcaster.model.precedence import Lane
from broadcaster.web.auth import Perhaps, still_known
from broadcaster.web.happenings import TOLD, Happening, frame, happening, sse, village_frame
from broadcaster.web.problems import reader_language
from broadcaster.web.words import LANGUAGES, Language

TOPICS = (ALERTS, NOTICES, DELIVERIES, "announcements.alert", "announcements.notice")
PAGE = 200
MOST_WAITING = 256
"""Happenings that one client may be behind; then it is let go, and comes back with Last-Event-ID."""

MOST_BEHIND = 2_000
"""Happenings that are told to one who comes back; who missed more is told to load the page again."""

MOST_CLIENTS = 5_000
MOST_UNKNOWN = 4_500
"""Of these, who shows neither token nor session: villages full of phones must not shut out those on duty."""

LOOK_SECONDS = 1.0
GATHER_SECONDS = 0.1
KEEP_ALIVE_SECONDS = 20
"""How often a quiet stream is kept open, and how often it is asked whether its client may still look."""

LONGEST_STREAM_SECONDS = 600.0
"""After which a client has to come back, and show again who it is."""

router = APIRouter(tags=["live"])
_log = structlog.get_logger(__name__)


class Log(Protocol):
    """The log as it is followed."""

    async def after(self, seq: int, limit: int) -> Sequence[Happening]:
        """Return the happenings past a line of the log, in order.

        Raises:
            OutOfReach: the book cannot be read now.
        """

    async def end(self) -> int:
        """Return the number of the last line.

        Raises:
            OutOfReach: the book cannot be read now.
        """


@dataclass(frozen=True, slots=True)
class BookLog:
    """The log in the book."""

    book: Book

    async def after(self, seq: int, limit: int) -> Sequence[Happening]:
        """Return the happenings past a line of the log, in order."""

        def job(pen: LogState) -> list[Entry]:
            lanes = (pen.outbox_after(TOPICS, seq, lane, limit=limit) for lane in Lane)
            return sorted((line for lane in lanes for line in lane), key=lambda line: line.seq)[:limit]

        return [happening(line) for line in await self.book.look(job)]

    async def end(self) -> int:
        """Return the number of the last line."""
        return await self.book.look(lambda state: state.outbox_end())


Frames = Mapping[Language, bytes]


class Choose(Protocol):
    """What of a happening one client is told. Equal ones choose alike, so that each choice is made once."""

    @property
    def village(self) -> str | None:
        """Return the one place of which it tells; None: there are several."""

    @property
    def is_known(self) -> bool:
        """Tell whether it is for somebody who has shown who they are."""

    def __hash__(self) -> int: ...
    def __call__(self, one: Happening, frames: Frames, /) -> bytes | None:
        """Return what is told of it; None: nothing."""


Still = Callable[[], Awaitable[bool]]
"""Tells whether a client may still look."""


async def always() -> bool:
    """Let everybody look on."""
    return True


@dataclass(eq=False, slots=True)
class Client:
    """One open stream, and what it has still to be told; None in the queue: it is over."""

    choose: Choose
    queue: asyncio.Queue[bytes | None] = field(default_factory=lambda: asyncio.Queue(MOST_WAITING))

    def tell(self, chosen: bytes) -> bool:
        """Queue what it is to be told; False: it is too far behind."""
        if self.queue.full():
            return False
        self.queue.put_nowait(chosen)
        return True

    def end(self) -> None:
        """End the stream; what was queued and not yet told will be asked for again."""
        while self.queue.full():
            self.queue.get_nowait()
        self.queue.put_nowait(None)


class Live:
    """The one reader of the log, and all who are told.

    Attributes:
        seq: the last line that was told.
        watchers: called with each happening, told or not; for figures.
    """

    def __init__(self, log: Log, bell: Bell, clock: Clock) -> None:
        self._log, self._bell, self._clock = log, bell, clock
        self.seq: int | None = None
        self.watchers: list[Callable[[Happening], None]] = []
        self._by_village: dict[str | None, set[Client]] = {}
        self._known = self._unknown = 0
        self._is_over = False

    @property
    def clients(self) -> int:
        """Return how many look."""
        return self._known + self._unknown

    async def run(self) -> None:
        """Follow the log for ever."""
        ear = self._bell.listen("events.alert", "events.notice")
        while True:
            try:
                is_more = await self._step()
            except OutOfReach as error:
                _log.warning("live stream waits for the book", code=error.code)
                is_more = False
            if not is_more:
                await ear.wait(LOOK_SECONDS)
                # Nobody sees a tenth of a second; a burst of commits is read in one look, and holds up no alert.
                await self._clock.sleep(GATHER_SECONDS)

    async def _step(self) -> bool:
        if self.seq is None:
            self.seq = await self._log.end()
        lines = await self._log.after(self.seq, PAGE)
        for line in lines:
            self._tell(line)
            self.seq = line.seq
        return len(lines) == PAGE

    def _tell(self, line: Happening) -> None:
        for watcher in self.watchers:
            watcher(line)
        if line.type not in TOLD:
            return
        # Only those whom it may concern are looked at: (m) 7.5 ms of the loop each time to ask 5,000 phones.
        concerned = [client for place in (None, *line.villages) for client in self._by_village.get(place, ())]
        if not concerned:
            return
        frames = {language: frame(line, language) for language in LANGUAGES}
        chosen: dict[Choose, bytes | None] = {}
        for client in concerned:
            if client.choose not in chosen:
                chosen[client.choose] = client.choose(line, frames)
            told = chosen[client.choose]
            if told is not None and not client.tell(told):
                self._leave(client)
                client.end()

    def close(self) -> None:
        """End every stream, now and to come: the service stops."""
        self._is_over = True
        for client in [client for there in self._by_village.values() for client in there]:
            client.end()

    def check(self, choose: Choose) -> None:
        """Refuse one more who would look, where there is no place.

        Raises:
            OutOfReach: stopping or streams_full.
        """
        if self._is_over:
            raise OutOfReach("stopping")
        if self.clients >= MOST_CLIENTS or (not choose.is_known and self._unknown >= MOST_UNKNOWN):
            raise OutOfReach("streams_full", seconds=KEEP_ALIVE_SECONDS)

    @contextmanager
    def client(self, choose: Choose) -> Iterator[Client]:
        """Let somebody look.

        Raises:
            OutOfReach: stopping or streams_full.
        """
        self.check(choose)
        client = Client(choose)
        self._by_village.setdefault(choose.village, set()).add(client)
        self._count(choose, 1)
        try:
            yield client
        finally:
            self._leave(client)

    def _leave(self, client: Client) -> None:
        there = self._by_village.get(client.choose.village, set())
        if client in there:
            there.remove(client)
            self._count(client.choose, -1)
        if not there:
            self._by_village.pop(client.choose.village, None)

    def _count(self, choose: Choose, more: int) -> None:
        if choose.is_known:
            self._known += more
        else:
            self._unknown += more

    async def stream(self, choose: Choose, last: int | None, still: Still = always) -> AsyncIterator[bytes]:
        """Tell one client what it missed since `last`, and then what happens, as long as it may look."""
        with self.client(choose) as client:
            start = self.seq
            yield b"retry: 2000\n\n"
            if last is not None and start is not None:
                async for missed in self._missed(choose, last, start):
                    yield missed
            async for told in self._told(client, still):
                yield told

    async def _told(self, client: Client, still: Still) -> AsyncIterator[bytes]:
        until = self._clock.monotonic() + LONGEST_STREAM_SECONDS
        asked_at = self._clock.monotonic()
        while (now := self._clock.monotonic()) < until:
            if now - asked_at >= KEEP_ALIVE_SECONDS:
                asked_at = now
                if not await still():
                    return
            try:
                async with asyncio.timeout(min(asked_at + KEEP_ALIVE_SECONDS, until) - now):
                    told = await client.queue.get()
            except TimeoutError:
                continue
            if told is None:
                return
            yield told

    async def _missed(self, choose: Choose, last: int, start: int) -> AsyncIterator[bytes]:
        if last > start or start - last > MOST_BEHIND:
            # A book restored from a backup begins again at a lower number.
            yield sse("reload", {"type": "reload"}, start)
            return
        while last < start:
            lines = [line for line in await self._log.after(last, PAGE) if line.seq <= start]
            for line in lines:
                if line.type in TOLD and (chosen := choose(line, {one: frame(line, one) for one in LANGUAGES})):
                    yield chosen
            if len(lines) < PAGE:
                return
            last = lines[-1].seq


@dataclass(frozen=True, slots=True)
class SeenBy:
    """Tells what happens in some areas, or in one village of them, in a language."""

    areas: tuple[str, ...]
    language: Language
    village: str | None
    is_known: bool = True

    def __call__(self, one: Happening, frames: Frames, /) -> bytes | None:
        """Return what is told of it."""
        where = one.villages if self.village is None else [here for here in one.villages if here == self.village]
        return frames[self.language] if any(covered(self.areas, here) for here in where) else None


@dataclass(frozen=True, slots=True)
class SeenByAll:
    """Tells that a village's page has changed."""

    village: str
    is_known: bool = False

    def __call__(self, one: Happening, _frames: Frames, /) -> bytes | None:
        """Return what is told of it."""
        return village_frame(one, self.village)


def seen_by(asker: Asker, language: Language, village: str | None) -> Choose:
    """Tell what happens in places that an asker sees, or in one of them."""
    return SeenBy(asker.areas(), language, village)


def seen_by_all(village: str) -> Choose:
    """Tell that a village's page has changed."""
    return SeenByAll(village)


@router.get("/stream", response_class=EventSourceResponse)
async def get_stream(
    request: Request,
    visitor: Perhaps,
    village: Annotated[str | None, Query(max_length=30)] = None,
    last_event_id: Annotated[str | None, Header(max_length=20)] = None,
) -> Response:
    """Follow what happens: in all that the asker sees, or in one village.

    Without token or session a village has to be named, and only `village.changed` is told of it; so it is of a village
    that lies outside what the asker sees. Whoever comes back
    with `Last-Event-ID` is told what was missed; `reload` means that it was too much.
    """
    live: Live = request.app.state.live
    choose = await _choose(request, visitor, village)
    live.check(choose)
    last = int(last_event_id) if last_event_id and last_event_id.isascii() and last_event_id.isdigit() else None
    still = partial(still_known, request, visitor) if visitor is not None else always
    return EventSourceResponse(live.stream(choose, last, still), ping=KEEP_ALIVE_SECONDS)


async def _choose(request: Request, visitor: Perhaps, village: str | None) -> Choose:
    if visitor is not None and (village is None or visitor.asker.sees(village)):
        return seen_by(visitor.asker, reader_language(request), village)
    if village is None:
        raise NotAllowed("session_missing")
    if village not in await request.app.state.desk.book.look(lambda state: state.villages()):
        raise NotFound("village_unknown", village=village[:20])
    return seen_by_all(village)
