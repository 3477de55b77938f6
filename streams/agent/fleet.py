"""Fleet: many loudspeakers in one process, each the whole agent, to try a town's worth of them on one machine.

Two things are shared that real loudspeakers do not share, or one processor would do the work of hundreds: recordings
are fetched and decoded once, and an envelope that one of them has verified is not verified again by the next. In the
field each verifies for itself, on its own processor.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Literal

from audio.playing import NullSink, Sink, WaveSink
from broadcaster.model.clock import Clock, SystemClock
from broadcaster.model.errors import OutOfReach
from broadcaster.model.order import Purpose
from broadcaster.signing.envelope import Envelope, Keyring, PublicKey, SpeakerKey
from streams.agent.core import Agent, AgentSettings, Line
from streams.agent.enrolling import Enrolment, enrol, read_enrolment
from streams.agent.faults import Ailing, Faults, FaultyLine, WrongClock
from streams.agent.journal import MemoryJournal
from streams.agent.link import WebSocketLine
from streams.agent.recordings import HttpFetch, Recordings
from streams.agent.sounding import Observed, Observer
from streams.agent.soundlog import FileSoundLog, MemorySoundLog, SoundLog
from streams.agent.speaker import RETRY_SECONDS

BLOCK_MS = 250
"""Coarser than on a real loudspeaker, where it is 20: a thousand of them sound on one core, and cut in within 1 s."""

VERIFIED_KEPT = 4_096
DECODED_KEPT = 32
ENROLLING_AT_ONCE = 8
CUT_AFTER_SECONDS = (0.1, 2.0)
DARK_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class FleetSettings:
    """What a fleet is.

    Attributes:
        speakers: (id, village) of each; see `spread` for a number of them.
        out: where WAV files and ``fleet.sound.jsonl`` go; None keeps the sound log in memory only.
        sink: ``null`` or ``wave`` (needs `out`).
        per_second: how many connect in a second.
        seed: from which their keys are derived, so that the same fleet can come again.
    """

    service_url: str
    enrol_token: str
    speakers: tuple[tuple[str, str], ...]
    out: Path | None = None
    sink: Literal["null", "wave"] = "null"
    faults: Faults = field(default_factory=Faults)
    per_second: float = 100
    seed: str = "fleet"
    block_ms: int = BLOCK_MS


def spread(count: int, villages: Sequence[str], prefix: str = "fleet") -> tuple[tuple[str, str], ...]:
    """Spread a number of loudspeakers evenly over villages, with ids of their own."""
    return tuple((f"{prefix}-{n:05}", villages[n % len(villages)]) for n in range(count))


class SharedKeyring(Keyring):
    """A key ring that remembers what it verified, for all of a fleet."""

    def __init__(self, keys: Mapping[str, PublicKey]) -> None:
        super().__init__(keys)
        self._verified: OrderedDict[Envelope, Purpose] = OrderedDict()

    def check_order(self, envelope: Envelope) -> Purpose:
        """Verify an envelope once."""
        purpose = self._verified.get(envelope)
        if purpose is None:
            purpose = self._verified[envelope] = super().check_order(envelope)
            if len(self._verified) > VERIFIED_KEPT:
                self._verified.popitem(last=False)
        return purpose


async def run_fleet(
    settings: FleetSettings,
    observe: Observer = lambda _observed: None,
    log: SoundLog | None = None,
    clock: Clock | None = None,
    make_sink: Callable[[str], Sink] | None = None,
) -> None:
    """Run a fleet until it is cancelled.

    Args:
        observe: told of each accepted, started, first sample and end.
        log: where stretches go instead of `settings.out`.
        make_sink: gives each loudspeaker its sink, by its id, instead of `settings.sink`.

    Raises:
        NotAllowed: the service refused to enrol one of them.
    """
    file = None if log or settings.out is None else FileSoundLog(settings.out / "fleet.sound.jsonl")
    fleet = _Fleet(settings, observe, log or file or MemorySoundLog(), clock or SystemClock(), make_sink)
    try:
        await fleet.run()
    finally:
        if file is not None:
            file.close()


class _Fleet:
    def __init__(
        self,
        settings: FleetSettings,
        observe: Observer,
        log: SoundLog,
        clock: Clock,
        make_sink: Callable[[str], Sink] | None,
    ) -> None:
        self._make_sink = make_sink
        self._settings = settings
        self._observe = observe
        self._log = log
        self._clock = clock
        self._recordings = Recordings(HttpFetch(settings.service_url), recent=DECODED_KEPT)
        self._keyring: SharedKeyring | None = None
        self._enrolling = asyncio.Semaphore(ENROLLING_AT_ONCE)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for speaker, village in self._settings.speakers:
                tasks.create_task(self._member(speaker, village))
                await self._clock.sleep(1 / self._settings.per_second)

    async def _member(self, speaker: str, village: str) -> None:
        ailing = self._settings.faults.of(speaker)
        key = SpeakerKey(hashlib.sha256(f"{self._settings.seed}:{speaker}".encode()).digest())
        enrolment = await self._enrol(speaker, village, key)
        if ailing.offline:
            return
        line = FaultyLine(WebSocketLine(self._settings.service_url, speaker, key), ailing, self._clock)
        sink = self._sink(speaker)
        try:
            await self._live(_Member(speaker, village, enrolment, ailing, line, sink))
        finally:
            await sink.close()

    async def _enrol(self, speaker: str, village: str, key: SpeakerKey) -> Enrolment:
        settings = self._settings
        async with self._enrolling:
            while True:
                try:
                    answer = await enrol(settings.service_url, settings.enrol_token, speaker, village, key)
                    return read_enrolment(answer)
                except OutOfReach:
                    await self._clock.sleep(RETRY_SECONDS)

    def _sink(self, speaker: str) -> Sink:
        if self._make_sink:
            return self._make_sink(speaker)
        if self._settings.sink == "wave" and self._settings.out is not None:
            return WaveSink(self._settings.out / f"{speaker}.wav", self._clock)
        return NullSink(self._clock)

    async def _live(self, member: "_Member") -> None:
        journal = MemoryJournal()
        if member.ailing.powercut:
            await self._until_power_cut(member, journal)
            journal = journal.survivor()
            await self._clock.sleep(DARK_SECONDS)
        await self._agent(member, journal, self._observe).run(member.line)

    async def _until_power_cut(self, member: "_Member", journal: MemoryJournal) -> None:
        """Run it until some moment in its first sound."""
        sounds = asyncio.Event()

        def watch(observed: Observed) -> None:
            self._observe(observed)
            if observed.kind == "sounding":
                sounds.set()

        running = asyncio.ensure_future(self._agent(member, journal, watch).run(member.line))
        waiting = asyncio.ensure_future(sounds.wait())
        try:
            await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
            await self._clock.sleep(member.ailing.dice.uniform(*CUT_AFTER_SECONDS))
        finally:
            running.cancel()
            waiting.cancel()
            await asyncio.wait({running, waiting})

    def _agent(self, member: "_Member", journal: MemoryJournal, observe: Observer) -> Agent:
        enrolment = member.enrolment
        return Agent(
            AgentSettings(
                member.speaker,
                member.village,
                quiet=enrolment.quiet,
                limits=enrolment.limits,
                epoch=enrolment.epoch,
                block_ms=self._settings.block_ms,
            ),
            keys=self._keys(enrolment),
            journal=journal,
            sink=member.sink,
            log=self._log,
            recordings=self._recordings,
            clock=WrongClock(self._clock, member.ailing.clock_error),
            random=Random(f"{self._settings.seed}:{member.speaker}:{id(journal)}"),  # noqa: S311 - back-off and nonces of a trial
            observe=observe,
        )

    def _keys(self, enrolment: Enrolment) -> SharedKeyring:
        if self._keyring is None:
            self._keyring = SharedKeyring({key.kid: key for key in enrolment.keys})
        return self._keyring


@dataclass(frozen=True, slots=True)
class _Member:
    speaker: str
    village: str
    enrolment: Enrolment
    ailing: Ailing
    line: Line
    sink: Sink
