"""Changing what somebody may do, and binding a source, with scripts off."""

import shlex
from datetime import timedelta
from pathlib import Path

from typer.testing import CliRunner

from broadcaster.cli.app import app
from broadcaster.desk.rows import Role
from broadcaster.service import prepare
from broadcaster.settings import Settings
from broadcaster.signing.limits import read_limits
from tests.web.api.town import EAST, TOWN, WEST, Town
from tests.web.pages.reader import Reader, at_console

BLANK = [("", TOWN, "4")] * 3
SENDER = "qxj@example.gov.cn"


async def grants(admin: Reader, principal: str, *lines: tuple[str, str, str]) -> Reader:
    """Fill in the lines and save them."""
    await admin.open(f"/console/people/{principal}")
    roles, areas, severities = (list(column) for column in zip(*lines, strict=True))
    return await admin.send(
        f"/console/people/{principal}/grants", {"role": roles, "area": areas, "severity": severities}
    )


async def held(town: Town, principal: str) -> set[tuple[str, str, int]]:
    found = await town.desk.book.read(lambda state: state.grants(principal))
    return {(one.role.value, one.area, int(one.max_severity)) for one in found}


async def test_an_administrator_changes_roles_place_by_place(town: Town) -> None:
    admin = await at_console(town, "zhang", Role.ADMIN)
    await town.somebody("wang", (Role.DRAFT, TOWN))
    await admin.open("/console/people")
    assert "/console/people/wang" in [link for _, _, link, _ in admin.page.iterlinks()]

    await grants(admin, "wang", ("draft", EAST, "4"), ("draft", WEST, "4"), ("approve", EAST, "2"), *BLANK)

    assert "权限已保存" in admin.text
    assert await held(town, "wang") == {("draft", EAST, 4), ("draft", WEST, 4), ("approve", EAST, 2)}


async def test_lines_that_nobody_touched_stay_what_they_were(town: Town) -> None:
    admin = await at_console(town, "zhang", Role.ADMIN)
    await town.somebody("wang", (Role.DRAFT, TOWN))
    await grants(admin, "wang", ("draft", EAST, "0"), ("publish", WEST, "3"))

    await admin.open("/console/people/wang")
    await admin.send("/console/people/wang/grants")

    assert await held(town, "wang") == {("draft", EAST, 0), ("publish", WEST, 3)}


async def test_what_may_not_be_granted_is_said_and_what_was_chosen_stays(town: Town) -> None:
    admin = await at_console(town, "zhang", Role.ADMIN)
    await town.somebody("wang", (Role.DRAFT, TOWN))

    await grants(admin, "wang", ("admin", TOWN, "4"), ("publish", TOWN, "4"))
    assert admin.status == 422
    assert "管理员不能同时" in admin.text
    assert admin.page.xpath("//option[@selected and @value='publish']")
    await grants(admin, "wang", *BLANK)

    assert "请至少给一项权限" in admin.text
    assert await held(town, "wang") == {("draft", TOWN, 4)}


async def test_whoever_administers_one_village_sees_and_changes_nobody_of_another(town: Town) -> None:
    admin = await at_console(town, "zhang", Role.ADMIN, area=EAST)
    await town.somebody("wang", (Role.DRAFT, TOWN))
    await town.somebody("east", (Role.DRAFT, EAST))

    await admin.open("/console/people/wang")
    assert admin.status == 404
    await admin.open("/console/people/east")

    assert set(admin.page.xpath("//select[@name='area']/option/@value")) == {EAST}


async def test_a_form_that_is_torn_or_made_up_is_refused(town: Town) -> None:
    admin = await at_console(town, "zhang", Role.ADMIN)
    await town.somebody("wang", (Role.DRAFT, TOWN))

    for lines in ([("king", TOWN, "4")], [("draft", TOWN, "")], [("draft", TOWN, "12")], [("draft", "x", "4")]):
        await grants(admin, "wang", *lines)
        assert admin.status in (403, 422)

    assert await held(town, "wang") == {("draft", TOWN, 4)}


async def test_a_source_is_bound_and_the_page_says_how_it_is_pinned(town: Town, tmp_path: Path) -> None:
    """
    A source bound on the page alone would be believed by the desk and never signed: the command to run stands there.
    """
    admin = await at_console(town, "zhang", Role.ADMIN)
    await town.somebody("county", (Role.SOURCE, TOWN), kind="source")
    await admin.open("/console/people/county")
    assert "broadcaster token" not in admin.text

    fields = {"sender": f" {SENDER} ", "areas": [EAST, WEST], "hold_ms": "30000"}
    await admin.send("/console/people/county/source", fields)

    assert "绑定已保存" in admin.text
    command = shlex.split(admin.page.xpath("//code")[0].text)
    settings = Settings(home=tmp_path / "home")
    prepare(settings)
    done = CliRunner().invoke(app, [*command[1:], "--home", str(settings.home)])
    pinned = read_limits(settings.limits).sources["county"]
    assert done.exit_code == 0, done.output
    assert (pinned.sender, pinned.areas, pinned.extreme_hold) == (SENDER, (EAST, WEST), timedelta(seconds=30))


async def test_a_source_without_sender_or_place_is_refused_where_it_was_typed(town: Town) -> None:
    admin = await at_console(town, "zhang", Role.ADMIN)
    await town.somebody("county", (Role.SOURCE, TOWN), kind="source")
    await admin.open("/console/people/county")

    await admin.send("/console/people/county/source", {"sender": SENDER})

    assert admin.status == 422
    assert admin.page.xpath("//input[@name='sender']/@value") == [SENDER]
    assert await town.desk.book.read(lambda state: state.source("county")) is None
