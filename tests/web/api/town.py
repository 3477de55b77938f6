"""A small town for tests: a real book and the real app; strangers only at the far ends."""

import hashlib
import itertools
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from broadcaster.desk.authority import Asker
from broadcaster.desk.office import Desk, secret_hash
from broadcaster.desk.ports import SignedOrder, SignedTime, Spoken
from broadcaster.desk.rows import Grant, OrderKept, Principal, RecordingKept, Role, Session, Source, Speaker, Token
from broadcaster.desk.watching import Watch
from broadcaster.model.area import Area
from broadcaster.model.clock import Clock, milliseconds
from broadcaster.model.errors import Invalid, NotAllowed, OutOfReach
from broadcaster.model.precedence import Lane
from broadcaster.store.bell import LocalBell
from broadcaster.store.book import SqlBook
from broadcaster.web.app import create_app

TOWN = "620723103"
EAST, WEST, OTHER = f"{TOWN}201", f"{TOWN}202", "620723104201"
ORIGIN = "http://desk.test"
SENDER = "warning@linze.example"


class PlainReader:
    """Says what is written, and cannot say a tilde."""

    rules = "plain-1"

    def read(self, text: str) -> Spoken:
        if "~" in text:
            at = text.index("~")
            raise Invalid("unreadable", start=at, end=at + 1, what="a tilde")
        return Spoken(text, (("3", "三"),) if "3" in text else ())


class SilentStudio:
    voice = "silent-1"

    async def record(self, spoken: str, *, urgent: bool) -> RecordingKept:
        return RecordingKept(hashlib.sha256(spoken.encode()).hexdigest(), "opus", 10, 1000, -16.0)

    async def stock(self, lane: Lane) -> RecordingKept:
        return await self.record(lane, urgent=True)


@dataclass
class Pen:
    """A signer that only tells the time, or is away."""

    clock: Clock
    is_away: bool = False

    async def sign(self, kind: str, subject: str, village: str) -> OrderKept:
        raise NotAllowed("order_kind", kind=kind)

    async def time(self, nonce: str) -> SignedTime:
        if self.is_away:
            raise OutOfReach("signer_away")
        return SignedTime(nonce, milliseconds(self.clock.now()), 1, b"")


@dataclass
class Line:
    connected: set[str] = field(default_factory=set)

    async def send(self, order: SignedOrder, to: Collection[str] | None = None) -> frozenset[str]:
        return frozenset(self.connected)

    def online(self) -> frozenset[str]:
        return frozenset(self.connected)

    async def hang_up(self, speaker: str) -> None:
        self.connected.discard(speaker)


@dataclass
class Readers:
    """The port `Engine`: nobody reads anything."""

    paused: dict[str, str] = field(default_factory=dict)
    readers: tuple[str, ...] = ("acknowledging.alert", "acknowledging.notice")

    def resume(self, reader: str) -> None:
        self.paused.pop(reader, None)


@dataclass
class Folder:
    root: Path

    def path(self, sha256: str) -> Path:
        return self.root / f"{sha256}.opus"

    async def mp3(self, sha256: str) -> Path:
        return self.root / f"{sha256}.mp3"


@dataclass
class Town:
    """The app, its desk, and ways to come to it as somebody."""

    app: FastAPI
    desk: Desk
    watch: Watch
    line: Line
    signer: Pen
    shelf: Folder
    engine: Readers

    def client(self, token: str | None = None, **headers: str) -> httpx.AsyncClient:
        """Come as a program with a token, or as nobody."""
        if token:
            headers["Authorization"] = f"Bearer {token}"
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers)

    async def somebody(self, name: str, *grants: tuple[Role, str], kind: str = "person") -> httpx.AsyncClient:
        """Make somebody with these grants, and come as them with a token."""
        token = f"token-of-{name}"
        rows = [Grant(name, role, area) for role, area in grants]
        until = self.desk.clock.now() + timedelta(days=1)
        await self.desk.book.write(
            Lane.NOTICE,
            lambda pen: pen.put(Principal(name, name, kind), rows, Token(secret_hash(token), name, "api", until)),
        )
        return self.client(token)

    async def source(self, name: str = "county", areas: tuple[str, ...] = (TOWN,), **more: Any) -> httpx.AsyncClient:
        """Make a source of alerts, and come as it."""
        client = await self.somebody(name, *((Role.SOURCE, area) for area in areas), kind="source")
        source = Source(name, SENDER, areas, more.get("hold_ms", 10_000), more.get("certificate"))
        await self.desk.book.write(Lane.NOTICE, lambda pen: pen.put(source))
        return client

    async def session(self, name: str) -> tuple[str, Session]:
        """Open a browser's session for somebody; return its cookie."""
        cookie = f"cookie-of-{name}"
        session = Session(secret_hash(cookie), name, self.desk.clock.now() + timedelta(hours=1), f"csrf-of-{name}")
        await self.desk.book.write(Lane.NOTICE, lambda pen: pen.put(session))
        return cookie, session

    async def asker(self, name: str) -> Asker:
        def query(state: Any) -> Asker:
            return Asker(state.principal(name), tuple(state.grants(name)))

        return await self.desk.book.read(query)


def town_of(book: SqlBook, bell: LocalBell, clock: Clock, root: Path) -> Town:
    """Put a town together on an open book."""
    ids = itertools.count()
    line, signer, watch, shelf, engine = Line(), Pen(clock), Watch(), Folder(root), Readers()
    desk = Desk(
        book=book,
        bell=bell,
        reader=PlainReader(),
        studio=SilentStudio(),
        signer=signer,
        line=line,
        clock=clock,
        new_id=lambda: f"id-{next(ids)}",
        new_secret=lambda: f"secret-{next(ids)}-{'x' * 30}",
    )
    app = create_app(
        desk,
        watch,
        shelf=shelf,
        keys=lambda: [{"kid": "0123456789abcdef", "purpose": "alert", "key": "AAAA"}],
        public_origin=ORIGIN,
        secure_cookies=False,
        readers=engine,
    )
    return Town(app, desk, watch, line, signer, shelf, engine)


async def settle(book: SqlBook, at: datetime) -> None:
    """Write down the places and loudspeakers of the town; West is not counted yet, and has no loudspeaker."""
    places = [
        Area("620723", None, "county", "临泽县"),
        Area(TOWN, "620723", "town", "蓼泉镇"),
        Area(EAST, TOWN, "village", "东村", 1200),
        Area(WEST, TOWN, "village", "西村"),
        Area("620723104", "620723", "town", "邻镇"),
        Area(OTHER, "620723104", "village", "邻村", 900),
    ]
    speakers = [
        Speaker("east-1", EAST, "agent", bytes(32), at),
        Speaker("east-2", EAST, "agent", bytes(32), at),
        Speaker("other-1", OTHER, "agent", bytes(32), at),
    ]
    await book.write(Lane.NOTICE, lambda pen: pen.put(places, speakers))


def notice(clock: Clock, **changes: Any) -> dict[str, Any]:
    """Write a notice as JSON, for East, to be heard within two hours."""
    expires = (clock.now() + timedelta(hours=2)).isoformat()
    return {"title": "停水", "text": "今天下午停水。", "targets": [EAST], "expires": expires} | changes


def cap(clock: Clock, identifier: str = "flood-1", **changes: str) -> bytes:
    """Write a CAP 1.2 alert for the town."""
    said = {
        "sender": SENDER,
        "status": "Actual",
        "msg_type": "Alert",
        "severity": "Severe",
        "area": TOWN,
        "references": "",
    } | changes
    sent, expires = clock.now(), clock.now() + timedelta(hours=3)
    references = f"<references>{said['references']}</references>" if said["references"] else ""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
  <identifier>{identifier}</identifier><sender>{said["sender"]}</sender>
  <sent>{sent:%Y-%m-%dT%H:%M:%S}-00:00</sent><status>{said["status"]}</status>
  <msgType>{said["msg_type"]}</msgType><scope>Public</scope>{references}
  <info><language>zh-CN</language><category>Met</category><event>暴雨</event>
    <urgency>Expected</urgency><severity>{said["severity"]}</severity><certainty>Likely</certainty>
    <expires>{expires:%Y-%m-%dT%H:%M:%S}-00:00</expires><headline>暴雨橙色预警</headline>
    <area><areaDesc>蓼泉镇</areaDesc>
      <geocode><valueName>code</valueName><value>{said["area"]}</value></geocode></area>
  </info>
</alert>""".encode()
