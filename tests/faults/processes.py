"""Processes: a town of real ones, each kept alive by the test, killed as by a power cut and started again."""

import asyncio
import shutil
import signal
import socket
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from broadcaster.cli.office import at_the_desk
from broadcaster.cli.people import Granted, make, pin
from broadcaster.desk.rows import Role
from broadcaster.model.alert import Severity
from broadcaster.model.crashing import EXIT_STATUS
from broadcaster.model.schedule import QuietHours
from broadcaster.service import default_limits, prepare
from broadcaster.settings import Settings
from broadcaster.signing.limits import write_limits
from tests.faults.nursery import Begun, Nursery

TOWN, VILLAGE = "620723103", "620723103201"
SENDER = "linze.qxj@example.gov.cn"
AGAIN_SECONDS = 0.2
END_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of those who act, and the principal that hands over alerts."""

    writer: str
    approver: str
    source: str
    enrol: str
    source_id: str


def settings_of(home: Path) -> Settings:
    """Return the settings of a town for tests: beeps, no quiet hours, no hold."""
    return Settings(home=home, voice="tone", is_test=True, quiet_start="00:00", quiet_end="00:00", undo_seconds=0)  # type: ignore[arg-type] # pydantic reads times


async def cast(home: Path) -> Tokens:
    """Make a new town's keys, limits and people in a folder."""
    settings = settings_of(home)
    limits = replace(default_limits(settings), undo=timedelta(0), quiet=QuietHours.none(), orders_per_minute=600)
    settings.limits.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_limits(settings.limits, limits)
    prepare(settings)
    whole: list[Granted] = [(role, TOWN, 4) for role in (Role.APPROVE, Role.PUBLISH, Role.OPERATE)]
    warns: list[Granted] = [(Role.SOURCE, TOWN, int(Severity.EXTREME))]
    async with at_the_desk(settings) as (desk, asker):
        _, writer = await make(desk, asker, "张", "person", [(Role.DRAFT, TOWN, 4)])
        _, approver = await make(desk, asker, "李", "person", whole)
        source_id, source = await make(desk, asker, "气象台", "source", warns, sender=SENDER, hold_ms=0)
        _, enrol = await make(desk, asker, "登记", "service", [(Role.ENROL, TOWN, 4)])
    pin(settings, source_id, SENDER, warns, 0)
    return Tokens(writer, approver, source, enrol, source_id)


@dataclass(slots=True)
class Kept:
    """A process that is started again whenever it ends.

    Attributes:
        waits_for: the port that has to answer before its first life; one that enrols in vain rests for seconds.
        crash_at: the labels of its lives, one after another; later lives have none.
        sound: its sound log. marks: how long that was when each life began.
        ended: (how a life ended, the label that it was to end at).
        lives: how many were begun.
    """

    nursery: Nursery
    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    crash_at: Sequence[str] = ()
    waits_for: int | None = None
    sound: Path | None = None
    marks: list[int] = field(default_factory=list)
    ended: list[tuple[int, str]] = field(default_factory=list)
    lives: int = 0
    begun: Begun | None = None
    is_over: bool = False

    @property
    def pid(self) -> int | None:
        """Return the pid of the life that runs."""
        return self.begun.pid if self.begun and not self.begun.is_over else None

    @property
    def crashed_at(self) -> list[str]:
        """Return the labels at which lives ended as by a power cut."""
        return [label for status, label in self.ended if label and status == EXIT_STATUS]

    @property
    def is_armed(self) -> bool:
        """Tell whether it is still to end at its first label; a later one is not always reached."""
        return self.lives <= min(1, len(self.crash_at))

    async def run(self) -> None:
        """Keep it alive until it is over."""
        while self.waits_for and not self.is_over and not await _answers(self.waits_for):  # noqa: ASYNC110 - nobody rings
            await asyncio.sleep(AGAIN_SECONDS)
        while not self.is_over:
            label = self.crash_at[self.lives] if self.lives < len(self.crash_at) else ""
            status = await self._live(label)
            self.ended.append((status, label))
            if not self.is_over:
                await asyncio.sleep(AGAIN_SECONDS)

    async def _live(self, label: str) -> int:
        self.lives += 1
        if self.sound:
            self.marks.append(self.sound.stat().st_size if self.sound.exists() else 0)
        environment = {**self.environment, "CRASH_AT": label}
        with self.log.open("a") as log:
            log.write(f"--- life {self.lives} {label} {time.time():.3f}\n")
        self.begun = await self.nursery.begin(self.arguments, environment, self.log)
        if self.is_over:
            # Asked to end while it began.
            self.begun.kill()
        return await self.begun.wait()

    def kill(self) -> bool:
        """Kill the life that runs as by a power cut; tell whether there was one."""
        if self.begun is None or self.begun.is_over:
            return False
        self.begun.kill()
        return True

    async def end(self) -> None:
        """Ask it to end, for good; what does not listen is killed."""
        self.is_over = True
        if self.begun is None:
            return
        self.begun.kill(signal.SIGTERM)
        try:
            async with asyncio.timeout(END_SECONDS):
                await self.begun.wait()
        except TimeoutError:
            self.begun.kill()
            await self.begun.wait()


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def children(pid: int) -> dict[int, str]:
    """Return a process's children with their command lines, as the kernel lists them."""
    found: dict[int, str] = {}
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in _read(task).split():
            found[int(child)] = _read(Path(f"/proc/{child}/cmdline")).replace("\0", " ")
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


@dataclass(slots=True)
class Town:
    """A service and its loudspeakers, in processes of their own."""

    home: Path
    url: str
    tokens: Tokens
    service: Kept
    speakers: dict[str, Kept]

    @property
    def book(self) -> Path:
        """Return where the book stands."""
        return self.home / "book.sqlite"

    @property
    def kept(self) -> list[Kept]:
        """Return all processes."""
        return [self.service, *self.speakers.values()]

    def logs(self) -> str:
        """Return the last lines of each log, for whoever reads a failure."""
        tails = (f"== {one.name} {one.ended}\n{_read(one.log)[-3000:]}" for one in self.kept)
        return "\n".join(tails)


def free_port() -> int:
    """Return a port of loopback that is free now; a service that is started again has to find it again."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@asynccontextmanager
async def running(
    nursery: Nursery,
    template: Path,
    tokens: Tokens,
    home: Path,
    *,
    service_crashes: Sequence[str] = (),
    speaker_crashes: Mapping[str, Sequence[str]] | None = None,
    **environment: str,
) -> AsyncIterator[Town]:
    """Run a town for the time of the block, on a copy of a prepared one."""
    await asyncio.to_thread(shutil.copytree, template, home / "town")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = {
        "VB_HOME": str(home / "town"),
        "VB_PORT": str(port),
        "VB_VOICE": "tone",
        "VB_IS_TEST": "1",
        "VB_QUIET_START": "00:00",
        "VB_QUIET_END": "00:00",
        "VB_UNDO_SECONDS": "0",
        **environment,
    }
    service = Kept(nursery, "service", ["up"], settings, home / "service.log", service_crashes)
    speakers = {
        name: _speaker(nursery, name, home, port, tokens, crashes)
        for name, crashes in (speaker_crashes or {"east-1": (), "east-2": ()}).items()
    }
    town = Town(home / "town", url, tokens, service, speakers)
    async with asyncio.TaskGroup() as tasks:
        for one in town.kept:
            tasks.create_task(one.run(), name=one.name)
        try:
            yield town
        finally:
            # Loudspeakers first: the service then has all of their words.
            await asyncio.gather(*(one.end() for one in town.speakers.values()))
            await service.end()


def _speaker(nursery: Nursery, name: str, home: Path, port: int, tokens: Tokens, crashes: Sequence[str]) -> Kept:
    folder = home / name
    folder.mkdir()
    arguments = ["speaker", name, "--village", VILLAGE, "--url", f"http://127.0.0.1:{port}", "--token", tokens.enrol]
    arguments += ["--sink", "null", "--home", str(folder)]
    return Kept(
        nursery,
        name,
        arguments,
        {},
        home / f"{name}.log",
        crashes,
        waits_for=port,
        sound=folder / f"{name}.sound.jsonl",
    )
