"""The whole way, from what is accepted to what sounds and what is said of it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from broadcaster.desk import releasing
from broadcaster.desk.issuing import take_alert
from broadcaster.model.alert import CapScope, MsgType, Severity, Status
from broadcaster.model.delivery import Outcome, Rank
from broadcaster.model.errors import Conflict, Invalid, NotAllowed
from broadcaster.model.precedence import Scope, SoundClass
from tests.village.town import TOWN, Village, cap

pytestmark = pytest.mark.virtual
WATER = "今晚八点停水，请各位村民提前储水。"
LONG = "各位村民请注意，" + "合作医疗缴费从下个月一日开始，请带好户口本到村委会办理。" * 4
FIVE = tuple(f"620723103{n}" for n in range(201, 206))


async def test_a_notice_is_heard_in_every_village_and_every_loudspeaker_says_so(village: Village) -> None:
    await village.has_horns()

    origin = await village.publishes(WATER)
    await village.passes(seconds=60)

    assert await village.heard_everywhere() == [[WATER]] * 18
    deliveries = await village.deliveries(origin)
    assert len(deliveries) == 18
    assert {(one.rank, one.outcome) for one in deliveries} == {(Rank.FINAL, Outcome.PLAYED)}
    assert village.voice.said == [WATER]


async def test_a_notice_withdrawn_within_its_ten_seconds_is_heard_by_nobody(village: Village) -> None:
    await village.has_horns()

    origin = await village.publishes(WATER)
    await village.passes(seconds=8)
    await village.cancels(origin)
    await village.passes(seconds=120)

    assert await village.heard_everywhere() == [[]] * 18
    assert {one.outcome for one in await village.deliveries(origin)} == {Outcome.CANCELLED}


async def test_an_alert_sent_twice_is_heard_once(village: Village) -> None:
    """
    CAP senders repeat themselves; villagers should not have to listen twice.
    """
    await village.has_horns()
    alert = cap("flood-1", at=village.clock.now())

    first, second = await village.receives(alert), await village.receives(alert)
    await village.passes(seconds=60)

    assert (first.fate, second.fate) == ("planned", "known")
    assert first.alert == second.alert
    assert all(len(heard) == 1 for heard in await village.heard_everywhere())


async def test_an_extreme_alert_cuts_into_a_notice_which_then_goes_on_from_its_place(village: Village) -> None:
    horns = await village.has_horns()
    await village.publishes(LONG)
    await village.passes(seconds=10 + 15)

    await village.receives(cap("flood-1", at=village.clock.now(), areas=FIVE))
    accepted_ms = village.clock.now().timestamp() * 1000
    await village.passes(seconds=120)

    heard = await village.heard_everywhere()
    for horn, texts in zip(horns, heard, strict=True):
        stretches = horn.sounded()
        if horn.village not in FIVE:
            assert texts == [LONG]
            continue
        before, alert, after = stretches
        assert texts == [LONG, texts[1], LONG]
        assert before.end == after.start
        assert before.ended == "cut"
        tones = [one for one in horn.log.stretches if one.part == "tone" and one.order == alert.order]
        assert tones[0].at_ms - accepted_ms <= 1_000


async def test_an_update_takes_the_place_of_the_alert_that_sounds(village: Village) -> None:
    await village.has_horns()
    alert = cap("flood-1", LONG, at=village.clock.now())
    taken = await village.receives(alert)
    await village.passes(seconds=12)

    update = cap("flood-2", "洪水已退", at=village.clock.now(), msg_type=MsgType.UPDATE, refers_to=alert)
    await village.receives(update)
    await village.passes(seconds=90)

    for heard in await village.heard_everywhere():
        assert len(heard) == 2
        assert "洪水已退" in heard[1]
    outcomes = [one.outcome for one in await village.deliveries(taken.origin)]
    assert sorted(map(str, outcomes)) == ["played"] * 18 + ["superseded"] * 18


async def test_an_update_that_comes_before_its_original_leaves_the_original_unheard(village: Village) -> None:
    await village.has_horns(9)
    original = cap("flood-1", "水位上涨", at=village.clock.now())
    update = cap(
        "flood-2",
        "水位回落",
        at=village.clock.now() + timedelta(seconds=1),
        msg_type=MsgType.UPDATE,
        refers_to=original,
    )

    await village.receives(update)
    late = await village.receives(original)
    await village.passes(seconds=60)

    assert late.fate == "stored"
    assert {len(heard) for heard in await village.heard_everywhere()} == {1}


async def test_an_update_leaves_out_the_villages_that_are_no_longer_meant(village: Village) -> None:
    horns = await village.has_horns(9)
    alert = cap("flood-1", LONG, at=village.clock.now())
    await village.receives(alert)
    await village.passes(seconds=12)

    narrower = cap("flood-2", at=village.clock.now(), areas=FIVE, msg_type=MsgType.UPDATE, refers_to=alert)
    await village.receives(narrower)
    await village.passes(seconds=3)

    for horn in horns:
        last = horn.sounded()[-1]
        if horn.village not in FIVE:
            assert last.ended == "cut"


async def test_a_cap_cancel_silences_its_alert(village: Village) -> None:
    await village.has_horns(9)
    alert = cap("flood-1", LONG, at=village.clock.now())
    taken = await village.receives(alert)
    await village.passes(seconds=12)

    await village.receives(cap("flood-2", at=village.clock.now(), msg_type=MsgType.CANCEL, refers_to=alert))
    await village.passes(seconds=60)

    assert {one.outcome for one in await village.deliveries(taken.origin)} == {Outcome.CANCELLED}
    assert {one.ended for horn in village.horns.values() for one in horn.sounded()} == {"cut"}


async def test_a_revised_notice_is_heard_instead_of_the_one_before(village: Village) -> None:
    await village.has_horns(9)
    origin = await village.publishes(LONG)
    await village.passes(seconds=15)

    await village.publishes(WATER, updates=origin)
    await village.passes(seconds=60)

    assert all(heard == [LONG, WATER] for heard in await village.heard_everywhere())


async def test_an_alert_of_unknown_severity_waits_for_a_person_who_gives_it_a_class(village: Village) -> None:
    await village.has_horns(9)
    taken = await village.receives(cap("smoke-1", at=village.clock.now(), severity=Severity.UNKNOWN))
    await village.passes(seconds=60)
    assert taken.fate == "held"
    assert await village.heard_everywhere() == [[]] * 9

    with pytest.raises(Invalid):
        await releasing.release_held(village.desk, village.li, taken.origin)
    await releasing.release_held(village.desk, village.li, taken.origin, SoundClass.EMERGENCY)
    await village.passes(seconds=60)

    assert {len(heard) for heard in await village.heard_everywhere()} == {1}


async def test_a_drill_is_ordered_as_a_drill_once_a_person_let_it_go(village: Village) -> None:
    await village.has_horns(9)
    taken = await village.receives(cap("drill-1", at=village.clock.now(), status=Status.EXERCISE))
    assert taken.fate == "held"

    await releasing.release_held(village.desk, village.li, taken.origin)
    await village.passes(seconds=60)

    assert {order.scope for order in await village.orders()} == {Scope.DRILL}
    assert {len(heard) for heard in await village.heard_everywhere()} == {1}
    with pytest.raises(Conflict):
        await releasing.release_held(village.desk, village.li, taken.origin)


@pytest.mark.parametrize("status", [Status.TEST, Status.DRAFT, Status.SYSTEM])
async def test_a_test_is_kept_and_never_sounds(village: Village, status: Status) -> None:
    await village.has_horns(9)

    taken = await village.receives(cap("test-1", at=village.clock.now(), status=status))
    await village.passes(seconds=60)

    assert taken.fate == "stored"
    assert await village.heard_everywhere() == [[]] * 9


async def test_a_private_message_is_never_spoken_in_public(village: Village) -> None:
    await village.has_horns(9)
    alert = replace(cap("private-1", at=village.clock.now()), scope=CapScope.PRIVATE)

    taken = await take_alert(village.desk, village.source, alert, b"", "valid")
    await village.passes(seconds=60)

    assert taken.fate == "stored"
    assert await village.heard_everywhere() == [[]] * 9


async def test_each_village_hears_the_gravest_of_what_an_alert_says_to_it(village: Village) -> None:
    horns = await village.has_horns(9)
    red = cap("flood-1", "请立即撤离", at=village.clock.now(), areas=FIVE)
    yellow = cap("flood-1", "请注意防范", at=village.clock.now(), severity=Severity.MODERATE)
    both = replace(red, infos=(*yellow.infos, *red.infos))

    await village.receives(both)
    await village.passes(seconds=60)

    heard = await village.heard_everywhere()
    for horn, texts in zip(horns, heard, strict=True):
        assert len(texts) == 1
        assert ("请立即撤离" if horn.village in FIVE else "请注意防范") in texts[0]


async def test_a_source_speaks_only_as_itself_and_only_where_it_may(village: Village) -> None:
    foreign_sender = cap("flood-1", at=village.clock.now(), sender="somebody@else.example")
    nowhere = cap("flood-2", at=village.clock.now(), areas=("110101001",))

    with pytest.raises(NotAllowed) as refused:
        await village.receives(foreign_sender)
    assert refused.value.code == "sender_foreign"
    with pytest.raises(Invalid) as unknown:
        await village.receives(nowhere)
    assert unknown.value.code == "targets_unknown"
    with pytest.raises(NotAllowed) as nobody:
        await village.receives(cap("flood-3", at=village.clock.now()), village.zhang)
    assert nobody.value.code == "not_a_source"


async def test_an_alert_that_cannot_be_read_aloud_whole_says_what_can_be(village: Village) -> None:
    await village.has_horns(9)
    alert = cap("flood-1", "请马上撤离", at=village.clock.now())
    odd = replace(alert, infos=(replace(alert.infos[0], description="ψ℘⊛"),))

    taken = await village.receives(odd)
    await village.passes(seconds=60)

    assert taken.notes == ("left_out:description",)
    assert all("撤离" in heard[0] for heard in await village.heard_everywhere())


async def test_what_no_loudspeaker_answers_is_shown_as_missing_until_it_does(village: Village) -> None:
    """
    Nothing is invented: a missing receipt is shown as missing.
    """
    horns = await village.has_horns(9)
    origin = await village.publishes(LONG, targets=[horns[0].village], lasts=timedelta(minutes=5))
    await village.passes(seconds=15)
    await village.switch_off(horns[0])
    await village.passes(seconds=20 * 60)
    [silent] = await village.deliveries(origin)
    assert silent.rank is Rank.NO_RECEIPT

    village.switch_on(horns[0])
    await village.passes(seconds=60)

    [late] = await village.deliveries(origin)
    assert late.rank is Rank.FINAL
    assert late.outcome is Outcome.INTERRUPTED


async def test_a_town_cannot_be_spoken_to_without_a_target(village: Village) -> None:
    with pytest.raises(Invalid) as refused:
        await village.publishes(WATER, targets=[])
    assert refused.value.code == "targets_missing"
    with pytest.raises(NotAllowed):
        await village.publishes(WATER, targets=["110101001"])


async def test_a_script_is_spoken_once_for_all_villages_and_revisions_that_say_the_same(village: Village) -> None:
    await village.has_horns(9)

    await village.publishes(WATER)
    await village.publishes(WATER)
    await village.passes(seconds=60)

    assert village.voice.said == [WATER]
    assert await village.heard_everywhere() == [[WATER, WATER]] * 9
    assert TOWN
