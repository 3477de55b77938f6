"""A loudspeaker that is switched on."""

from collections.abc import AsyncIterator

import pytest

from tests.agent.station import Station
from tests.virtual import VirtualClock


@pytest.fixture
async def station(clock: VirtualClock) -> AsyncIterator[Station]:
    async with Station(clock).on() as station:
        yield station
