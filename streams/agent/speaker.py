"""Speaker: puts one loudspeaker together from its parts, and runs it as a process."""

import asyncio
import itertools
import os
import random
import signal
import stat
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO

from audio.playing import NullSink, PipeSink, Sink, WaveSink
from broadcaster.model.clock import Clock, SystemClock
from broadcaster.model.errors import OutOfReach
from streams.agent.core import Agent, AgentSettings
from streams.agent.enrolling import Enrolment, enrolled, own_key
from streams.agent.journal import SqliteJournal
from streams.agent.link import WebSocketLine
from streams.agent.recordings import HttpFetch, Recordings
from streams.agent.sounding import Observer
from streams.agent.soundlog import FileSoundLog

SinkName = Literal["auto", "pipe", "wave", "null"]
STOP_WORD = b"stop"
RETRY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class SpeakerSettings:
    """What one loudspeaker has to be told.

    Attributes:
        service_url: ``http://host:port`` of the service.
        home: its key, enrolment, journal and recordings; outlives restarts, belongs to one loudspeaker.
        out: where the WAV and the sound log go; `home` if None.
        sink: ``pipe`` plays through aplay or pacat, ``wave`` writes ``<id>.wav`` (after a restart ``<id>.2.wav`` …),
            ``null`` keeps time only; ``auto`` is ``wave`` where `out` is given, else ``pipe``.
        enrol_token: needed once, while there is no enrolment in `home`.
        reads_stop: a line "stop" on standard input presses the button; SIGUSR1 does so always.
    """

    id: str
    village: str
    service_url: str
    home: Path
    out: Path | None = None
    sink: SinkName = "auto"
    enrol_token: str | None = None
    reads_stop: bool = True


async def run_speaker(settings: SpeakerSettings, observe: Observer = lambda _observed: None) -> None:
    """Run one loudspeaker until it is cancelled: enrol it if it is new, then obey, sound and tell.

    Raises:
        NotAllowed: the service refused to enrol it.
        JournalBroken: its disk cannot be trusted (alone, or in an exception group): start the process again.
    """
    clock = SystemClock()
    enrolment = await _enrolled(settings, clock)
    out = settings.out or settings.home
    sink = _sink(settings, out, clock)
    journal = SqliteJournal(settings.home / "journal.sqlite")
    log = FileSoundLog(out / f"{settings.id}.sound.jsonl")
    agent = Agent(
        AgentSettings(
            settings.id, settings.village, quiet=enrolment.quiet, limits=enrolment.limits, epoch=enrolment.epoch
        ),
        keys=enrolment.keyring,
        journal=journal,
        sink=sink,
        log=log,
        recordings=Recordings(HttpFetch(settings.service_url), settings.home / "recordings"),
        clock=clock,
        random=random.SystemRandom(),
        observe=observe,
    )
    line = WebSocketLine(settings.service_url, settings.id, own_key(settings.home))
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_obey_button(agent, settings.reads_stop))
            tasks.create_task(agent.run(line))
    finally:
        await sink.close()
        log.close()
        await journal.close()


async def _enrolled(settings: SpeakerSettings, clock: Clock) -> Enrolment:
    while True:
        try:
            return await enrolled(
                settings.home, settings.service_url, settings.enrol_token, settings.id, settings.village
            )
        except OutOfReach:
            # A village's power may come back before the town's.
            await clock.sleep(RETRY_SECONDS)


def _sink(settings: SpeakerSettings, out: Path, clock: Clock) -> Sink:
    name = settings.sink if settings.sink != "auto" else ("wave" if settings.out else "pipe")
    if name == "wave":
        return WaveSink(_free(out / f"{settings.id}.wav"), clock)
    return PipeSink(clock) if name == "pipe" else NullSink(clock)


def _free(path: Path) -> Path:
    """Name a file that is not there yet: what sounded before a restart is kept."""
    others = (path.with_name(f"{path.stem}.{n}{path.suffix}") for n in itertools.count(2))
    return path if not path.exists() else next(other for other in others if not other.exists())


async def _obey_button(agent: Agent, reads_stop: bool) -> None:
    """Press the local stop at each SIGUSR1 and each line "stop" on standard input."""
    pressed = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, pressed.set)
    try:
        async with asyncio.TaskGroup() as tasks:
            if reads_stop:
                tasks.create_task(_read_button(pressed))
            while True:
                await pressed.wait()
                pressed.clear()
                await agent.stop_here()
    finally:
        loop.remove_signal_handler(signal.SIGUSR1)


def _can_speak(stdin: TextIO | None) -> bool:
    if stdin is None or stdin.closed:
        return False
    mode = os.fstat(stdin.fileno()).st_mode
    return stdin.isatty() or stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


async def _read_button(pressed: asyncio.Event) -> None:
    reader = asyncio.StreamReader()
    # A closed standard input is no button, nor is /dev/null, of which the loop would complain once it listens to it.
    if not _can_speak(sys.stdin):
        return
    with suppress(ValueError, OSError):
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            if line.strip() == STOP_WORD:
                pressed.set()
