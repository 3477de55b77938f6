"""Nursery: a process that has read all modules once and begins others by forking, so that fifty starts cost no minute.

It reads a JSON line for each process to begin, and writes one when it began and one when it ended. At the end of its
input it kills those it began that still run, and ends.
"""

import asyncio
import json
import os
import select
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

POLL_SECONDS = 0.05
END_SECONDS = 20.0


class Nursery:
    """The test's side of it. Use it by ``async with``."""

    def __init__(self) -> None:
        self._waiting: dict[int, tuple[asyncio.Future[int], asyncio.Future[int]]] = {}
        self._count = 0

    async def __aenter__(self) -> "Nursery":
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.faults.nursery", stdin=pipe, stdout=pipe
        )
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        async with asyncio.timeout(END_SECONDS):
            await self._process.wait()
        await self._listening

    async def begin(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> "Begun":
        """Begin ``broadcaster`` with some arguments."""
        loop = asyncio.get_running_loop()
        self._count += 1
        pid, status = self._waiting[self._count] = loop.create_future(), loop.create_future()
        asked = {"n": self._count, "arguments": list(arguments), "environment": dict(environment), "log": str(log)}
        assert self._process.stdin
        self._process.stdin.write(json.dumps(asked).encode() + b"\n")
        await self._process.stdin.drain()
        return Begun(await pid, status)

    async def _listen(self) -> None:
        assert self._process.stdout
        async for line in self._process.stdout:
            said = json.loads(line)
            pid, status = self._waiting[said["n"]]
            pid.done() or pid.set_result(said["pid"])
            if "status" in said:
                status.set_result(said["status"])


class Begun:
    """A process that was begun. `status` as subprocess has it: negative for a signal."""

    def __init__(self, pid: int, status: "asyncio.Future[int]") -> None:
        self.pid = pid
        self._status = status

    @property
    def is_over(self) -> bool:
        """Tell whether it has ended."""
        return self._status.done()

    async def wait(self) -> int:
        """Return how it ended."""
        return await asyncio.shield(self._status)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send it a signal, unless it has ended: its number may be somebody else's by now."""
        if not self.is_over:
            os.kill(self.pid, number)


# --- inside


def _main() -> None:
    # What each of them would spend seconds on.
    import broadcaster.cli.serving
    import broadcaster.cli.speakers
    import broadcaster.service
    import streams.agent.speaker

    assert broadcaster.service
    assert streams.agent.speaker

    living: dict[int, int] = {}
    rest = b""
    while True:
        readable, _, _ = select.select([0], [], [], POLL_SECONDS)
        if readable:
            more = os.read(0, 65536)
            if not more:
                break
            *lines, rest = (rest + more).split(b"\n")
            for line in lines:
                asked = json.loads(line)
                pid = _fork(asked)
                living[pid] = asked["n"]
                _say(n=asked["n"], pid=pid)
        for pid in list(living):
            _reap(pid, living)
    for pid in living:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _reap(pid: int, living: dict[int, int]) -> None:
    found, status = os.waitpid(pid, os.WNOHANG)
    if found:
        _say(n=living.pop(pid), pid=pid, status=os.waitstatus_to_exitcode(status))


def _say(**said: Any) -> None:
    os.write(1, json.dumps(said).encode() + b"\n")


def _fork(asked: dict[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        _become(asked)
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _become(asked: dict[str, Any]) -> None:
    from broadcaster.cli import main
    from broadcaster.model import crashing

    log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for made, place in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(made, place)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr] # it is a file
    os.environ.update(asked["environment"])
    # As the environment would have set them when the module was read.
    crashing._at, _, crashing._nth = os.environ.get("CRASH_AT", "").partition(":")
    crashing._trace = os.environ.get("CRASH_TRACE", "")
    crashing._is_armed = bool(crashing._at or crashing._trace)
    sys.argv = ["broadcaster", *asked["arguments"]]
    main()


if __name__ == "__main__":
    _main()
