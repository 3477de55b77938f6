"""Hosting: the whole service as a child of the bench, and what the bench has done to its town from within."""

import asyncio
import itertools
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from broadcaster.benching.queueing import queue_notices
from broadcaster.benching.talk import keep_stdout, obey
from broadcaster.benching.watching import taken, watch
from broadcaster.cli.staging import cast, demo_settings
from broadcaster.model.delivery import Rank
from broadcaster.service import Running, serve
from broadcaster.settings import Settings
from broadcaster.signing.limits import read_limits, write_limits

ORDERS_PER_MINUTE = 100_000
"""The signer's bound on a village's new orders would hold up a bench that repeats itself."""

AT_ONCE = 200
TOGETHER = 3
BUSY_TEXTS = 4


class Host:
    """The running service, and what can be asked of it besides HTTP."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._town = running.town
        self._repeats = itertools.count(1)
        self._busy: list[asyncio.Task[Any]] = []

    def actions(self) -> dict[str, Any]:
        """Name what can be asked."""
        names = (
            "announced",
            "marks",
            "online",
            "orders",
            "settled",
            "receipts",
            "queue",
            "left",
            "busy",
            "free",
            "voiced",
        )
        return {name: getattr(self, name) for name in names}

    async def marks(self) -> list[Any]:
        """Hand over what was noted since the last time."""
        return taken()

    async def online(self) -> int:
        """Tell how many loudspeakers are connected."""
        return len(self._town.desk.line.online())

    async def announced(self, origin: str) -> dict[str, str]:
        """Return an origin's announcements: id → village."""
        found = await self._town.book.read(lambda state: state.announcements_of(origin))
        return {one.id: one.village for one in found}

    async def orders(self, origin: str) -> dict[str, str]:
        """Return announcement → id of its play order."""
        kept = await self._town.book.read(
            lambda state: state.orders_of([one.id for one in state.announcements_of(origin)])
        )
        return {one.announcement or "": one.id for one in kept if one.kind == "play"}

    async def settled(self, origin: str) -> int:
        """Tell how many deliveries of an origin have not come to an end."""
        return await self._town.book.read(
            lambda state: sum(
                row.rank is not Rank.FINAL for row in state.deliveries([x.id for x in state.announcements_of(origin)])
            )
        )

    async def receipts(self, count: int, plays: dict[str, str]) -> float:
        """Let receipts arrive as from the line: through the port `Heard`, three to a message, all loudspeakers at once.

        Args:
            plays: loudspeaker → a play order of its village that it has had.

        Returns:
            Seconds until the last was confirmed.
        """
        speakers = list(plays.items())
        each = max(1, round(count / len(speakers)))
        room = asyncio.Semaphore(AT_ONCE)
        repeats = [next(self._repeats) for _ in range(each)]

        async def say(speaker: str, order: str) -> None:
            at = int(datetime.now(UTC).timestamp() * 1000)
            said = [
                {
                    "type": "started",
                    "id": f"{n}",
                    "order": order,
                    "repeat_no": 1000 + n,
                    "at": at,
                    "crash_replay": False,
                }
                for n in repeats
            ]
            for place in range(0, len(said), TOGETHER):
                async with room:
                    await self._town.ear.heard(speaker, said[place : place + TOGETHER])

        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(say(speaker, order) for speaker, order in speakers))
        return asyncio.get_running_loop().time() - began

    async def queue(self, count: int) -> int:
        """Queue released notices in the book: so many announcements and their events."""
        return await queue_notices(self._town.desk, self._running.settings.town, count)

    async def left(self) -> int:
        """Tell how many announcements are not ordered yet."""
        return await self._town.book.read(
            lambda state: sum(
                one.state.value in ("planned", "ready") for one in state.unclosed_in(self._running.settings.town)
            )
        )

    async def busy(self) -> None:
        """Keep the voice busy with notices' sentences until it is to be free."""
        self._busy = [asyncio.create_task(self._chatter(n)) for n in range(BUSY_TEXTS)]

    async def free(self) -> None:
        """Let it be."""
        for task in self._busy:
            task.cancel()
        await asyncio.gather(*self._busy, return_exceptions=True)

    async def _chatter(self, place: int) -> None:
        for n in itertools.count():
            text = (
                f"各位村民，第{_spoken(place)}组第{_spoken(n)}号通知，请到村委会领取今年的惠民补贴表格，过期不再补办。"
            )
            await self._town.desk.studio.record(text, urgent=False)

    async def voiced(self) -> list[int]:
        """Wait until the voice can speak and the phrases of last resort are rendered; name its processes."""
        for voice in self._running.voices:
            if hasattr(voice, "ready"):
                await voice.ready()
        return [voice.pid for voice in self._running.voices if getattr(voice, "pid", None)]  # type: ignore[attr-defined] # asked on this very line


def _spoken(number: int) -> str:
    digits = "零一二三四五六七八九"
    return "".join(digits[int(one)] for one in str(number))


def _settings(said: dict[str, Any]) -> Settings:
    settings = demo_settings(Path(said["home"]))
    if said["voice"] == "tone":
        settings = settings.model_copy(update={"voice": "tone", "is_test": True})
    return settings.model_copy(update={"undo_seconds": 10.0})


async def _host(said: dict[str, Any]) -> None:
    settings = _settings(said)
    tokens = await cast(settings)
    write_limits(settings.limits, replace(read_limits(settings.limits), orders_per_minute=ORDERS_PER_MINUTE))
    watch()
    async with serve(settings) as running:
        hello = {
            "url": running.url,
            "tokens": {"approver": tokens.approver, "source": tokens.source, "enrol": tokens.enrol},
        }
        await obey(hello, Host(running).actions())


if __name__ == "__main__":
    keep_stdout()
    asyncio.run(_host(json.loads(sys.argv[1])))
