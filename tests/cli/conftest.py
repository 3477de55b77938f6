"""A town whose service runs as people run it: as a process, on a free port, with beeps for a voice."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner, Result

from broadcaster.cli.app import app
from broadcaster.cli.office import at_the_desk
from broadcaster.cli.tongue import speak
from broadcaster.service import prepare
from broadcaster.settings import Settings

speak("en")
TOWN, VILLAGE = "620723103", "620723103204"
SENDER = "linze.qxj@example.gov.cn"
BROADCASTER = (sys.executable, "-m", "broadcaster.cli")
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("VB_", "LC_", "LANG"))}
ENVIRONMENT = CLEAN | {"VB_IS_TEST": "1", "VB_VOICE": "tone", "VB_QUIET_START": "00:00", "VB_QUIET_END": "00:00"}
START_SECONDS = 120


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """Leave the log of this process as the command line found it."""
    yield
    structlog.reset_defaults()


def run(*words: str, stdin: str | None = None, **environment: str) -> Result:
    """Run a command in this process, in English unless LANG says otherwise."""
    return CliRunner(env={"LANG": "C.UTF-8", **environment}).invoke(app, list(words), input=stdin)


@dataclass
class Service:
    """A service that runs as a process."""

    home: Path
    process: subprocess.Popen[str]
    url: str
    said: list[str]
    tokens: dict[str, str] = field(default_factory=dict)

    def asked_by(self, who: str, *words: str) -> Result:
        """Run a command against it with somebody's token."""
        return run(*words, VB_URL=self.url, VB_TOKEN=self.tokens[who])


def start(home: Path, **environment: str) -> Service:
    process = subprocess.Popen(
        [*BROADCASTER, "up", "--home", str(home), "--port", "0"],
        env=ENVIRONMENT | environment,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        process_group=0,
    )
    assert process.stdout is not None
    said: list[str] = []
    for line in process.stdout:
        said.append(line)
        if "Ctrl-C" in line:
            break
    found = re.search(r"http://[\d.]+:\d+", "".join(said))
    assert found, said
    return Service(home, process, found[0], said)


def end(service: Service, how: signal.Signals = signal.SIGTERM) -> int:
    service.process.send_signal(how)
    return service.process.wait(60)


def new_town(home: Path) -> Settings:
    settings = Settings(home=home, quiet_start="00:00", quiet_end="00:00")  # type: ignore[arg-type] # pydantic reads them
    prepare(settings)

    async def open_once() -> None:
        async with at_the_desk(settings):
            pass

    asyncio.run(open_once())
    return settings


AT_THE_MACHINE = {
    "admin": ["--grant", f"admin@{TOWN}"],
    "centre": ["--grant", f"source@{TOWN}", "--sender", SENDER, "--hold-ms", "0"],
}
BY_THE_ADMIN = {
    "writer": ["--grant", f"draft@{TOWN}"],
    "approver": ["--grant", f"approve@{TOWN}", "--grant", f"publish@{TOWN}", "--grant", f"operate@{TOWN}"],
    "enroller": ["--kind", "service", "--grant", f"enrol@{TOWN}"],
}


def token(*words: str, **environment: str) -> str:
    made = run("token", *words, **environment)
    assert made.exit_code == 0, made.output
    return made.stdout.strip()


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The town of all tests here, with a token for everybody, each made by the command line."""
    home = tmp_path_factory.mktemp("town")
    new_town(home)
    tokens = {who: token(who, "--home", str(home), *words) for who, words in AT_THE_MACHINE.items()}
    running = start(home)
    by_admin = {"VB_URL": running.url, "VB_TOKEN": tokens["admin"]}
    tokens |= {who: token(who, *words, **by_admin) for who, words in BY_THE_ADMIN.items()}
    running.tokens = tokens
    yield running
    if running.process.poll() is None:
        end(running)
