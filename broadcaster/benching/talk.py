"""Talk: the bench and its two children, the service and the loudspeakers; lines of JSON on stdin and stdout.

They are processes of their own, so that neither takes processor time or the interpreter's lock from the other as no
real one would. What is measured is kept in memory and handed over afterwards: to write it down would be measured too.
"""

import asyncio
import itertools
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, TextIO

from broadcaster.cli.app import log_to_stderr

LONGEST_LINE = 256 * 1024 * 1024
END_SECONDS = 20.0

Action = Callable[..., Awaitable[Any]]


class ChildEnded(Exception):
    """A child of the bench ended, or failed at what it was asked."""


class Child:
    """One child, seen from the bench."""

    def __init__(self, process: Process, hello: dict[str, Any]) -> None:
        self._process = process
        self._numbers = itertools.count()
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._reading = asyncio.create_task(self._read())
        self.hello = hello

    @classmethod
    async def start(cls, module: str, **said: Any) -> "Child":
        """Start a module as a child, and wait until it has said that it is ready.

        Raises:
            ChildEnded: it ended instead.
        """
        words = (sys.executable, "-m", module, json.dumps(said))
        process = await asyncio.create_subprocess_exec(*words, stdin=PIPE, stdout=PIPE, limit=LONGEST_LINE)
        assert process.stdout is not None  # noqa: S101 - it was started with a pipe; for the type checker
        first = await process.stdout.readline()
        if not first:
            raise ChildEnded(f"{module} ended with {await process.wait()}")
        return cls(process, json.loads(first))

    @property
    def pid(self) -> int:
        """Name it to the system."""
        return self._process.pid

    async def ask(self, do: str, **what: Any) -> Any:
        """Have something done, and return what it answers.

        Raises:
            ChildEnded: it ended, or failed.
        """
        number = next(self._numbers)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None  # noqa: S101 - it was started with a pipe; for the type checker
        self._process.stdin.write(json.dumps({"id": number, "do": do, "what": what}).encode() + b"\n")
        return await answer

    async def end(self) -> None:
        """Let it end, which it does when its stdin ends; kill it if it will not."""
        assert self._process.stdin is not None  # noqa: S101 - it was started with a pipe; for the type checker
        self._process.stdin.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                await self._reading
                await self._process.wait()
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - it was started with a pipe; for the type checker
        while line := await self._process.stdout.readline():
            said = json.loads(line)
            waiting = self._asked.pop(said["id"])
            if "failed" in said:
                waiting.set_exception(ChildEnded(said["failed"]))
            else:
                waiting.set_result(said["answer"])
        for waiting in self._asked.values():
            waiting.set_exception(ChildEnded("it ended before it answered"))


async def obey(hello: Mapping[str, Any], actions: Mapping[str, Action]) -> None:
    """Be the child: say hello, then do what is asked, side by side, until stdin ends."""
    said = _Saying()
    said.say(hello)
    reader = asyncio.StreamReader(limit=LONGEST_LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with asyncio.TaskGroup() as tasks:
        while line := await reader.readline():
            asked = json.loads(line)
            tasks.create_task(_do(said, asked["id"], actions[asked["do"]](**asked["what"])))


async def _do(said: "_Saying", number: int, doing: Awaitable[Any]) -> None:
    try:
        answer = {"id": number, "answer": await doing}
    except Exception as error:
        answer = {"id": number, "failed": f"{type(error).__name__}: {error}"}
    said.say(answer)


def keep_stdout() -> None:
    """Keep stdout for answers alone; whatever else prints, log lines included, goes to stderr."""
    log_to_stderr()
    _Saying.line = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())


class _Saying:
    line: TextIO = sys.stdout

    def say(self, said: Mapping[str, Any]) -> None:
        self.line.write(json.dumps(said) + "\n")
        self.line.flush()
