"""The pages in a real browser: what scripts add, what policy forbids, and how large things are."""

import asyncio
import re
from dataclasses import replace

import pytest
from playwright.async_api import Browser, Page, expect

from broadcaster.desk.cancelling import cancel
from broadcaster.desk.drafting import script_id
from broadcaster.desk.rows import Role
from broadcaster.model.delivery import Rank
from broadcaster.model.precedence import Lane
from tests.browser.conftest import Watched, watched
from tests.web.api.town import EAST, TOWN, WEST, Town
from tests.web.pages.reader import at_console, link_for
from tests.web.pages.test_heard import alert, say
from tests.web.pages.test_the_way import written

pytestmark = pytest.mark.browser
EVERYTHING = (Role.DRAFT, Role.APPROVE, Role.PUBLISH, Role.OPERATE)


async def entered(browser: Browser, town: Town, name: str, *roles: Role, size: str = "desk") -> Watched:
    """Bring somebody into the console by their link."""
    secret = await link_for(town, name, *((role, TOWN) for role in roles))
    seen = await watched(browser, town, size)
    page = await seen.open(f"/welcome/{secret}")
    await page.click("button")
    await page.wait_for_url("**/console")
    return seen


async def test_a_notice_is_written_and_heard_of_with_scripts_on(town: Town, browser: Browser) -> None:
    seen = await entered(browser, town, "wang", Role.DRAFT)
    page = await seen.open("/console/notices/new")
    await page.fill("textarea", "明天9点开会")

    await page.get_by_text("东村").click()
    await expect(page.locator("#audience")).to_contain_text("将送达 1 个村、2 个喇叭（2 个离线）、1,200 人")
    assert await page.evaluate("document.querySelector('[data-town]').indeterminate")
    await page.get_by_text("蓼泉镇").click()
    await expect(page.locator("#audience")).to_contain_text("将送达 2 个村")
    await page.get_by_role("button", name="保存").click()
    await page.wait_for_url("**/console/notices/id-*")

    assert seen.wrongs == []
    await expect(page.locator(".said").first).to_have_text("明天9点开会")


async def test_an_error_comes_without_leaving_the_page(town: Town, browser: Browser) -> None:
    seen = await entered(browser, town, "wang", Role.DRAFT)
    page = await seen.open("/console/notices/new")
    await page.fill("textarea", "今夜 -3~5 度")
    await page.get_by_text("东村").click()

    await page.get_by_role("button", name="保存").click()

    await expect(page.locator("#wrong")).to_contain_text("念不出来的地方：“~”")
    assert await page.input_value("textarea") == "今夜 -3~5 度"
    assert page.url.endswith("/console/notices/new")


async def test_what_was_typed_outlives_a_refusal_and_a_broken_line(town: Town, browser: Browser) -> None:
    seen = await entered(browser, town, "wang", Role.DRAFT)
    page = await seen.open("/console/notices/new")
    await page.fill("textarea", "写了一半")
    await page.evaluate("document.querySelector('#writing [name=csrf]').value = 'old'")

    await page.get_by_role("button", name="保存").click()
    await expect(page.locator("#trouble")).to_contain_text("请刷新页面")
    await page.context.set_offline(True)
    await page.get_by_role("button", name="保存").click()
    await expect(page.locator("#trouble")).to_contain_text("网络断了")

    assert await page.input_value("textarea") == "写了一半"


async def test_what_was_typed_outlives_the_page(town: Town, browser: Browser) -> None:
    seen = await entered(browser, town, "wang", Role.DRAFT)
    page = await seen.open("/console/notices/new")
    await page.fill("textarea", "写了一半")
    await page.get_by_text("西村").click()

    await page.reload()

    await expect(page.locator("#restored")).to_be_visible()
    assert await page.input_value("textarea") == "写了一半"
    assert await page.is_checked(f"input[value='{WEST}']")


async def test_a_recording_appears_when_it_is_made(town: Town, browser: Browser) -> None:
    author = await entered(browser, town, "wang", Role.DRAFT)
    address = await written(await at_console(town, "zhao", Role.DRAFT), "开会")
    page = await author.open(address)
    await page.get_by_role("button", name="做一份录音来听").click()
    await expect(page.locator("#sound")).to_contain_text("正在做录音")

    await speak(town, "开会")

    await expect(page.locator("#sound audio")).to_have_attribute("src", re.compile(r"^/audio/[0-9a-f]{64}\.mp3$"))
    assert author.wrongs == []


async def speak(town: Town, text: str) -> None:
    """Make a script's recording, as the worker does."""
    made = await town.desk.studio.record(text, urgent=False)

    def job(pen) -> None:  # type: ignore[no-untyped-def]  # a pen, in a test
        script = pen.script(script_id(town.desk, text))
        pen.put(made, replace(script, state="ready", recording=made.sha256))

    await town.desk.book.write(Lane.NOTICE, job)


async def test_who_looks_sees_a_loudspeaker_begin(town: Town, browser: Browser) -> None:
    address = await alert(town, area=EAST)
    seen = await entered(browser, town, "li", *EVERYTHING)
    page = await seen.open(address)
    await expect(page.locator("#live")).to_contain_text("等待发送")

    await say(town, address, "east-1", rank=Rank.STARTED, started_at=1)
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    await expect(page.locator("tr", has_text="east-1")).to_contain_text("正在播")
    assert seen.wrongs == []


async def test_what_a_colleague_does_shows_on_an_open_page(town: Town, browser: Browser) -> None:
    address = await alert(town, area=EAST)
    seen = await entered(browser, town, "li", *EVERYTHING)
    page = await seen.open(address)
    await expect(page.locator("#live")).to_contain_text("已发布")

    await cancel(town.desk, await town.asker("li"), address.split("/")[3])

    await expect(page.locator("#live")).to_contain_text("已取消")
    assert seen.wrongs == []


async def test_the_way_to_stop_everything_is_two_presses_from_every_page(town: Town, browser: Browser) -> None:
    address = await alert(town, area=EAST)
    for size in ("phone", "desk"):
        seen = await entered(browser, town, f"li-{size}", *EVERYTHING, size=size)
        for path in ("/console", "/console/notices", "/console/notices/new", address):
            page = await seen.open(path)
            box = await page.locator("a.stop").bounding_box()
            assert box is not None
            assert box["height"] >= 60
            assert abs(box["x"] + box["width"] - page.viewport_size["width"]) <= 24
            assert abs(box["y"] + box["height"] - page.viewport_size["height"]) <= 24
        await page.click("a.stop")
        await page.get_by_role("button", name="立刻停播").click()
        await page.wait_for_url("**/console/stops/**")
        assert seen.wrongs == []


@pytest.mark.parametrize("size", ["phone", "desk"])
async def test_no_page_is_wider_than_its_screen_and_every_button_can_be_hit(
    town: Town, browser: Browser, size: str
) -> None:
    address = await alert(town, area=TOWN, severity="Unknown")
    slip = await written(await at_console(town, "zhao", Role.DRAFT), "今天3点停水")
    seen = await entered(browser, town, "li", *EVERYTHING, size=size)
    for language in ("zh", "en"):
        for path in ("/console", "/console/notices", "/console/notices/new", slip, address, "/console/stop"):
            page = await seen.open(f"{path}?lang={language}")
            assert await seen.too_wide() <= 0, path
            assert await smallest(page, "a.button, button:not(.link), nav a, .chip span, .tick", 44) == [], path
    assert seen.wrongs == []


@pytest.mark.parametrize("size", ["phone", "desk"])
async def test_villagers_read_large_letters_and_hit_large_buttons(town: Town, browser: Browser, size: str) -> None:
    await alert(town, area=EAST)
    town.desk.clock.offset += town.desk.policy.undo  # type: ignore[attr-defined]  # the tests' clock
    seen = await watched(browser, town, size)
    for language in ("zh", "en"):
        for path in ("/v", f"/v/{EAST}"):
            page = await seen.open(f"{path}?lang={language}")
            assert await seen.too_wide() <= 0
            assert await page.evaluate(SMALL_LETTERS) == []
            assert await smallest(page, "a, button", 60) == []
    assert seen.wrongs == []


async def test_an_open_village_page_tells_of_an_alert_by_itself(town: Town, browser: Browser) -> None:
    seen = await watched(browser, town, "phone")
    page = await seen.open(f"/v/{EAST}")
    await expect(page.locator("#now")).to_contain_text("现在没有广播")

    await alert(town, area=EAST, severity="Extreme")
    town.desk.clock.offset += town.desk.policy.undo  # type: ignore[attr-defined]  # the tests' clock
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    await expect(page.locator("article.alert")).to_contain_text("暴雨橙色预警")
    assert seen.wrongs == []


async def test_a_village_page_is_whole_without_scripts(town: Town, browser: Browser) -> None:
    await alert(town, area=EAST)
    town.desk.clock.offset += town.desk.policy.undo  # type: ignore[attr-defined]  # the tests' clock
    seen = await watched(browser, town, "phone", scripts=False)

    page = await seen.open(f"/v/{EAST}")

    await expect(page.locator("article.alert")).to_contain_text("暴雨橙色预警")
    await expect(page.locator("meta[http-equiv=refresh]")).to_have_count(1)


async def test_eight_pages_open_at_once_all_load(town: Town, browser: Browser) -> None:
    """
    Browsers keep six streams to one house: pages that nobody looks at have to give theirs up.
    """
    await alert(town, area=EAST)
    seen = await entered(browser, town, "li", *EVERYTHING)
    pages = [seen.page, *[await seen.page.context.new_page() for _ in range(7)]]

    for page in pages:
        await page.bring_to_front()
        await page.goto(f"{seen.origin}/console", timeout=10_000)
        await asyncio.sleep(0.1)

    assert all([await page.locator("h1").count() == 1 for page in pages])


SMALL_LETTERS = """() => [...document.querySelectorAll('body *')].filter(one =>
  [...one.childNodes].some(node => node.nodeType === 3 && node.textContent.trim())
  && one.tagName !== 'NOSCRIPT' && parseFloat(getComputedStyle(one).fontSize) < 18)
  .map(one => one.outerHTML.slice(0, 80))"""


async def smallest(page: Page, selector: str, least: int) -> list[str]:
    """Return what of a page is too small to be hit with a thumb."""
    found: list[str] = await page.evaluate(
        """([selector, least]) => [...document.querySelectorAll(selector)].filter(one => {
            const box = one.getBoundingClientRect();
            return box.width > 0 && (box.height < least - 0.5 || box.width < least - 0.5);
        }).map(one => one.outerHTML.slice(0, 100))""",
        [selector, least],
    )
    return found
