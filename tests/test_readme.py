"""The README tells no newcomer what does not work: every command in it is run, `make` by CI and the rest here."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
SECONDS = 120


def commands() -> list[str]:
    text = (ROOT / "README.md").read_text("utf-8")
    return [line for block in BLOCK.findall(text) for line in block.splitlines() if line.strip()]


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[Path]:
    """Somebody's checkout: the same files, and an environment in `.venv`."""
    for name in ("examples", "README.md"):
        (tmp_path / name).symlink_to(ROOT / name)
    environment = tmp_path / ".venv" / "bin"
    environment.mkdir(parents=True)
    (environment / "broadcaster").symlink_to(Path(sys.executable).parent / "broadcaster")
    (tmp_path / "out").mkdir()
    return tmp_path


def ours() -> list[str]:
    return [line for line in commands() if not line.startswith("make ")]


@pytest.mark.voice
@pytest.mark.parametrize("line", [line for line in ours() if " up " not in line])
def test_a_command_of_the_readme_does_what_it_says(newcomer: Path, line: str) -> None:
    ended = subprocess.run(shlex.split(line), cwd=newcomer, capture_output=True, text=True, timeout=SECONDS)

    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("line", [line for line in ours() if " up " in line])
def test_the_service_starts_as_the_readme_says_and_ends_when_told(newcomer: Path, line: str) -> None:
    words = [word if word != "8080" else "0" for word in shlex.split(line)]
    environment = {**os.environ, "VB_VOICE": "tone", "VB_IS_TEST": "1", "LANG": "C.UTF-8"}

    with subprocess.Popen(words, cwd=newcomer, stdout=subprocess.PIPE, text=True, env=environment) as service:
        assert service.stdout is not None
        said = []
        for text in service.stdout:
            said.append(text)
            if "Ctrl-C" in text:
                break
        service.send_signal(signal.SIGTERM)
        rest = service.stdout.read()
        status = service.wait(timeout=SECONDS)

    assert status == 0, rest
    assert any("/welcome/" in text for text in said)


def test_the_make_targets_of_the_readme_are_run_by_ci() -> None:
    ci = (ROOT / ".ci" / "run").read_text("utf-8")

    for line in commands():
        if line.startswith("make "):
            assert line in ci
