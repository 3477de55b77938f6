"""What all tests share: the loop of those that are marked ``virtual``, and their clock."""

import asyncio
from collections.abc import Callable, Mapping

import pytest

from tests.virtual import VirtualClock, VirtualLoop


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "virtual: runs on virtual time (tests/virtual.py)")


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    is_virtual = item.get_closest_marker("virtual") is not None
    return {"virtual": VirtualLoop} if is_virtual else {"real": asyncio.new_event_loop}


@pytest.fixture
async def clock() -> VirtualClock:
    """The clock of the test's own loop; on virtual time where the test is marked so."""
    return VirtualClock(asyncio.get_running_loop())
