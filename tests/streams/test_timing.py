"""Timing: a moment that has come is an event like any other."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from broadcaster.desk.ports import Entry
from broadcaster.desk.rows import Timer
from broadcaster.model.precedence import Lane
from broadcaster.store.book import SqlBook
from streams.records import decode
from streams.timing import Timing
from tests.contracts.engines import bell_of, open_book, put, running
from tests.streams.samples import AT, FLOOD
from tests.virtual import VirtualClock

pytestmark = pytest.mark.virtual


@pytest.fixture
async def book(tmp_path: Path) -> AsyncIterator[SqlBook]:
    async with open_book(tmp_path / "book.db") as book:
        yield book


def timer(after_seconds: float, lane: Lane = Lane.ALERT, subject: str = FLOOD.id) -> Timer:
    return Timer(f"t-{lane}-{after_seconds}", "expire", subject, lane, AT + timedelta(seconds=after_seconds))


async def told(book: SqlBook, lane: Lane = Lane.ALERT) -> list[Entry]:
    return list(await book.write(lane, lambda pen: pen.outbox_after([f"announcements.{lane}"], 0, lane, limit=1000)))


async def test_a_timer_is_told_once_and_in_its_time(book: SqlBook, clock: VirtualClock) -> None:
    await book.write(Lane.ALERT, put(FLOOD, timer(7200)))

    async with running(Timing(book, bell_of(book), clock).run()):
        await asyncio.sleep(7199)
        before = await told(book)
        await asyncio.sleep(600)

    [entry] = await told(book)
    event = decode(entry.topic, entry.key, entry.body)
    assert before == []
    assert (event.type, event.key, event.payload) == (
        "timer.due.v1",
        FLOOD.village,
        {"kind": "expire", "announcement": FLOOD.id},
    )
    assert event.at - AT == timedelta(seconds=7200) or event.at - AT < timedelta(seconds=7201)


async def test_a_timer_set_while_it_waits_is_not_missed(book: SqlBook, clock: VirtualClock) -> None:
    async with running(Timing(book, bell_of(book), clock).run()):
        await asyncio.sleep(1)
        await book.write(Lane.ALERT, put(FLOOD, timer(5)))
        await asyncio.sleep(5)

        assert len(await told(book)) == 1


async def test_many_timers_at_once_are_all_told(book: SqlBook, clock: VirtualClock) -> None:
    notice = replace(FLOOD, id="a-2", revision=2, lane=Lane.NOTICE)
    timers = [replace(timer(1, Lane.NOTICE, "a-2"), id=f"t-{n}", kind=f"expire-{n}") for n in range(450)]
    await book.write(Lane.NOTICE, put(FLOOD, notice, timers, timer(1)))

    async with running(Timing(book, bell_of(book), clock).run()):
        await asyncio.sleep(2)

    assert len(await told(book, Lane.NOTICE)) == 450
    assert len(await told(book, Lane.ALERT)) == 1


async def test_a_timer_of_something_gone_is_done_and_tells_nobody(book: SqlBook, clock: VirtualClock) -> None:
    await book.write(Lane.ALERT, put(timer(1, subject="nothing")))

    async with running(Timing(book, bell_of(book), clock).run()):
        await asyncio.sleep(2)

    assert await told(book) == []
    assert await book.read(lambda state: state.next_timer()) is None
