"""Copies of the book, and the way back from one."""

import asyncio
from pathlib import Path

import pytest

from broadcaster.model.errors import NotFound, OutOfReach
from broadcaster.model.precedence import Lane
from broadcaster.store.backup import back_up, restore
from broadcaster.store.bell import LocalBell
from broadcaster.store.book import SqlBook
from broadcaster.store.engine import open_readonly
from tests.store import sheets
from tests.store.blank import blank


async def write(path: Path, *names: str) -> None:
    async with SqlBook(path, LocalBell()) as book:
        for name in names:
            await book.write(Lane.NOTICE, lambda pen, name=name: pen.put(sheets.origin(name)))


def held(path: Path) -> tuple[set[str], int]:
    with open_readonly(path) as state:
        return {one.id for one in state.origins()}, state.epoch()


def files(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


async def test_a_book_is_copied_while_it_is_written(tmp_path: Path) -> None:
    path, copy = blank(tmp_path / "book.db"), tmp_path / "copy.db"
    async with SqlBook(path, LocalBell()) as book:
        await book.write(Lane.NOTICE, lambda pen: pen.put(sheets.origin("before")))
        await asyncio.to_thread(back_up, path, copy)
        await book.write(Lane.NOTICE, lambda pen: pen.put(sheets.origin("after")))

    assert files(tmp_path) == {"book.db", "book.db.lock", "copy.db"}
    assert oct(copy.stat().st_mode & 0o777) == "0o600"
    assert held(copy) == ({"before"}, 1)


async def test_a_restored_book_begins_a_new_epoch(tmp_path: Path) -> None:
    path, copy = blank(tmp_path / "book.db"), tmp_path / "copy.db"
    await write(path, "before")
    back_up(path, copy)
    await write(path, "since")

    epochs = [restore(copy, path), restore(copy, path)]

    assert epochs == [2, 3]
    assert held(path) == ({"before"}, 3)
    assert held(tmp_path / "book.db.before") == ({"before"}, 2)
    await write(path, "again")


async def test_nothing_is_restored_under_a_running_service(tmp_path: Path) -> None:
    path, copy = blank(tmp_path / "book.db"), blank(tmp_path / "copy.db")
    async with SqlBook(path, LocalBell()):
        with pytest.raises(OutOfReach, match="book_locked"):
            restore(copy, path)


async def test_a_damaged_book_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "book.db"
    path.write_bytes(b"rust" * 9_999)

    assert restore(blank(tmp_path / "copy.db"), path) == 2
    assert (tmp_path / "book.db.before").read_bytes() == b"rust" * 9_999


@pytest.mark.parametrize("content", [b"rust" * 9_999, None])
async def test_a_damaged_or_missing_backup_replaces_nothing(tmp_path: Path, content: bytes | None) -> None:
    path, copy = blank(tmp_path / "book.db"), tmp_path / "copy.db"
    await write(path, "kept")
    if content:
        copy.write_bytes(content)

    with pytest.raises((OutOfReach, NotFound)):
        restore(copy, path)

    assert held(path) == ({"kept"}, 1)
