"""The book's one writer: who goes first, what shares a commit, and what happens when the disk does not take it."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from broadcaster.desk.ports import LogPen
from broadcaster.model.errors import OutOfReach
from broadcaster.model.precedence import Lane
from broadcaster.store.book import SqlBook
from broadcaster.store.engine import check, open_engine, open_readonly
from tests.contracts.books import NotingBell
from tests.store import sheets
from tests.store.blank import blank

RECEIPTS = 3_000


@pytest.fixture
async def bell() -> NotingBell:
    return NotingBell()


@pytest.fixture
async def book(tmp_path: Path, bell: NotingBell) -> AsyncIterator[SqlBook]:
    async with SqlBook(blank(tmp_path / "book.db"), bell) as book:
        yield book


class Gate:
    """A job at which the writer waits, while others queue behind it."""

    def __init__(self, book: SqlBook) -> None:
        self._open = threading.Event()
        self._reached = threading.Event()
        self.done = asyncio.ensure_future(book.write(Lane.NOTICE, self._stand))

    async def reached(self) -> None:
        await asyncio.to_thread(self._reached.wait, 30)

    def open(self) -> None:
        self._open.set()

    def _stand(self, _: LogPen) -> None:
        self._reached.set()
        self._open.wait(30)


@pytest.fixture
async def gate(book: SqlBook) -> AsyncIterator[Gate]:
    gate = Gate(book)
    await gate.reached()
    yield gate
    gate.open()


async def test_an_alert_behind_three_thousand_receipts_is_in_the_next_commit(
    book: SqlBook, bell: NotingBell, gate: Gate
) -> None:
    receipts = [
        asyncio.ensure_future(book.write(Lane.NOTICE, lambda pen, n=n: pen.put(sheets.event(f"r{n}"))))
        for n in range(RECEIPTS)
    ]
    commits_before = asyncio.ensure_future(book.write(Lane.ALERT, lambda _: bell.rung.count("book")))
    await asyncio.sleep(0)

    gate.open()

    assert await commits_before <= 1  # the gate's own
    await asyncio.gather(*receipts)
    assert bell.rung.count("book") < RECEIPTS / 2
    assert await book.write(Lane.NOTICE, lambda pen: pen.outbox_end()) == RECEIPTS


async def test_after_an_alert_no_notice_joins_its_commit(book: SqlBook, bell: NotingBell, gate: Gate) -> None:
    def commits(_: LogPen) -> int:
        return bell.rung.count("book")

    notice = asyncio.ensure_future(book.write(Lane.NOTICE, commits))
    alerts = [asyncio.ensure_future(book.write(Lane.ALERT, commits)) for _ in range(2)]
    await asyncio.sleep(0)

    gate.open()

    assert await notice > max(await asyncio.gather(*alerts))


async def test_a_full_queue_says_so_at_once_and_keeps_room_for_alerts(tmp_path: Path, bell: NotingBell) -> None:
    async with SqlBook(blank(tmp_path / "book.db"), bell, most_waiting={Lane.ALERT: 1, Lane.NOTICE: 2}) as book:
        gate = Gate(book)
        await gate.reached()
        waiting = [asyncio.ensure_future(book.write(Lane.NOTICE, lambda _: "notice")) for _ in range(2)]
        await asyncio.sleep(0)

        with pytest.raises(OutOfReach) as refused:
            await book.write(Lane.NOTICE, lambda _: "too many")
        alert = asyncio.ensure_future(book.write(Lane.ALERT, lambda _: "alert"))
        await asyncio.sleep(0)
        gate.open()

        assert (refused.value.code, refused.value.facts) == ("book_full", {"lane": "notice"})
        assert await asyncio.gather(alert, *waiting) == ["alert", "notice", "notice"]


async def test_whoever_gave_up_waiting_is_passed_over(book: SqlBook, gate: Gate) -> None:
    gave_up = asyncio.ensure_future(book.write(Lane.NOTICE, lambda pen: pen.put(sheets.origin("gave up"))))
    await asyncio.sleep(0)
    gave_up.cancel()
    await asyncio.sleep(0)

    gate.open()
    await book.write(Lane.NOTICE, lambda pen: pen.put(sheets.origin("kept")))

    assert [one.id for one in await book.read(lambda state: state.origins())] == ["kept"]
    assert book.pending == 0


async def test_what_is_queued_is_written_before_the_book_closes(tmp_path: Path, bell: NotingBell) -> None:
    async with SqlBook(blank(tmp_path / "book.db"), bell) as book:
        writes = [
            asyncio.ensure_future(book.write(Lane.NOTICE, lambda pen, n=n: pen.put(sheets.origin(f"o{n}"))))
            for n in range(100)
        ]
        await asyncio.sleep(0)

    await asyncio.gather(*writes)
    with open_readonly(tmp_path / "book.db") as state:
        assert len(state.origins(limit=200)) == 100
    with pytest.raises(OutOfReach, match="book_closed"):
        await book.write(Lane.ALERT, lambda _: None)


def breaks(code: int) -> Callable[[LogPen], None]:
    """A job in which the database fails with an SQLite result code."""

    def job(_: LogPen) -> None:
        error = sqlite_error()
        error.sqlite_errorcode = code
        raise OperationalError("INSERT", {}, error)

    return job


class sqlite_error(Exception):  # noqa: N801 - stands for the driver's
    sqlite_errorcode = 0


@pytest.mark.parametrize(("code", "name"), [(13, "full"), (10 | 2 << 8, "I/O error on write"), (11, "corrupt")])
async def test_when_the_disk_fails_everybody_is_told(book: SqlBook, gate: Gate, code: int, name: str) -> None:
    jobs: list[Callable[[LogPen], None]] = [breaks(code), lambda _: None, lambda _: None]
    writes = [asyncio.ensure_future(book.write(Lane.NOTICE, job)) for job in jobs]
    await asyncio.sleep(0)

    gate.open()
    told = await asyncio.gather(*writes, return_exceptions=True)
    async with asyncio.timeout(30):
        await book.broken.wait()

    assert [getattr(error, "code", None) for error in told] == ["book_broken"] * 3, name
    with pytest.raises(OutOfReach, match="book_broken"):
        await book.write(Lane.ALERT, lambda _: None)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root may make a disk of two megabytes")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", disk], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"no disk of two megabytes here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", disk], check=True)


async def test_a_full_disk_loses_nothing_that_was_kept(small_disk: Path, bell: NotingBell) -> None:
    path = blank(small_disk / "book.db")
    kept: list[str] = []
    async with SqlBook(path, bell) as book:
        with pytest.raises(OutOfReach, match="book_broken"):
            await fill(book, kept)
        async with asyncio.timeout(30):
            await book.broken.wait()
    await asyncio.to_thread(subprocess.run, ["mount", "-o", "remount,size=20m", small_disk], check=True)

    async with SqlBook(path, bell) as book:
        found = await book.read(lambda state: [one.id for one in state.alerts_of("flood")])
        await book.write(Lane.ALERT, lambda pen: pen.put(sheets.origin("after")))

    assert kept
    assert set(kept) <= set(found)


async def fill(book: SqlBook, kept: list[str]) -> None:
    """Write ten megabytes, and note what was acknowledged."""
    for n in range(200):
        name = f"m{n}"
        await book.write(Lane.NOTICE, lambda pen, name=name: pen.put(sheets.alert(name, raw=os.urandom(50_000))))
        kept.append(name)


CHILD = """
import asyncio, sys
from pathlib import Path
from broadcaster.model.precedence import Lane
from broadcaster.store.bell import LocalBell
from broadcaster.store.book import SqlBook
from tests.store import sheets

async def one(book, n):
    await book.write(Lane.NOTICE, lambda pen: pen.put(sheets.origin(f"o{n}"), sheets.event(f"e{n}"), sheets.line()))
    print(f"o{n}", flush=True)

async def main():
    async with SqlBook(Path(sys.argv[1]), LocalBell()) as book:
        for start in range(0, 100_000, 20):
            await asyncio.gather(*(one(book, n) for n in range(start, start + 20)))

asyncio.run(main())
"""


def run(path: Path, **environment: str) -> subprocess.Popen[str]:
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path)],
        stdout=subprocess.PIPE,
        cwd=root,
        text=True,
        env={**os.environ, **environment},
    )


def found_in(path: Path) -> set[str]:
    check(open_engine(path))
    with open_readonly(path) as state:
        return {one.id for one in state.origins(limit=100_000)}


@pytest.mark.parametrize("lines", [1, 137, 300])
def test_a_killed_process_loses_nothing_that_it_acknowledged(tmp_path: Path, lines: int) -> None:
    path = blank(tmp_path / "book.db")
    with run(path) as child:
        assert child.stdout is not None
        told = list(islice(names(child.stdout), lines))
        child.send_signal(signal.SIGKILL)
        told += names(child.stdout)

    assert len(told) >= lines
    assert set(told) <= found_in(path)


def names(lines: Iterable[str]) -> Iterator[str]:
    """What the child said of its rows, in whole lines; it logs too."""
    return (line.strip() for line in lines if line.startswith("o") and line.endswith("\n"))


@pytest.mark.parametrize(("label", "is_kept"), [("book.commit.before", False), ("book.commit.after", True)])
def test_a_commit_is_the_moment_from_which_it_is_kept(tmp_path: Path, label: str, is_kept: bool) -> None:
    path = blank(tmp_path / "book.db")
    with run(path, CRASH_AT=f"{label}:1") as child:
        assert child.stdout is not None
        told = list(names(child.stdout))

    assert told == []
    assert bool(found_in(path)) is is_kept
