"""What every signer promises: it signs what the book bears, and nothing else, whoever asks."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from broadcaster.desk.rows import Approval, Grant, Release, Role, Stop
from broadcaster.model.announcement import Announcement, AnnouncementState
from broadcaster.model.errors import Invalid, NotAllowed, OutOfReach
from broadcaster.model.identity import follows
from broadcaster.model.notice import Window
from broadcaster.model.order import LONGEST_BODY_BYTES, MOST_CANCELS, OrderKind, Purpose
from broadcaster.model.precedence import Lane, Scope, SoundClass
from broadcaster.signing.limits import Pinned
from broadcaster.signing.signer import order_id
from broadcaster.store.engine import BookReader
from tests.contracts.engines import open_book
from tests.contracts.signers import (
    EAST,
    LIMITS,
    RING,
    SENDER,
    SIGNERS,
    SOURCE,
    TOWN,
    WEST,
    Hall,
    approval,
    opened,
    written,
)
from tests.virtual import VirtualClock

pytestmark = pytest.mark.virtual

Ask = Callable[..., Awaitable[Any]]


@pytest.fixture
async def hall(tmp_path: Path, clock: VirtualClock) -> AsyncIterator[Hall]:
    async with open_book(tmp_path / "book.db") as book:
        reader = BookReader(tmp_path / "book.db")
        hall = Hall(book, reader, clock, tmp_path)
        await hall.open()
        yield hall
        reader.close()


@pytest.fixture(params=SIGNERS)
def ask(request: pytest.FixtureRequest, hall: Hall) -> Ask:
    """Ask a signer that has just started."""

    async def asked(*question: str, signer_does: str = "sign") -> Any:
        async with SIGNERS[request.param](hall.office(), hall.folder) as signer:
            return await getattr(signer, signer_does)(*question)

    return asked


async def refused(ask: Ask, announcement: Announcement, kind: str = "play", village: str | None = None) -> str:
    """Ask for an order that must not be, and return the code."""
    with pytest.raises(NotAllowed) as why:
        await ask(kind, announcement.id, village or announcement.village)
    return why.value.code


async def test_an_approved_and_released_notice_is_signed_by_the_notice_key(hall: Hall, ask: Ask) -> None:
    notice = await hall.notice()
    await asyncio.sleep(10)

    kept = await ask("play", notice.id, EAST)

    purpose, order = opened(kept)
    assert (purpose, kept.purpose, kept.kid) == (Purpose.NOTICE, "notice", kept.kid)
    assert (order.id, order.kind, order.village, order.to) == (kept.id, OrderKind.PLAY, EAST, None)
    assert (order.issued, order.expires) == (notice.release_at, notice.expires)
    assert order.play is not None
    assert (order.play.tone, order.play.repeat, order.play.announcement) == ("notice", 2, notice.id)
    assert order.play.recording.url == f"/audio/{'aa' * 32}.opus"


async def test_a_pinned_sources_alert_is_signed_by_the_alert_key(hall: Hall, ask: Ask) -> None:
    alert = await hall.alert()
    await asyncio.sleep(10)

    purpose, order = opened(await ask("play", alert.id, EAST))

    assert order.play is not None
    assert (purpose, order.play.tone, order.play.severity) == (Purpose.ALERT, "alert", 3)


async def test_signing_again_gives_the_same_bytes(hall: Hall, ask: Ask) -> None:
    """
    After a crash the order that was not stored is signed again: to loudspeakers a duplicate.
    """
    alert = await hall.alert()
    await asyncio.sleep(10)
    first = await ask("play", alert.id, EAST)
    await asyncio.sleep(300)

    assert await ask("play", alert.id, EAST) == first
    assert first.id == order_id(alert.id, OrderKind.PLAY, first.epoch)


async def test_an_order_of_a_restored_book_has_another_id(hall: Hall) -> None:
    assert order_id("a-1", OrderKind.PLAY, 1) != order_id("a-1", OrderKind.PLAY, 2)


# what is over, or not yet


async def test_a_hold_that_runs_is_not_signed(hall: Hall, ask: Ask) -> None:
    alert = await hall.alert()
    await asyncio.sleep(9)

    assert await refused(ask, alert) == "not_released"


async def test_a_held_alert_is_not_signed(hall: Hall, ask: Ask) -> None:
    alert = await hall.alert()
    await hall.put(replace(alert, state=AnnouncementState.HELD, release_at=None))
    await asyncio.sleep(60)

    assert await refused(ask, alert) == "not_released"


async def test_what_has_expired_is_not_signed(hall: Hall, ask: Ask) -> None:
    alert = await hall.alert()
    await asyncio.sleep(7201)

    assert await refused(ask, alert) == "expired"


async def test_what_was_cancelled_is_not_signed(hall: Hall, ask: Ask) -> None:
    alert = await hall.alert()
    await hall.put(hall.tombstone(alert))
    await asyncio.sleep(10)

    assert await refused(ask, alert) == "tombstoned"


async def test_what_is_closed_is_not_signed(hall: Hall, ask: Ask) -> None:
    alert = await hall.alert()
    await hall.put(replace(alert, state=AnnouncementState.CLOSED))
    await asyncio.sleep(10)

    assert await refused(ask, alert) == "closed"


async def test_what_the_book_does_not_know_is_not_signed(hall: Hall, ask: Ask) -> None:
    with pytest.raises(NotAllowed, match="announcement_unknown"):
        await ask("play", "never-planned", EAST)


@pytest.mark.parametrize("kind", ["config", "keys", "live_open", "check", "", "PLAY"])
async def test_other_kinds_are_not_signed(hall: Hall, ask: Ask, kind: str) -> None:
    alert = await hall.alert()
    await asyncio.sleep(10)

    assert await refused(ask, alert, kind) == "order_kind"


async def test_an_announcement_of_no_revision_is_not_signed(hall: Hall, ask: Ask) -> None:
    alert = await hall.alert()
    orphan = replace(alert, id="orphan", revision=2)
    await hall.put(orphan)
    await asyncio.sleep(10)

    assert await refused(ask, orphan) == "revision_unknown"


async def test_what_has_no_recording_is_not_signed(hall: Hall, ask: Ask) -> None:
    alert = await hall.alert()
    script = await hall.book.read(lambda state: state.script(alert.script))
    assert script is not None
    await hall.put(replace(script, recording=None))
    await asyncio.sleep(10)

    assert await refused(ask, alert) == "recording_missing"


# where


async def test_another_village_than_planned_is_refused(hall: Hall, ask: Ask) -> None:
    alert = await hall.alert()
    await asyncio.sleep(10)

    assert await refused(ask, alert, village=WEST) == "foreign_village"


async def test_a_village_that_its_revision_does_not_mean_is_refused(hall: Hall, ask: Ask) -> None:
    """
    A row smuggled in beside an approved notice.
    """
    notice = await hall.notice()
    smuggled = replace(notice, id="smuggled", village=WEST)
    await hall.put(smuggled)
    await asyncio.sleep(10)

    assert await refused(ask, smuggled) == "foreign_village"


async def test_a_village_outside_the_signers_own_areas_is_refused(hall: Hall, ask: Ask) -> None:
    notice = await hall.notice()
    hall.limits = replace(LIMITS, areas=("620724",))
    await asyncio.sleep(10)

    assert await refused(ask, notice) == "foreign_village"


async def test_more_villages_than_the_limit_are_refused(hall: Hall, ask: Ask) -> None:
    notice = await hall.notice(villages=(EAST, WEST))
    hall.limits = replace(LIMITS, most_villages=1)
    await asyncio.sleep(10)

    assert await refused(ask, notice) == "too_many_villages"


# who: notices


async def test_an_author_cannot_release_his_own_notice_by_asking_the_signer(hall: Hall, ask: Ask) -> None:
    """
    Li may publish what others wrote; whatever a taken-over web process writes in his name, this it cannot.
    """
    notice = await hall.notice()
    await hall.put(Release("water", 1, "li", hall.start, hall.start + timedelta(seconds=10)))
    await asyncio.sleep(10)

    assert await refused(ask, notice) == "own_work"


async def _unapproved(hall: Hall, **changed: Any) -> Announcement:
    """The notice, with an approval that is not quite right instead of Wang's."""
    notice = await hall.notice()
    await hall.book.write(Lane.NOTICE, _no_approvals)
    revision = written(hall.start, "water", "li", "明天停水。", (EAST,))
    if changed:
        by = changed.pop("by", "wang")
        await hall.put(approval(revision, by, hall.start, **changed))
    await asyncio.sleep(10)
    return notice


def _no_approvals(pen: Any) -> None:
    for name in ("approval_no_delete", "approval_no_update"):
        pen._connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
    pen._connection.exec_driver_sql("DELETE FROM approval")


async def test_an_unapproved_notice_is_refused(hall: Hall, ask: Ask) -> None:
    assert await refused(ask, await _unapproved(hall)) == "not_approved"


async def test_an_approval_of_another_text_does_not_count(hall: Hall, ask: Ask) -> None:
    assert await refused(ask, await _unapproved(hall, content_sha256="00" * 32)) == "not_approved"


async def test_an_authors_own_approval_does_not_count(hall: Hall, ask: Ask) -> None:
    notice = await _unapproved(hall, by="li", author_id="somebody-else")

    assert await refused(ask, notice) == "not_approved"


async def test_broken_glass_does_not_count_for_a_notice(hall: Hall, ask: Ask) -> None:
    assert await refused(ask, await _unapproved(hall, glass=True)) == "not_approved"


async def test_an_approval_by_somebody_who_may_not_does_not_count(hall: Hall, ask: Ask) -> None:
    assert await refused(ask, await _unapproved(hall, by="zhao")) == "not_approved"


async def test_an_approval_by_somebody_unknown_does_not_count(hall: Hall, ask: Ask) -> None:
    await hall.put(Grant("ghost", Role.APPROVE, TOWN))

    assert await refused(ask, await _unapproved(hall, by="ghost")) == "not_approved"


async def test_an_approval_for_a_part_of_the_targets_does_not_count(hall: Hall, ask: Ask) -> None:
    notice = await hall.notice(villages=(EAST, WEST))
    await hall.book.write(Lane.NOTICE, lambda pen: pen.retire_grants("wang"))
    await hall.put(Grant("wang", Role.APPROVE, EAST))
    await asyncio.sleep(10)

    assert await refused(ask, notice) == "not_approved"


async def test_an_approval_of_another_recording_does_not_count(hall: Hall, ask: Ask) -> None:
    """
    What was listened to is what sounds.
    """
    assert await refused(ask, await _unapproved(hall, recording_sha256="bb" * 32)) == "not_approved"


async def test_a_text_changed_after_its_approval_is_refused(hall: Hall, ask: Ask) -> None:
    notice = await hall.notice()
    changed = replace(written(hall.start, "water", "li", "明天停水。", (EAST,)), spoken="明天有水。")
    await hall.put(changed)
    await asyncio.sleep(10)

    assert await refused(ask, notice) == "changed"


@pytest.mark.parametrize(
    "changed",
    [
        {"sound_class": SoundClass.EMERGENCY},
        {"severity": 4},
        {"repeat": 5},
        {"scope": Scope.DRILL},
        {"script": "another"},
    ],
    ids=lambda changed: next(iter(changed)),
)
async def test_an_announcement_that_says_more_than_its_revision_is_refused(
    hall: Hall, ask: Ask, changed: dict[str, Any]
) -> None:
    notice = await hall.notice()
    await hall.put(replace(notice, **changed))
    await asyncio.sleep(10)

    assert await refused(ask, notice) == "changed"


@pytest.mark.parametrize(
    ("stone_after", "answer"), [(0, "release_role"), (None, "release_role"), (-60, "signed")], ids=str
)
async def test_who_may_not_publish_in_a_village_does_not_end_a_notice_there(
    hall: Hall, ask: Ask, stone_after: int | None, answer: str
) -> None:
    """
    A new revision leaves West out, which ends there what sounds; Zhao may publish in East only. What had ended in
    West before was not ended by him.
    """
    notice = await hall.notice()
    old = replace(notice, id="old-west", revision=0, village=WEST)
    await hall.put(old)
    if stone_after is not None:
        at = hall.start + timedelta(seconds=stone_after)
        await hall.put(replace(hall.tombstone(old), at=at))
    await hall.book.write(Lane.NOTICE, lambda pen: pen.retire_grants("zhao"))
    await hall.put(Grant("zhao", Role.PUBLISH, EAST))
    await asyncio.sleep(10)

    try:
        said = "signed" if await ask("play", notice.id, EAST) else ""
    except NotAllowed as error:
        said = error.code

    assert said == answer


async def test_a_notice_that_nobody_released_is_refused(hall: Hall, ask: Ask) -> None:
    revision = written(hall.start, "road", "li", "修路。", (EAST,))
    await hall._said(revision, "notice", Lane.NOTICE)
    await hall.put(approval(revision, "wang", hall.start))
    announcement = hall.announcement(revision, Lane.NOTICE, hall.start, EAST)
    await hall.put(announcement)

    assert await refused(ask, announcement) == "release_missing"


async def test_a_release_by_somebody_who_may_not_publish_is_refused(hall: Hall, ask: Ask) -> None:
    notice = await hall.notice()
    await hall.put(Release("water", 1, "wang", hall.start, hall.start + timedelta(seconds=10)))
    await asyncio.sleep(10)

    assert await refused(ask, notice) == "release_role"


async def test_one_person_may_approve_and_release(hall: Hall, ask: Ask) -> None:
    notice = await _unapproved(hall, by="sun", id="yes-sun")
    await hall.put(Release("water", 1, "sun", hall.start, hall.start + timedelta(seconds=10)))

    assert (await ask("play", notice.id, EAST)).announcement == notice.id


async def test_a_notice_that_could_not_be_taken_back_is_refused(hall: Hall, ask: Ask) -> None:
    notice = await hall.notice()
    await hall.put(replace(notice, release_at=hall.start + timedelta(seconds=2)))
    await asyncio.sleep(10)

    assert await refused(ask, notice) == "hold_short"


async def test_a_notice_cannot_be_dressed_up_as_an_alert(hall: Hall, ask: Ask) -> None:
    notice = await hall.notice(sound_class=SoundClass.EMERGENCY, severity=4)
    await asyncio.sleep(10)

    assert await refused(ask, notice) == "purpose"


async def _wide(hall: Hall, hold_seconds: float) -> Announcement:
    villages = tuple(f"{TOWN}2{n:02d}" for n in range(11))
    notice = await hall.notice(villages=villages)
    revision = written(hall.start, "water", "li", "明天停水。", villages)
    await hall.announce(revision, Lane.NOTICE, hall.start + timedelta(seconds=hold_seconds))
    await asyncio.sleep(hold_seconds)
    return notice


async def test_more_than_ten_villages_need_two_approvers(hall: Hall, ask: Ask) -> None:
    assert await refused(ask, await _wide(hall, 60)) == "approvers_missing"


async def test_more_than_ten_villages_need_a_minute_in_which_to_take_it_back(hall: Hall, ask: Ask) -> None:
    notice = await _wide(hall, 30)
    await hall.put(await _second_yes(hall))

    assert await refused(ask, notice) == "hold_short"


async def test_more_than_ten_villages_with_two_approvers_and_a_minute_are_signed(hall: Hall, ask: Ask) -> None:
    notice = await _wide(hall, 60)
    await hall.put(await _second_yes(hall))

    assert (await ask("play", notice.id, notice.village)).village == notice.village


async def _second_yes(hall: Hall) -> Approval:
    revision = await hall.book.read(lambda state: state.revision("water", 1))
    assert revision is not None
    return approval(revision, "sun", hall.start)


async def test_a_routine_item_is_not_signed_in_quiet_hours_but_may_be_later(hall: Hall, ask: Ask) -> None:
    """
    Not refused for ever: when they are over it is asked again.
    """
    window = Window(None, hall.start + timedelta(hours=20))
    notice = await hall.notice(window=window)
    await asyncio.sleep(7 * 3600)

    with pytest.raises(OutOfReach, match="quiet_hours"):
        await ask("play", notice.id, EAST)
    await asyncio.sleep(7 * 3600)
    assert (await ask("play", notice.id, EAST)).announcement == notice.id


async def test_an_emergency_is_signed_at_night(hall: Hall, ask: Ask) -> None:
    alert = await hall.alert(window=Window(None, hall.start + timedelta(hours=20)))
    await asyncio.sleep(7 * 3600)

    assert (await ask("play", alert.id, EAST)).announcement == alert.id


# who: alerts


@pytest.mark.parametrize(
    ("pinned", "code"),
    [
        (None, "source_unpinned"),
        (Pinned("somebody@else", (TOWN,)), "sender"),
        (Pinned(SENDER, (WEST,)), "source_area"),
        (Pinned(SENDER, (TOWN,), max_severity=2), "source_severity"),
        (Pinned(SENDER, (TOWN,), least_hold=timedelta(seconds=30)), "hold_short"),
    ],
)
async def test_an_alert_beyond_what_its_source_is_pinned_for_is_refused(
    hall: Hall, ask: Ask, pinned: Pinned | None, code: str
) -> None:
    alert = await hall.alert()
    hall.limits = replace(LIMITS, sources={SOURCE: pinned} if pinned else {})
    await asyncio.sleep(10)

    assert await refused(ask, alert) == code


async def test_an_alert_without_hold_is_refused(hall: Hall, ask: Ask) -> None:
    assert await refused(ask, await hall.alert(hold_seconds=0)) == "hold_short"


async def test_an_extreme_alert_may_go_without_hold(hall: Hall, ask: Ask) -> None:
    alert = await hall.alert(hold_seconds=0, severity=4)

    assert (await ask("play", alert.id, EAST)).announcement == alert.id


async def test_an_alert_that_was_never_stored_is_refused(hall: Hall, ask: Ask) -> None:
    alert = await hall.alert(alert="cap-2")
    await asyncio.sleep(10)

    assert await refused(ask, alert) == "alert_unknown"


async def test_an_alert_of_another_origin_lends_it_no_right(hall: Hall, ask: Ask) -> None:
    alert = await hall.alert(kept={"origin": "quake"})
    await asyncio.sleep(10)

    assert await refused(ask, alert) == "alert_unknown"


async def test_an_alert_whose_text_was_changed_is_refused(hall: Hall, ask: Ask) -> None:
    alert = await hall.alert(content_sha256="00" * 32)
    await asyncio.sleep(10)

    assert await refused(ask, alert) == "changed"


async def test_an_alert_of_unknown_severity_needs_a_person(hall: Hall, ask: Ask) -> None:
    alert = await hall.alert(severity=0, sound_class=SoundClass.ROUTINE)
    await asyncio.sleep(10)
    alone = await refused(ask, alert)

    await hall.put(Release("flood", 1, "wang", hall.start, hall.start))
    await hall.put(replace(alert, sound_class=SoundClass.EMERGENCY))

    assert alone == "release_missing"
    assert opened(await ask("play", alert.id, EAST))[0] is Purpose.ALERT


async def test_an_approver_of_small_things_lets_no_emergency_of_unknown_severity_go(hall: Hall, ask: Ask) -> None:
    alert = await hall.alert(severity=0, sound_class=SoundClass.ROUTINE)
    await hall.put(Release("flood", 1, "wang", hall.start, hall.start))
    await hall.put(replace(alert, sound_class=SoundClass.EMERGENCY))
    await hall.book.write(Lane.NOTICE, lambda pen: pen.retire_grants("wang"))
    await hall.put(Grant("wang", Role.APPROVE, TOWN, max_severity=2))
    await asyncio.sleep(10)

    assert await refused(ask, alert) == "release_role"


async def test_a_drill_needs_a_person_and_has_a_key_of_its_own(hall: Hall, ask: Ask) -> None:
    drill = await hall.alert(scope=Scope.DRILL)
    await asyncio.sleep(10)
    alone = await refused(ask, drill)

    await hall.put(Release("flood", 1, "zhao", hall.start, hall.start))
    by_publisher = await refused(ask, drill)
    await hall.put(Release("flood", 1, "wang", hall.start, hall.start))

    purpose, order = opened(await ask("play", drill.id, EAST))
    assert (alone, by_publisher) == ("release_missing", "release_role")
    assert order.play is not None
    assert (purpose, order.scope, order.play.tone) == (Purpose.DRILL, Scope.DRILL, "drill")


async def test_a_drills_message_cannot_sound_live(hall: Hall, ask: Ask) -> None:
    alert = await hall.alert()
    await hall.put(replace(hall.cap(), scope=Scope.DRILL))
    await asyncio.sleep(10)

    assert await refused(ask, alert) == "scope_mixed"


async def test_a_released_alert_does_not_sound_before_its_release(hall: Hall, ask: Ask) -> None:
    drill = await hall.alert(scope=Scope.DRILL)
    await hall.put(Release("flood", 1, "wang", hall.start, hall.start + timedelta(seconds=30)))
    await asyncio.sleep(20)

    assert await refused(ask, drill) == "hold_short"


# limits of pace


async def test_too_many_orders_for_one_village_in_a_minute_have_to_wait(hall: Hall) -> None:
    hall.limits = replace(LIMITS, orders_per_minute=1)
    alert, notice = await hall.alert(), await hall.notice()
    await asyncio.sleep(10)
    office = hall.office()

    office.sign("play", alert.id, EAST)
    office.sign("play", alert.id, EAST)
    with pytest.raises(OutOfReach, match="too_many_orders"):
        office.sign("play", notice.id, EAST)
    await asyncio.sleep(61)

    assert office.sign("play", notice.id, EAST).announcement == notice.id


# cancel and stop


async def test_a_cancel_is_signed_by_its_own_key_and_names_what_is_to_fall_silent(hall: Hall, ask: Ask) -> None:
    alert = await hall.alert()
    await asyncio.sleep(10)
    play = await ask("play", alert.id, EAST)
    await hall.put(play, hall.tombstone(alert))

    kept = await ask("cancel", alert.id, EAST)

    purpose, order = opened(kept)
    [cancelled] = order.cancels
    assert (purpose, order.kind) == (Purpose.CANCEL, OrderKind.CANCEL)
    assert (cancelled.announcement, cancelled.order) == (alert.id, play.id)
    assert await ask("cancel", alert.id, EAST) == kept


async def test_a_cancel_without_tombstone_is_refused(hall: Hall, ask: Ask) -> None:
    assert await refused(ask, await hall.alert(), "cancel") == "tombstone_missing"


async def test_a_stop_names_all_that_it_silenced(hall: Hall, ask: Ask) -> None:
    alert, notice = await hall.alert(), await hall.notice()
    stop = hall.stop()
    await hall.put(stop, hall.tombstone(alert, stop.id), hall.tombstone(notice, stop.id))

    kept = await ask("stop_all", stop.id, EAST)

    purpose, order = opened(kept)
    assert (purpose, order.before, order.issued, kept.stop) == (Purpose.CANCEL, stop.at, stop.at, stop.id)
    assert {one.announcement for one in order.cancels} == {alert.id, notice.id}
    assert (await ask("stop_all", stop.id, WEST)).id != kept.id


async def test_a_stop_of_a_full_village_fits_on_the_line_and_loses_nobody_it_names(hall: Hall, ask: Ask) -> None:
    alert, stop = await hall.alert(), hall.stop()
    silenced = [replace(alert, id=follows(alert.id, str(n)), origin=f"o-{n}") for n in range(150)]
    await hall.put(stop, silenced, [hall.tombstone(one, stop.id) for one in silenced])
    await hall.put([Stop(f"later-{n}", TOWN, hall.clock.now() + timedelta(seconds=n), "li") for n in range(1, 12)])

    kept = await ask("stop_all", stop.id, EAST)

    _, order = opened(kept)
    # Each may name its play order besides.
    assert len(kept.body) + MOST_CANCELS * len(follows("a", "play")) <= LONGEST_BODY_BYTES
    assert [one.announcement for one in order.cancels] == sorted(one.id for one in silenced)[:MOST_CANCELS]


async def test_an_alert_counts_as_issued_after_every_stop_before_it(hall: Hall, ask: Ask) -> None:
    """
    A stop was pressed while the service's clock was an hour ahead; then the clock was set right.
    """
    ahead = replace(hall.stop(), at=hall.clock.now() + timedelta(hours=1))
    await hall.put(ahead)
    alert = await hall.alert()
    await asyncio.sleep(10)

    kept = await ask("play", alert.id, EAST)

    assert kept.issued == ahead.at + timedelta(milliseconds=1)
    assert await ask("play", alert.id, EAST) == kept


async def test_a_stop_that_nobody_pressed_is_refused(hall: Hall, ask: Ask) -> None:
    with pytest.raises(NotAllowed, match="stop_missing"):
        await ask("stop_all", "stop-1", EAST)


async def test_a_stop_of_another_village_is_refused(hall: Hall, ask: Ask) -> None:
    await hall.put(hall.stop(WEST))

    with pytest.raises(NotAllowed, match="stop_missing"):
        await ask("stop_all", "stop-1", EAST)


# time and keys


async def test_time_is_signed_for_a_nonce(hall: Hall, ask: Ask) -> None:
    signed = await ask("0123456789abcdef", signer_does="time")

    RING.check_time(signed.nonce, signed.service_ms, signed.epoch, signed.sig)
    assert signed.service_ms == round(hall.clock.now().timestamp() * 1000)


@pytest.mark.parametrize("nonce", ["", "x" * 65])
async def test_a_nonce_that_is_none_is_refused(hall: Hall, ask: Ask, nonce: str) -> None:
    with pytest.raises(Invalid, match="nonce"):
        await ask(nonce, signer_does="time")


async def test_it_tells_the_public_halves_of_its_keys(hall: Hall, ask: Ask) -> None:
    assert set(await ask(signer_does="public_keys")) == set(RING)
