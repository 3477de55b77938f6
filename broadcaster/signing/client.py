"""The service's side of the signer's socket.

Each question has a connection of its own: an alert's never waits behind a notice's, and an answer that came too late
cannot be taken for that of another question.
"""

import asyncio
from pathlib import Path
from typing import Any

from broadcaster.desk.ports import SignedTime
from broadcaster.desk.rows import OrderKept
from broadcaster.model.errors import Invalid, OutOfReach
from broadcaster.signing.envelope import PublicKey
from broadcaster.signing.talk import (
    LONGEST_ANSWER_BYTES,
    raise_error,
    read_key,
    read_message,
    read_order_kept,
    read_time,
    write_message,
)

TIMES_AT_ONCE = 16
"""After a restart every loudspeaker asks for the time at once; the signer takes so many together, orders besides."""


class SocketSigner:
    """The port `Signer` over a Unix socket.

    Args:
        wait_seconds: how long an answer may take; a signature takes the signer some milliseconds.

    Attributes:
        pending: questions that wait for their answer.
    """

    def __init__(self, socket: Path, *, wait_seconds: float = 5.0) -> None:
        self._socket = socket
        self._wait_seconds = wait_seconds
        self._times = asyncio.Semaphore(TIMES_AT_ONCE)
        self.pending = 0

    async def sign(self, kind: str, subject: str, village: str) -> OrderKept:
        """Sign as `Signer` promises."""
        answer = await self._ask({"ask": "sign", "kind": kind, "subject": subject, "village": village})
        return read_order_kept(answer["order"])

    async def time(self, nonce: str) -> SignedTime:
        """Sign what time it is."""
        async with self._times:
            return read_time((await self._ask({"ask": "time", "nonce": nonce}))["time"])

    async def public_keys(self) -> tuple[PublicKey, ...]:
        """Return what loudspeakers have to trust.

        Raises:
            OutOfReach: signer_away.
        """
        return tuple(map(read_key, (await self._ask({"ask": "keys"}))["keys"]))

    async def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        self.pending += 1
        try:
            async with asyncio.timeout(self._wait_seconds):
                answer = await self._answer(question)
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            raise OutOfReach("signer_away", why=type(error).__name__) from error
        except Invalid as error:
            raise OutOfReach("signer_away", why=error.code) from error
        finally:
            self.pending -= 1
        raise_error(answer)
        return answer

    async def _answer(self, question: dict[str, Any]) -> dict[str, Any]:
        reader, writer = await asyncio.open_unix_connection(self._socket)
        try:
            writer.write(write_message(question))
            await writer.drain()
            return await read_message(reader, LONGEST_ANSWER_BYTES)
        finally:
            writer.close()
