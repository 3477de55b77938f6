"""What loudspeakers say goes into the log together, and is confirmed only when it is there."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from broadcaster.desk.appending import Appending
from broadcaster.desk.ports import LogPen
from broadcaster.model.errors import OutOfReach
from broadcaster.model.precedence import Lane


class SlowBook:
    """A book whose transactions end when they are let; it keeps what each of them put."""

    def __init__(self) -> None:
        self.kept: list[list[str]] = []
        self.is_full = False
        self.gate = asyncio.Semaphore(0)

    async def write(self, lane: Lane, job: Callable[[LogPen], Any]) -> None:
        assert lane is Lane.NOTICE
        await self.gate.acquire()
        if self.is_full:
            self.is_full = False
            raise OutOfReach("book_full")
        job(self)  # type: ignore[arg-type] # of the pen only `put` is used

    def put(self, events: list[str]) -> None:
        self.kept.append(list(events))


async def begun(appending: Appending, book: SlowBook, *events: str) -> "asyncio.Task[None]":
    task = asyncio.create_task(appending.append(book, events))  # type: ignore[arg-type] # see SlowBook
    await asyncio.sleep(0)
    return task


async def test_who_comes_while_one_writes_is_written_together() -> None:
    book, appending = SlowBook(), Appending()
    first = await begun(appending, book, "a")
    others = [await begun(appending, book, name) for name in "bcd"]

    book.gate.release()
    await first
    assert not any(one.done() for one in others)
    book.gate.release()
    await asyncio.gather(*others)

    assert book.kept == [["a"], ["b", "c", "d"]]


async def test_a_connection_that_ends_while_it_writes_for_others_loses_them_nothing() -> None:
    book, appending = SlowBook(), Appending()
    first = await begun(appending, book, "a")
    second, third = await begun(appending, book, "b"), await begun(appending, book, "c")
    book.gate.release()
    await first
    await asyncio.sleep(0)

    second.cancel()
    await asyncio.sleep(0)
    book.gate.release()
    await third

    assert book.kept[-1] == ["b", "c"]


async def test_a_full_book_is_told_to_who_wrote_and_tried_again_for_the_others() -> None:
    book, appending = SlowBook(), Appending()
    book.is_full = True
    first, second = await begun(appending, book, "a"), await begun(appending, book, "b")

    book.gate.release()
    with pytest.raises(OutOfReach):
        await first
    book.gate.release()
    await second

    assert book.kept == [["b"]]
