"""A town with its app, fresh for each test."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from broadcaster.store.bell import LocalBell
from broadcaster.store.book import SqlBook
from broadcaster.web.app import house
from tests.virtual import START, VirtualClock
from tests.web.api.town import Town, settle, town_of


@pytest.fixture(scope="session")
def settled_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book with the places of the town in it, made once: its migrations take longer than most tests."""
    path = tmp_path_factory.mktemp("settled") / "book.db"

    async def make() -> None:
        async with SqlBook(path, LocalBell()) as book:
            await settle(book, START)

    asyncio.run(make())
    return path


@pytest.fixture(scope="session")
def built() -> FastAPI:
    """The routes, built once: all that differs from test to test lies in the app's state."""
    return house()


@pytest.fixture
async def town(
    settled_book: Path, built: FastAPI, tmp_path: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Town]:
    monkeypatch.setattr("broadcaster.web.app.house", lambda _routes: built)
    bell = LocalBell()
    shutil.copy(settled_book, tmp_path / "book.db")
    async with SqlBook(tmp_path / "book.db", bell) as book:
        yield town_of(book, bell, clock, tmp_path)
