"""Somebody at a browser without scripts: reads pages, follows links, fills in forms."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode, urljoin, urlsplit

import httpx
from lxml import html

from broadcaster.desk.office import secret_hash
from broadcaster.desk.rows import Role, Token
from broadcaster.model.precedence import Lane
from tests.web.api.town import ORIGIN, TOWN, Town

Fields = Mapping[str, str | Sequence[str]]


class Reader:
    """One browser of one person, scripts off; `text` is what stands on the page."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self.path, self.status, self.page = "", 0, html.fromstring("<p></p>")
        self.answer = httpx.Response(200)

    @property
    def text(self) -> str:
        return " ".join(self.page.text_content().split())

    @property
    def forms(self) -> list[str]:
        return [form.get("action") for form in self.page.iter("form")]

    async def open(self, address: str, **headers: str) -> "Reader":
        """Open an address and follow where it leads."""
        return await self._read(await self._client.get(address, headers=headers, follow_redirects=True))

    async def send(self, action: str, fields: Fields | None = None, *, button: str = "") -> "Reader":
        """Fill in a form of this page and press its button, as a browser would without scripts."""
        form = next(one for one in self.page.iter("form") if one.get("action") == action)
        chosen = dict(form.fields)  # of radio buttons and ticks: those chosen
        filled: list[tuple[str, str]] = []
        for name, value in form.form_values():
            if name not in (fields or {}):
                filled.append((name, value))
        for name, given in (fields or {}).items():
            if name not in chosen:
                raise AssertionError(f"the form has no {name}")
            filled += [(name, one) for one in ([given] if isinstance(given, str) else given)]
        if button:
            filled.append((button, "1"))
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
        answer = await self._client.post(action, content=urlencode(filled), headers=headers, follow_redirects=True)
        return await self._read(answer)

    async def _read(self, answer: httpx.Response) -> "Reader":
        self.answer, self.status, self.path = answer, answer.status_code, urlsplit(str(answer.url)).path
        self.page = html.fromstring(answer.text or "<p></p>", base_url=ORIGIN)
        return self


async def link_for(town: Town, name: str, *grants: tuple[Role, str]) -> str:
    """Make somebody, and a one-use link for them."""
    await town.somebody(name, *grants)
    secret = f"link-of-{name}"
    expires = town.desk.clock.now().replace(year=2100)
    await town.desk.book.write(Lane.NOTICE, lambda pen: pen.put(Token(secret_hash(secret), name, "link", expires)))
    return secret


async def at_console(town: Town, name: str, *roles: Role, area: str = TOWN) -> Reader:
    """Make somebody, and bring them to the console by their link."""
    secret = await link_for(town, name, *((role, area) for role in roles))
    reader = Reader(town.client())
    await reader.open(f"/welcome/{secret}")
    return await reader.send("/enter")


def links(reader: Reader) -> list[str]:
    """Return every address that a page loads or leads to."""
    return [urljoin(ORIGIN, link) for _, _, link, _ in reader.page.iterlinks()]
