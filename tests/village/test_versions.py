"""Versions: messages overtake each other on the way, and what took another's place may itself come to an end."""

from dataclasses import replace
from datetime import timedelta

import pytest

from broadcaster.desk import releasing
from broadcaster.desk.overview import on_air
from broadcaster.model.alert import MsgType, Severity, Status
from broadcaster.model.precedence import SoundClass
from broadcaster.signing.limits import Limits
from tests.village.test_hearing import FIVE, LONG, WATER
from tests.village.town import TOWN, Village, cap

pytestmark = pytest.mark.virtual
A_SECOND = timedelta(seconds=1)


async def test_an_update_that_was_overtaken_by_a_later_one_does_not_take_its_place(village: Village) -> None:
    await village.has_horns(2)
    now = village.clock.now()
    first = cap("flood-1", "水位上涨", at=now)
    early = cap("flood-2", "水位超过警戒", at=now + A_SECOND, msg_type=MsgType.UPDATE, refers_to=first)
    late = cap("flood-3", "水位回落", at=now + 2 * A_SECOND, msg_type=MsgType.UPDATE, refers_to=first)

    fates = [(await village.receives(alert)).fate for alert in (first, late, early)]
    await village.passes(seconds=60)

    assert fates == ["planned", "planned", "stored"]
    assert all("水位回落" in heard[-1] for heard in await village.heard_everywhere())


async def test_an_update_after_the_cancel_of_what_it_updates_wakes_nobody(village: Village) -> None:
    await village.has_horns(2)
    now = village.clock.now()
    first = cap("flood-1", at=now)
    cancel = cap("flood-2", at=now + 2 * A_SECOND, msg_type=MsgType.CANCEL, refers_to=first)
    update = cap("flood-3", at=now + A_SECOND, msg_type=MsgType.UPDATE, refers_to=first)
    await village.receives(first)
    await village.receives(cancel)
    heard = await village.heard_everywhere()

    taken = await village.receives(update)
    await village.passes(seconds=60)

    assert taken.fate == "stored"
    assert await village.heard_everywhere() == heard


@pytest.mark.parametrize("status", [Status.TEST, Status.EXERCISE])
@pytest.mark.parametrize("msg_type", [MsgType.UPDATE, MsgType.CANCEL])
async def test_a_test_or_drill_never_holds_up_the_real_alert(
    village: Village, status: Status, msg_type: MsgType
) -> None:
    await village.has_horns(2)
    real = cap("flood-1", at=village.clock.now())
    await village.receives(cap("rehearsal", at=real.sent + A_SECOND, status=status, msg_type=msg_type, refers_to=real))

    taken = await village.receives(real)
    await village.passes(seconds=60)

    assert taken.fate == "planned"
    assert {len(heard) for heard in await village.heard_everywhere()} == {1}


async def test_a_name_used_again_is_a_newer_word_on_the_same_thing(village: Village) -> None:
    await village.has_horns(2)
    first = cap("flood-1", "水位上涨", at=village.clock.now())
    again = cap("flood-1", "水位回落", at=first.sent + A_SECOND)

    fates = [(await village.receives(alert)).fate for alert in (first, again, first, again)]
    await village.passes(seconds=60)

    assert fates == ["planned", "planned", "known", "known"]
    assert all("水位回落" in heard[-1] for heard in await village.heard_everywhere())


async def test_a_held_update_leaves_the_live_alert_speaking_until_a_person_lets_it_go(village: Village) -> None:
    await village.has_horns(2)
    red = cap("flood-1", "水位上涨", at=village.clock.now(), severity=Severity.SEVERE)
    await village.receives(red)
    await village.passes(seconds=2)
    unsure = cap(
        "flood-2", "情况不明", at=red.sent + A_SECOND, severity=Severity.UNKNOWN, msg_type=MsgType.UPDATE, refers_to=red
    )

    taken = await village.receives(unsure)
    await village.passes(seconds=60)
    while_held = await village.heard_everywhere()
    await releasing.release_held(village.desk, village.li, taken.origin, SoundClass.EMERGENCY)
    await village.passes(seconds=60)

    assert taken.fate == "held"
    assert all("水位上涨" in heard[0] and len(heard) == 1 for heard in while_held)
    assert all("情况不明" in heard[1] for heard in await village.heard_everywhere())


async def test_what_was_replaced_does_not_come_back_when_its_replacement_has_expired(village: Village) -> None:
    horns = await village.has_horns(2)
    origin = await village.publishes(LONG, lasts=timedelta(hours=6), repeat=3)
    await village.passes(seconds=15)
    await village.switch_off(horns[0])
    await village.publishes(WATER, updates=origin, lasts=timedelta(minutes=30))
    await village.passes(hours=1)
    sounded = len(horns[0].sounded())

    village.switch_on(horns[0])
    await village.passes(seconds=180)

    after = sum(one.end - one.start for one in horns[0].sounded()[sounded:])
    assert after <= 2 * 24_000


async def test_what_was_withdrawn_from_a_village_is_not_heard_there_by_who_was_away(village: Village) -> None:
    horns = await village.has_horns(9)
    away = next(horn for horn in horns if horn.village not in FIVE)
    origin = await village.publishes(LONG, lasts=timedelta(hours=6))
    await village.passes(seconds=15)
    await village.switch_off(away)
    await village.publishes(WATER, updates=origin, lasts=timedelta(hours=6))
    await village.passes(seconds=60)
    await village.publishes("只剩五个村停水。", updates=origin, targets=FIVE, lasts=timedelta(hours=6))
    await village.passes(seconds=60)
    sounded = len(away.sounded())

    village.switch_on(away)
    await village.passes(seconds=180)

    after = sum(one.end - one.start for one in away.sounded()[sounded:])
    assert after <= 2 * 24_000


async def test_the_villages_page_shows_neither_what_was_replaced_nor_what_is_held(village: Village) -> None:
    await village.has_horns(2)
    unsure = replace(cap("smoke-1", "有浓烟", at=village.clock.now(), severity=Severity.UNKNOWN))
    origin = await village.publishes("这一稿写错了。", lasts=timedelta(hours=6))
    await village.publishes(WATER, updates=origin, lasts=timedelta(hours=6))
    await village.receives(unsure)
    await village.passes(seconds=60)

    now = village.clock.now()
    shown = await village.desk.book.read(lambda state: on_air(state, "620723103201", now))

    assert [one.text for one in shown if not one.is_over] == [WATER]
    assert all("浓烟" not in one.text for one in shown)


async def test_the_villages_page_publishes_nothing_that_the_signer_refused(village: Village) -> None:
    await village.has_horns(2)
    village.office.hold_to(Limits(areas=(TOWN,), quiet=village.quiet))

    await village.receives(cap("flood-1", "水位上涨", at=village.clock.now()))
    await village.passes(seconds=60)
    now = village.clock.now()
    shown = await village.desk.book.read(lambda state: on_air(state, "620723103201", now))

    assert shown == []
    assert await village.heard_everywhere() == [[], []]


async def test_a_loudspeaker_that_lost_its_power_is_not_shown_as_sounding_for_ever(village: Village) -> None:
    horns = await village.has_horns(1)
    await village.publishes(LONG, lasts=timedelta(hours=6))
    await village.passes(seconds=15)

    now = village.clock.now()
    before = await village.desk.book.read(lambda state: on_air(state, horns[0].village, now))
    await village.switch_off(horns[0])
    await village.passes(seconds=300)
    later = village.clock.now()
    after = await village.desk.book.read(lambda state: on_air(state, horns[0].village, later))

    assert [one.is_sounding for one in before] == [True]
    assert [one.is_sounding for one in after] == [False]
