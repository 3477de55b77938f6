"""A living town: the whole service with its signer, on a port, and eighteen loudspeakers on their lines."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import time, timedelta
from pathlib import Path

from broadcaster.cli.office import at_the_machine
from broadcaster.cli.people import Granted, make, pin
from broadcaster.cli.staging import SENDER, speakers
from broadcaster.desk.approving import approve
from broadcaster.desk.authority import Asker
from broadcaster.desk.drafting import NoticeForm, draft, submit
from broadcaster.desk.people import make_link, make_person
from broadcaster.desk.releasing import release_notice
from broadcaster.desk.rows import Grant, Role
from broadcaster.places import TOWN
from broadcaster.service import Running, serve
from broadcaster.settings import Settings
from streams.agent.fleet import FleetSettings, run_fleet
from streams.agent.soundlog import MemorySoundLog, Stretch

LOOK_SECONDS, PATIENCE_SECONDS = 0.1, 60.0
STILL_SECONDS = 1.0
UNDO_SECONDS = 2
SPEAKERS = len(speakers())
WRITER: Sequence[Granted] = ((Role.DRAFT, TOWN, 4),)
CHIEF: Sequence[Granted] = tuple((role, TOWN, 4) for role in (Role.APPROVE, Role.PUBLISH, Role.OPERATE))


@dataclass(frozen=True, slots=True)
class Living:
    """The running town, and what has come out of its loudspeakers."""

    running: Running
    log: MemorySoundLog

    @property
    def url(self) -> str:
        """Return where it answers."""
        return self.running.url

    async def heard_of(self, origin: str) -> list[Stretch]:
        """Return what sounded of a notice or an alert, tones aside."""
        found = await self.running.town.book.read(lambda state: state.announcements_of(origin))
        ids = {one.id for one in found}
        return [one for one in self.log.stretches if one.announcement in ids and one.part == "recording"]

    async def sounds(self, origin: str) -> None:
        """Wait until all loudspeakers have begun to say it."""
        await until(lambda: self._begun(origin))

    async def _begun(self, origin: str) -> bool:
        return len({one.speaker for one in await self.heard_of(origin)}) == SPEAKERS

    async def is_still(self) -> bool:
        """Tell whether no loudspeaker lets out a sample for a while."""
        before = {one.key: one.end for one in self.log.stretches}
        await asyncio.sleep(STILL_SECONDS)
        return {one.key: one.end for one in self.log.stretches} == before

    async def somebody(self, name: str, grants: Sequence[Granted]) -> Asker:
        """Make somebody."""
        person = await make_person(self.running.town.desk, at_the_machine(TOWN), name, "person", grants)
        return Asker(person, tuple(Grant(person.id, *grant) for grant in grants))

    async def link(self, name: str, grants: Sequence[Granted]) -> str:
        """Make somebody, and return the path of their one-use link."""
        person = await self.somebody(name, grants)
        return f"/welcome/{await make_link(self.running.town.desk, at_the_machine(TOWN), person.id)}"

    async def on_air(self, text: str) -> str:
        """Say a notice in the whole town, by two people's hands; return its origin."""
        desk = self.running.town.desk
        author, chief = await self.somebody("作者", WRITER), await self.somebody("领导", CHIEF)
        form = NoticeForm("", text, (TOWN,), desk.clock.now() + timedelta(hours=1))
        one = (await draft(desk, author, form)).revision
        await submit(desk, author, one.origin, one.revision)
        await approve(desk, chief, one.origin, one.revision, one.content_sha256)
        await release_notice(desk, chief, one.origin, one.revision)
        return one.origin

    async def pinned_source(self) -> str:
        """Make a source of alerts, pinned in the signer's limits; return its token."""
        warns: list[Granted] = [(Role.SOURCE, TOWN, 4)]
        desk, admin = self.running.town.desk, at_the_machine(TOWN)
        source, token = await make(desk, admin, "临泽县气象台", "source", warns, sender=SENDER, hold_ms=0)
        pin(self.running.settings, source, SENDER, warns, 0)
        return token


@asynccontextmanager
async def living_town(home: Path) -> AsyncIterator[Living]:
    """Run the town for the time of the block; all its loudspeakers are online."""
    settings = Settings(
        home=home,
        port=0,
        town=TOWN,
        voice="tone",
        is_test=True,
        quiet_start=time(0),
        quiet_end=time(0),
        undo_seconds=UNDO_SECONDS,
    )
    log = MemorySoundLog()
    async with serve(settings) as running, asyncio.TaskGroup() as tasks:
        desk, enrols = running.town.desk, [(Role.ENROL, TOWN, 4)]
        _, token = await make(desk, at_the_machine(TOWN), "喇叭登记", "service", enrols)
        fleet = tasks.create_task(run_fleet(FleetSettings(running.url, token, speakers()), log=log))
        await until(lambda: _all_online(running))
        yield Living(running, log)
        fleet.cancel()


async def _all_online(running: Running) -> bool:
    return len(running.town.desk.line.online()) == SPEAKERS


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Look again and again until something is so.

    Raises:
        TimeoutError: it never came to be.
    """
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await is_so():  # noqa: ASYNC110 - nobody rings for what is looked at
            await asyncio.sleep(LOOK_SECONDS)
