"""The signer's process: ``python -m broadcaster.signing.process --book … --keys … --limits … --socket …``.

It holds the keys, reads the book and never writes it, and answers on a Unix socket of mode 0600. It ends with its
parent: on end of file of its standard input.
"""

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import structlog

from broadcaster.desk.ports import State
from broadcaster.model.clock import SystemClock
from broadcaster.model.errors import BroadcasterError, Invalid, Refused
from broadcaster.signing.keys import read_keys
from broadcaster.signing.limits import Limits, read_limits
from broadcaster.signing.signer import SigningOffice
from broadcaster.signing.talk import (
    LONGEST_REQUEST_BYTES,
    read_message,
    write_error,
    write_key,
    write_message,
    write_order_kept,
    write_time,
)

IDLE_SECONDS = 30.0
"""How long a connection may stay silent."""

MOST_CONNECTIONS = 64
READY = "signer ready"
"""The line on standard output that tells a parent that the socket is there."""

Log = Callable[..., Any]


class LimitsFile:
    """The limits file, looked at before each question, so that a source pinned by the CLI speaks at once."""

    def __init__(self, path: Path, log: Log) -> None:
        self._path = path
        self._log = log
        self.limits = read_limits(path)
        self._seen = self._mark()

    def news(self) -> Limits | None:
        """Return the limits if they were written anew; what cannot be read changes nothing, and is said."""
        mark = self._mark()
        if mark == self._seen:
            return None
        self._seen = mark
        try:
            return read_limits(self._path)
        except Refused as error:
            self._log("limits kept", code=error.code, **error.facts)
            return None

    def _mark(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_mtime_ns, found.st_ino


class SignerServer:
    """Answers questions to the office, one at a time, and writes a line about each.

    Args:
        news: returns the limits when they have changed.
    """

    def __init__(self, office: SigningOffice, log: Log, news: Callable[[], Limits | None] = lambda: None) -> None:
        self._office = office
        self._news = news
        self._log = log
        self._connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until its end."""
        self._connections += 1
        try:
            if self._connections <= MOST_CONNECTIONS:
                await self._talk(reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            pass  # it has gone, or was silent too long: there is nobody to tell
        finally:
            self._connections -= 1
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                async with asyncio.timeout(IDLE_SECONDS):
                    question = await read_message(reader, LONGEST_REQUEST_BYTES)
            except Invalid as error:
                # What follows cannot be told from the rest of this message: say so and hang up.
                self._log("refused", code=error.code, **error.facts)
                writer.write(write_message(write_error(error)))
                return
            writer.write(write_message(self.answer(question)))
            await writer.drain()

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """Decide one question. Synchronous: a signature and its look into the book take some milliseconds."""
        if limits := self._news():
            self._office.hold_to(limits)
            self._log("limits taken", sources=len(limits.sources))
        told = {name: str(question.get(name))[:80] for name in ("ask", "kind", "subject", "village")}
        try:
            answer = self._decide(question)
        except BroadcasterError as error:
            self._log("refused", **told, code=error.code)
            return write_error(error)
        if "order" in answer:
            self._log("signed", **told)
        return answer

    def _decide(self, question: dict[str, Any]) -> dict[str, Any]:
        match question:
            case {"ask": "sign", "kind": str(kind), "subject": str(subject), "village": str(village)}:
                return {"order": write_order_kept(self._office.sign(kind, subject, village))}
            case {"ask": "time", "nonce": str(nonce)}:
                return {"time": write_time(self._office.time(nonce))}
            case {"ask": "keys"}:
                return {"keys": [write_key(key) for key in self._office.public_keys()]}
        raise Invalid("question_unknown", ask=str(question.get("ask"))[:20])


async def run_signer(
    office: SigningOffice,
    socket: Path,
    ended: asyncio.Event,
    log: Log,
    news: Callable[[], Limits | None] = lambda: None,
) -> None:
    """Listen on a socket that only its owner may open, until `ended`."""
    _remove(socket)
    old = os.umask(0o177)
    try:
        server = await asyncio.start_unix_server(SignerServer(office, log, news).serve, socket)
    finally:
        os.umask(old)
    async with server:
        print(READY, flush=True)
        await ended.wait()
    _remove(socket)


def _remove(socket: Path) -> None:
    socket.unlink(missing_ok=True)


async def _input_ended(ended: asyncio.Event) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.read(1024):
        pass
    ended.set()


async def _main(arguments: argparse.Namespace, state: Callable[[], AbstractContextManager[State]]) -> None:
    log = structlog.get_logger().bind(process="signer").info
    file = LimitsFile(arguments.limits, log)
    office = SigningOffice(state, read_keys(arguments.keys), file.limits, SystemClock())
    ended = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run_signer(office, arguments.socket, ended, log, file.news))
        tasks.create_task(_input_ended(ended))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="broadcaster.signing.process", description="Hold the keys and sign.")
    parser.add_argument("--book", required=True, help="path or URL of the book; opened for reading only")
    parser.add_argument("--keys", required=True, type=Path, help="key file, mode 0400")
    parser.add_argument("--limits", required=True, type=Path, help="limits file, mode 0400")
    parser.add_argument("--socket", required=True, type=Path, help="Unix socket to listen on")
    return parser.parse_args()


def main() -> None:
    """Run the signer until its standard input ends."""
    from broadcaster.store.engine import BookReader

    level = logging.getLevelNamesMapping().get(os.environ.get("VB_LOG", "info").upper(), logging.INFO)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(level),
        processors=[
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    arguments = _arguments()
    try:
        asyncio.run(_main(arguments, BookReader(arguments.book).moment))
    except BroadcasterError as error:
        sys.exit(f"The signer does not start: {error}")


if __name__ == "__main__":
    main()
