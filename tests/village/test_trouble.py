"""Trouble: what fails for a while fails alone, and the town goes on."""

from collections.abc import Callable
from typing import Any

import pytest

from broadcaster.desk.ports import LogPen
from broadcaster.model.delivery import Outcome
from broadcaster.model.errors import OutOfReach
from broadcaster.model.precedence import Lane
from tests.village.town import Village

pytestmark = pytest.mark.virtual


@pytest.mark.parametrize("code", ["book_full", "book_busy"])
async def test_a_busy_book_ends_nothing(village: Village, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """
    Every loop of the town asks the book; for a minute half of all its answers are "not now".
    """
    await village.has_horns(2)
    book, answers = village.town.book, iter(range(10**9))
    write, read = book.write, book.read

    async def busy(asked: Callable[..., Any], *args: Any) -> Any:
        if next(answers) % 2:
            raise OutOfReach(code)
        return await asked(*args)

    async def busy_write(lane: Lane, job: Callable[[LogPen], Any]) -> Any:
        return await busy(write, lane, job)

    monkeypatch.setattr(book, "write", busy_write)
    monkeypatch.setattr(book, "read", lambda query: busy(read, query))
    await village.passes(seconds=60)
    monkeypatch.undo()
    origin = await village.publishes("今晚停水。")
    await village.passes(seconds=60)

    assert not village.is_over
    assert [one.outcome for one in await village.deliveries(origin)] == [Outcome.PLAYED] * 2
