"""Appending: the receipts of many loudspeakers go into the log together, however many speak at once.

While one batch is being written the next one gathers, so that a thousand loudspeakers that answer an alert cost some
transactions and not a thousand.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from broadcaster.desk.events import Event
from broadcaster.desk.ports import Book, Pen
from broadcaster.model.crashing import crash_point
from broadcaster.model.precedence import Lane


@dataclass(slots=True)
class _Batch:
    events: list[Event] = field(default_factory=list)
    is_written: bool = False


class Appending:
    """Appends events for whoever asks, many in one job of the routine lane."""

    def __init__(self) -> None:
        self._batch = _Batch()
        self._turn = asyncio.Lock()

    async def append(self, book: Book, events: Iterable[Event]) -> None:
        """Append events, and return after their commit.

        Raises:
            OutOfReach: of the book: book_full, book_broken.
        """
        batch = self._batch
        batch.events += events
        # The first who comes in writes for all who joined; where it is cut off in the middle the next one writes
        # again, and the log leaves as it is what it has already.
        async with self._turn:
            if not batch.is_written:
                if self._batch is batch:
                    self._batch = _Batch()
                await book.write(Lane.NOTICE, lambda pen: _put(pen, batch.events))
                batch.is_written = True


def _put(pen: Pen, events: list[Event]) -> None:
    pen.put(events)
    crash_point("receipt.commit.before")
