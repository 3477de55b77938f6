"""Challenges: what a loudspeaker has to sign before it may connect; single use, and good for half a minute.

They carry their own proof of where they come from, so that asking for many costs no memory; only those that an
enrolled loudspeaker has answered are remembered, until they are over.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable

from broadcaster.model.clock import Clock
from broadcaster.model.errors import Invalid

GOOD_SECONDS = 30.0
MAC_DIGITS = 32


class Challenges:
    """Makes challenges and takes each back once.

    Args:
        secret: of this process; what an earlier one gave out is over.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        secret: bytes | None = None,
        new_nonce: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        self._clock = clock
        self._secret = secret or secrets.token_bytes(32)
        self._new_nonce = new_nonce
        self._used: dict[str, float] = {}

    def make(self) -> str:
        """Return a fresh challenge; it holds no colon."""
        said = f"{int(self._clock.monotonic() * 1000):x}.{self._new_nonce()}"
        return f"{said}.{self._mac(said)}"

    def check(self, challenge: str) -> None:
        """Look whether a challenge is one of ours, fresh and unused.

        Raises:
            Invalid: challenge.
        """
        said, _, mac = challenge.rpartition(".")
        if not challenge.isascii() or not hmac.compare_digest(mac, self._mac(said)):
            raise Invalid("challenge", why="foreign")
        age_seconds = self._clock.monotonic() - int(said.partition(".")[0], 16) / 1000
        if age_seconds > GOOD_SECONDS or challenge in self._used:
            raise Invalid("challenge", why="over")

    def use(self, challenge: str) -> None:
        """Note that a checked challenge was answered, and forget those that are over."""
        now = self._clock.monotonic()
        while self._used and now - next(iter(self._used.values())) > GOOD_SECONDS + 1:
            del self._used[next(iter(self._used))]
        self._used[challenge] = now

    def _mac(self, said: str) -> str:
        return hmac.new(self._secret, said.encode(), hashlib.sha256).hexdigest()[:MAC_DIGITS]
