"""Who has heard it, who has not, and what a person decides of an alert that waits."""

from dataclasses import replace

from broadcaster.desk.rows import Role
from broadcaster.model.clock import milliseconds
from broadcaster.model.delivery import Delivery, Outcome, Rank
from broadcaster.model.precedence import Lane, SoundClass
from broadcaster.web.console.heard import funnel
from tests.web.api.town import EAST, OTHER, TOWN, Town, cap
from tests.web.pages.reader import Reader, at_console

XML = {"Content-Type": "application/cap+xml"}


async def alert(town: Town, **changes: str) -> str:
    """Have the county's centre warn the town; return where that is looked at."""
    source = await town.source()
    answer = await source.post("/api/v1/alerts", content=cap(town.desk.clock, **changes), headers=XML)
    return f"/console/origins/{answer.json()['origin']}/heard"


async def say(town: Town, address: str, speaker: str, **word: object) -> None:
    """Let a loudspeaker's word stand in the book."""
    origin = address.split("/")[3]

    def job(pen) -> None:  # type: ignore[no-untyped-def]  # a pen, in a test
        ids = [one.id for one in pen.announcements_of(origin)]
        row = next(one for one in pen.deliveries(ids) if one.target == speaker)
        pen.put(replace(row, **word))

    await town.desk.book.write(Lane.NOTICE, job)


async def test_villages_that_have_not_heard_come_first_with_the_reason(town: Town) -> None:
    chief, address = await at_console(town, "li", Role.OPERATE), await alert(town, area=TOWN)
    now = milliseconds(town.desk.clock.now())
    await say(
        town,
        address,
        "east-1",
        rank=Rank.FINAL,
        outcome=Outcome.PLAYED,
        started_at=now,
        heard_ms=21_300,
        repeats_done=2,
    )
    await say(town, address, "east-2", rank=Rank.FINAL, outcome=Outcome.REFUSED, reason="audio")

    await chief.open(address)

    assert "谁还没听到 1 西村" in chief.text
    assert "这个村没有喇叭" in chief.text
    assert "喇叭拒播" in chief.text
    assert "录音取不到或不对" in chief.text
    assert "21.3 秒、2 遍" in chief.text


async def test_a_missing_receipt_is_shown_as_missing(town: Town) -> None:
    chief, address = await at_console(town, "li", Role.OPERATE), await alert(town, area=EAST)
    await say(town, address, "east-1", rank=Rank.NO_RECEIPT, sent_at=1)

    await chief.open(address)

    assert "没有回音" in chief.text
    assert "每个村都有喇叭播完了" not in chief.text


async def test_what_was_cut_in_on_is_not_shown_as_sounding(town: Town) -> None:
    """
    A loudspeaker says one thing at a time; what makes way for a warning keeps its place and goes on after it.
    """
    chief, first = await at_console(town, "li", Role.OPERATE), await alert(town, area=EAST)
    second = await alert(town, area=EAST, identifier="flood-2")
    for speaker in ("east-1", "east-2"):
        await say(town, first, speaker, rank=Rank.STARTED, started_at=1)
    await say(town, second, "east-1", rank=Rank.STARTED, started_at=2)

    await chief.open(first)
    assert [sign.text_content().strip() for sign in chief.page.xpath("//td[2]/span")] == [
        "让更要紧的先播，稍后接着播",
        "正在播",
    ]
    await say(town, second, "east-1", rank=Rank.FINAL, outcome=Outcome.PLAYED)
    await chief.open(first)

    assert "让更要紧的先播" not in chief.text


async def test_villagers_see_one_thing_sounding_where_one_made_way(town: Town) -> None:
    first, second = await alert(town, area=EAST), await alert(town, area=EAST, identifier="flood-2")
    town.desk.clock.offset += town.desk.policy.undo  # type: ignore[attr-defined]  # the tests' clock
    now = milliseconds(town.desk.clock.now())
    for speaker in ("east-1", "east-2"):
        await say(town, first, speaker, rank=Rank.STARTED, started_at=now - 2_000)
        await say(town, second, speaker, rank=Rank.STARTED, started_at=now - 1_000)

    villager = await Reader(town.client()).open(f"/v/{EAST}")

    assert villager.text.count("喇叭正在播") == 1
    assert villager.text.count("先让别的播，稍后接着播") == 1


def test_the_funnel_counts_only_what_loudspeakers_said() -> None:
    at = Delivery("a", "x")
    rows = [
        at,
        replace(at, rank=Rank.SENT, sent_at=1),
        replace(at, rank=Rank.ACCEPTED, sent_at=1, accepted_at=2),
        replace(at, rank=Rank.NO_RECEIPT, sent_at=1, accepted_at=2, started_at=3),
        replace(at, rank=Rank.FINAL, outcome=Outcome.PLAYED, sent_at=1, accepted_at=2, started_at=3),
        replace(at, rank=Rank.FINAL, outcome=Outcome.EXPIRED),
    ]

    found = funnel(rows)

    assert (found.meant, found.sent, found.accepted, found.started, found.played) == (6, 4, 3, 2, 1)


async def test_an_approver_decides_how_an_alert_of_unknown_severity_sounds(town: Town) -> None:
    chief, address = await at_console(town, "li", Role.APPROVE), await alert(town, severity="Unknown")
    await chief.open("/console")
    assert "待人工放行" in chief.text
    await chief.open(address)

    await chief.send(address.replace("/heard", "/let-go"), {"class": "emergency"})

    released = await town.desk.book.read(lambda state: state.announcements_of(address.split("/")[3]))
    assert "等人放行" not in chief.text
    assert {one.sound_class for one in released} == {SoundClass.EMERGENCY}
    assert all(one.release_at for one in released)


async def test_who_may_not_decide_is_told_who_may(town: Town) -> None:
    clerk, address = await at_console(town, "wang", Role.DRAFT), await alert(town, severity="Unknown")

    await clerk.open(address)

    assert address.replace("/heard", "/let-go") not in clerk.forms
    assert "等有“批准”权限的人批准" in clerk.text


async def test_another_towns_staff_do_not_see_it(town: Town) -> None:
    stranger, address = await at_console(town, "sun", Role.OPERATE, area=OTHER), await alert(town, area=EAST)

    await stranger.open(address)

    assert stranger.status == 404
    assert "暴雨" not in stranger.text


async def test_what_is_planned_for_later_stays_after_a_stop_and_is_listed(town: Town) -> None:
    author = await at_console(town, "wang", Role.DRAFT)
    chief = await at_console(town, "li", Role.APPROVE, Role.PUBLISH, Role.OPERATE)
    await author.open("/console/notices/new")
    later = author.page.xpath("//input[@name='start']/@value")[1]
    await author.send(
        "/console/notices/new", {"title": "晚上开会", "text": "晚上开会", "targets": [EAST], "start": later}
    )
    address = author.path
    await author.send(f"{address}/submit")
    await (await chief.open(address)).send(f"{address}/approve")
    await (await chief.open(f"{address}/release")).send(f"{address}/release")

    await chief.open("/console/stop")
    await chief.send("/console/stop")

    assert "晚上开会" in chief.text
    assert "没有以后要播的内容" not in chief.text


async def test_a_villager_reads_the_alert_and_the_page_costs_nothing_while_nothing_changes(town: Town) -> None:
    await alert(town, area=EAST, severity="Extreme")
    town.desk.clock.offset += town.desk.policy.undo  # type: ignore[attr-defined]  # the tests' clock
    villager = await Reader(town.client()).open(f"/v/{EAST}")
    part = await town.client().get(f"/v/{EAST}/now")

    again = await town.client().get(f"/v/{EAST}/now", headers={"If-None-Match": part.headers["etag"]})

    assert "暴雨橙色预警" in villager.text
    assert "临泽" not in villager.text
    assert again.status_code == 304


async def test_what_was_cancelled_is_read_as_such(town: Town) -> None:
    chief, address = await at_console(town, "li", Role.OPERATE), await alert(town, area=EAST)
    town.desk.clock.offset += town.desk.policy.undo  # type: ignore[attr-defined]  # the tests' clock
    await (await chief.open(address)).send(address.replace("/heard", "/cancel"))

    villager = await Reader(town.client()).open(f"/v/{EAST}")

    assert "现在没有广播" in villager.text
    assert "已取消" in villager.text


async def test_an_unknown_village_is_a_plain_page_that_leads_on(town: Town) -> None:
    villager = await Reader(town.client()).open("/v/12")

    assert villager.status == 404
    assert villager.page.xpath("//a[@href='/v']")
