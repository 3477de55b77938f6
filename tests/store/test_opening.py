"""How the book's file is opened."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from broadcaster.model.errors import Invalid, NotFound, OutOfReach
from broadcaster.model.precedence import Lane
from broadcaster.store.bell import LocalBell
from broadcaster.store.book import SqlBook
from broadcaster.store.engine import BookReader, check, is_fixed, open_engine, open_readonly
from broadcaster.store.lock import BookLock
from tests.store import sheets
from tests.store.blank import blank


def pragma(engine: Engine, name: str) -> object:
    with engine.connect() as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


@pytest.mark.parametrize(
    ("version", "fixed"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 9), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 53, 0), True),
        ((4, 0, 0), True),
    ],
)
def test_only_mended_versions_may_write_ahead(version: tuple[int, int, int], fixed: bool) -> None:
    assert is_fixed(version) is fixed


def test_a_mended_version_writes_ahead_and_syncs_each_commit(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "book.db")

    assert [pragma(engine, name) for name in ("journal_mode", "synchronous", "foreign_keys", "mmap_size")] == [
        "wal",
        2,
        1,
        0,
    ]


@pytest.mark.skipif(is_fixed(sqlite3.sqlite_version_info), reason="Python's own SQLite is a mended one here")
def test_another_version_keeps_a_rollback_journal(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "book.db", module=sqlite3)

    assert [pragma(engine, name) for name in ("journal_mode", "synchronous")] == ["delete", 3]


async def test_the_book_works_on_pythons_own_sqlite(tmp_path: Path) -> None:
    async with SqlBook(tmp_path / "book.db", LocalBell(), module=sqlite3) as book:
        await book.write(Lane.NOTICE, lambda pen: pen.put(sheets.origin()))

        assert await book.read(lambda state: state.origin("flood")) == sheets.origin()


async def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    async with SqlBook(tmp_path / "book.db", LocalBell()):
        modes = await asyncio.to_thread(lambda: {oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()})

    assert modes == {"0o600"}


async def test_a_path_may_hold_any_characters(tmp_path: Path) -> None:
    path = tmp_path / "蓼泉 100%?#" / "book.db"
    path.parent.mkdir()
    async with SqlBook(f"sqlite:///{path}", LocalBell()):
        pass

    assert path.is_file()


async def test_a_second_process_is_told_who_holds_the_book(tmp_path: Path) -> None:
    async with SqlBook(tmp_path / "book.db", LocalBell()):
        with pytest.raises(OutOfReach) as refused:
            async with SqlBook(tmp_path / "book.db", LocalBell()):
                pass

    assert (refused.value.code, refused.value.facts["pid"]) == ("book_locked", str(os.getpid()))


def test_the_lock_goes_with_its_process(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib; from broadcaster.store.lock import BookLock; BookLock(pathlib.Path(sys.argv[1])).take()"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "book.db")], check=True)

    lock = BookLock(tmp_path / "book.db")
    lock.take()
    lock.let_go()


async def test_a_damaged_book_is_not_opened(tmp_path: Path) -> None:
    path = blank(tmp_path / "book.db")
    whole = path.read_bytes()
    path.write_bytes(whole[:20_000] + bytes(8_000) + whole[28_000:])

    with pytest.raises(OutOfReach) as refused:
        async with SqlBook(path, LocalBell()):
            pass

    assert refused.value.code == "book_broken"
    BookLock(path).take()  # nobody holds it


def test_what_is_no_book_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "book.db").write_text("a letter to the village head\n" * 99)

    with pytest.raises(OutOfReach):
        check(open_engine(tmp_path / "book.db"))


def test_another_database_is_refused_by_name() -> None:
    with pytest.raises(Invalid) as refused:
        open_engine("mysql://town/book")

    assert refused.value.facts["scheme"] == "mysql"


async def test_another_process_reads_what_is_committed(tmp_path: Path) -> None:
    path = tmp_path / "book.db"
    async with SqlBook(path, LocalBell()) as book:
        reader = BookReader(path)
        with reader.moment() as before:
            before.epoch()
            await book.write(Lane.ALERT, lambda pen: pen.put(sheets.origin()))
            seen_before = before.origin("flood")
        with reader.moment() as later:
            seen_later = later.origin("flood")
        reader.close()

    with open_readonly(path) as state:
        assert (seen_before, seen_later, state.origin("flood")) == (None, sheets.origin(), sheets.origin())


def test_who_reads_cannot_write(tmp_path: Path) -> None:
    engine = open_engine(blank(tmp_path / "book.db"), read_only=True)

    with engine.connect() as connection, pytest.raises(OperationalError, match="readonly"):
        connection.execute(text("DELETE FROM origin"))


def test_there_is_nothing_to_read_where_no_book_is(tmp_path: Path) -> None:
    with pytest.raises(NotFound), open_readonly(tmp_path / "book.db"):
        pass
