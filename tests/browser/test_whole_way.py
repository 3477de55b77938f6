"""The whole way before a real browser: from the first link to the last loudspeaker's word, with the real service."""

import re
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from functools import partial
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, Locator, Page, expect

from broadcaster.cli.staging import flash_flood, flooded
from broadcaster.model.clock import SHANGHAI
from broadcaster.model.errors import NotAllowed
from broadcaster.places import TOWN
from broadcaster.web.console.words import say, say_problem
from broadcaster.web.words import Language
from tests.browser.conftest import Watched, somebody_at
from tests.browser.living import CHIEF, SPEAKERS, WRITER, Living, living_town, until

pytestmark = pytest.mark.browser

VILLAGES = 9
SHORT = "明天上午9点开会，请大家准时到村委会。"
LONG = "请各村按照水管站排定的轮次浇水，夜里浇水要两个人结伴。" * 8
PATIENCE_MS = 60_000
LANGUAGES = ("zh", "en")
Words = Callable[..., str]


@pytest.fixture
async def living(chromium: str, tmp_path: Path) -> AsyncIterator[Living]:
    async with living_town(tmp_path / "town") as town:
        yield town


async def enters(browser: Browser, living: Living, link: str, language: str, *, scripts: bool = True) -> Watched:
    """Somebody opens their one-use link, chooses their language and presses the one button."""
    seen = await somebody_at(browser, living.url, scripts=scripts)
    page = await seen.open(f"{link.removeprefix(living.url)}?lang={language}")
    await page.get_by_role("button", name=say(language, "welcome.enter")).click()
    await page.wait_for_url("**/console")
    return seen


async def goes_to(page: Page, name: str) -> None:
    """Choose a page from the menu."""
    await page.locator("nav").get_by_role("link", name=name, exact=True).click()


async def makes(admin: Page, name: str, *roles: str, words: Words) -> str:
    """The administrator makes somebody; return the link that is shown this once."""
    await goes_to(admin, words("nav.people"))
    await admin.fill("[name=name]", name)
    for role in roles:
        await admin.locator(".tick", has=admin.locator(f"[value={role}]")).click()
    await admin.select_option("[name=area]", TOWN)
    await admin.get_by_role("button", name=words("people.save"), exact=True).click()
    somebody = admin.locator("li", has=admin.get_by_text(name, exact=True))
    await somebody.get_by_role("button", name=words("people.link")).click()
    return await admin.input_value(".secret")


async def writes(author: Page, text: str, words: Words) -> None:
    """The author writes a notice for the whole town and saves it."""
    await goes_to(author, words("nav.new"))
    await author.fill("textarea", text)
    await author.locator(".tick.whole").click()
    await author.get_by_role("button", name=words("write.save"), exact=True).click()
    await author.wait_for_url("**/console/notices/*done=saved")


async def plays(page: Page) -> None:
    """Press the space bar on a recording: it sounds, and its time goes on."""
    sound = page.locator("#sound audio")
    await sound.wait_for()
    await sound.focus()
    await page.keyboard.press("Space")

    async def goes_on() -> bool:
        return float(await sound.evaluate("one => one.currentTime")) > 0.3

    await until(goes_on)


async def approves(chief: Page, title: str, words: Words) -> None:
    """Somebody else finds it among what waits for them, and approves it."""
    await goes_to(chief, words("nav.today"))
    await chief.get_by_role("link", name=words("today.do.approve"), exact=True).click()
    await expect(chief.locator("h1")).to_have_text(title)
    await chief.get_by_role("button", name=words("do.approve"), exact=True).click()


async def releases(chief: Page, words: Words) -> None:
    """They look once more and let it go."""
    await chief.get_by_role("link", name=words("do.release"), exact=True).click()
    await chief.get_by_role("button", name=words("release.sure", n=VILLAGES)).click()
    await chief.wait_for_url("**/heard?done=released")


def funnel(page: Page, step: int) -> Locator:
    """Return the number of loudspeakers that have come so far: 0 meant … 3 started, 4 played."""
    return page.locator(".funnel text[text-anchor=end]").nth(step)


def rows(page: Page, word: str) -> Locator:
    return page.locator("tbody tr", has_text=word)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_notice_goes_from_the_first_link_to_the_last_loudspeakers_word(
    living: Living, browser: Browser, language: Language
) -> None:
    """
    Nobody looks away: pages tell of each step by themselves, and the author's own hand gets no further than submitting.
    """
    words = partial(say, language)
    assert living.running.first_link
    admin = await enters(browser, living, living.running.first_link, language)
    author_link = await makes(admin.page, "宣传干事", "draft", "approve", "publish", words=words)
    chief_link = await makes(admin.page, "分管领导", "approve", "publish", "operate", words=words)
    author = await enters(browser, living, author_link, language)
    chief = await enters(browser, living, chief_link, language)

    await writes(author.page, SHORT, words)
    await author.page.get_by_role("button", name=words("slip.hear")).click()
    await plays(author.page)
    await author.page.get_by_role("button", name=words("do.submit")).click()
    await expect(author.page.locator(".next")).to_contain_text(words("why.own_approve"))
    assert own_work(language) in await posted_by_hand(author.page, "approve")
    await approves(chief.page, await author.page.inner_text("h1"), words)
    await author.page.reload()
    await expect(author.page.locator(".next")).to_contain_text(words("why.own_release"))
    assert own_work(language) in await posted_by_hand(author.page, "release")
    await releases(chief.page, words)

    page = chief.page
    await page.evaluate("window.isSame = true")
    await expect(page.locator("details.village")).to_have_count(VILLAGES)
    await expect(rows(page, words("rank.3")).first).to_be_visible(timeout=PATIENCE_MS)
    await expect(funnel(page, 3)).to_have_text(str(SPEAKERS), timeout=PATIENCE_MS)
    await expect(rows(page, words("outcome.played"))).to_have_count(SPEAKERS, timeout=PATIENCE_MS)
    await expect(page.locator("#live")).to_contain_text(words("heard.unheard.none"))
    await expect(page.locator("summary", has_text=words("heard.village", played=2, n=2))).to_have_count(VILLAGES)
    assert await page.evaluate("window.isSame")
    heard = await living.heard_of(origin_of(page))
    assert sorted(one.speaker for one in heard if one.ended == "end") == sorted({one.speaker for one in heard})
    assert admin.wrongs + author.wrongs + chief.wrongs == []


async def posted_by_hand(page: Page, step: str) -> str:
    """Send the form that the page does not offer, as somebody with the browser's tools would; return the answer."""
    address = page.url.partition("?")[0]
    secret = await page.locator("[name=csrf]").first.input_value()
    body = {"csrf": secret, "revision": "1", "content": "0" * 64}
    origin = {"Origin": address[: address.index("/console")]}
    answer = await page.context.request.post(f"{address}/{step}", form=body, headers=origin)
    assert answer.status == 403
    return await answer.text()


def own_work(language: Language) -> str:
    """Return what whoever puts a hand to their own work is told."""
    return say_problem(language, NotAllowed("own_work"))


def origin_of(page: Page) -> str:
    found = re.search(r"/console/(?:origins|notices)/([^/?]+)", page.url)
    assert found
    return found[1]


async def test_what_is_cancelled_while_it_sounds_falls_silent_before_the_eyes_of_who_pressed(
    living: Living, browser: Browser
) -> None:
    language, words = "zh", partial(say, "zh")
    chief = await enters(browser, living, await living.link("值班", CHIEF), language)
    origin = await living.on_air(LONG)
    page = await chief.open(f"/console/origins/{origin}/heard")
    await living.sounds(origin)
    await expect(rows(page, words("rank.3"))).to_have_count(SPEAKERS, timeout=PATIENCE_MS)

    await page.get_by_text(words("cancel.ask"), exact=True).click()
    await page.get_by_role("button", name=words("cancel.sure")).click()

    await expect(page.locator("#live")).to_contain_text(words("stage.cancelled"))
    await expect(rows(page, words("outcome.cancelled"))).to_have_count(SPEAKERS, timeout=PATIENCE_MS)
    assert await living.is_still()
    assert {one.ended for one in await living.heard_of(origin)} == {"cut"}
    assert chief.wrongs == []


async def test_stop_everything_silences_all_villages_and_says_so_one_by_one(living: Living, browser: Browser) -> None:
    language, words = "en", partial(say, "en")
    chief = await enters(browser, living, await living.link("值班", CHIEF), language)
    origin = await living.on_air(LONG)
    await living.sounds(origin)

    await chief.page.click("a.stop")
    await chief.page.get_by_role("button", name=words("stop.sure")).click()
    await chief.page.wait_for_url("**/console/stops/**")

    page = chief.page
    await expect(page.locator("#live li", has_text=words("stop.told"))).to_have_count(VILLAGES, timeout=PATIENCE_MS)
    await expect(page.locator("#live li", has_text=words("stop.online", online=2, n=2))).to_have_count(VILLAGES)
    await page.goto(f"{living.url}/console/origins/{origin}/heard")
    await expect(rows(page, words("outcome.cancelled"))).to_have_count(SPEAKERS, timeout=PATIENCE_MS)
    assert await living.is_still()
    assert {one.ended for one in await living.heard_of(origin)} == {"cut"}
    assert chief.wrongs == []


async def test_an_alert_shows_on_an_open_village_page_from_its_release_to_its_last_word(
    living: Living, browser: Browser
) -> None:
    language, words = "zh", partial(say, "zh")
    token = await living.pinned_source()
    villager = await somebody_at(browser, living.url, "phone")
    page = await villager.open(f"/v/{flooded()[0]}?lang={language}")
    await expect(page.locator("#now")).to_contain_text(words("v.now.none"))
    await page.evaluate("window.isSame = true")

    notice = await living.on_air(LONG)
    await living.sounds(notice)
    chief = await enters(browser, living, await living.link("值班", CHIEF), language)
    await chief.open(f"/console/origins/{notice}/heard")
    origin = await warned(living, token)

    alert, asked = page.locator("article.alert"), datetime.now(SHANGHAI)
    await expect(alert).to_contain_text("山洪红色预警", timeout=PATIENCE_MS)
    await expect(alert.locator(".mark.on")).to_contain_text(words("v.sounding"), timeout=PATIENCE_MS)
    await expect(page.locator("article:not(.alert)")).to_contain_text(words("v.paused"))
    await expect(rows(chief.page, words("rank.paused"))).to_have_count(2 * len(flooded()))
    await expect(alert.locator(".mark.on")).to_have_count(0, timeout=PATIENCE_MS)
    await expect(page.locator("article:not(.alert) .mark.on")).to_contain_text(words("v.sounding"))
    await expect(rows(chief.page, words("rank.3"))).to_have_count(SPEAKERS)
    await expect(alert.locator("audio")).to_have_count(1)
    assert await page.evaluate("window.isSame")
    assert re.findall(r"\d\d(?=:\d\d:\d\d)", await page.inner_text("#age"))[0] in hours_from(asked)
    assert {one.ended for one in await living.heard_of(origin)} == {"end"}
    assert chief.wrongs + villager.wrongs == []


def hours_from(asked: datetime) -> set[str]:
    """Return the village's hours, of then and of now."""
    return {f"{asked:%H}", f"{datetime.now(SHANGHAI):%H}"}


async def warned(living: Living, token: str) -> str:
    """The county's warning centre sends an alert for five villages."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/cap+xml"}
    async with httpx.AsyncClient(base_url=living.url, headers=headers, trust_env=False) as http:
        answer = await http.post("/api/v1/alerts", content=flash_flood(datetime.now(SHANGHAI)))
    assert answer.status_code == 202, answer.text
    return str(answer.json()["origin"])


async def test_the_whole_way_can_be_gone_without_scripts(living: Living, browser: Browser) -> None:
    language, words = "en", partial(say, "en")
    author = await enters(browser, living, await living.link("张", WRITER), language, scripts=False)
    chief = await enters(browser, living, await living.link("李", CHIEF), language, scripts=False)

    await writes(author.page, SHORT, words)
    await author.page.get_by_role("button", name=words("slip.hear")).click()
    await again_until(author.page, author.page.locator("#sound audio[controls]"))
    await author.page.get_by_role("button", name=words("do.submit")).click()
    await approves(chief.page, await author.page.inner_text("h1"), words)
    await releases(chief.page, words)
    await again_until(chief.page, rows(chief.page, words("outcome.played")).nth(SPEAKERS - 1))

    villager = await somebody_at(browser, living.url, "phone", scripts=False)
    page = await villager.open(f"/v/{flooded()[0]}?lang={language}")
    await expect(page.locator("article .text")).to_have_text(SHORT)
    await chief.page.click("a.stop")
    await chief.page.get_by_role("button", name=words("stop.sure")).click()
    await expect(chief.page.locator("h1")).to_have_text(words("stop.done"))
    assert author.wrongs + chief.wrongs + villager.wrongs == []


async def again_until(page: Page, found: Locator) -> None:
    """Load a page again, as somebody without scripts does, until something stands on it."""
    for _ in range(60):
        if await found.count():
            return
        await page.wait_for_timeout(500)
        await page.reload()
    raise AssertionError(await page.inner_text("main"))
