"""Town: the service and its loudspeakers as the bench sees them, and the alerts that it sends."""

import asyncio
import itertools
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from broadcaster import places
from broadcaster.benching.machine import processes
from broadcaster.benching.talk import Child, ChildEnded
from broadcaster.cap.writing import write_alert
from broadcaster.cli.staging import SENDER, villages
from broadcaster.model.alert import (
    Alert,
    CapArea,
    CapScope,
    Category,
    Certainty,
    Geocode,
    Info,
    MsgType,
    ResponseType,
    Severity,
    Status,
    Urgency,
)
from streams.agent.fleet import spread

HOST, LOUDSPEAKERS = "broadcaster.benching.hosting", "broadcaster.benching.loudspeakers"
LOOK_SECONDS = 0.05
JOIN_SECONDS, SOUND_SECONDS, SETTLE_SECONDS = 300.0, 60.0, 120.0
REPEATS = "5"
CACHED = "河水上涨，请马上转移到村委会。"
DIGITS = "零一二三四五六七八九"

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Sent:
    """An alert that was taken. `released` and `answered` are on the machine's monotonic clock, seconds.

    Attributes:
        announcements: id → village.
    """

    origin: str
    released: float
    answered: float
    announcements: Mapping[str, str]


@dataclass(slots=True)
class Town:
    """A town on the bench. `last_plays`: loudspeaker → the play order that it had last."""

    host: Child
    fleet: Child | None
    http: httpx.AsyncClient
    speakers: Sequence[tuple[str, str]]
    codes: Sequence[str]
    pids: Mapping[str, int] = field(default_factory=dict)
    last_plays: dict[str, str] = field(default_factory=dict)

    async def alert(self, sentence: str, *, expires: timedelta = timedelta(hours=1)) -> Sent:
        """Send an alert of the highest class for all villages, and tell what came of it."""
        answer = await self._post("source", "/alerts", content=_cap(sentence, self.codes, expires))
        answered = time.monotonic()
        released = datetime.fromisoformat(answer["release_at"])
        announced = await self.host.ask("announced", origin=answer["origin"])
        return Sent(answer["origin"], released.timestamp() - _wall_ahead(), answered, announced)

    async def cancel(self, origin: str) -> float:
        """Cancel it, and tell when that was answered."""
        await self._post("approver", f"/origins/{origin}/cancel")
        return time.monotonic()

    async def stop(self) -> float:
        """Stop everything, and tell when that was answered."""
        await self._post("approver", "/stop", json={"area": places.TOWN})
        return time.monotonic()

    async def everybody(self, kind: str, sent: Sent) -> None:
        """Wait until something has happened to an alert on all loudspeakers.

        Raises:
            ChildEnded: it did not.
        """
        assert self.fleet is not None  # noqa: S101 - only towns with loudspeakers are asked
        fleet, announced = self.fleet, list(sent.announcements)

        async def missing() -> int:
            return len(self.speakers) - int(await fleet.ask("count", announcements=announced, kind=kind))

        await until(missing, SOUND_SECONDS, f"loudspeakers without “{kind}”")

    async def settled(self, sent: Sent) -> None:
        """Wait until the book knows every delivery's end."""
        await until(lambda: self.host.ask("settled", origin=sent.origin), SETTLE_SECONDS, "deliveries without an end")

    async def _post(self, who: str, path: str, **body: Any) -> Any:
        token = self.host.hello["tokens"][who]
        kind = {"Content-Type": "application/cap+xml"} if "content" in body else {}
        answer = await self.http.post(f"/api/v1{path}", headers={"Authorization": f"Bearer {token}", **kind}, **body)
        if answer.is_error:
            raise ChildEnded(f"{path}: {answer.status_code} {answer.text[:300]}")
        return answer.json()


@asynccontextmanager
async def town(
    speakers: int, village_count: int, *, voice: str, block_ms: int = 250, prefix: str = "bench"
) -> AsyncIterator[Town]:
    """Run a town of its own in a folder of its own, for the time of the block."""
    codes = [one.code for one in villages()][:village_count]
    with tempfile.TemporaryDirectory(prefix="village-broadcaster-bench-") as home:
        host = await Child.start(HOST, home=home, voice=voice)
        fleet = None
        try:
            await host.ask("voiced")
            async with httpx.AsyncClient(base_url=host.hello["url"], timeout=60, trust_env=False) as http:
                found = Town(host, None, http, spread(speakers, codes, prefix), codes)
                if speakers:
                    fleet = found.fleet = await _join(found, block_ms)
                found.pids = {"service": host.pid, **processes(host.pid), **({"fleet": fleet.pid} if fleet else {})}
                yield found
        finally:
            if fleet:
                await fleet.end()
            await host.end()


async def _join(found: Town, block_ms: int) -> Child:
    hello = found.host.hello
    fleet = await Child.start(
        LOUDSPEAKERS,
        url=hello["url"],
        token=hello["tokens"]["enrol"],
        speakers=found.speakers,
        per_second=100,
        block_ms=block_ms,
    )

    async def missing() -> int:
        return len(found.speakers) - int(await found.host.ask("online"))

    await until(missing, JOIN_SECONDS, "loudspeakers not online")
    # Their clocks ask four times before they are sure.
    await asyncio.sleep(2)
    return fleet


async def until(missing: Callable[[], Awaitable[int]], seconds: float, what: str) -> None:
    """Look again and again until nothing is missing.

    Raises:
        ChildEnded: something still is after so long.
    """
    end = time.monotonic() + seconds
    while (count := await missing()) > 0:
        if time.monotonic() > end:
            raise ChildEnded(f"{count} {what} after {seconds:.0f} s")
        await asyncio.sleep(LOOK_SECONDS)


def new_sentence() -> str:
    """Return one short sentence that was never said before: some three seconds of speech."""
    number = "".join(DIGITS[int(one)] for one in f"{next(_numbers):04}")
    return f"第{number}号水位站涨水，请马上转移。"


def _cap(sentence: str, codes: Sequence[str], lasts: timedelta) -> bytes:
    now = datetime.now(UTC)
    info = Info(
        language="zh-CN",
        categories=(Category.MET,),
        event="山洪",
        response_types=(ResponseType.EVACUATE,),
        urgency=Urgency.IMMEDIATE,
        severity=Severity.EXTREME,
        certainty=Certainty.OBSERVED,
        expires=(now + lasts).replace(microsecond=0),
        headline=f"山洪：{sentence}",
        parameters=(("repeat", REPEATS),),
        areas=(CapArea("全镇", tuple(Geocode("AdministrativeDivisionCode", code) for code in codes)),),
    )
    alert = Alert(
        identifier=f"bench-{now.timestamp():.6f}-{next(_numbers)}",
        sender=SENDER,
        sent=now.replace(microsecond=0),
        status=Status.ACTUAL,
        msg_type=MsgType.ALERT,
        scope=CapScope.PUBLIC,
        infos=(info,),
    )
    return write_alert(alert)


def _wall_ahead() -> float:
    """Tell by how much the hour is ahead of the monotonic clock, seconds."""
    return time.time() - time.monotonic()
