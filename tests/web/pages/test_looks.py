"""What every page keeps to: light, closed to the outside, without a script or style within it, in both languages."""

import gzip
import re

import pytest
from lxml import html

from broadcaster.desk.rows import Role
from tests.web.api.town import EAST, ORIGIN, TOWN, Town, cap
from tests.web.pages.reader import Reader, at_console, links
from tests.web.pages.test_the_way import written

CONSOLE_KB = 60
VILLAGE_KB = 15
CONSOLE = [
    "/console",
    "/console/notices",
    "/console/notices/new",
    "/console/people",
    "/console/stop",
    "NOTICE",
    "ALERT",
]
VILLAGE = ["/v", f"/v/{EAST}", "/v/000000000000"]
OPEN = ["/welcome/secret", "/console/nowhere"]


async def visited(town: Town, address: str, language: str) -> Reader:
    """Open a page, after something has happened in the town."""
    reader = await at_console(town, "li", Role.DRAFT, Role.APPROVE, Role.PUBLISH, Role.OPERATE)
    if address == "NOTICE":
        address = await written(reader, "今天3点停水。")
    elif address == "ALERT":
        source = await town.source()
        origin = (
            await source.post("/api/v1/alerts", content=cap(town.desk.clock, severity="Unknown"), headers=XML)
        ).json()
        address = f"/console/origins/{origin['origin']}/heard"
    elif address == "/console/people":
        reader = await at_console(town, "zhang", Role.ADMIN)
    return await reader.open(f"{address}?lang={language}", Accept="text/html")


XML = {"Content-Type": "application/cap+xml"}


@pytest.mark.parametrize("address", [*CONSOLE, *VILLAGE, *OPEN])
async def test_a_page_holds_nothing_that_a_strict_policy_forbids_and_leads_nowhere_outside(
    town: Town, address: str
) -> None:
    reader = await visited(town, address, "zh")

    assert "unsafe" not in reader.answer.headers["content-security-policy"]
    assert not [one for one in reader.page.iter("script") if not one.get("src")]
    assert not list(reader.page.iter("style"))
    for element in reader.page.iter():
        for name in element.attrib:
            assert not name.startswith("on"), html.tostring(element)
            assert name != "style", html.tostring(element)
    assert reader.answer.headers["content-type"].startswith("text/html")
    assert [link for link in links(reader) if not link.startswith((f"{ORIGIN}/", f"{ORIGIN}#"))] == []


@pytest.mark.parametrize("address", [*CONSOLE, *VILLAGE, *OPEN])
async def test_a_page_is_whole_in_english(town: Town, address: str) -> None:
    reader = await visited(town, address, "en")
    for unsaid in reader.page.xpath("//*[@lang] | //*[contains(@class, 'said')] | //option | //textarea"):
        if unsaid.tag != "html":
            unsaid.drop_tree()

    left = re.sub("东村|西村|蓼泉镇|临泽县|邻村|邻镇|停水|暴雨橙色预警|三", "", reader.text)
    assert reader.page.getroottree().getroot().get("lang") == "en"
    assert re.findall(r"[\u4e00-\u9fff]+", left) == []


@pytest.mark.parametrize("address", CONSOLE)
async def test_a_console_page_loads_within_60_kb(town: Town, address: str) -> None:
    reader = await visited(town, address, "en")

    assert await loaded_bytes(town, reader, packed=True) <= CONSOLE_KB * 1000


async def test_a_village_page_loads_within_15_kb_though_nothing_is_packed(town: Town) -> None:
    """
    Old phones on a slow line, through boxes that unpack: what counts is what stands in the files.
    """
    chief = await at_console(town, "li", Role.APPROVE, Role.PUBLISH, Role.OPERATE)
    author = await at_console(town, "wang", Role.DRAFT)
    for _ in range(3):
        address = await written(author, "请各家各户今天下午储水，明天上午检修。" * 3)
        await author.send(f"{address}/submit")
        await (await chief.open(address)).send(f"{address}/approve")
        await (await chief.open(f"{address}/release")).send(f"{address}/release")
    town.desk.clock.offset += town.desk.policy.undo

    page = await Reader(town.client()).open(f"/v/{EAST}")

    assert page.text.count("检修") >= 3
    assert await loaded_bytes(town, page, packed=False) <= VILLAGE_KB * 1000


async def loaded_bytes(town: Town, reader: Reader, *, packed: bool) -> int:
    """Return how many bytes a browser loads to show a page for the first time, recordings apart."""
    client = town.client(**{"Accept-Encoding": "gzip" if packed else "identity"})
    total = len(reader.answer.content)
    for element, name, link, _ in reader.page.iterlinks():
        if element.tag in ("link", "script") and name in ("href", "src"):
            async with client.stream("GET", link) as answer:
                assert answer.status_code == 200, link
                assert "immutable" in answer.headers["cache-control"]
                total += sum([len(chunk) async for chunk in answer.aiter_raw()])
    return total


async def test_our_files_are_packed_for_those_who_can_unpack_and_asked_for_once(town: Town) -> None:
    client = town.client(**{"Accept-Encoding": "gzip"})

    async with client.stream("GET", "/static/console.css?v=1") as answer:
        raw = b"".join([chunk async for chunk in answer.aiter_raw()])
    again = await client.get("/static/console.css?v=1", headers={"If-None-Match": answer.headers["etag"]})
    plain = await town.client(**{"Accept-Encoding": "identity"}).get("/static/console.css")

    assert gzip.decompress(raw) == plain.content
    assert again.status_code == 304


async def test_the_language_is_kept(town: Town) -> None:
    reader = Reader(town.client())
    await reader.open("/v?lang=en")

    await reader.open(f"/v/{EAST}")

    assert "There is no broadcast now." in reader.text


async def test_a_form_that_another_site_sends_is_answered_with_a_page(town: Town) -> None:
    reader = await at_console(town, "li", Role.OPERATE)
    answer = await reader._client.post("/console/stop", data={"area": TOWN}, headers={"Accept": "text/html"})

    assert answer.status_code == 403
    assert answer.headers["content-type"].startswith("text/html")


async def test_what_people_write_is_shown_and_never_run(town: Town) -> None:
    author = await at_console(town, "wang", Role.DRAFT)
    author_page = await written(author, "<script>alert(1)</script>'\"><b>粗")

    await author.open(author_page)

    assert "<script>alert(1)</script>" in author.text
    assert not [one for one in author.page.iter("script") if not one.get("src")]
    assert author.page.xpath("//b[text()='粗']") == []
