"""Sentences that were said before, on disk, under a key of everything that shaped them."""

import hashlib
import io
import json
import os
from pathlib import Path

import numpy as np

from audio import shelving
from audio.encoding import to_pcm
from audio.voices.port import RATE_HZ, Samples

LARGEST_BYTES = 512 * 1024 * 1024
# Pruned well below the limit, so that the folder is not listed again at the next sentence.
PRUNE_TO = 0.9


def key(sentence: str, *, fingerprint: str, rules: str, split: str, trimming: str) -> str:
    """SHA-256 over all that shapes a sentence's sound: what is not in here must not change it."""
    shaped = {"fingerprint": fingerprint, "rules": rules, "sentence": sentence, "split": split, "trimming": trimming}
    return hashlib.sha256(json.dumps(shaped, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def on_grid(samples: Samples) -> Samples:
    """Round to what the cache gives back, so that a sentence sounds the same the first time and the hundredth."""
    return to_pcm(samples).astype(np.float32) / np.float32(32767)


class SentenceCache:
    """FLAC files in one folder; the least recently used go first when it grows too large.

    Its methods block: call them in a thread. Several processes may share the folder.
    """

    def __init__(self, folder: Path, largest_bytes: int = LARGEST_BYTES) -> None:
        self._folder = folder
        self._largest_bytes = largest_bytes
        self._bytes: int | None = None

    def get(self, name: str) -> Samples | None:
        """The sound under a key, or None. A damaged file counts as none and is removed."""
        import soundfile

        path = self._path(name)
        try:
            pcm, rate_hz = soundfile.read(io.BytesIO(path.read_bytes()), dtype="int16")
        except FileNotFoundError:
            return None
        except soundfile.LibsndfileError:
            path.unlink(missing_ok=True)
            return None
        if rate_hz != RATE_HZ or pcm.ndim != 1:
            path.unlink(missing_ok=True)
            return None
        os.utime(path)
        sound: Samples = pcm.astype(np.float32) / np.float32(32767)
        return sound

    def put(self, name: str, samples: Samples) -> None:
        """Keep a sound; costs others their place when the folder is full."""
        import soundfile

        file = io.BytesIO()
        soundfile.write(file, to_pcm(samples), RATE_HZ, format="FLAC", subtype="PCM_16")
        content = file.getvalue()
        shelving.put(self._path(name), content)
        self._bytes = None if self._bytes is None else self._bytes + len(content)
        if self._bytes is None or self._bytes > self._largest_bytes:
            self._bytes = self._prune()

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.flac"

    def _prune(self) -> int:
        """Remove the least recently used beyond the limit; return how many bytes are left."""
        found = sorted((stat.st_mtime_ns, path, stat.st_size) for path, stat in self._stats())
        total = sum(size for _, _, size in found)
        if total <= self._largest_bytes:
            return total
        for _, path, size in found[:-1]:
            path.unlink(missing_ok=True)
            total -= size
            if total <= PRUNE_TO * self._largest_bytes:
                break
        return total

    def _stats(self) -> list[tuple[Path, os.stat_result]]:
        stats = []
        for path in self._folder.glob("*.flac"):
            try:
                stats.append((path, path.stat()))
            except FileNotFoundError:
                continue  # another process pruned it between the listing and now
        return stats
