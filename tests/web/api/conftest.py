"""A town with its app, fresh for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from broadcaster.store.bell import LocalBell
from broadcaster.store.book import SqlBook
from tests.virtual import VirtualClock
from tests.web.api.town import Town, settle, town_of


@pytest.fixture
async def town(tmp_path: Path, clock: VirtualClock) -> AsyncIterator[Town]:
    bell = LocalBell()
    async with SqlBook(tmp_path / "book.db", bell) as book:
        await settle(book, clock.now())
        yield town_of(book, bell, clock, tmp_path)
