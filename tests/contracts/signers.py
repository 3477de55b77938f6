"""The signers that keep the contract, and a town hall whose papers can be put in order or out of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from broadcaster.desk.ports import Pen
from broadcaster.desk.rows import (
    AlertKept,
    Approval,
    Grant,
    OrderKept,
    Origin,
    Principal,
    RecordingKept,
    Release,
    Role,
    Script,
    Stop,
    Tombstone,
)
from broadcaster.model.announcement import Announcement, announcement_id
from broadcaster.model.area import Level
from broadcaster.model.clock import Clock
from broadcaster.model.notice import Revision, Window, content_hash
from broadcaster.model.order import Order, Purpose, read_order
from broadcaster.model.precedence import Lane, Scope, SoundClass
from broadcaster.model.schedule import QuietHours
from broadcaster.signing.client import SocketSigner
from broadcaster.signing.envelope import Envelope, Keyring, SealingKey
from broadcaster.signing.limits import Limits, Pinned
from broadcaster.signing.process import run_signer
from broadcaster.signing.signer import OfficeSigner, SigningOffice
from broadcaster.store.book import SqlBook
from broadcaster.store.engine import BookReader

COUNTY, TOWN = "620723", "620723103"
EAST, WEST = "620723103204", "620723103205"
SOURCE = "county-warnings"
SENDER = "warning@linze.gov.cn"
KEYS = {purpose: SealingKey(bytes([n + 1]) * 32, purpose) for n, purpose in enumerate(Purpose)}
RING = Keyring.of(*(key.public for key in KEYS.values()))

LIMITS = Limits(
    areas=(TOWN,),
    sources={SOURCE: Pinned(SENDER, (TOWN,), 4, timedelta(seconds=10), timedelta(0))},
    quiet=QuietHours(),
)


@asynccontextmanager
async def in_office(office: SigningOffice, _: Path) -> AsyncIterator[OfficeSigner]:
    """The office without a process around it."""
    yield OfficeSigner(office)


@asynccontextmanager
async def over_socket(office: SigningOffice, folder: Path) -> AsyncIterator[SocketSigner]:
    """The office behind its socket."""
    ended, socket = asyncio.Event(), folder / "signer.sock"
    task = asyncio.ensure_future(run_signer(office, socket, ended, lambda *_, **__: None))
    while not socket.exists():  # noqa: ASYNC110 - the socket has no event
        await asyncio.sleep(0.01)
    yield SocketSigner(socket)
    ended.set()
    await task


SIGNERS: dict[str, Callable[[SigningOffice, Path], Any]] = {"office": in_office, "socket": over_socket}


class Hall:
    """A town hall: a notice by Li, approved by Wang, released by Zhao; a flood alert of the county; all in order."""

    def __init__(self, book: SqlBook, reader: BookReader, clock: Clock, folder: Path) -> None:
        self.book = book
        self.reader = reader
        self.clock = clock
        self.folder = folder
        self.limits = LIMITS
        self.start = clock.now()

    def office(self) -> SigningOffice:
        return SigningOffice(self.reader.moment, KEYS, self.limits, self.clock)

    async def put(self, *rows: Any) -> None:
        await self.book.write(Lane.NOTICE, lambda pen: pen.put(*rows))

    async def open(self) -> None:
        """Let people in and put what was said on the shelf."""
        await self.book.write(Lane.NOTICE, self._people)

    def _people(self, pen: Pen) -> None:
        for name, roles in {
            "li": [Role.DRAFT, Role.APPROVE, Role.PUBLISH],
            "wang": [Role.APPROVE],
            "zhao": [Role.PUBLISH],
            "sun": [Role.APPROVE, Role.PUBLISH],
        }.items():
            pen.put(Principal(name, name, "person"), [Grant(name, role, TOWN) for role in roles])
        pen.put(Principal(SOURCE, "county warning centre", "source"))
        pen.put(RecordingKept("aa" * 32, "opus", 20_000, 8_000, -16.0))

    async def notice(self, *, villages: tuple[str, ...] = (EAST,), **changed: Any) -> Announcement:
        """A notice ready to be signed, but for what a test changes of its revision."""
        revision = written(self.start, "water", "li", "明天停水。", villages, **changed)
        await self._said(revision, "notice", Lane.NOTICE)
        await self.put(approval(revision, "wang", self.start), self.released(revision, "zhao"))
        await self.announce(revision, Lane.NOTICE, self.start + timedelta(seconds=10))
        return self.announcement(revision, Lane.NOTICE, self.start + timedelta(seconds=10), villages[0])

    async def alert(
        self, *, hold_seconds: float = 10, kept: dict[str, Any] | None = None, **changed: Any
    ) -> Announcement:
        """A flood alert ready to be signed, but for what a test changes of it."""
        loud = {"sound_class": SoundClass.EMERGENCY, "severity": 3, "alert": "cap-1", **changed}
        revision = written(self.start, "flood", SOURCE, "洪水预警。", (EAST,), **loud)
        await self._said(revision, "alert", Lane.ALERT)
        await self.put(replace(self.cap(), scope=revision.scope, **(kept or {})))
        release_at = self.start + timedelta(seconds=hold_seconds)
        await self.announce(revision, Lane.ALERT, release_at)
        return self.announcement(revision, Lane.ALERT, release_at, EAST)

    def cap(self) -> AlertKept:
        return AlertKept(
            "cap-1",
            "flood",
            SOURCE,
            SENDER,
            "flood-1",
            self.start,
            Scope.LIVE,
            "Alert",
            (),
            b"<alert/>",
            "",
            self.start,
        )

    async def _said(self, revision: Revision, kind: str, lane: Lane) -> None:
        script = Script(revision.script, revision.spoken, "tone", "rules-1", "ready", lane, "aa" * 32)
        await self.put(Origin(revision.origin, kind, revision.scope, "title", self.start), script, revision)

    def released(self, revision: Revision, by: str, hold_seconds: float = 10) -> Release:
        release_at = self.start + timedelta(seconds=hold_seconds)
        return Release(revision.origin, revision.revision, by, self.start, release_at)

    async def announce(self, revision: Revision, lane: Lane, release_at: Any) -> None:
        await self.put([self.announcement(revision, lane, release_at, village) for village in revision.targets])

    def announcement(self, revision: Revision, lane: Lane, release_at: Any, village: str) -> Announcement:
        return Announcement(
            id=announcement_id(revision.origin, revision.revision, village),
            origin=revision.origin,
            revision=revision.revision,
            village=village,
            lane=lane,
            scope=revision.scope,
            sound_class=revision.sound_class,
            severity=revision.severity,
            sender_level=Level(revision.sender_level),
            sent=self.start,
            identifier=revision.origin,
            script=revision.script,
            release_at=release_at,
            not_before=revision.window.not_before,
            expires=revision.window.expires,
            repeat=revision.repeat,
        )

    def tombstone(self, announcement: Announcement, order: str | None = None) -> Tombstone:
        why = "stopped" if order else "cancelled"
        until = announcement.expires + timedelta(hours=24)
        return Tombstone(announcement.id, why, self.clock.now(), until, order)

    def stop(self, area: str = TOWN) -> Stop:
        return Stop("stop-1", area, self.clock.now(), "wang")


def written(at: Any, origin: str, author: str, spoken: str, targets: tuple[str, ...], **changed: Any) -> Revision:
    """A revision whose hash is right, unless a test gives one."""
    window = changed.pop("window", Window(None, at + timedelta(hours=2)))
    sound_class = changed.pop("sound_class", SoundClass.ROUTINE)
    severity, repeat = changed.pop("severity", 0), changed.pop("repeat", 2)
    return Revision(
        origin=origin,
        revision=1,
        author=author,
        text=spoken,
        spoken=spoken,
        script=f"script-{origin}",
        targets=targets,
        sound_class=sound_class,
        severity=severity,
        sender_level=int(Level.TOWN),
        window=window,
        repeat=repeat,
        content_sha256=changed.pop(
            "content_sha256", content_hash(spoken, targets, sound_class, severity, window, repeat)
        ),
        **changed,
    )


def approval(revision: Revision, by: str, at: Any, **changed: Any) -> Approval:
    """Somebody's yes to a revision."""
    right = Approval(f"yes-{by}", revision.origin, revision.revision, revision.content_sha256, revision.author, by, at)
    return replace(right, **changed)


def opened(kept: OrderKept) -> tuple[Purpose, Order]:
    """Check an order as a loudspeaker does, and read it."""
    return opened_envelope(Envelope(kept.kid, kept.body, kept.sig))


def opened_envelope(envelope: Envelope) -> tuple[Purpose, Order]:
    """Check an order as it came, and read it."""
    return RING.check_order(envelope), read_order(envelope.body)
