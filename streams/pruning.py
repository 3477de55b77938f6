"""Pruning: the book forgets what nobody needs any more, a thousand lines at a time, between the jobs of others."""

from datetime import timedelta

from broadcaster.desk.ports import Book, LogPen
from broadcaster.model.clock import Clock
from broadcaster.model.errors import OutOfReach
from broadcaster.model.precedence import Lane
from streams.topics import LONGEST_KEPT, TOPICS
from streams.writing import die_unless_passing

EVERY_SECONDS = 600.0
AT_ONCE = 1_000
INBOX_KEPT = LONGEST_KEPT + timedelta(days=1)
"""An inbox has to outlive every line that may come again."""


class Pruning:
    """Prunes for as long as it runs."""

    def __init__(self, book: Book, clock: Clock) -> None:
        self._book = book
        self._clock = clock

    async def run(self) -> None:
        """Run until cancelled; a book that is busy is left alone until the next time."""
        while True:
            await self._clock.sleep(EVERY_SECONDS)
            try:
                while await self.step():
                    pass
            except OutOfReach as error:
                die_unless_passing(error)

    async def step(self) -> int:
        """Prune once, and return how many rows went."""
        now = self._clock.now()
        before = {name: now - topic.kept for name, topic in TOPICS.items()}

        def job(pen: LogPen) -> int:
            return pen.prune(before, now - INBOX_KEPT, limit=AT_ONCE) + pen.prune_over(now, limit=AT_ONCE)

        return await self._book.write(Lane.NOTICE, job)
