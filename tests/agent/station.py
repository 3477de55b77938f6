"""A loudspeaker on virtual time, and the service's end of its line: keys, recordings, orders and what was heard."""

import asyncio
import hashlib
import math
from array import array
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from audio.playing import BLOCK_MS, NullSink, wave_header
from broadcaster.model.area import Level
from broadcaster.model.clock import milliseconds
from broadcaster.model.order import Cancelled, Order, OrderKind, Play, Purpose, RecordingRef, write_order
from broadcaster.model.precedence import EXTREME, Scope, SoundClass
from broadcaster.model.schedule import QuietHours
from broadcaster.signing.envelope import Envelope, Keyring, SealingKey
from streams.agent.core import Agent, AgentSettings
from streams.agent.journal import Journal, MemoryJournal
from streams.agent.link import MemoryLine, MemoryLink
from streams.agent.messages import Message, order_message
from streams.agent.player import VolumeLimits
from streams.agent.recordings import MemoryFetch, Recordings
from streams.agent.sounding import Observed
from streams.agent.soundlog import MemorySoundLog, Stretch
from tests.virtual import VirtualClock

VILLAGE = "620723103204"
SPEAKER = "east"
PURPOSES = (Purpose.ALERT, Purpose.NOTICE, Purpose.CANCEL, Purpose.DRILL, Purpose.TIME)
KEYS = {purpose: SealingKey(bytes([n + 1]) * 32, purpose) for n, purpose in enumerate(PURPOSES)}
KEYRING = Keyring.of(*(key.public for key in KEYS.values()))
RATE_HZ = 24_000


def recording(ms: int, hz: float = 440) -> tuple[RecordingRef, bytes]:
    """Make a recording of that length: a beep, as a WAV file."""
    period = max(2, round(RATE_HZ / hz))
    cycle = array("h", (round(9_000 * math.sin(2 * math.pi * n / period)) for n in range(period)))
    count = ms * RATE_HZ // 1000
    samples = (cycle * (count // period + 1))[:count]
    sound = wave_header(2 * count) + samples.tobytes()
    sha256 = hashlib.sha256(sound).hexdigest()
    return RecordingRef(sha256, len(sound), ms, f"/audio/{sha256}.wav"), sound


@dataclass
class Station:
    """One loudspeaker and its service."""

    clock: VirtualClock
    journal: Journal = field(default_factory=MemoryJournal)
    quiet: QuietHours = field(default_factory=QuietHours.none)
    limits: VolumeLimits = field(default_factory=VolumeLimits)
    confirms: bool = True
    tells_time: bool = True
    longest_queue: int = 200
    jitter_seconds: float = 0
    block_ms: int = BLOCK_MS
    log: MemorySoundLog = field(default_factory=MemorySoundLog)
    fetch: MemoryFetch = field(default_factory=MemoryFetch)
    said: list[Message] = field(default_factory=list)
    observed: list[Observed] = field(default_factory=list)
    link: MemoryLink | None = None
    names: int = 0

    def __post_init__(self) -> None:
        self.sink = NullSink(self.clock)
        self.line = MemoryLine(self._connected)
        self.agent = self._agent()
        self._tasks: list[asyncio.Task[None]] = []
        self._up = asyncio.Event()

    def _agent(self) -> Agent:
        settings = AgentSettings(
            SPEAKER,
            VILLAGE,
            quiet=self.quiet,
            limits=self.limits,
            longest_queue=self.longest_queue,
            jitter_seconds=self.jitter_seconds,
            block_ms=self.block_ms,
        )
        return Agent(
            settings,
            keys=KEYRING,
            journal=self.journal,
            sink=self.sink,
            log=self.log,
            recordings=Recordings(self.fetch),
            clock=self.clock,
            random=Random(1),
            observe=self.observed.append,
        )

    @asynccontextmanager
    async def on(self) -> AsyncIterator["Station"]:
        """Switch the loudspeaker on, and wait until it has said hello."""
        # Not a TaskGroup: fixtures are entered and left in different tasks.
        running = asyncio.create_task(self.agent.run(self.line))
        self._tasks = [running]
        try:
            async with asyncio.timeout(60):
                await self._up.wait()
            yield self
        finally:
            for task in self._tasks:
                task.cancel()
            ends = await asyncio.gather(*self._tasks, return_exceptions=True)
        for failed in (end for end in ends if isinstance(end, Exception)):
            raise _innermost(failed)

    def _connected(self, link: MemoryLink) -> None:
        self.link = link
        self._tasks.append(asyncio.create_task(self._serve(link)))

    async def _serve(self, link: MemoryLink) -> None:
        while not link.is_closed:
            try:
                async with asyncio.timeout(1):
                    message = await link.up.get()
            except TimeoutError:
                continue
            self.said.append(message)
            await self._answer(link, message)

    async def _answer(self, link: MemoryLink, message: Message) -> None:
        match message["type"]:
            case "hello" | "time" if self.tells_time:
                await link.put(self.time(message["nonce"], "welcome" if message["type"] == "hello" else "time"))
                self._up.set()
            case "hello":
                self._up.set()
            case "accepted" | "started" | "done" | "refused" if self.confirms:
                await link.put({"type": "got", "receipts": [message["id"]]})

    def time(self, nonce: str, kind: str = "time") -> Message:
        now_ms = milliseconds(self.now())
        sig = KEYS[Purpose.TIME].seal_time(nonce, now_ms, 1)
        return {"type": kind, "nonce": nonce, "service_ms": now_ms, "epoch": 1, "sig": b64encode(sig).decode()}

    def now(self) -> datetime:
        """The service's time: the virtual clock without its error."""
        return self.clock.now() - self.clock.offset

    # --- orders

    def order(
        self,
        ms: int = 2_000,
        *,
        lives: float = 3_600,
        severity: int = 0,
        sound_class: SoundClass = SoundClass.ROUTINE,
        village: str = VILLAGE,
        to: tuple[str, ...] | None = None,
        scope: Scope = Scope.LIVE,
        issued: datetime | None = None,
        **play: Any,
    ) -> Order:
        """Make a play order; its recording lies with the service."""
        self.names += 1
        ref, sound = recording(ms, 300 + 37 * (self.names % 20))
        self.fetch.sounds[ref.sha256] = sound
        issued = issued or self.now()
        name = play.pop("announcement", f"announcement-{self.names}")
        fields: dict[str, Any] = {
            "sent": issued,
            "identifier": f"{self.names:06}",
            "recording": ref,
            "sender_level": Level.TOWN,
        } | play
        return Order(
            id=f"order-{self.names}",
            kind=OrderKind.PLAY,
            village=village,
            to=to,
            scope=scope,
            issued=issued,
            expires=issued + timedelta(seconds=lives),
            play=Play(name, "o", 1, sound_class, severity, **fields),
        )

    def notice(self, ms: int = 2_000, **more: Any) -> Order:
        return self.order(ms, **more)

    def alert(self, ms: int = 2_000, severity: int = EXTREME, **more: Any) -> Order:
        return self.order(ms, severity=severity, sound_class=SoundClass.EMERGENCY, **more)

    def cancel(self, *orders: Order, kind: OrderKind = OrderKind.CANCEL, before: datetime | None = None) -> Order:
        self.names += 1
        now = self.now()
        cancels = tuple(Cancelled(order.play.announcement, order.id, order.expires) for order in orders if order.play)
        expires = max((order.expires for order in orders), default=now + timedelta(hours=1))
        return Order(f"cancel-{self.names}", kind, VILLAGE, Scope.LIVE, now, expires, cancels=cancels, before=before)

    async def send(self, order: Order, purpose: Purpose | None = None) -> None:
        await self.put(sealed(order, purpose))

    async def put(self, envelope: Envelope) -> None:
        await self.say(order_message(envelope))

    async def say(self, message: Message | str) -> None:
        assert self.link is not None
        await self.link.put(message)

    async def power_cut(self) -> "Station":
        """The power goes; return the same loudspeaker as it comes back. Leave `on()` before."""
        assert isinstance(self.journal, MemoryJournal)
        return Station(
            self.clock,
            self.journal.survivor(),
            self.quiet,
            self.limits,
            log=self.log,
            fetch=self.fetch,
            names=self.names,
        )

    # --- what was heard

    def heard(self) -> list[tuple[str, int, int]]:
        """(order, from, to) of the recordings that sounded, in milliseconds, in their order."""
        return [(s.order, s.start * 1000 // RATE_HZ, s.end * 1000 // RATE_HZ) for s in self.recordings()]

    def recordings(self) -> list[Stretch]:
        return [stretch for stretch in self.log.stretches if stretch.part == "recording"]

    def receipts(self, order: Order, kind: str) -> list[Message]:
        return [message for message in self.said if message["type"] == kind and message.get("order") == order.id]

    def done(self, order: Order) -> Message:
        """The end of an order; asks for exactly one, said perhaps more than once."""
        ends = {repr(message): message for message in self.receipts(order, "done")}
        assert len(ends) == 1, ends or self.said
        return next(iter(ends.values()))


def _innermost(failed: BaseException) -> BaseException:
    while isinstance(failed, BaseExceptionGroup):
        failed = failed.exceptions[0]
    return failed


def sealed(order: Order, purpose: Purpose | None = None) -> Envelope:
    """Sign an order with the key that may, or with another."""
    if purpose is None and order.kind is not OrderKind.PLAY:
        purpose = Purpose.CANCEL
    if purpose is None:
        assert order.play is not None
        is_alert = order.play.severity > 0 or order.play.sound_class is SoundClass.EMERGENCY
        purpose = Purpose.DRILL if order.scope is Scope.DRILL else Purpose.ALERT if is_alert else Purpose.NOTICE
    return KEYS[purpose].seal(write_order(order))
