"""A process that is killed at any point loses nothing, and what it decided and recorded stands once."""

import asyncio
import multiprocessing
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from broadcaster.model import crashing
from broadcaster.model.precedence import Lane
from tests.contracts.engines import open_book, planned
from tests.streams.crasher import EVENTS, run

LABELS = ("stage.commit.before:2", "stage.commit.after:2", "work.claimed:2", "work.acted:3", "work.recorded.before:3")


def _killed_at(label: str, folder: Path) -> int | None:
    """Run in a process that ends at a crash point, and return its status. A fork, for it need not import all again."""
    process = multiprocessing.get_context("fork").Process(target=_run_until, args=(label, folder))
    process.start()
    process.join(60)
    if process.is_alive():
        process.kill()
        process.join()
    return process.exitcode


def _run_until(label: str, folder: Path) -> None:
    # As CRASH_AT would set them, had it been there when the module was read.
    crashing._at, _, crashing._nth = label.partition(":")
    crashing._is_armed = True
    asyncio.run(run(folder, "first"))


async def _planned(folder: Path) -> None:
    async with open_book(folder / "book.db") as book:
        await book.write(Lane.NOTICE, lambda pen: pen.put([planned(n) for n in range(EVENTS)]))


async def _gone_on(folder: Path) -> Counter[tuple[str, str]]:
    """Start again, once leases have run out, and return what stands in the book."""
    async with open_book(folder / "book.db") as book:
        await book.write(Lane.NOTICE, _no_leases)
    async with asyncio.timeout(60):
        await run(folder, "second")
    async with open_book(folder / "book.db") as book:
        trail = await book.read(lambda state: state.audit_trail(limit=1000))
    return Counter((line.actor, line.what) for line in trail)


def _no_leases(pen: Any) -> None:
    pen._connection.exec_driver_sql("UPDATE work SET lease_until = 0 WHERE done_at IS NULL")


@pytest.mark.parametrize("label", LABELS)
def test_a_process_killed_there_loses_nothing_and_records_once(tmp_path: Path, label: str) -> None:
    asyncio.run(_planned(tmp_path))

    status = _killed_at(label, tmp_path)
    lines = asyncio.run(_gone_on(tmp_path))

    assert status == crashing.EXIT_STATUS
    assert lines == {(actor, f"notice-{n}"): 1 for actor in ("stage", "worker") for n in range(EVENTS)}
    acts = Counter((tmp_path / "acts").read_text().split())
    assert len(acts) == EVENTS
    if label.startswith("work.acted"):
        # Acted, killed before it was recorded, acted again: that is what acts have to bear.
        assert max(acts.values()) == 2
