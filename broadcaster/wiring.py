"""The composition root: the one place where ports meet adapters. It imports all, and nothing imports it."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import uuid_utils

from audio import reading
from audio.errors import SpeechError, Unreadable, VoiceOutOfReach
from audio.studio import Recording
from audio.studio import Studio as SoundStudio
from audio.voices.espeak import EspeakVoice
from audio.voices.port import Voice
from audio.voices.process import VoiceProcess
from audio.voices.tone import ToneVoice
from broadcaster.desk.acknowledging import acknowledge
from broadcaster.desk.airing import put_on_air
from broadcaster.desk.clearing import keep_clear
from broadcaster.desk.closing import close
from broadcaster.desk.hearing import Ear
from broadcaster.desk.office import Desk, Policy
from broadcaster.desk.ordering import order, refused
from broadcaster.desk.ports import LogPen, Signer, SpeakerLine, Spoken
from broadcaster.desk.rows import RecordingKept
from broadcaster.desk.sending import keep_sending, send
from broadcaster.desk.voicing import voice
from broadcaster.desk.watching import Watch, keep_health
from broadcaster.model.area import Area
from broadcaster.model.clock import Clock
from broadcaster.model.errors import Invalid, OutOfReach, Refused
from broadcaster.model.precedence import Lane
from broadcaster.settings import Settings
from broadcaster.store.bell import LocalBell
from broadcaster.store.book import SqlBook
from streams import records
from streams.engines.embedded import EmbeddedEngine, each
from streams.pruning import Pruning
from streams.timing import Timing
from streams.topology import town as town_topology
from streams.working import Act, Workers


class TownReader:
    """The port `Reader` on audio's rules."""

    rules = reading.RULES_VERSION

    def read(self, text: str) -> Spoken:
        """Read a text aloud on paper."""
        try:
            found = reading.read(text)
        except Unreadable as error:
            raise Invalid("unreadable", start=error.start, end=error.end, what=error.what) from error
        return Spoken(found.spoken, tuple((hint.written, hint.spoken) for hint in found.hints))


class TownStudio:
    """The port `Studio` on audio's studio."""

    def __init__(self, studio: SoundStudio) -> None:
        self._studio = studio

    @property
    def voice(self) -> str:
        """Name everything that shapes the sound."""
        return self._studio.fingerprint

    async def record(self, spoken: str, *, urgent: bool) -> RecordingKept:
        """Say a text."""
        return await _recorded(self._studio.record(spoken, urgent=urgent))

    async def stock(self, lane: Lane) -> RecordingKept:
        """Return the phrase of last resort."""
        try:
            return await _recorded(self._studio.stock("alert" if lane is Lane.ALERT else "notice"))
        except Refused as error:
            raise OutOfReach("no_stock", why=str(error)) from error


async def _recorded(saying: Awaitable[Recording]) -> RecordingKept:
    try:
        made = await saying
    except VoiceOutOfReach as error:
        raise OutOfReach("voice_away", why=str(error)) from error
    except SpeechError as error:
        raise Refused("voice_failed", why=str(error)) from error
    return RecordingKept(made.sha256, made.codec, made.bytes, made.ms, made.lufs)


@dataclass(frozen=True, slots=True)
class Town:
    """A town's desk, put together."""

    desk: Desk
    book: SqlBook
    watch: Watch
    ear: Ear
    sound: SoundStudio
    engine: EmbeddedEngine
    workers: Workers
    timing: Timing
    pruning: Pruning

    async def run(self) -> None:
        """Run all that moves until cancelled; whatever fails ends everything, loudly."""
        async with asyncio.TaskGroup() as tasks:
            for name, running in {
                "engine": self.engine.run(),
                "workers": self.workers.run(),
                "timing": self.timing.run(),
                "pruning": self.pruning.run(),
                "clearing": keep_clear(self.desk, self.sound),
                "sending again": keep_sending(self.desk),
                "health": keep_health(self.desk, self.watch),
                "book": self._watch_book(),
            }.items():
                tasks.create_task(running, name=name)

    async def _watch_book(self) -> None:
        await self.book.broken.wait()
        raise OutOfReach("book_broken")


def voices_for(settings: Settings) -> Sequence[Voice]:
    """Return the town's voices in the order in which they are tried.

    Raises:
        Refused: voice_for_tests: beeps are no announcement.
    """
    if settings.voice == "tone":
        if not settings.is_test:
            raise Refused("voice_for_tests")
        return (ToneVoice(),)
    return (VoiceProcess(), EspeakVoice())


@asynccontextmanager
async def open_town(
    settings: Settings,
    *,
    clock: Clock,
    signer: Signer,
    line: SpeakerLine,
    voices: Sequence[Voice],
    places: Sequence[Area],
    new_id: Callable[[], str] = lambda: str(uuid_utils.uuid7()),
) -> AsyncIterator[Town]:
    """Open a town's book and put its desk together."""
    async with AsyncExitStack() as stack:
        bell = LocalBell()
        book = await stack.enter_async_context(SqlBook(settings.book, bell, encode=records.encode))
        for one in voices:
            stack.push_async_callback(one.close)
        sound = SoundStudio(voices, settings.shelf)
        desk = Desk(
            book=book,
            bell=bell,
            reader=TownReader(),
            studio=TownStudio(sound),
            signer=signer,
            line=line,
            clock=clock,
            new_id=new_id,
            new_secret=lambda: secrets.token_urlsafe(32),
            policy=Policy(quiet=settings.quiet, undo=timedelta(seconds=settings.undo_seconds)),
        )
        await book.write(Lane.NOTICE, partial(_settle, places=places))
        yield _assembled(settings, desk, book, sound)


def _settle(pen: LogPen, places: Sequence[Area]) -> None:
    """Give back what a process that was killed had in hand, and put the places that the book does not know yet.

    One process at a time has this book: whoever holds a lease is dead, and an alert must not wait for it to run out.
    """
    pen.free_leases()
    known = pen.areas()
    pen.put([place for place in places if place.code not in known])


def _assembled(settings: Settings, desk: Desk, book: SqlBook, sound: SoundStudio) -> Town:
    topology, watch = town_topology(), Watch()
    stages = {
        "airing": each(partial(put_on_air, quiet=desk.policy.quiet)),
        "acknowledging": acknowledge,
        "closing": each(close),
    }
    acts = {
        "voicing": Act(partial(voice, desk)),
        "ordering": Act(partial(order, desk), partial(refused, desk)),
        "sending": Act(partial(send, desk)),
    }
    poll = settings.poll_seconds
    return Town(
        desk=desk,
        book=book,
        watch=watch,
        ear=Ear(desk, watch),
        sound=sound,
        engine=EmbeddedEngine(book, desk.bell, desk.clock, topology, stages, poll_seconds=poll),
        workers=Workers(book, desk.bell, desk.clock, topology, acts, desk.new_id, poll_seconds=poll),
        timing=Timing(book, desk.bell, desk.clock),
        pruning=Pruning(book, desk.clock),
    )
