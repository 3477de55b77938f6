import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, time
from pathlib import Path

import pytest

from broadcaster.model.clock import SHANGHAI
from broadcaster.model.schedule import QuietHours
from tests.village.town import Village
from tests.virtual import VirtualClock


@pytest.fixture
async def village(tmp_path: Path, clock: VirtualClock) -> AsyncIterator[Village]:
    """A town without quiet hours."""
    village = Village(tmp_path, clock, QuietHours.none())
    await village.open()
    yield village
    await village.close()


@pytest.fixture
async def sleepy_village(tmp_path: Path) -> AsyncIterator[Village]:
    """A town at 21:50, whose night is short: quiet hours from 22:00 to 22:30."""
    evening = datetime(2026, 7, 15, 21, 50, tzinfo=SHANGHAI).astimezone(UTC)
    clock = VirtualClock(asyncio.get_running_loop(), evening)
    village = Village(tmp_path, clock, QuietHours(time(22), time(22, 30)))
    await village.open()
    yield village
    await village.close()
