"""Writing: to tell what a job itself raised from what the book raised."""

from collections.abc import Callable
from typing import TypeVar

import structlog

from broadcaster.desk.ports import Book, LogPen
from broadcaster.model.errors import OutOfReach, is_passing
from broadcaster.model.precedence import Lane

T = TypeVar("T")

log = structlog.get_logger()


class JobFailed(Exception):
    """A job raised, and nothing of it is kept. The book is well."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


async def written(book: Book, lane: Lane, job: Callable[[LogPen], T]) -> T:
    """Run a job in a write transaction.

    Raises:
        JobFailed: with what the job raised.
        OutOfReach: of the book: book_full, book_busy, book_broken.
    """
    raised = False

    def watched(pen: LogPen) -> T:
        nonlocal raised
        try:
            return job(pen)
        except Exception:
            # Passed on as it is: whether an error of the database was the job's fault, the book knows best.
            raised = True
            raise

    try:
        return await book.write(lane, watched)
    except OutOfReach as error:
        if raised and error.code != "book_broken":
            raise JobFailed(error) from error
        raise
    except Exception as error:
        raise JobFailed(error) from error


def die_unless_passing(error: OutOfReach) -> None:
    """Let a busy book pass by; a broken one ends whoever needs it, for the service has to restart."""
    if not is_passing(error):
        raise error
    log.warning("book busy", code=error.code, **error.facts)
