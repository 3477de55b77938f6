"""A town served for real, and Chromium before it."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn
from playwright.async_api import Browser, Page, async_playwright

from broadcaster.store.bell import LocalBell
from broadcaster.store.book import SqlBook
from tests.virtual import VirtualClock
from tests.web.api import town as towns
from tests.web.api.conftest import settled_book
from tests.web.api.town import Town, town_of

__all__ = ["settled_book"]

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDTHS = {"phone": (360, 740), "desk": (1366, 768)}


@pytest.fixture
def chromium() -> str:
    """Where Chromium stands; without it there is nothing to try here, and CI has to have it."""
    if CHROMIUM is None:
        message = "Chromium is missing: apt-get install --no-install-recommends chromium fonts-noto-cjk"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    return CHROMIUM


@pytest.fixture
async def town(
    chromium: str, settled_book: Path, tmp_path: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Town]:
    """The town, served on a port of its own; `app.state.public_origin` says where."""
    listener = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setattr(towns, "ORIGIN", f"http://127.0.0.1:{listener.getsockname()[1]}")
    shutil.copy(settled_book, tmp_path / "book.db")
    bell = LocalBell()
    async with SqlBook(tmp_path / "book.db", bell) as book:
        served = town_of(book, bell, clock, tmp_path)
        server = uvicorn.Server(uvicorn.Config(served.app, log_level="warning", timeout_graceful_shutdown=1))
        serving = asyncio.create_task(server.serve([listener]))
        try:
            yield served
        finally:
            served.app.state.live.close()
            server.should_exit = True
            await serving


@pytest.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=ARGS)
        yield browser
        await browser.close()


class Watched:
    """A page, and all that should not have happened on it."""

    def __init__(self, page: Page, origin: str) -> None:
        self.page, self.origin, self.wrongs = page, origin, list[str]()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: self.wrongs.append(str(error)))
        page.on("console", lambda said: self.wrongs.append(said.text) if said.type in ("error", "warning") else None)
        page.on("request", lambda request: self._asked(request.url))

    def _asked(self, url: str) -> None:
        if not url.startswith((self.origin, "data:")):
            self.wrongs.append(f"left the house: {url}")

    async def open(self, path: str) -> Page:
        await self.page.goto(f"{self.origin}{path}")
        return self.page

    async def too_wide(self) -> int:
        return int(await self.page.evaluate("document.documentElement.scrollWidth - innerWidth"))


async def watched(browser: Browser, town: Town, size: str = "desk", *, scripts: bool = True) -> Watched:
    """Open an empty page before the town."""
    return await somebody_at(browser, town.app.state.public_origin, size, scripts=scripts)


async def somebody_at(browser: Browser, origin: str, size: str = "desk", *, scripts: bool = True) -> Watched:
    """Give somebody a browser of their own, with an empty page."""
    width, height = WIDTHS[size]
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        java_script_enabled=scripts,
        locale="zh-CN",
        # Set to a clock elsewhere, as phones may be: pages tell the village's time.
        timezone_id="America/New_York",
    )
    return Watched(await context.new_page(), origin)
