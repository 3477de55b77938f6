"""Agent: one loudspeaker's mind. It takes what comes down the line, and owns the tasks that sound and tell."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol

from audio.playing import BLOCK_MS, Sink
from broadcaster.model.clock import Clock
from broadcaster.model.delivery import Reason, ReceiptKind
from broadcaster.model.errors import Invalid, OutOfReach
from broadcaster.model.identity import follows
from broadcaster.model.order import open_digest
from broadcaster.model.precedence import RightOfWay
from broadcaster.model.schedule import QuietHours
from broadcaster.signing.envelope import Envelope
from streams.agent.bell import Bell
from streams.agent.fetching import Fetching
from streams.agent.journal import Journal, Mark
from streams.agent.judging import Judge, Keys, Turned
from streams.agent.ledger import PAST, Ledger
from streams.agent.messages import LISTED_OPEN, PROTO, SOFTWARE, Message
from streams.agent.obeying import LAST_STOP, Obeying
from streams.agent.player import Player, VolumeLimits
from streams.agent.queue import Queue, Stage
from streams.agent.recordings import Recordings
from streams.agent.sounding import Observed, Observer, Sounding
from streams.agent.soundlog import SoundLog
from streams.agent.timekeeping import ROUND, ServiceTime, time_fields

OUT_LONGEST = 64
HEARTBEAT_SECONDS = 30
ROUND_SECONDS = 600
UNSURE_ROUND_SECONDS = 30
QUESTION_GAP_SECONDS = 0.2
TIDY_SECONDS = 3_600
NEED_SECONDS = 1.0
REFUSALS_PER_SECOND = 5
"""Of what nobody of ours signed: a stranger may not make a loudspeaker talk."""

FLOOR_STEP_MS = 60_000
FLOOR = "floor"


class LineDown(OutOfReach):
    """The service cannot be reached now; the loudspeaker tries again."""


class Link(Protocol):
    """One connection to the service."""

    async def send(self, message: Message) -> None:
        """Hand a message over.

        Raises:
            LineDown
        """

    def __aiter__(self) -> AsyncIterator[Message]:
        """Yield what comes down until the connection ends; what cannot be read comes as type ``unreadable``."""


class Line(Protocol):
    """The way to the service."""

    def connect(self) -> AbstractAsyncContextManager[Link]:
        """Open a connection.

        Raises:
            LineDown
        """


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """What one loudspeaker is told at enrolment, and its bounds.

    Attributes:
        jitter_seconds: up to how long the fetching of a routine recording waits.
        longest_queue: unfinished orders beyond which routine ones are refused as ``full``.
        longest_journal: the same for all that is remembered, ended orders included.
    """

    speaker: str
    village: str
    quiet: QuietHours = field(default_factory=QuietHours)
    limits: VolumeLimits = field(default_factory=VolumeLimits)
    way: RightOfWay = field(default_factory=RightOfWay)
    epoch: int = 0
    block_ms: int = BLOCK_MS
    jitter_seconds: float = 1.0
    longest_queue: int = 200
    longest_journal: int = 20_000


class Agent:
    """One loudspeaker: `run` it with a line, and it obeys, sounds and tells until it is cancelled.

    All that it needs of the world is passed in. It raises JournalBroken where its disk cannot be trusted: then the
    process has to start again.
    """

    def __init__(
        self,
        settings: AgentSettings,
        *,
        keys: Keys,
        journal: Journal,
        sink: Sink,
        log: SoundLog,
        recordings: Recordings,
        clock: Clock,
        random: Random,
        observe: Observer = lambda _observed: None,
    ) -> None:
        self.settings = settings
        self._clock = clock
        self._random = random
        self._bell = Bell()
        self._out: asyncio.Queue[Message] | None = None
        self._is_welcome = False
        self._allowed_refusals = float(REFUSALS_PER_SECOND)
        self._refused_at = self._needed_at = clock.monotonic() - 1
        self.queue = Queue(settings.way, settings.quiet, settings.longest_queue)
        self.ledger = Ledger(settings.speaker, journal, clock, self._say)
        self.time = ServiceTime(clock, keys, self._nonce)
        player = Player(sink, log, settings.limits, settings.block_ms)
        self.sounding = Sounding(
            settings.speaker, self.queue, player, recordings, self.ledger, self.time, clock, self._bell, observe
        )
        self.obeying = Obeying(
            Judge(settings.speaker, settings.village, keys, settings.quiet),
            self.queue,
            self.sounding,
            self.ledger,
            self.time,
            self._bell,
            self._say,
            settings.longest_journal,
        )
        self.fetching = Fetching(self.queue, recordings, self.time, clock, self._bell, self._need, self._jitter)

    # --- its life

    async def run(self, line: Line) -> None:
        """Live until cancelled: recover from the journal, then connect, obey, sound and tell."""
        await self.recover()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.sounding.run())
            tasks.create_task(self.sounding.close())
            tasks.create_task(self.fetching.run())
            tasks.create_task(self.ledger.run())
            tasks.create_task(self._ask_for_ever())
            tasks.create_task(self._beat_for_ever())
            tasks.create_task(self._tidy_for_ever())
            tasks.create_task(self._connect_for_ever(line))

    async def recover(self) -> None:
        """Take up what the journal holds: what waits waits on, what sounded is set right."""
        await self.ledger.load()
        self.time.floor_ms = self.ledger.kept.marks.get(FLOOR)
        self.time.past_ms = self.ledger.kept.marks.get(PAST, 0)
        await self.obeying.take_up()

    async def stop_here(self) -> None:
        """Obey the button on the loudspeaker: all that was issued before now falls silent, and is told."""
        await self.obeying.stop_here()

    # --- what comes down

    async def hear(self, message: Message) -> None:
        """Take one message; whatever is wrong with it ends nothing."""
        try:
            await self._hear(message)
        except Invalid as error:
            self.sounding.faults.add(error.code)

    async def _hear(self, message: Message) -> None:
        match message.get("type"):
            case "order":
                await self._order(message)
            case "got":
                await self.ledger.got(_ids(message))
            case "welcome":
                await self._timed(message)
                self._is_welcome = True
                self.ledger.hello()
            case "time":
                await self._timed(message)
            case "unreadable":
                self._refuse(Turned(Reason.VERSION), str(message.get("sha256")))
            case other:
                self._refuse(Turned(Reason.VERSION), str(other)[:40])

    async def _order(self, message: Message) -> None:
        try:
            envelope = Envelope.from_wire(message)
        except Invalid:
            self._refuse(Turned(Reason.VERSION), _fingerprint(message))
            return
        try:
            await self.obeying.obey(envelope)
        except Turned as turned:
            self._refuse(turned, envelope.sha256)

    async def _timed(self, message: Message) -> None:
        before_ms = self.time.floor_ms
        self.time.hear(*time_fields(message))
        floor_ms = self.time.floor_ms or 0
        if before_ms is None or floor_ms - before_ms >= FLOOR_STEP_MS:
            await self.ledger.insist(Mark(FLOOR, floor_ms))
        self._bell.ring()

    # --- what goes up

    def _say(self, message: Message) -> None:
        # A full queue loses it: receipts are said again, the rest is old by then.
        if self._out is not None and not self._out.full():
            self._out.put_nowait(message)

    def _refuse(self, turned: Turned, fingerprint: str) -> None:
        if not self._may_refuse():
            return
        subject = turned.order_id or fingerprint
        named = {"order": turned.order_id} if turned.order_id else {"envelope_sha256": fingerprint}
        self._say(
            {
                "type": ReceiptKind.REFUSED.value,
                "id": follows(subject, self.settings.speaker, ReceiptKind.REFUSED, 0),
                "reason": turned.reason.value,
                "at": self.time.now().ms,
                **named,
                **({"announcement": turned.announcement} if turned.announcement else {}),
            }
        )
        if turned.reason is Reason.KEY:
            self._need({"keys": True})

    def _may_refuse(self) -> bool:
        now = self._clock.monotonic()
        earned = self._allowed_refusals + (now - self._refused_at) * REFUSALS_PER_SECOND
        self._allowed_refusals, self._refused_at = min(2.0 * REFUSALS_PER_SECOND, earned), now
        if self._allowed_refusals < 1:
            return False
        self._allowed_refusals -= 1
        return True

    def _need(self, what: dict[str, Any]) -> None:
        now = self._clock.monotonic()
        if now - self._needed_at >= NEED_SECONDS:
            self._needed_at = now
            self._say({"type": "need", **what})

    def _jitter(self) -> float:
        return self._random.uniform(0, self.settings.jitter_seconds)

    def _nonce(self) -> str:
        return self._random.getrandbits(128).to_bytes(16, "big").hex()

    def hello(self) -> Message:
        """Say who is there and what it holds; the first message of a connection."""
        open_orders = self.ledger.open_orders()
        return {
            "type": "hello",
            "proto": PROTO,
            "speaker": self.settings.speaker,
            "epoch": self.settings.epoch,
            "nonce": self.time.ask(),
            "software": SOFTWARE,
            "clock": "sure" if self.time.now().floor_ms is None else "unsure",
            "open": [{"order": name, "rank": rank} for name, rank in sorted(open_orders.items())[:LISTED_OPEN]],
            "last_stop": self.ledger.kept.marks.get(LAST_STOP, 0),
            "config_v": 1,
            "keys_v": 1,
        }

    def heartbeat(self) -> Message:
        """Say how the loudspeaker is."""
        holder = self.queue.holder
        return {
            "type": "heartbeat",
            "volume": self.sounding.player.limits.usual,
            "playing": holder.id if holder and holder.stage is Stage.SOUNDING else None,
            "queue": len(self.queue),
            "last_sound": self.sounding.last_sound_ms,
            "clock_error_ms": self.time.clock_error_ms(),
            "cache": self.sounding.recordings.held,
            "faults": sorted(self.sounding.faults | ({"journal"} if self.ledger.is_full else set())),
            "open_digest": open_digest(self.ledger.open_orders()),
        }

    async def _beat_for_ever(self) -> None:
        while True:
            await self._clock.sleep(HEARTBEAT_SECONDS)
            self._say(self.heartbeat())

    async def _ask_for_ever(self) -> None:
        while True:
            is_sure = self.time.now().floor_ms is None
            await self._clock.sleep(ROUND_SECONDS if is_sure else UNSURE_ROUND_SECONDS)
            if self._out is not None:
                self.time.begin_round()
                await self._ask(ROUND)

    async def _ask(self, times: int) -> None:
        for _ in range(times):
            self._say({"type": "time", "nonce": self.time.ask()})
            await self._clock.sleep(QUESTION_GAP_SECONDS)

    async def _tidy_for_ever(self) -> None:
        while True:
            await self._clock.sleep(TIDY_SECONDS)
            await self.ledger.forget(self.time.now().ms)

    # --- the line

    async def _connect_for_ever(self, line: Line) -> None:
        failures = 0
        while True:
            was_clean = await self._connection(line)
            failures = 0 if was_clean else failures + 1
            await self._clock.sleep(self._random.uniform(0, 2 if was_clean else min(30, 2**failures)))

    async def _connection(self, line: Line) -> bool:
        """Hold one connection to its end; tell whether the service ever welcomed us on it."""
        self._is_welcome = False
        try:
            async with line.connect() as link:
                await self._serve(link)
        except* LineDown:
            pass
        return self._is_welcome

    async def _serve(self, link: Link) -> None:
        self._out = asyncio.Queue(OUT_LONGEST)
        try:
            async with asyncio.TaskGroup() as tasks:
                writer = tasks.create_task(self._write(link, self._out))
                asker = tasks.create_task(self._ask_soon())
                async for message in link:
                    await self.hear(message)
                writer.cancel()
                asker.cancel()
        finally:
            self._out = None

    async def _write(self, link: Link, out: "asyncio.Queue[Message]") -> None:
        await link.send(self.hello())
        while True:
            await link.send(await out.get())

    async def _ask_soon(self) -> None:
        # The welcome was the first answer of the round.
        await self._clock.sleep(QUESTION_GAP_SECONDS)
        await self._ask(ROUND - 1)


def _fingerprint(message: Message) -> str:
    return hashlib.sha256(repr(sorted(map(str, message.items()))).encode()).hexdigest()


def _ids(message: Message) -> list[str]:
    named = message.get("receipts")
    return [str(name) for name in named] if isinstance(named, list) else []


__all__ = ["Agent", "AgentSettings", "Line", "LineDown", "Link", "Observed"]
