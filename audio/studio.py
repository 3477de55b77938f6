"""The studio: from the text that is to be said to a finished recording on the shelf."""

import asyncio
import hashlib
import json
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Literal, ParamSpec, TypeVar

from audio import encoding, loudness, mixing, shelving
from audio.errors import SpeechError, VoiceFailed, VoiceOutOfReach
from audio.reading import RULES_VERSION, SPLIT_VERSION, sentences
from audio.voices import cache, gate
from audio.voices.port import RATE_HZ, Samples, Voice

SENTENCES_IN_FLIGHT = 2

SHELF_BYTES = 5 * 1024**3
"""Some 300 hours of speech."""

MOST_FRESH = 100

_URGENT = ThreadPoolExecutor(max_workers=2, thread_name_prefix="urgent-sound")
_ROUTINE = ThreadPoolExecutor(max_workers=2, thread_name_prefix="sound")
_PREVIEWS = ThreadPoolExecutor(max_workers=1, thread_name_prefix="previews")
"""Threads of the process, idle at no cost: encoding takes 0.1-2 s, and what is urgent waits neither for that of others
nor for the many who listen in at their phones and desks."""

STOCK = {
    "alert": "请注意，请注意。本村有紧急情况，请立即到安全的地方，听从村干部指挥。",
    "notice": "各位村民，村委会有新的通知，请到村务公开栏或者向网格员了解。",
}


P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Recording:
    """Finished speech, named by the hash of its file.

    Attributes:
        sha256: of the Opus file on the shelf, lower-case hex.
        codec: of that file.
        bytes: its size.
        ms: how long it sounds, rounded down: samples that the loudspeaker's decoder gives, x 1000 / rate.
        lufs: its loudness (BS.1770) before encoding.
        voice: who speaks it, from the first word to the last.
    """

    sha256: str
    codec: Literal["opus"]
    bytes: int
    ms: int
    lufs: float
    voice: str


class Studio:
    """Records texts with the first of its voices that can say all of them."""

    def __init__(self, voices: Sequence[Voice], shelf: Path) -> None:
        """Take the voices in the order in which they are tried, and the folder for recordings."""
        if not voices:
            raise ValueError("a studio needs at least one voice")
        self._voices = tuple(voices)
        self._shelf = shelf
        self._cache = cache.SentenceCache(shelf / "sentences")
        self._takes: dict[str, _Take] = {}
        self._previews: dict[str, asyncio.Future[None]] = {}
        self._fresh: deque[str] = deque(maxlen=MOST_FRESH)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything that shapes its recordings but the text: voices in their order, rules, finishing."""
        parts = [*(voice.fingerprint for voice in self._voices), RULES_VERSION, SPLIT_VERSION, _FINISHING]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    async def record(self, spoken: str, *, urgent: bool) -> Recording:
        """Say a text, finish it, and put it on the shelf; the same text in the same voice gives the same file.

        Two who want the same text at once share one synthesis; it becomes urgent when either is.

        Args:
            spoken: what `reading.read` gave.
            urgent: goes before everything that is not.

        Raises:
            VoiceOutOfReach: no voice could, and one of them may later.
            VoiceFailed: no voice can.
        """
        while other := self._takes.get(spoken):
            other.urgent = other.urgent or urgent
            await other.over.wait()
            if other.recording:
                return other.recording
            if other.error:
                raise other.error
            # The one who recorded it gave up; now it is ours.
        take = self._takes[spoken] = _Take(urgent)
        try:
            take.recording = await self._record(spoken, take)
        except SpeechError as error:
            take.error = error
            raise
        finally:
            del self._takes[spoken]
            take.over.set()
        return take.recording

    def path(self, sha256: str) -> Path:
        """Where a recording stands, whether or not it is there."""
        if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
            raise ValueError(f"{sha256!r} is no SHA-256: give 64 lower-case hex digits")
        return self._shelf / f"{sha256}.opus"

    async def mp3(self, sha256: str) -> Path:
        """The same recording as MP3, made at the first request; all who ask meanwhile wait for the same one.

        Raises:
            FileNotFoundError: there is no such recording.
        """
        opus = self.path(sha256)
        mp3 = opus.with_suffix(".mp3")
        if not mp3.exists():
            # Whoever hangs up takes it from nobody else.
            await asyncio.shield(self._previews.get(sha256) or self._begin_preview(sha256, opus, mp3))
        return mp3

    def _begin_preview(self, sha256: str, opus: Path, mp3: Path) -> "asyncio.Future[None]":
        making = self._previews[sha256] = asyncio.get_running_loop().run_in_executor(_PREVIEWS, _convert, opus, mp3)
        making.add_done_callback(lambda done: self._previews.pop(sha256) and done.exception())
        return making

    async def surplus(self, wanted: Collection[str], largest_bytes: int = SHELF_BYTES) -> list[str]:
        """What has to go for the shelf to be small enough, the least recently used first.

        Args:
            wanted: hashes of recordings that stay, however much they take. The stock phrases stay too, and what was
                just recorded: whoever wants it may not have written that down yet.
            largest_bytes: of all recordings and their MP3s; the sentences' cache has a limit of its own.
        """
        return await asyncio.get_running_loop().run_in_executor(_ROUTINE, self._surplus, {*wanted}, largest_bytes)

    def _surplus(self, wanted: set[str], largest_bytes: int) -> list[str]:
        keeping = wanted.union(self._fresh)
        for index in self._shelf.glob("stock-*.json"):
            phrase = self._kept(index)
            keeping |= {phrase.sha256} if phrase else set()
        sizes, used = Counter[str](), dict[str, float]()
        for file in [*self._shelf.glob("*.opus"), *self._shelf.glob("*.mp3")]:
            found = file.stat()
            sizes[file.stem] += found.st_size
            used[file.stem] = max(used.get(file.stem, 0.0), found.st_atime, found.st_mtime)
        over, going = sizes.total() - largest_bytes, list[str]()
        for name in sorted(sizes.keys() - keeping, key=used.__getitem__):
            if over <= 0:
                break
            going.append(name)
            over -= sizes[name]
        return going

    async def remove(self, names: Collection[str]) -> None:
        """Take recordings and their MP3s from the shelf; those that are not there are passed over."""
        await asyncio.get_running_loop().run_in_executor(_ROUTINE, self._remove, list(names))

    def _remove(self, names: Sequence[str]) -> None:
        for name in names:
            for suffix in (".mp3", ".opus"):
                self.path(name).with_suffix(suffix).unlink(missing_ok=True)

    async def stock(self, kind: Literal["alert", "notice"]) -> Recording:
        """A phrase that says that something is the matter, for when a text cannot be said.

        Rendered once (call it at set-up) and kept; afterwards it needs no voice.

        Raises:
            VoiceOutOfReach, VoiceFailed: it was never rendered and no voice works.
        """
        index = self._shelf / f"stock-{kind}.json"
        kept = await asyncio.to_thread(self._kept, index)
        if kept is None:
            kept = await self.record(STOCK[kind], urgent=False)
            await asyncio.to_thread(shelving.put, index, json.dumps(asdict(kept), indent=1).encode())
        return kept

    def _kept(self, index: Path) -> Recording | None:
        try:
            kept = Recording(**json.loads(index.read_bytes()))
        except (FileNotFoundError, ValueError, TypeError):
            return None
        return kept if self.path(kept.sha256).exists() else None

    async def _record(self, spoken: str, take: "_Take") -> Recording:
        """Try one voice after another; each says everything or nothing."""
        parts = sentences(spoken)
        if not parts:
            raise VoiceFailed("there is nothing to say")
        failures: list[SpeechError] = []
        for voice in self._voices:
            try:
                sounds = await self._say_all(parts, voice, take)
                return await take.off_loop(self._finish, list(zip(parts, sounds, strict=True)), voice.name)
            except SpeechError as error:
                failures.append(error)
        family = VoiceOutOfReach if any(isinstance(error, VoiceOutOfReach) for error in failures) else VoiceFailed
        raise family("; ".join(f"{voice.name}: {error}" for voice, error in zip(self._voices, failures, strict=True)))

    async def _say_all(self, parts: Sequence[str], voice: Voice, take: "_Take") -> list[Samples]:
        """Every sentence by one voice; what it never said before is asked in order, two at a time.

        So the voice is never idle, and its queue never full of one text.
        """
        names = {sentence: _key(sentence, voice) for sentence in parts}
        sounds = await take.off_loop(self._known, names)
        room = asyncio.Semaphore(SENTENCES_IN_FLIGHT)

        async def say(sentence: str) -> None:
            try:
                raw = await voice.say(sentence, urgent=take.urgent)
                sounds[sentence] = await take.off_loop(self._accept, names[sentence], sentence, raw)
            finally:
                room.release()

        try:
            async with asyncio.TaskGroup() as group:
                for sentence in [sentence for sentence in names if sentence not in sounds]:
                    await room.acquire()
                    group.create_task(say(sentence))
        except* SpeechError as several:
            raise _first(several) from several
        return [sounds[sentence] for sentence in parts]

    def _known(self, names: Mapping[str, str]) -> dict[str, Samples]:
        found = {sentence: self._cache.get(name) for sentence, name in names.items()}
        return {sentence: sound for sentence, sound in found.items() if sound is not None}

    def _accept(self, name: str, sentence: str, raw: Samples) -> Samples:
        trimmed = mixing.trim(raw)
        gate.check(sentence, trimmed)
        sound = cache.on_grid(trimmed)
        self._cache.put(name, sound)
        return sound

    def _finish(self, spoken: Sequence[tuple[str, Samples]], voice: str) -> Recording:
        """Assemble, bring to -16 LUFS, encode, shelve."""
        master = loudness.level(mixing.assemble(spoken))
        lufs = loudness.loudness(master, RATE_HZ)
        content = encoding.opus(master)
        sha256 = hashlib.sha256(content).hexdigest()
        self._fresh.append(sha256)
        if not self.path(sha256).exists():
            shelving.put(self.path(sha256), content)
        return Recording(sha256, "opus", len(content), encoding.decoded_ms(content), round(lufs, 2), voice)


class _Take:
    """One text being recorded, and those who wait for it."""

    def __init__(self, urgent: bool) -> None:
        self.urgent = urgent
        self.over = asyncio.Event()
        self.recording: Recording | None = None
        self.error: SpeechError | None = None

    async def off_loop(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do work on it in a thread; what is urgent has threads of its own."""
        threads = _URGENT if self.urgent else _ROUTINE
        return await asyncio.get_running_loop().run_in_executor(threads, partial(work, *args, **kwargs))


_FINISHING = f"mixing {mixing.MIXING_VERSION} loudness {loudness.LOUDNESS_VERSION} opus {encoding.ENCODING_VERSION}"


def _key(sentence: str, voice: Voice) -> str:
    trimming = f"{mixing.MIXING_VERSION} {gate.GATE_VERSION}"
    return cache.key(
        sentence, fingerprint=voice.fingerprint, rules=RULES_VERSION, split=SPLIT_VERSION, trimming=trimming
    )


def _first(several: BaseExceptionGroup[SpeechError]) -> SpeechError:
    error = several.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


def _convert(opus: Path, mp3: Path) -> None:
    shelving.put(mp3, encoding.mp3(encoding.decode(opus.read_bytes())))
