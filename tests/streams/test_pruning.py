from datetime import timedelta
from pathlib import Path

import pytest

from broadcaster.desk.events import origin_event
from broadcaster.model.precedence import Lane, Scope
from streams.pruning import AT_ONCE, Pruning
from streams.topics import TOPICS
from tests.contracts.engines import open_book
from tests.virtual import VirtualClock

pytestmark = pytest.mark.virtual


async def test_the_log_forgets_what_is_past_its_time_and_keeps_the_rest(tmp_path: Path, clock: VirtualClock) -> None:
    old, young = clock.now() - TOPICS["alerts"].kept - timedelta(days=1), clock.now()
    async with open_book(tmp_path / "book.sqlite") as book:
        for at, count in ((old, AT_ONCE + 5), (young, 3)):
            events = [
                origin_event("alert.taken", f"{at:%d}-{n}", 0, Lane.ALERT, Scope.LIVE, at, "test") for n in range(count)
            ]
            await book.write(Lane.ALERT, lambda pen, events=events: pen.put(events))

        went = [await Pruning(book, clock).step() for _ in range(3)]

        left = await book.read(lambda state: state.outbox_after(["alerts"], 0, Lane.ALERT, limit=10))
    assert went[-1] == 0
    assert sum(went) == AT_ONCE + 5
    assert len(left) == 3
