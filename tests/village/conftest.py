from collections.abc import AsyncIterator
from pathlib import Path

import pytest

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
async def sleepy_village(tmp_path: Path, clock: VirtualClock) -> AsyncIterator[Village]:
    """A town with quiet hours from 22:00 to 06:00."""
    village = Village(tmp_path, clock, QuietHours())
    await village.open()
    yield village
    await village.close()
