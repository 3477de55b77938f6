"""Story: what happens in a town while its processes are killed; everybody asks until they were answered."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from broadcaster.model.errors import OutOfReach
from tests.faults.invariants import Seen, every_delivery_has_one_end, nothing_is_left_to_do
from tests.faults.looking import look, owes, watch
from tests.faults.processes import SENDER, VILLAGE, Town

ASK_AGAIN_SECONDS = 0.2
LONGEST_ASKING_SECONDS = 60.0
LONGEST_SOUNDING_SECONDS = 25.0
WINDOW = timedelta(seconds=100)


class Unanswered(AssertionError):
    """The service did not answer in time, or otherwise than it should."""


class Teller:
    """Says what is to be said in a town, as often as it takes, with one key for each thing said.

    Attributes:
        made: the key of each thing said → the origins that its answers named.
    """

    def __init__(self, town: Town) -> None:
        self._town = town
        self._client = httpx.AsyncClient(base_url=f"{town.url}/api/v1", timeout=10)
        self.made: dict[str, list[str]] = defaultdict(list)

    async def close(self) -> None:
        await self._client.aclose()

    async def ask(self, path: str, token: str, **said: Any) -> dict[str, Any]:
        """Ask until the answer is 2xx; what will never be is a failure of the test."""
        headers = {"authorization": f"Bearer {token}", **said.pop("headers", {})}
        until = time.monotonic() + LONGEST_ASKING_SECONDS
        while time.monotonic() < until:
            try:
                answer = await self._client.post(path, headers=headers, **said)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.is_success:
                found: dict[str, Any] = answer.json()
                return found
            if answer is not None and answer.status_code < 500 and answer.status_code != 429:
                raise Unanswered(f"{path}: {answer.status_code} {answer.text[:500]}")
            await asyncio.sleep(ASK_AGAIN_SECONDS)
        raise Unanswered(f"{path}: no answer in {LONGEST_ASKING_SECONDS} s")

    async def write(self, key: str, text: str, repeat: int = 1) -> str:
        """Write a notice and lay it before the approvers; return its origin."""
        expires = (datetime.now(UTC) + WINDOW).isoformat()
        form = {"title": text[:4], "text": text, "targets": [VILLAGE], "expires": expires, "repeat": repeat}
        tokens = self._town.tokens
        made = await self.ask("/notices", tokens.writer, json=form, headers={"idempotency-key": key})
        origin = str(made["revision"]["origin"])
        self.made[key].append(origin)
        await self.ask(f"/notices/{origin}/revisions/1/submit", tokens.writer)
        approval = {"content_sha256": made["revision"]["content_sha256"]}
        await self.ask(f"/notices/{origin}/revisions/1/approve", tokens.approver, json=approval)
        return origin

    async def release(self, origin: str) -> None:
        """Let a notice go."""
        said = {"idempotency-key": f"release-{origin}"}
        await self.ask(f"/notices/{origin}/revisions/1/release", self._town.tokens.approver, headers=said)

    async def withdraw(self, origin: str) -> None:
        """Take a notice back."""
        await self.ask(f"/notices/{origin}/withdraw", self._town.tokens.approver)

    async def warn(
        self, identifier: str, headline: str, *, of: "Warned | None" = None, kind: str = "Alert"
    ) -> "Warned":
        """Hand over an alert of the top class, or an update or cancel of one."""
        warned = Warned(identifier, datetime.now(UTC).replace(microsecond=0))
        taken = await self.ask(
            "/alerts",
            self._town.tokens.source,
            content=warned.cap(headline, kind, of),
            headers={"content-type": "application/cap+xml"},
        )
        self.made[of.identifier if of else identifier].append(str(taken["origin"]))
        return warned


class Warned:
    """An alert that was handed over."""

    def __init__(self, identifier: str, sent: datetime) -> None:
        self.identifier = identifier
        self.sent = f"{sent:%Y-%m-%dT%H:%M:%S}-00:00"
        self.expires = f"{sent + WINDOW:%Y-%m-%dT%H:%M:%S}-00:00"

    def cap(self, headline: str, kind: str, of: "Warned | None") -> bytes:
        """Write it as CAP 1.2."""
        references = f"<references>{SENDER},{of.identifier},{of.sent}</references>" if of else ""
        return f"""<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
  <identifier>{self.identifier}</identifier><sender>{SENDER}</sender>
  <sent>{self.sent}</sent><status>Actual</status><msgType>{kind}</msgType><scope>Public</scope>{references}
  <info><language>zh-CN</language><category>Met</category><event>山洪</event>
    <urgency>Immediate</urgency><severity>Extreme</severity><certainty>Observed</certainty>
    <expires>{self.expires}</expires><headline>{headline}</headline>
    <area><areaDesc>唐湾村</areaDesc>
      <geocode><valueName>code</valueName><value>{VILLAGE}</value></geocode></area>
  </info>
</alert>""".encode()


async def tell(town: Town, teller: Teller) -> None:
    """A notice said twice, an alert that cuts in and is corrected, and a notice that is taken back unheard."""
    until = time.monotonic() + LONGEST_ASKING_SECONDS
    while not await asyncio.to_thread(_enrolled, town):
        if time.monotonic() > until:
            raise Unanswered("the loudspeakers did not enrol")
        await asyncio.sleep(ASK_AGAIN_SECONDS)
    first = await teller.write("water", "今晚八点到十点停水，请各户提前储水。", repeat=2)
    second = await teller.write("meeting", "明天上午在村委会开会，请各户派一人参加。")
    await teller.release(first)
    await _sounding(town, 1)
    await teller.release(second)
    alert = await teller.warn("flood-1", "山洪来了快撤离")
    await teller.withdraw(second)
    await _sounding(town, 2)
    await teller.warn("flood-2", "往东山撤离", of=alert, kind="Update")


async def _sounding(town: Town, things: int) -> None:
    """Wait, but not for ever, until half of the loudspeakers have let so many things sound."""
    until = time.monotonic() + LONGEST_SOUNDING_SECONDS
    while time.monotonic() < until:
        watched = [await asyncio.to_thread(watch, town, name) for name in town.speakers]
        heard = [len({what for kind, what in shown if kind == "sounding"}) for shown in watched]
        if 2 * sum(count >= things for count in heard) >= len(heard):
            return
        await asyncio.sleep(ASK_AGAIN_SECONDS)


def _enrolled(town: Town) -> bool:
    try:
        return {one.id for one in look(town, {}).speakers} >= set(town.speakers)
    except OutOfReach:
        return False


async def heal(town: Town, made: Mapping[str, list[str]], *, longest_seconds: float = 150.0) -> Seen:
    """Wait until all that was accepted has its end everywhere and no loudspeaker owes a word; return what there is."""
    until = time.monotonic() + longest_seconds
    while True:
        seen = await asyncio.to_thread(look, town, made)
        is_open = [*every_delivery_has_one_end(seen), *nothing_is_left_to_do(seen)]
        owed = sum(owes(town.home.parent / name) for name in town.speakers)
        if (not is_open and not owed and not any(one.is_armed for one in town.kept)) or time.monotonic() > until:
            return seen
        await asyncio.sleep(0.5)
