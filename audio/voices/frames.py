"""What the desk's process and the voice process say to each other, over the child's stdin and stdout.

A frame is two big-endian 32-bit lengths, a JSON head and a body. To the voice: ``{"say": n, "sentence": …}`` and
``{"stop": n}``. From it: ``{"ready": true}`` once; then for every ``say`` first ``{"begun": n, "at": …}`` (seconds of
the machine's monotonic clock; a child may leave it out), then one ``{"said": n}`` with float32 samples
(little-endian) as the body, ``{"failed": n, "why": …}`` or ``{"stopped": n}``.
"""

import json
import struct
from typing import Any, TypeAlias

Head: TypeAlias = dict[str, Any]
LENGTHS = struct.Struct(">II")
LARGEST_HEAD = 64 * 1024
# Five minutes of sound; a sentence is some ten seconds.
LARGEST_BODY = 5 * 60 * 24_000 * 4


def frame(head: Head, body: bytes = b"") -> bytes:
    """One frame."""
    text = json.dumps(head, ensure_ascii=False).encode()
    return LENGTHS.pack(len(text), len(body)) + text + body


def lengths(prefix: bytes) -> tuple[int, int]:
    """How long the head and the body are.

    Raises:
        ValueError: no voice process writes such a prefix; something else is on the line.
    """
    head, body = LENGTHS.unpack(prefix)
    if head > LARGEST_HEAD or body > LARGEST_BODY:
        raise ValueError(f"a frame of {head} + {body} bytes is none of ours")
    return head, body


def head(text: bytes) -> Head:
    """The head of a frame, parsed.

    Raises:
        ValueError: it is no JSON object.
    """
    parsed = json.loads(text)
    if not isinstance(parsed, dict):
        raise ValueError("the head of a frame is a JSON object")  # noqa: TRY004 - one family for a bad line
    return parsed
