"""The books that the contract is tried on: each is opened empty, in a directory of its own."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from broadcaster.desk.ports import Book, Listening
from broadcaster.store.bell import LocalBell
from broadcaster.store.book import SqlBook
from tests.store.blank import blank


@dataclass
class NotingBell(LocalBell):
    """A bell that notes what was rung."""

    rung: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def ring(self, *names: str) -> None:
        self.rung += names
        super().ring(*names)

    def listen(self, *names: str) -> Listening:
        return super().listen(*names)


@dataclass
class Opened:
    book: Book
    bell: NotingBell


@asynccontextmanager
async def sqlite(directory: Path) -> AsyncIterator[Opened]:
    bell = NotingBell()
    async with SqlBook(blank(directory / "book.db"), bell) as book:
        yield Opened(book, bell)


BOOKS: dict[str, Callable[[Path], AbstractAsyncContextManager[Opened]]] = {"sqlite": sqlite}
"""Name → how to open one; another database joins by one more line."""
