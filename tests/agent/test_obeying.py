"""A loudspeaker plays what it may, tells what was heard, and nothing else sounds."""

import asyncio

import pytest

from tests.agent.station import Station

pytestmark = pytest.mark.virtual


async def test_an_order_is_accepted_started_heard_and_told(station: Station) -> None:
    order = station.notice(2_000)

    await station.send(order)
    await asyncio.sleep(10)

    assert station.heard() == [(order.id, 0, 2_000)]
    assert len(station.receipts(order, "accepted")) == 1
    assert len(station.receipts(order, "started")) == 1
    done = station.done(order)
    assert (done["outcome"], done["heard_ms"], done["repeats_done"]) == ("played", 2_000, 1)
