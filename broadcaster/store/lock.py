"""Lock: one process writes a book, and a second one is told who does."""

import fcntl
import os
from pathlib import Path

from broadcaster.model.errors import OutOfReach


class BookLock:
    """A file beside the book that its one writer holds; the system lets go of it when that process ends."""

    def __init__(self, book: Path) -> None:
        self._path = book.with_name(book.name + ".lock")
        self._held: int | None = None

    def take(self) -> None:
        """Take it, or fail at once.

        Raises:
            OutOfReach: book_locked, with the pid of who holds it: stop that process, or ask it over HTTP.
        """
        held = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            pid = os.read(held, 20).decode().strip()
            os.close(held)
            raise OutOfReach("book_locked", path=str(self._path), pid=pid or "?") from error
        os.ftruncate(held, 0)
        os.write(held, f"{os.getpid()}\n".encode())
        self._held = held

    def let_go(self) -> None:
        """Give it back."""
        if self._held is not None:
            os.close(self._held)
            self._held = None
