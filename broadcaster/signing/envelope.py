"""Envelope: bytes and the signature over them. Shared by the signer and by every loudspeaker.

Ed25519 (RFC 8032) over a context and the body. It is checked before the body is parsed, so that nothing a stranger
sends reaches a parser.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from broadcaster.model.errors import Invalid
from broadcaster.model.identity import canonical
from broadcaster.model.order import LONGEST_BODY_BYTES, Purpose

VERSION = 1
ORDER_CONTEXT = b"vbc/order/v1\0"
TIME_CONTEXT = b"vbc/time/v1\0"
LINE_CONTEXT = b"vbc/line/v1\0"
SEED_BYTES = 32


@dataclass(frozen=True, slots=True)
class Envelope:
    """A signed body as it is stored and sent, the same bytes every time."""

    kid: str
    body: bytes
    sig: bytes

    @property
    def sha256(self) -> str:
        """Name the envelope where its body cannot be trusted to name itself."""
        return hashlib.sha256(self.body + self.sig).hexdigest()

    def to_wire(self) -> dict[str, Any]:
        """Write it as JSON fields."""
        return {
            "v": VERSION,
            "kid": self.kid,
            "body": base64.b64encode(self.body).decode(),
            "sig": base64.b64encode(self.sig).decode(),
        }

    @classmethod
    def from_wire(cls, found: Mapping[str, Any]) -> "Envelope":
        """Read it from JSON fields.

        Raises:
            Invalid: envelope_unreadable or envelope_version.
        """
        if found.get("v") != VERSION:
            raise Invalid("envelope_version", v=str(found.get("v"))[:10])
        try:
            body, sig = (base64.b64decode(found[name], validate=True) for name in ("body", "sig"))
            envelope = cls(str(found["kid"]), body, sig)
        except (KeyError, TypeError, ValueError, binascii.Error) as error:
            raise Invalid("envelope_unreadable", why=type(error).__name__) from error
        if len(body) > LONGEST_BODY_BYTES:
            raise Invalid("envelope_unreadable", why="too large")
        return envelope


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that loudspeakers trust, and what it may sign."""

    key: bytes
    purpose: Purpose

    @property
    def kid(self) -> str:
        """Name the key: the first 16 hex digits of the SHA-256 of its bytes."""
        return key_id(self.key)


class Keyring:
    """The public keys that a loudspeaker trusts."""

    def __init__(self, keys: Mapping[str, PublicKey]) -> None:
        self._keys = dict(keys)
        self._loaded = {kid: Ed25519PublicKey.from_public_bytes(key.key) for kid, key in keys.items()}

    @classmethod
    def of(cls, *keys: PublicKey) -> "Keyring":
        """Hold these keys under their own names."""
        return cls({key.kid: key for key in keys})

    def __iter__(self) -> Any:
        return iter(self._keys.values())

    def check_order(self, envelope: Envelope) -> Purpose:
        """Verify an order's signature and return what its key may sign.

        Raises:
            Invalid: key (unknown, or the time key) or signature.
        """
        key = self._keys.get(envelope.kid)
        if key is None or key.purpose is Purpose.TIME:
            raise Invalid("key", kid=envelope.kid[:16])
        self._verify(envelope.kid, envelope.sig, ORDER_CONTEXT + envelope.body)
        return key.purpose

    def check_time(self, nonce: str, service_ms: int, epoch: int, sig: bytes) -> None:
        """Verify a signed time against every time key held.

        Raises:
            Invalid: key (none held) or signature.
        """
        kids = [kid for kid, key in self._keys.items() if key.purpose is Purpose.TIME]
        for kid in kids:
            try:
                return self._verify(kid, sig, time_message(nonce, service_ms, epoch))
            except Invalid:
                continue
        raise Invalid("signature" if kids else "key")

    def _verify(self, kid: str, sig: bytes, message: bytes) -> None:
        try:
            self._loaded[kid].verify(sig, message)
        except InvalidSignature as error:
            raise Invalid("signature", kid=kid) from error


class SealingKey:
    """A private key with its purpose; lives in the signer, and in tests."""

    def __init__(self, seed: bytes, purpose: Purpose) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = PublicKey(self._key.public_key().public_bytes_raw(), purpose)

    def seal(self, body: bytes) -> Envelope:
        """Sign an order's body."""
        return Envelope(self.public.kid, body, self._key.sign(ORDER_CONTEXT + body))

    def seal_time(self, nonce: str, service_ms: int, epoch: int) -> bytes:
        """Sign what the service's time is, in answer to a nonce."""
        return self._key.sign(time_message(nonce, service_ms, epoch))


class SpeakerKey:
    """The key with which a loudspeaker proves who it is."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._key.public_key().public_bytes_raw()

    def answer(self, speaker: str, challenge: str) -> bytes:
        """Sign a challenge of the line."""
        return self._key.sign(LINE_CONTEXT + speaker.encode() + challenge.encode())


def check_answer(public: bytes, speaker: str, challenge: str, sig: bytes) -> None:
    """Verify a loudspeaker's answer to a challenge.

    Raises:
        Invalid: signature.
    """
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(sig, LINE_CONTEXT + speaker.encode() + challenge.encode())
    except (InvalidSignature, ValueError) as error:
        raise Invalid("signature", speaker=speaker) from error


def key_id(public: bytes) -> str:
    """Name a public key."""
    return hashlib.sha256(public).hexdigest()[:16]


def time_message(nonce: str, service_ms: int, epoch: int) -> bytes:
    """Return what is signed of a time answer."""
    return TIME_CONTEXT + canonical({"nonce": nonce, "service_ms": service_ms, "epoch": epoch})
