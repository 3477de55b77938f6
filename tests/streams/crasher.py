"""A stage and a worker that run over a book until all is done, unless a crash point ends their process before."""

import asyncio
from functools import partial
from itertools import count
from pathlib import Path

from broadcaster.desk.events import Event
from broadcaster.desk.ports import Pen, Row, State
from broadcaster.desk.rows import Audit, Work
from broadcaster.model.clock import SystemClock
from broadcaster.model.precedence import Lane
from streams.engines.embedded import EmbeddedEngine, each
from streams.topology import Topology
from streams.working import Act, Outcome, Workers
from tests.contracts.engines import bell_of, open_book
from tests.streams.samples import AT

EVENTS = 30


def decide(event: Event, _: State) -> list[Row]:
    """Note the event, and want something done."""
    name = str((event.payload or {})["announcement"])
    return [Audit(event.at, "stage", name, {}), Work(f"w-{name}", "voice", name, Lane.NOTICE, AT)]


async def act(log: Path, work: Work) -> Outcome:
    """Note that it was done; outside, acts are counted by a file."""
    with log.open("a") as acts:
        acts.write(work.subject + "\n")

    def record(pen: Pen) -> str:
        pen.put(Audit(AT, "worker", work.subject, {}))
        return "spoken"

    return record


async def run(folder: Path, name: str) -> None:
    """Run until everything was noted and done."""
    topology = Topology()
    topology.stage("noting", ["announcements.{lane}"], batch=10)
    topology.worker("voicing", ["voice"])
    clock, tokens = SystemClock(), count()
    async with open_book(folder / "book.db") as book:
        bell = bell_of(book)
        engine = EmbeddedEngine(book, bell, clock, topology, {"noting": each(decide)}, poll_seconds=0.05)
        workers = Workers(
            book,
            bell,
            clock,
            topology,
            {"voicing": Act(partial(act, folder / "acts"))},
            lambda: f"{name}-{next(tokens)}",
            poll_seconds=0.05,
        )
        tasks = [asyncio.ensure_future(engine.run()), asyncio.ensure_future(workers.run())]
        while len(await book.read(lambda state: state.audit_trail(limit=1000))) < 2 * EVENTS:  # noqa: ASYNC110 - nobody rings
            await asyncio.sleep(0.02)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
