"""A process that is killed at any point loses nothing, and what it decided and recorded stands once."""

import asyncio
import os
import sys
from collections import Counter
from pathlib import Path

import pytest

from broadcaster.desk.ports import LogPen
from broadcaster.model.crashing import EXIT_STATUS
from broadcaster.model.precedence import Lane
from tests.contracts.engines import open_book, planned
from tests.streams.crasher import EVENTS, run

LABELS = ("stage.commit.before:2", "stage.commit.after:2", "work.claimed:2", "work.acted:3", "work.recorded.before:3")


async def _run_until(folder: Path, crash_at: str) -> int:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.streams.crasher", str(folder), "first"),
        env={**os.environ, "CRASH_AT": crash_at},
        stdout=asyncio.subprocess.DEVNULL,
    )
    async with asyncio.timeout(120):
        return await process.wait()


def _leases_have_run_out(pen: LogPen) -> None:
    pen._connection.exec_driver_sql("UPDATE work SET lease_until = 0 WHERE done_at IS NULL")  # type: ignore[attr-defined]  # half a minute, at once


@pytest.mark.parametrize("label", LABELS)
async def test_a_process_killed_there_loses_nothing_and_records_once(tmp_path: Path, label: str) -> None:
    async with open_book(tmp_path / "book.db") as book:
        await book.write(Lane.NOTICE, lambda pen: pen.put([planned(n) for n in range(EVENTS)]))

    killed = await _run_until(tmp_path, label)
    async with open_book(tmp_path / "book.db") as book:
        await book.write(Lane.NOTICE, _leases_have_run_out)
    async with asyncio.timeout(60):
        await run(tmp_path, "second")

    async with open_book(tmp_path / "book.db") as book:
        trail = await book.read(lambda state: state.audit_trail(limit=1000))
    lines = Counter((line.actor, line.what) for line in trail)
    assert killed == EXIT_STATUS
    assert lines == {(actor, f"notice-{n}"): 1 for actor in ("stage", "worker") for n in range(EVENTS)}
    acts = Counter((tmp_path / "acts").read_text().split())
    assert len(acts) == EVENTS
    if label.startswith("work.acted"):
        # Acted, killed before it was recorded, acted again: that is what acts have to bear.
        assert max(acts.values()) == 2
