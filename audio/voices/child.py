"""The voice process itself: one engine, one sentence at a time, until its stdin ends.

The main thread speaks; a second one listens, so that a sentence can be stopped while it is being made.
"""

import os
import queue
import sys
import threading
import time
from dataclasses import dataclass
from io import FileIO
from typing import TYPE_CHECKING, BinaryIO

from audio.errors import VoiceFailed
from audio.voices import frames
from audio.voices.kokoro import Interrupted, Kokoro

if TYPE_CHECKING:
    import onnxruntime as ort

WARM_UP = "您好。"


@dataclass(frozen=True)
class _Wanted:
    number: int
    sentence: str
    options: "ort.RunOptions"


def run(speaker: str) -> None:
    """Be the voice process: load, warm up, say ready, then answer until end of file."""
    line = _private_stdout()
    import onnxruntime as ort

    engine = Kokoro(speaker)
    engine.say(WARM_UP, ort.RunOptions())
    wanted: queue.SimpleQueue[_Wanted] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, wanted), daemon=True).start()
    _write(line, {"ready": True})
    while True:
        one = wanted.get()
        _write(line, {"begun": one.number, "at": time.monotonic()})
        head, body = _answer(engine, one)
        _write(line, head, body)


def _answer(engine: Kokoro, wanted: _Wanted) -> tuple[frames.Head, bytes]:
    try:
        spoken = engine.say(wanted.sentence, wanted.options)
    except Interrupted:
        return {"stopped": wanted.number}, b""
    except VoiceFailed as error:
        return {"failed": wanted.number, "why": str(error)}, b""
    return {"said": wanted.number}, spoken.astype("<f4", copy=False).tobytes()


def _listen(stdin: BinaryIO, wanted: "queue.SimpleQueue[_Wanted]") -> None:
    """Queue what is to be said, stop what is not; the end of the file is the end of the process."""
    import onnxruntime as ort

    # Options are made here and not where they are used, so that no stop can come too early for them.
    options: dict[int, ort.RunOptions] = {}
    while prefix := stdin.read(frames.LENGTHS.size):
        head_length, body_length = frames.lengths(prefix)
        head = frames.head(stdin.read(head_length))
        stdin.read(body_length)
        if "say" in head:
            options = {number: kept for number, kept in options.items() if number > head["say"] - 8}
            options[head["say"]] = ort.RunOptions()
            wanted.put(_Wanted(head["say"], head["sentence"], options[head["say"]]))
        elif head.get("stop") in options:
            options[head["stop"]].terminate = True
    # Not sys.exit: the main thread may be in the middle of a sentence that nobody wants any more.
    os._exit(0)


def _private_stdout() -> FileIO:
    """Keep stdout for frames alone; whatever else prints, libraries included, goes to stderr."""
    line = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    sys.stdout = sys.stderr
    return line


def _write(line: FileIO, head: frames.Head, body: bytes = b"") -> None:
    # A raw file may take less than it was given.
    rest = memoryview(frames.frame(head, body))
    try:
        while rest:
            rest = rest[line.write(rest) :]
    except BrokenPipeError:
        # The desk is gone; there is nobody to tell.
        os._exit(0)
