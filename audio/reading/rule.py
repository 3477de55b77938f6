"""What a reading rule is."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Piece:
    """A stretch of the folded text and how it is said."""

    start: int
    end: int
    spoken: str
    rule: str


DASH = "(?:[-~]|—{1,2})"
"""What may stand between the ends of a range."""

Say: TypeAlias = Callable[[re.Match[str], Piece | None], str | None]
"""From a match, and the piece before it, to what is said; None where the rule does not apply after all."""


@dataclass(frozen=True)
class Rule:
    """One way of writing, and how it is said.

    Attributes:
        name: what its author is told: ``telephone``.
        pattern: matched at a place of the folded text; may look behind.
        say: what is said for a match.
    """

    name: str
    pattern: re.Pattern[str]
    say: Say


def rule(name: str, pattern: str) -> Callable[[Say], Rule]:
    """Make a rule of the function below; spaces in the pattern count, there are no verbose ones."""
    return lambda say: Rule(name, re.compile(pattern), say)


def before(match: re.Match[str], length: int = 12) -> str:
    """What stands just before a match."""
    return match.string[max(match.start() - length, 0) : match.start()]


def after(match: re.Match[str], length: int = 6) -> str:
    """What stands just after a match."""
    return match.string[match.end() : match.end() + length]
