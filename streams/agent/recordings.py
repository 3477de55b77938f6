"""Recordings: finished speech on the loudspeaker, fetched by its content and checked before a sample of it sounds."""

import asyncio
import hashlib
import os
from array import array
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import urljoin, urlsplit

from audio.chimes import TONE_RATE_HZ
from audio.playing import Undecodable, decode
from broadcaster.model.errors import Invalid, OutOfReach
from broadcaster.model.order import RecordingRef
from streams.agent.asking import Answered, ask, service

FETCH_SECONDS = 30
LARGEST_BYTES = 64 * 1024 * 1024
LENGTH_TOLERANCE_MS = 250
"""Decoders differ by some frames of padding; more than this is another sound."""

RECENT = 4
"""Decoded recordings held: ten minutes of speech are 29 MB."""


class Fetch(Protocol):
    """Where recordings come from."""

    async def get(self, recording: RecordingRef) -> bytes:
        """Return a recording's file, unchecked.

        Raises:
            OutOfReach: recording_away; try again.
        """


class HttpFetch:
    """Gets recordings from the service, by the path that the order names, never from another host."""

    def __init__(self, service_url: str) -> None:
        self._service = service(service_url) + "/"

    async def get(self, recording: RecordingRef) -> bytes:
        """Get it, in a thread; no more bytes than the order names are read."""
        return await asyncio.to_thread(self._get, recording)

    def _get(self, recording: RecordingRef) -> bytes:
        url = urljoin(self._service, recording.url.lstrip("/"))
        if urlsplit(url).netloc != urlsplit(self._service).netloc:
            raise Invalid("audio", why="another host")
        try:
            return ask(url, seconds=FETCH_SECONDS, largest=recording.bytes + 1)
        except Answered as answered:
            raise OutOfReach("recording_away", sha256=recording.sha256, status=answered.status) from answered


class MemoryFetch:
    """Recordings by their SHA-256, for tests. `is_down`: nothing answers."""

    def __init__(self, sounds: Mapping[str, bytes] | None = None) -> None:
        self.sounds = dict(sounds or {})
        self.is_down = False
        self.asked = 0

    async def get(self, recording: RecordingRef) -> bytes:
        """Return it if it is there."""
        self.asked += 1
        await asyncio.sleep(0)
        if self.is_down or recording.sha256 not in self.sounds:
            raise OutOfReach("recording_away", sha256=recording.sha256)
        return self.sounds[recording.sha256]


class Recordings:
    """The recordings of one loudspeaker, or of a whole fleet in one process.

    Args:
        shelf: directory of the files kept; None keeps none.
        largest_shelf_bytes: the files used longest ago are let go beyond this.
        recent: how many decoded recordings stay in memory.
    """

    def __init__(
        self,
        fetch: Fetch,
        shelf: Path | None = None,
        largest_shelf_bytes: int = 512 * 1024 * 1024,
        recent: int = RECENT,
    ) -> None:
        self._fetch = fetch
        self._shelf = shelf
        self._largest_shelf_bytes = largest_shelf_bytes
        self._recent = recent
        self._decoded: OrderedDict[str, array[int]] = OrderedDict()
        self._locks: dict[str, asyncio.Lock] = {}

    async def get(self, recording: RecordingRef) -> "array[int]":
        """Return the samples of a recording, not to be written to.

        Raises:
            Invalid: audio (its bytes are not those that were ordered, or are no sound).
            OutOfReach: recording_away.
        """
        lock = self._locks.setdefault(recording.sha256, asyncio.Lock())
        try:
            async with lock:
                found = self._decoded.get(recording.sha256) or await self._read(recording)
        finally:
            self._locks.pop(recording.sha256, None)
        return self._remember(recording.sha256, found)

    def has(self, recording: RecordingRef) -> bool:
        """Tell whether it is decoded already."""
        return recording.sha256 in self._decoded

    @property
    def held(self) -> int:
        """Return how many are decoded."""
        return len(self._decoded)

    def _remember(self, sha256: str, samples: "array[int]") -> "array[int]":
        self._decoded[sha256] = samples
        self._decoded.move_to_end(sha256)
        while len(self._decoded) > self._recent:
            self._decoded.popitem(last=False)
        return samples

    async def _read(self, recording: RecordingRef) -> "array[int]":
        if not 0 < recording.bytes <= LARGEST_BYTES:
            raise Invalid("audio", why="size")
        sound = await asyncio.to_thread(self._from_shelf, recording) if self._shelf else None
        if sound is None:
            sound = await self._fetch.get(recording)
            check(sound, recording)
            if self._shelf:
                await asyncio.to_thread(self._to_shelf, self._shelf, recording.sha256, sound)
        return await asyncio.to_thread(_decoded, sound, recording.ms)

    def _from_shelf(self, recording: RecordingRef) -> bytes | None:
        if self._shelf is None:
            return None
        path = self._shelf / Path(recording.sha256).name
        try:
            sound = path.read_bytes()
            check(sound, recording)
            os.utime(path)
        except (OSError, Invalid):
            # Not there, or a card that lost bits: fetched anew.
            return None
        return sound

    def _to_shelf(self, shelf: Path, sha256: str, sound: bytes) -> None:
        part = shelf / f"{sha256}.part"
        try:
            shelf.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                file.write(sound)
                file.flush()
                os.fsync(file.fileno())
            part.replace(shelf / sha256)
            self._tidy(shelf)
        except OSError:
            # A full shelf costs another fetch after a restart, never a sound.
            part.unlink(missing_ok=True)

    def _tidy(self, shelf: Path) -> None:
        files = sorted(((path.stat(), path) for path in shelf.iterdir()), key=lambda pair: -pair[0].st_mtime)
        total = 0
        for stat, path in files:
            total += stat.st_size
            if total > self._largest_shelf_bytes:
                path.unlink(missing_ok=True)


def check(sound: bytes, recording: RecordingRef) -> None:
    """Compare a file with what was ordered.

    Raises:
        Invalid: audio.
    """
    if len(sound) != recording.bytes:
        raise Invalid("audio", why="length")
    if hashlib.sha256(sound).hexdigest() != recording.sha256:
        raise Invalid("audio", why="sha256")


def _decoded(sound: bytes, ms: int) -> "array[int]":
    try:
        samples = decode(sound)
    except Undecodable as error:
        raise Invalid("audio", why="undecodable") from error
    if not samples or abs(len(samples) * 1000 / TONE_RATE_HZ - ms) > LENGTH_TOLERANCE_MS:
        raise Invalid("audio", why="ms")
    return samples
