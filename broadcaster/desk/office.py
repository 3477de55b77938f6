"""The desk itself: its ports and its policy, handed to every use case."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from broadcaster.desk.ports import Bell, Book, Pen, Reader, Signer, SpeakerLine, Studio
from broadcaster.model.clock import Clock
from broadcaster.model.crashing import crash_point
from broadcaster.model.precedence import Lane
from broadcaster.model.schedule import QuietHours

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Policy:
    """What the town has decided for itself.

    Attributes:
        quiet: when nothing routine sounds.
        undo: how long a released notice, and an alert below Extreme, may still be taken back unheard.
        many_villages: more than so many need two approvers and `many_hold`.
        close_after: how long after expiry a receipt is waited for.
        remember: how long after expiry a tombstone stays.
    """

    quiet: QuietHours = field(default_factory=QuietHours)
    undo: timedelta = timedelta(seconds=10)
    many_villages: int = 10
    many_hold: timedelta = timedelta(seconds=60)
    close_after: timedelta = timedelta(minutes=10)
    remember: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Desk:
    """All that the use cases work with.

    Attributes:
        new_id: a fresh uuid7. `new_secret`: a fresh secret that fits into a link.
    """

    book: Book
    bell: Bell
    reader: Reader
    studio: Studio
    signer: Signer
    line: SpeakerLine
    clock: Clock
    new_id: Callable[[], str]
    new_secret: Callable[[], str]
    policy: Policy = field(default_factory=Policy)

    async def accept(self, lane: Lane, job: Callable[[Pen], T]) -> T:
        """Take what somebody said into the book; it is answered only after the commit."""

        def accepting(pen: Pen) -> T:
            answer = job(pen)
            crash_point("accept.commit.before")
            return answer

        answer = await self.book.write(lane, accepting)
        crash_point("accept.commit.after")
        return answer


def secret_hash(secret: str) -> str:
    """Return what the book keeps of a secret: secrets have 256 random bits, so a plain SHA-256 suffices."""
    return hashlib.sha256(secret.encode()).hexdigest()
