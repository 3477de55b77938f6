"""The way of a notice through the pages, from hand to hand, with scripts off."""

from broadcaster.desk.rows import Role
from tests.web.api.town import EAST, ORIGIN, TOWN, WEST, Town
from tests.web.pages.reader import Reader, at_console, link_for

WRITE = "/console/notices/new"


async def written(author: Reader, text: str = "今天下午停水。", *targets: str) -> str:
    """Write a notice; return its address."""
    await author.open(WRITE)
    await author.send(WRITE, {"title": "停水", "text": text, "targets": targets or [EAST]})
    assert author.status == 200, author.text
    return author.path


async def test_a_link_opens_the_console_once(town: Town) -> None:
    """
    Chat programs fetch links to show a preview: looking at one does not spend it, pressing the button does.
    """
    secret = await link_for(town, "wang", (Role.DRAFT, TOWN))
    preview, wang, thief = Reader(town.client()), Reader(town.client()), Reader(town.client())
    await preview.open(f"/welcome/{secret}")

    await (await wang.open(f"/welcome/{secret}")).send("/enter")
    await (await thief.open(f"/welcome/{secret}")).send("/enter")

    assert (wang.path, wang.status) == ("/console", 200)
    assert thief.status == 401
    assert "请管理员" in thief.text


async def test_who_comes_without_a_session_is_told_how_to_get_in(town: Town) -> None:
    stranger = await Reader(town.client()).open("/console")

    assert stranger.status == 401
    assert "一次性链接" in stranger.text


async def test_a_notice_goes_from_its_author_over_its_approver_to_the_villages(town: Town) -> None:
    """
    Link, write, submit, approve as another, release, cancel: whole with scripts off.
    """
    author = await at_console(town, "wang", Role.DRAFT, Role.APPROVE, Role.PUBLISH)
    chief = await at_console(town, "li", Role.APPROVE, Role.PUBLISH)

    address = await written(author)
    await author.send(f"{address}/submit")
    assert "要由别人批准" in author.text
    assert f"{address}/approve" not in author.forms

    await chief.open("/console")
    assert "停水" in chief.text
    await chief.open(address)
    await chief.send(f"{address}/approve")
    await chief.open(f"{address}/release")
    assert "发布到 1 个村" in chief.text
    await chief.send(f"{address}/release")
    assert chief.path.endswith("/heard")
    await author.open(address)
    assert author.page.xpath(f"//a[@href='{address}/revise']")
    assert "谁还没听到 1" in chief.text
    assert "东村" in chief.text

    await chief.send(chief.path.replace("/heard", "/cancel"))
    assert "已取消" in chief.text


async def test_saving_and_releasing_twice_by_mistake_does_it_once(town: Town) -> None:
    author = await at_console(town, "wang", Role.DRAFT)
    await author.open(WRITE)
    form, fields = author.page, {"title": "停水", "text": "今天下午停水。", "targets": [EAST]}

    await author.send(WRITE, fields)
    first, author.page = author.path, form
    await author.send(WRITE, fields)

    assert author.path == first


async def test_what_cannot_be_is_said_at_its_place_and_nothing_typed_is_lost(town: Town) -> None:
    author = await at_console(town, "wang", Role.DRAFT)
    await author.open(WRITE)

    await author.send(WRITE, {"title": "气温", "text": "今夜 -3~5 度", "targets": [EAST]})

    assert author.status == 422
    assert "念不出来的地方：“~”" in author.text
    assert author.page.xpath("//textarea")[0].value == "今夜 -3~5 度"
    assert author.page.xpath(f"//input[@value='{EAST}']/@checked")


async def test_a_ticked_town_stands_for_its_villages_and_the_sentence_counts_them(town: Town) -> None:
    town.line.connected = {"east-1"}
    author = await at_console(town, "wang", Role.DRAFT)
    await author.open(WRITE)

    await author.send(WRITE, {"text": "开会", "targets": [TOWN, EAST, WEST]}, button="count")

    assert "将送达 2 个村、2 个喇叭（1 个离线）、人口未录入" in author.text
    assert "没有喇叭的村：西村" in author.text


async def test_who_may_write_for_one_village_is_offered_that_village_only(town: Town) -> None:
    author = await at_console(town, "wang", Role.DRAFT, area=EAST)

    await author.open(WRITE)

    assert author.page.xpath("//input[@name='targets']/@value") == [EAST]


async def test_a_time_may_be_typed_and_a_wrong_one_is_explained(town: Town) -> None:
    author = await at_console(town, "wang", Role.DRAFT)
    fields = {"text": "开会", "targets": [EAST], "start": "other", "start_day": "明天", "start_clock": "19:00"}
    await author.open(WRITE)

    await author.send(WRITE, fields)

    assert author.status == 422
    assert "“明天 19:00”看不懂" in author.text


async def test_a_revised_notice_has_to_be_approved_again(town: Town) -> None:
    author = await at_console(town, "wang", Role.DRAFT)
    chief = await at_console(town, "li", Role.APPROVE)
    address = await written(author)
    await author.send(f"{address}/submit")
    await chief.open(address)

    await author.open(f"{address}/revise")
    await author.send(f"{address}/revise", {"text": "明天下午停水。"})
    await chief.send(f"{address}/approve")

    assert "第 2 版" in author.text
    assert chief.status == 409
    assert "更新" in chief.text


async def test_everything_stops_at_one_press_more(town: Town) -> None:
    chief = await at_console(town, "li", Role.OPERATE)
    stop = chief.page.xpath("//a[@class='stop']/@href")[0]

    await chief.open(stop)
    await chief.send("/console/stop")

    assert chief.path.startswith("/console/stops/")
    assert "2 个村" in chief.text
    assert "东村" in chief.text


async def test_an_administrator_makes_somebody_and_hands_them_a_link(town: Town) -> None:
    admin = await at_console(town, "zhang", Role.ADMIN)
    await admin.open("/console/people")

    await admin.send("/console/people", {"name": "赵敏", "roles": ["draft"], "area": EAST})
    await admin.send(next(action for action in admin.forms if action.endswith("/link") and "zhang" not in action))
    link = admin.page.xpath("//input[@class='secret']/@value")[0]
    newcomer = Reader(town.client())
    await (await newcomer.open(link)).send("/enter")

    assert newcomer.path == "/console"
    assert "赵敏" in newcomer.text


async def test_another_link_for_somebody_who_has_signed_in_stands_in_the_trail(town: Town) -> None:
    """
    Who administers a publisher could come in as him: not without whoever audits reading it.
    """
    await at_console(town, "li", Role.PUBLISH)
    admin = await at_console(town, "zhang", Role.ADMIN)
    auditor = await at_console(town, "sun", Role.AUDIT)

    await admin.open("/console/people")
    await admin.send("/console/people/li/link")
    shown = admin.page.xpath("//input[@class='secret']/@value")
    await auditor.open("/console/people")

    assert f"{ORIGIN}/welcome/" in str(shown)
    assert "给 li 做了一次性链接 （以前登录过）" in auditor.text
    assert not [action for action in auditor.forms if action.startswith("/console/people")]


async def test_an_administrator_who_would_also_speak_is_refused_in_words(town: Town) -> None:
    admin = await at_console(town, "zhang", Role.ADMIN)
    await admin.open("/console/people")

    await admin.send("/console/people", {"name": "赵敏", "roles": ["admin", "publish"], "area": TOWN})

    assert admin.status == 422
    assert "管理员不能同时" in admin.text
    assert admin.page.xpath("//input[@name='name']/@value") == ["赵敏"]
