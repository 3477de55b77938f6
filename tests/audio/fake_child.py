"""A voice process without a model, which misbehaves on demand: what is asked of it says how.

Beeps a tenth of a second a character. 慢 waits until it is stopped (or 20 s); 死 dies; 死一次 dies once;
吵 prints to stdout; 乱 answers with the wrong number; 不会 fails; 哑 never answers.
Arguments: a file that gets one line per start and per sentence; then optionally ``mute``, ``rude`` or ``gone``.
"""

import os
import sys
import threading
import time
from pathlib import Path

from audio.voices import frames


def main() -> None:
    diary, manners = Path(sys.argv[1]), sys.argv[2:3]
    _note(diary, "start")
    if manners == ["gone"]:
        sys.exit(3)
    if manners == ["rude"]:
        os.write(1, b"Hello, I am no voice process.")
    if manners != ["mute"]:
        _send({"ready": True})
    stopped = threading.Event()
    while prefix := sys.stdin.buffer.read(frames.LENGTHS.size):
        head_length, body_length = frames.lengths(prefix)
        head = frames.head(sys.stdin.buffer.read(head_length))
        sys.stdin.buffer.read(body_length)
        if "stop" in head:
            stopped.set()
        else:
            stopped.clear()
            threading.Thread(target=_say, args=(diary, head["say"], head["sentence"], stopped), daemon=True).start()


def _say(diary: Path, number: int, sentence: str, stopped: threading.Event) -> None:
    before = diary.read_text(encoding="utf-8")
    _note(diary, sentence)
    if "死一次" in sentence and sentence in before:
        pass
    elif "死" in sentence:
        os._exit(9)
    if "慢" in sentence and sentence not in before:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not stopped.wait(0.01):
            pass
        if stopped.is_set():
            _send({"stopped": number})
            return
    if "哑" in sentence:
        return
    if "吵" in sentence:
        os.write(1, b"\xff" * 64)
    if "不会" in sentence:
        _send({"failed": number, "why": "I cannot"})
        return
    _send({"said": number + ("乱" in sentence)}, b"\0\0\0\x3f" * 2400 * len(sentence))


def _note(diary: Path, line: str) -> None:
    with diary.open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def _send(head: frames.Head, body: bytes = b"") -> None:
    sys.stdout.buffer.write(frames.frame(head, body))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
