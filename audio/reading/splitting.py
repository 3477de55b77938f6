"""What is to be said, cut into sentences that a voice can say in one breath."""

import re

SPLIT_VERSION = "1"
LONGEST = 60

_ENDS = re.compile(r"[^。！？；]*[。！？；]+|[^。！？；]+")
_BREATHS = "：，、"


def sentences(spoken: str) -> tuple[str, ...]:
    """Cut after every 。！？；, and where a piece is longer than 60 characters also at a mark within it.

    Joined again they give the whole text, all marks included.
    """
    return tuple(short for whole in _ENDS.findall(spoken) for short in _shorten(whole))


def _shorten(sentence: str) -> list[str]:
    pieces = []
    while len(sentence) > LONGEST:
        cut = _cut(sentence)
        pieces.append(sentence[:cut])
        sentence = sentence[cut:]
    return [*pieces, sentence]


def _cut(sentence: str) -> int:
    """After the last mark within reach; before the limit where there is none, leaving the rest not too short."""
    breath = max(sentence.rfind(mark, LONGEST // 4, LONGEST) for mark in _BREATHS)
    if breath > 0:
        return breath + 1
    # A rest of one mark alone would be a sentence with nothing to say.
    return min(LONGEST, len(sentence) // 2)
