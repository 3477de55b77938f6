"""What every journal of a loudspeaker promises, on disk and in memory."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from broadcaster.signing.envelope import Envelope
from streams.agent.journal import (
    KEPT_AFTER_EXPIRY_MS,
    Entry,
    Forget,
    Journal,
    JournalFull,
    Kept,
    Mark,
    MemoryJournal,
    Owed,
    Paid,
    SqliteJournal,
    Tombstone,
)
from streams.agent.queue import Stage

pytestmark = pytest.mark.virtual

SEALED = Envelope("kid", b"body", b"sig")
ENTRY = Entry("order-1", "announcement-1", 1_000, Stage.WAITING, SEALED, {"repeat_no": 1, "is_toned": True})
OWED = Owed("receipt-1", "order-1", {"type": "accepted", "id": "receipt-1"})


class Book:
    """A journal that can be closed and opened again, as after a restart."""

    def __init__(self, journal: Journal, again: Callable[[Journal], Journal]) -> None:
        self.journal = journal
        self._again = again

    async def reopened(self) -> Kept:
        await self.journal.close()
        self.journal = self._again(self.journal)
        return await self.journal.load()


def _survivor(journal: Journal) -> Journal:
    assert isinstance(journal, MemoryJournal)
    return journal.survivor()


@pytest.fixture(params=["memory", "sqlite"])
async def book(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Book]:
    path = tmp_path / "journal.sqlite"
    on_disk = Book(SqliteJournal(path), lambda _: SqliteJournal(path))
    book = Book(MemoryJournal(), _survivor) if request.param == "memory" else on_disk
    await book.journal.load()
    yield book
    await book.journal.close()


async def test_what_was_written_is_there_again(book: Book) -> None:
    await book.journal.write(ENTRY, OWED, Tombstone("gone", 5_000), Mark("floor", 7))

    kept = await book.reopened()

    assert kept == Kept({"order-1": ENTRY}, {"receipt-1": OWED}, {"gone": 5_000}, {"floor": 7})


async def test_the_last_word_on_an_order_stands(book: Book) -> None:
    ended = Entry("order-1", "announcement-1", 1_000, Stage.DONE, None, {}, {"type": "done"})
    await book.journal.write(ENTRY)
    await book.journal.write(ended, Mark("floor", 7), Mark("floor", 9))

    kept = await book.reopened()

    assert kept.entries == {"order-1": ended}
    assert kept.marks == {"floor": 9}


async def test_a_debt_that_was_paid_is_gone(book: Book) -> None:
    await book.journal.write(ENTRY, OWED)
    await book.journal.write(Paid("receipt-1"), Paid("never owed"))

    assert (await book.reopened()).owed == {}


async def test_a_tombstone_never_moves_nearer(book: Book) -> None:
    await book.journal.write(Tombstone("gone", 5_000))
    await book.journal.write(Tombstone("gone", 3_000))

    assert (await book.reopened()).tombstones == {"gone": 5_000}


async def test_an_order_is_remembered_for_a_day_after_it_expired(book: Book) -> None:
    ended = [Entry(f"order-{n}", "a", n * 1_000, Stage.TOLD) for n in range(3)]
    await book.journal.write(*ended, Tombstone("old", 0), Tombstone("new", 2_000))

    await book.journal.write(Forget(KEPT_AFTER_EXPIRY_MS + 1_500))

    kept = await book.reopened()
    assert set(kept.entries) == {"order-2"}
    assert set(kept.tombstones) == {"new"}


async def test_what_is_owed_or_has_no_end_is_never_forgotten(book: Book) -> None:
    owing = Entry("order-2", "a", 1_000, Stage.DONE)
    await book.journal.write(ENTRY, owing, Owed("receipt-2", "order-2", {}))

    await book.journal.write(Forget(10 * KEPT_AFTER_EXPIRY_MS))

    assert set((await book.reopened()).entries) == {"order-1", "order-2"}


async def test_a_full_disk_keeps_nothing_of_a_write_and_says_so(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal.sqlite")
    await journal.load()
    await journal._do(lambda: journal._open().execute("PRAGMA max_page_count = 8"))
    large = {"note": "x" * 100_000}

    with pytest.raises(JournalFull):
        await journal.write(Mark("floor", 1), Owed("receipt", "order", large))
    await journal.write(Mark("floor", 2))
    await journal.close()

    again = SqliteJournal(tmp_path / "journal.sqlite")
    assert await again.load() == Kept(marks={"floor": 2})
    await again.close()


async def test_the_disk_is_written_in_the_way_that_survives(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal.sqlite")
    await journal.load()

    assert await journal._do(lambda: journal._rows("PRAGMA journal_mode")) == [("delete",)]
    assert await journal._do(lambda: journal._rows("PRAGMA synchronous")) == [(3,)]
    await journal.close()
