"""The signer's process: its socket, its end, and what it makes of strangers."""

import asyncio
import json
import os
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from broadcaster.model.clock import SystemClock
from broadcaster.model.errors import NotAllowed, OutOfReach
from broadcaster.signing.client import SocketSigner
from broadcaster.signing.envelope import Keyring
from broadcaster.signing.keys import create_keys
from broadcaster.signing.limits import Limits, Pinned, write_limits
from broadcaster.signing.process import READY, LimitsFile
from broadcaster.signing.supervise import Child
from broadcaster.signing.talk import HEADER_BYTES, LONGEST_REQUEST_BYTES
from tests.contracts.engines import open_book, running


@dataclass
class Set:
    folder: Path
    socket: Path
    command: list[str]
    ring: Keyring

    @property
    def signer(self) -> SocketSigner:
        return SocketSigner(self.socket, wait_seconds=10)

    @asynccontextmanager
    async def started(self) -> AsyncIterator[Child]:
        child = Child("signer", self.command, SystemClock(), ready=READY)
        async with running(child.run()):
            await child.wait_ready(30)
            yield child


@pytest.fixture
async def signer_set(tmp_path: Path) -> AsyncIterator[Set]:
    keys = create_keys(tmp_path / "keys")
    write_limits(tmp_path / "limits", Limits(areas=("620723103",)))
    files = {name: str(tmp_path / name) for name in ("book", "keys", "limits", "socket")}
    command = [sys.executable, "-m", "broadcaster.signing.process"]
    command += [part for name, path in files.items() for part in (f"--{name}", path)]
    async with open_book(tmp_path / "book"):
        yield Set(tmp_path, tmp_path / "socket", command, Keyring.of(*(key.public for key in keys.values())))


async def _say(socket: Path, message: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(socket)
    writer.write(message)
    answer = await reader.read(100_000)
    writer.close()
    return answer


async def test_it_answers_and_strangers_get_nothing_out_of_it(signer_set: Set) -> None:
    """
    One start for many questions: starting a process takes a second.
    """
    async with signer_set.started():
        signer = signer_set.signer
        assert stat.S_IMODE(signer_set.socket.stat().st_mode) == 0o600

        signed = await signer.time("0123456789abcdef")
        signer_set.ring.check_time(signed.nonce, signed.service_ms, signed.epoch, signed.sig)
        assert set(await signer.public_keys()) == set(signer_set.ring)
        with pytest.raises(NotAllowed, match="announcement_unknown"):
            await signer.sign("play", "x", "620723103204")

        long = await _say(signer_set.socket, (LONGEST_REQUEST_BYTES + 1).to_bytes(HEADER_BYTES, "big"))
        assert json.loads(long[HEADER_BYTES:])["error"]["code"] == "message_long"
        garbage = await _say(signer_set.socket, (3).to_bytes(HEADER_BYTES, "big") + b"{{{")
        assert json.loads(garbage[HEADER_BYTES:])["error"]["code"] == "message_unreadable"

        answers = await asyncio.gather(*(signer.time(f"nonce-{n:03}") for n in range(500)))
        assert [answer.nonce for answer in answers] == [f"nonce-{n:03}" for n in range(500)]
        assert signer.pending == 0


async def test_a_signer_that_was_killed_is_started_again(signer_set: Set) -> None:
    async with signer_set.started() as child:
        pid = await _pid(signer_set)
        os.kill(pid, 9)
        while child.is_ready:  # noqa: ASYNC110 - a process ends when it ends
            await asyncio.sleep(0.01)
        with pytest.raises(OutOfReach, match="signer_away"):
            await signer_set.signer.time("0123456789abcdef")
        await child.wait_ready(30)

        assert (await signer_set.signer.time("0123456789abcdef")).epoch >= 0
        assert child.restarts == 1


async def _pid(signer_set: Set) -> int:
    """Ask the kernel who listens."""
    import socket
    import struct

    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(signer_set.socket))
        peer = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", peer)[0])


async def test_it_ends_with_its_parent(signer_set: Set) -> None:
    """
    A parent that is killed closes nothing in good order; the pipe ends all the same.
    """
    process = await asyncio.create_subprocess_exec(
        *signer_set.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    assert process.stdin is not None
    await process.stdout.readline()

    process.stdin.close()

    async with asyncio.timeout(30):
        assert await process.wait() == 0
    assert not signer_set.socket.exists()


async def test_it_does_not_start_with_keys_that_others_may_read(signer_set: Set) -> None:
    (signer_set.folder / "keys").chmod(0o444)

    process = await asyncio.create_subprocess_exec(
        *signer_set.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    _, complaint = await process.communicate()

    assert process.returncode == 1
    assert b"keys_exposed" in complaint
    assert b"chmod 400" in complaint


async def test_no_signer_is_out_of_reach(tmp_path: Path) -> None:
    with pytest.raises(OutOfReach, match="signer_away"):
        await SocketSigner(tmp_path / "nobody").time("0123456789abcdef")


async def test_a_signer_that_hangs_is_out_of_reach(tmp_path: Path) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_unix_server(silent, tmp_path / "signer"):
        with pytest.raises(OutOfReach, match="signer_away"):
            await SocketSigner(tmp_path / "signer", wait_seconds=0.05).time("0123456789abcdef")


async def test_an_answer_that_is_none_is_out_of_reach(tmp_path: Path) -> None:
    async def mad(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"\xff\xff\xff\xff")
        writer.close()

    async with await asyncio.start_unix_server(mad, tmp_path / "signer"):
        with pytest.raises(OutOfReach, match="signer_away"):
            await SocketSigner(tmp_path / "signer", wait_seconds=5).time("0123456789abcdef")


def test_a_source_pinned_while_the_signer_runs_counts_from_the_next_question(tmp_path: Path) -> None:
    path, said = tmp_path / "limits.toml", list[str]()
    write_limits(path, Limits(areas=("620723103",)))
    file = LimitsFile(path, lambda event, **_: said.append(event))

    write_limits(path, Limits(areas=("620723103",), sources={"source": Pinned("cap@linze.example", ("620723103",))}))
    news, again = file.news(), file.news()

    assert news is not None
    assert set(news.sources) == {"source"}
    assert again is None


def test_a_limits_file_that_cannot_be_read_leaves_the_old_limits_in_force(tmp_path: Path) -> None:
    path, said = tmp_path / "limits.toml", list[str]()
    write_limits(path, Limits(areas=("620723103",)))
    file = LimitsFile(path, lambda event, **_: said.append(event))

    path.unlink()
    path.write_text("areas = [")
    path.chmod(0o400)

    assert file.news() is None
    assert said == ["limits kept"]
