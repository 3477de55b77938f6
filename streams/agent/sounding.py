"""Sounding: lets the items of a queue sound, one after another, each step journalled before what follows from it."""

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field

from audio.chimes import PATTERNS, TONE_RATE_HZ, chime
from audio.playing import SinkBroken
from broadcaster.model.clock import Clock
from broadcaster.model.crashing import crash_point
from broadcaster.model.delivery import Outcome, Reason, ReceiptKind
from broadcaster.model.errors import Invalid, OutOfReach
from broadcaster.model.precedence import SoundClass
from broadcaster.signing.envelope import Envelope
from streams.agent.bell import Bell
from streams.agent.journal import Entry, Owed
from streams.agent.ledger import Ledger, entry_of
from streams.agent.player import Player
from streams.agent.queue import Ending, Item, Queue, Stage, begin, cut, finish, outcome_of, resume
from streams.agent.recordings import Recordings
from streams.agent.soundlog import Stretch
from streams.agent.timekeeping import ServiceTime

PER_MS = TONE_RATE_HZ // 1000
PROGRESS_SECONDS = 10
LONGEST_WAIT_SECONDS = 600.0
SINK_RETRY_SECONDS = 1.0
SINK_TRIES = 5


@dataclass(frozen=True, slots=True)
class Observed:
    """Something that happened on a loudspeaker, for whoever watches.

    Attributes:
        kind: ``accepted``, ``sounding`` (its first sample), ``started`` or ``done``.
        at_ms: service time; `monotonic`: seconds of the process's own clock.
    """

    kind: str
    speaker: str
    order: str
    announcement: str
    at_ms: int
    monotonic: float
    outcome: Outcome | None = None


Observer = Callable[[Observed], None]


@dataclass(slots=True)
class Sounding:
    """The part of a loudspeaker that owns its sound.

    Two tasks share the queue: `run` makes items sound, `close` gives those that will not sound their outcome. An item
    belongs to `run` while its stage is SOUNDING; others only set its `ending` and ring.
    """

    speaker: str
    queue: Queue
    player: Player
    recordings: Recordings
    ledger: Ledger
    time: ServiceTime
    clock: Clock
    bell: Bell
    observe: Observer = lambda _observed: None
    envelopes: dict[str, Envelope] = field(default_factory=dict)
    faults: set[str] = field(default_factory=set)
    last_sound_ms: int | None = None
    _said_progress: float = 0.0
    _looked: int = -1
    _look_again_ms: int = 0

    async def run(self) -> None:
        """Let items sound in their turn, for ever."""
        ear = self.bell.ear()
        while True:
            item = self.queue.next(self.time.now())
            if item is None:
                await self._rest()
                await ear.wait(self._until_change())
            elif (samples := await self._samples(item)) and self.queue.next(self.time.now()) is item:
                await self._sound(item, samples)

    async def close(self) -> None:
        """Give an outcome to whatever will not sound any more, for ever."""
        ear = self.bell.ear()
        while True:
            for item in self.queue.over(self.time.now()):
                await self._end(item)
            await ear.wait(self._until_change())

    def place_of(self, item: Item) -> Entry:
        """Write an item as it is to be journalled now."""
        return entry_of(item, self.envelopes.get(item.id))

    def told(self, kind: str, item: Item, outcome: Outcome | None = None, late_seconds: float = 0) -> None:
        """Tell the observer of what happened so many seconds ago."""
        self.observe(
            Observed(
                kind,
                self.speaker,
                item.id,
                item.play.announcement,
                self.time.now().ms - round(1000 * late_seconds),
                self.clock.monotonic() - late_seconds,
                outcome,
            )
        )

    async def _rest(self) -> None:
        if self.queue.holder is None:
            await self.player.restore_volume()

    def _until_change(self) -> float:
        now = self.time.now()
        wake = self.queue.wake_ms(now)
        return LONGEST_WAIT_SECONDS if wake is None else min(LONGEST_WAIT_SECONDS, (wake - now.ms) / 1000)

    async def _samples(self, item: Item) -> "array[int] | None":
        try:
            return await self.recordings.get(item.play.recording)
        except Invalid:
            item.ending = Ending(Outcome.REFUSED, reason=Reason.AUDIO)
        except OutOfReach:
            # It was here and is not now: a shelf that lost it. Whoever fetches hears the bell.
            item.is_ready = False
        self.bell.ring()
        return None

    async def _sound(self, item: Item, samples: "array[int]") -> None:
        self.queue.holder = item
        self._looked = -1
        is_resumed = item.stage is Stage.PAUSED
        await (self._resume(item) if is_resumed else self._start(item))
        try:
            place_ms = await self._parts(item, samples)
        except SinkBroken:
            place_ms = item.place_ms
            item.is_muted = True
            item.ending = item.ending or Ending(Outcome.MUTED)
            self.faults.add("sound")
        self.last_sound_ms = self.time.now().ms
        if place_ms >= len(samples) // PER_MS:
            await self._finish(item)
        else:
            await self._pause(item, place_ms)
        self.bell.ring()

    async def _start(self, item: Item) -> None:
        begin(item)
        crash_point("agent.started.before")
        at_ms = self.time.now().ms
        started = self.ledger.receipt(
            item, ReceiptKind.STARTED, at_ms, repeat_no=item.repeat_no, crash_replay=item.crash_replay
        )
        await self.ledger.insist(self.place_of(item), started)
        crash_point("agent.started.after")
        self.told("started", item)

    async def _resume(self, item: Item) -> None:
        resume(item)
        await self.ledger.insist(self.place_of(item))
        self.progress(item)

    async def _finish(self, item: Item) -> None:
        finish(item, self.time.now().ms)
        if item.ending or not item.has_more:
            await self._end(item)
        else:
            await self.ledger.insist(self.place_of(item))

    async def _pause(self, item: Item, place_ms: int) -> None:
        cut(item, place_ms)
        cutter = self.queue.cutter(item, self.time.now())
        if item.superseded_by or (cutter and item.play.announcement in cutter.play.supersedes):
            item.ending = item.ending or Ending(
                Outcome.SUPERSEDED, item.superseded_by or (cutter.id if cutter else None)
            )
        if item.ending:
            await self._end(item)
            return
        self.queue.holder = None
        crash_point("agent.paused.before")
        await self.ledger.insist(self.place_of(item))
        crash_point("agent.paused.after")
        self.progress(item)

    async def _end(self, item: Item) -> None:
        # Out of the queue before anything is awaited: no other task may begin it.
        self.queue.drop(item)
        item.stage = Stage.DONE
        crash_point("agent.done.before")
        receipt = self._final(item, item.ending or Ending(outcome_of(item)))
        await self.ledger.insist(entry_of(item, None, receipt.message), receipt)
        crash_point("agent.done.after")
        self.envelopes.pop(item.id, None)
        self.told("done", item, Outcome(receipt.message.get("outcome", Outcome.REFUSED)))
        self.bell.ring()

    def _final(self, item: Item, ending: Ending) -> Owed:
        at_ms = self.time.now().ms
        if ending.reason is not None:
            return self.ledger.receipt(item, ReceiptKind.REFUSED, at_ms, reason=ending.reason)
        return self.ledger.receipt(
            item,
            ReceiptKind.DONE,
            at_ms,
            outcome=ending.outcome,
            heard_ms=item.heard_ms,
            repeats_done=item.repeats_done,
            audio_sha256=item.play.recording.sha256 if item.repeat_no else None,
            crash_replay=item.was_replayed,
            cut_by=ending.cut_by,
        )

    async def _parts(self, item: Item, samples: "array[int]") -> int:
        """Let tone and recording sound; return how far the recording came, in milliseconds."""
        volume = self.player.limits.of(item.play)
        item.is_muted = item.is_muted or volume == 0
        self.player.on_mark = lambda stretch: self._mark(item, stretch)
        await self.player.set_volume(volume)
        tone = _tone(item)
        if tone and not item.is_toned:
            heard = await self._part(item, chime(tone), self._stretch(item, "tone", tone, 0))
            item.is_toned = heard.ended == "end"
            if not item.is_toned:
                return item.place_ms
        start = item.place_ms * PER_MS
        heard = await self._part(item, samples, self._stretch(item, "recording", item.play.recording.sha256, start))
        return heard.end // PER_MS if heard.ended != "end" else -(-len(samples) // PER_MS)

    async def _part(self, item: Item, samples: "array[int]", stretch: Stretch) -> Stretch:
        for tries in range(SINK_TRIES):
            try:
                heard = await self.player.play(samples, stretch, lambda: self._is_cut(item))
            except SinkBroken:
                if tries == SINK_TRIES - 1:
                    raise
                self.faults.add("sound")
                await self.clock.sleep(SINK_RETRY_SECONDS)
            else:
                self.faults.discard("sound")
                return heard
        raise SinkBroken("unreachable")

    def _stretch(self, item: Item, part: str, sha256: str, start: int) -> Stretch:
        return Stretch(
            speaker=self.speaker,
            order=item.id,
            announcement=item.play.announcement,
            part=part,
            sha256=sha256,
            repeat_no=item.repeat_no,
            start=start,
            end=start,
            at_ms=self.time.now().ms,
            crash_replay=item.crash_replay,
        )

    def _is_cut(self, item: Item) -> bool:
        now = self.time.now()
        if item.ending is not None or self.queue.hush(item, now):
            return True
        if self._looked == self.bell.count and now.ms < self._look_again_ms:
            return False
        self._looked = self.bell.count
        self._look_again_ms = self.queue.wake_ms(now) or now.ms + 60_000
        return self.queue.cutter(item, now) is not None

    def _mark(self, item: Item, stretch: Stretch) -> None:
        if not item.has_sounded:
            item.has_sounded = True
            self.told("sounding", item, late_seconds=(stretch.end - stretch.start) / TONE_RATE_HZ)
        if stretch.part == "recording":
            item.best_ms = max(item.best_ms, stretch.end // PER_MS)
        now = self.clock.monotonic()
        if item.play.sound_class is SoundClass.EMERGENCY and now - self._said_progress >= PROGRESS_SECONDS:
            self.progress(item)

    def progress(self, item: Item) -> None:
        """Say how far an item is; may be lost."""
        self._said_progress = self.clock.monotonic()
        waiting_for = None if item.stage is Stage.SOUNDING else self.queue.waits_for(item, self.time.now())
        message = {"type": "progress", "order": item.id, "repeat_no": item.repeat_no, "heard_ms": item.heard_ms}
        self.ledger.say(message | ({"waiting_for": waiting_for} if waiting_for else {}))


def _tone(item: Item) -> str | None:
    """Name the tone of an item: its own, or for an emergency whose tone is not known here, the alert's."""
    named = item.play.tone
    if named is None or named in PATTERNS:
        return named
    return "alert" if item.play.sound_class is SoundClass.EMERGENCY else None
