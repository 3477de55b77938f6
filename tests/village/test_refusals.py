"""What the signer refused, and how it is let go all the same."""

from dataclasses import replace

import pytest

from broadcaster.desk.releasing import release_held
from broadcaster.model.announcement import AnnouncementState
from tests.village.town import TOWN, Village

pytestmark = pytest.mark.virtual


async def test_a_notice_that_the_signer_refused_sounds_once_the_reason_is_gone(village: Village) -> None:
    """
    Who released it stays who did, so that the signer finds the same release and the same hold again.
    """
    await village.has_horns(2)
    limits = village.office._limits
    village.office.hold_to(replace(limits, areas=("620724",)))
    origin = await village.publishes("明天停水。", targets=[TOWN])
    await village.passes(seconds=30)
    before = await village.desk.book.read(lambda state: (state.announcements_of(origin), state.release(origin, 1)))

    village.office.hold_to(limits)
    await release_held(village.desk, village.li, origin)
    await village.passes(seconds=60)

    assert {(one.state, one.held_why) for one in before[0]} == {(AnnouncementState.HELD, "refused:foreign_village")}
    assert await village.desk.book.read(lambda state: state.release(origin, 1)) == before[1]
    assert await village.heard_everywhere() == [["明天停水。"], ["明天停水。"]]
