"""A town on virtual time: the real desk, book, engine, workers and signing office, and the whole agent on each horn.

Only the far ends are not the real thing: beeps for a voice, silence for a horn, and a line within one process.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from audio.playing import NullSink
from audio.voices.tone import ToneVoice
from broadcaster import places
from broadcaster.cap.reading import read_alert
from broadcaster.cap.writing import write_alert
from broadcaster.desk import approving, cancelling, drafting, enrolling, issuing, people, releasing, stopping
from broadcaster.desk.authority import Asker
from broadcaster.desk.drafting import NoticeForm
from broadcaster.desk.ports import State
from broadcaster.desk.rows import OrderKept, Role, Source
from broadcaster.model.alert import (
    Alert,
    CapArea,
    CapScope,
    Category,
    Certainty,
    Geocode,
    Info,
    MsgType,
    Reference,
    Severity,
    Status,
    Urgency,
)
from broadcaster.model.delivery import Delivery
from broadcaster.model.order import Purpose, RecordingRef
from broadcaster.model.precedence import Lane
from broadcaster.model.schedule import QuietHours
from broadcaster.settings import Settings
from broadcaster.signing.envelope import Keyring, SealingKey
from broadcaster.signing.limits import Limits, Pinned
from broadcaster.signing.signer import OfficeSigner, SigningOffice
from broadcaster.store.engine import BookReader
from broadcaster.wiring import Town, open_town
from streams.agent.core import Agent, AgentSettings
from streams.agent.journal import MemoryJournal
from streams.agent.messages import Message, from_text
from streams.agent.recordings import Recordings
from streams.agent.soundlog import MemorySoundLog, Stretch
from streams.speakers.memory import MemoryLine, MemoryWire
from tests.virtual import VirtualClock, VirtualLoop

TOWN = places.TOWN
SENDER = "cap@linze.example"
PURPOSES = (Purpose.ALERT, Purpose.NOTICE, Purpose.CANCEL, Purpose.DRILL, Purpose.TIME)
BLOCK_MS = 100
"""Coarser than on a real loudspeaker, so that hours of a town pass in seconds; limits are asserted in samples."""
A_SECOND_OF_TONE = "水位正在上涨"


def cap(
    identifier: str,
    text: str = "请马上撤离",
    *,
    at: datetime,
    areas: Sequence[str] = (TOWN,),
    severity: Severity = Severity.EXTREME,
    msg_type: MsgType = MsgType.ALERT,
    refers_to: Alert | None = None,
    status: Status = Status.ACTUAL,
    lasts: timedelta = timedelta(hours=1),
    sender: str = SENDER,
) -> Alert:
    """Write an alert as the county's warning centre would."""
    area = CapArea("蓼泉镇", tuple(Geocode("行政区划代码", code.ljust(12, "0")) for code in areas))
    info = Info(
        "zh-CN",
        (Category.MET,),
        "暴雨",
        (),
        Urgency.EXPECTED,
        severity,
        Certainty.LIKELY,
        expires=at + lasts,
        headline=text,
        areas=(area,),
    )
    refs = (Reference(refers_to.sender, refers_to.identifier, refers_to.sent),) if refers_to else ()
    return Alert(identifier, sender, at, status, msg_type, CapScope.PUBLIC, refs, (info,))


class ShelfFetch:
    """Recordings straight from the studio's shelf."""

    def __init__(self, path: Callable[[str], Path]) -> None:
        self._path = path

    async def get(self, recording: RecordingRef) -> bytes:
        return await asyncio.to_thread(self._path(recording.sha256).read_bytes)


@dataclass
class Horn:
    """One loudspeaker: its journal outlives its being switched off."""

    id: str
    village: str
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    log: MemorySoundLog = field(default_factory=MemorySoundLog)
    task: "asyncio.Task[None] | None" = None

    def sounded(self) -> list[Stretch]:
        """Return what of recordings it sounded, in order."""
        return [stretch for stretch in self.log.stretches if stretch.part != "tone"]


class Village:
    """The township in a test's hands."""

    def __init__(self, home: Path, clock: VirtualClock, quiet: QuietHours) -> None:
        self.home = home
        self.clock = clock
        self.quiet = quiet
        self.horns: dict[str, Horn] = {}
        self.voice = ToneVoice()
        self._line = MemoryLine(clock)
        self._stack = AsyncExitStack()
        self.keys = {purpose: SealingKey(os.urandom(32), purpose) for purpose in PURPOSES}

    # --- opening and closing

    async def open(self) -> None:
        settings = Settings(home=self.home, voice="tone", is_test=True, poll_seconds=3600, undo_seconds=10)
        settings.shelf.mkdir(parents=True, exist_ok=True)
        limits = Limits(
            areas=(TOWN,), sources={"source": Pinned(SENDER, (TOWN,))}, quiet=self.quiet, orders_per_minute=10_000
        )
        self.office = SigningOffice(lambda: self._reader.moment(), self.keys, limits, self.clock)
        settings = settings.model_copy(update={"quiet_start": self.quiet.start, "quiet_end": self.quiet.end})
        self.town = await self._stack.enter_async_context(
            open_town(
                settings,
                clock=self.clock,
                signer=OfficeSigner(self.office),
                line=self._line,
                voices=[self.voice],
                places=places.areas(town=TOWN),
                new_id=_numbered("id"),
            )
        )
        self._reader = BookReader(settings.book)
        self._stack.callback(self._reader.close)
        self._stack.enter_context(_busy_while(lambda: self.town.book.pending > 0))
        self._line.hand_to(self.town.ear)
        self._running = asyncio.create_task(self.town.run())
        await self._people()

    @property
    def is_over(self) -> bool:
        """Tell whether the town's service has ended by itself."""
        return self._running.done()

    async def close(self) -> None:
        for horn in self.horns.values():
            await self.switch_off(horn)
        self._running.cancel()
        ended = await asyncio.gather(self._running, return_exceptions=True)
        await self._stack.aclose()
        for end in ended:
            if isinstance(end, Exception):
                raise end

    async def _people(self) -> None:
        secret = await people.first_admin(self.desk, [TOWN])
        cookie, _ = await people.open_session(self.desk, secret or "")
        self.admin, _ = await people.by_cookie(self.desk, cookie)
        self.zhang = await self.person("张", Role.DRAFT)
        self.li = await self.person("李", Role.APPROVE, Role.PUBLISH, Role.OPERATE)
        self._enroller = await self.person("装机", Role.ENROL, kind="service")
        self.source = await self.pinned_source()

    async def pinned_source(self) -> Asker:
        from broadcaster.desk.rows import Grant, Principal

        principal, grant = Principal("source", "县预警中心", "source"), Grant("source", Role.SOURCE, TOWN)
        source = Source("source", SENDER, (TOWN,), 0)
        await self.desk.book.write(Lane.NOTICE, lambda pen: pen.put(principal, grant, source))
        return Asker(principal, (grant,))

    async def person(self, name: str, *roles: Role, kind: str = "person", area: str = TOWN) -> Asker:
        made = await people.make_person(self.desk, self.admin, name, kind, [(role, area, 4) for role in roles])
        return await people.by_token(self.desk, await people.make_token(self.desk, self.admin, made.id, 1))

    @property
    def desk(self) -> "Town.desk":  # type: ignore[name-defined]
        return self.town.desk

    # --- loudspeakers

    async def has_horns(self, count: int = 18) -> list[Horn]:
        """Put up loudspeakers, evenly over the villages, and switch them on."""
        villages = await self.desk.book.read(lambda state: state.villages())
        horns = [Horn(f"horn-{n:02}", villages[n % len(villages)]) for n in range(count)]
        for horn in horns:
            await self.enrol(horn)
            self.switch_on(horn)
        await self.passes(seconds=5)
        return horns

    async def enrol(self, horn: Horn) -> None:
        key = os.urandom(32)
        await enrolling.enrol(self.desk, self._enroller, horn.id, horn.village, key)
        self.horns[horn.id] = horn

    async def retires(self, horn: Horn) -> None:
        await enrolling.retire(self.desk, self._enroller, horn.id)

    def switch_on(self, horn: Horn) -> None:
        agent = Agent(
            AgentSettings(horn.id, horn.village, quiet=self.quiet, block_ms=BLOCK_MS),
            keys=Keyring.of(*(key.public for key in self.keys.values())),
            journal=horn.journal,
            sink=NullSink(self.clock),
            log=horn.log,
            recordings=Recordings(ShelfFetch(self.town.sound.path)),
            clock=self.clock,
            random=Random(horn.id),
        )
        horn.task = asyncio.create_task(agent.run(_Line(self, horn)))

    async def switch_off(self, horn: Horn) -> None:
        if horn.task is not None:
            horn.task.cancel()
            await asyncio.gather(horn.task, return_exceptions=True)
            horn.task = None

    # --- what happens

    async def passes(self, *, seconds: float = 0, hours: float = 0) -> None:
        await self.clock.sleep(seconds + 3600 * hours)

    async def receives(self, alert: Alert, asker: Asker | None = None) -> issuing.Taken:
        raw = write_alert(alert)
        reading = read_alert(raw, now=self.clock.now())
        return await issuing.take_alert(self.desk, asker or self.source, reading.alert, raw, reading.judgement)

    async def publishes(
        self,
        text: str,
        *,
        targets: Sequence[str] = (TOWN,),
        lasts: timedelta = timedelta(hours=2),
        not_before: datetime | None = None,
        repeat: int = 1,
        updates: str | None = None,
    ) -> str:
        """Have Zhang write it and Li approve and release it; return its origin."""
        form = NoticeForm(text[:10], text, tuple(targets), self.clock.now() + lasts, not_before, repeat)
        if updates:
            drafted = await drafting.revise(self.desk, self.zhang, updates, form)
        else:
            drafted = await drafting.draft(self.desk, self.zhang, form)
        revision = drafted.revision
        await drafting.submit(self.desk, self.zhang, revision.origin, revision.revision)
        which = (revision.origin, revision.revision)
        await approving.approve(self.desk, self.li, *which, revision.content_sha256)
        await releasing.release_notice(self.desk, self.li, *which)
        return revision.origin

    async def cancels(self, origin: str) -> None:
        await cancelling.cancel(self.desk, self.li, origin)

    async def stops(self, area: str = TOWN) -> stopping.Stopped:
        return await stopping.stop_everything(self.desk, self.li, area)

    # --- what was heard

    def heard(self, horn: Horn) -> list[str]:
        """Return the spoken texts of the stretches that a loudspeaker sounded, in order."""
        return [self._spoken[stretch.sha256] for stretch in horn.sounded()]

    async def learns_recordings(self) -> None:
        def query(state: State) -> dict[str, str]:
            origins = [one.id for one in state.origins(limit=1000)]
            revisions = [revision for origin in origins for revision in state.revisions(origin)]
            scripts = [state.script(revision.script) for revision in revisions]
            return {one.recording: one.spoken for one in scripts if one and one.recording}

        self._spoken = await self.desk.book.read(query)

    async def heard_everywhere(self) -> list[list[str]]:
        await self.learns_recordings()
        return [self.heard(horn) for horn in self.horns.values()]

    async def deliveries(self, origin: str) -> list[Delivery]:
        def query(state: State) -> list[Delivery]:
            return list(state.deliveries([one.id for one in state.announcements_of(origin)]))

        return await self.desk.book.read(query)

    async def orders(self) -> list[OrderKept]:
        def query(state: State) -> list[OrderKept]:
            found = [one for origin in state.origins(limit=1000) for one in state.announcements_of(origin.id)]
            return list(state.orders_of([one.id for one in found]))

        return await self.desk.book.read(query)


class _Line:
    """The loudspeaker's end of the line within this process."""

    def __init__(self, village: Village, horn: Horn) -> None:
        self._village = village
        self._horn = horn

    @asynccontextmanager
    async def connect(self) -> AsyncIterator["_Link"]:
        speaker = await self._village.desk.book.read(lambda state: state.speaker(self._horn.id))
        async with self._village._line.connected(speaker) as wire:
            yield _Link(wire)


class _Link:
    def __init__(self, wire: MemoryWire) -> None:
        self._wire = wire

    async def send(self, message: Message) -> None:
        await self._wire.say(message)

    async def __aiter__(self) -> AsyncIterator[Message]:
        while (text := await self._wire.hear()) is not None:
            yield from_text(text)


@contextmanager
def _busy_while(busy: Callable[[], bool]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    forget = loop.busy_while(busy)
    try:
        yield
    finally:
        forget()


def _numbered(prefix: str) -> Callable[[], str]:
    numbers = iter(range(10**9))
    return lambda: f"{prefix}-{next(numbers):06}"
