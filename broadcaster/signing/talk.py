"""How signer and service talk over their Unix socket: four bytes of length, big-endian, then that much JSON."""

import asyncio
import base64
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from broadcaster.desk.ports import SignedTime
from broadcaster.desk.rows import OrderKept
from broadcaster.model.clock import milliseconds, moment
from broadcaster.model.errors import BroadcasterError, Invalid, NotAllowed, NotFound, OutOfReach, Refused
from broadcaster.model.order import Purpose
from broadcaster.model.precedence import Scope
from broadcaster.signing.envelope import PublicKey

LONGEST_REQUEST_BYTES = 4 * 1024
LONGEST_ANSWER_BYTES = 64 * 1024
"""An order's body is at most 16 KiB; base64 and the rest fit well into this."""

HEADER_BYTES = 4
FAMILIES: dict[str, type[BroadcasterError]] = {
    family.__name__: family for family in (NotAllowed, NotFound, Invalid, Refused, OutOfReach)
}

Fields = dict[str, Any]


def write_message(fields: Fields) -> bytes:
    """Frame a message."""
    body = json.dumps(fields, ensure_ascii=False, default=str).encode()
    return len(body).to_bytes(HEADER_BYTES, "big") + body


async def read_message(reader: asyncio.StreamReader, longest: int) -> Fields:
    """Read one message.

    Raises:
        Invalid: message_long or message_unreadable; nothing sensible can follow on that connection.
        asyncio.IncompleteReadError: the other side has gone.
    """
    length = int.from_bytes(await reader.readexactly(HEADER_BYTES), "big")
    if length > longest:
        raise Invalid("message_long", bytes=length, longest=longest)
    try:
        found = json.loads(await reader.readexactly(length))
    except (ValueError, RecursionError) as error:
        raise Invalid("message_unreadable") from error
    if not isinstance(found, dict):
        raise Invalid("message_unreadable")
    return found


def write_order_kept(order: OrderKept) -> Fields:
    """Write an order's row as JSON fields."""
    return {
        **asdict(order),
        "issued": milliseconds(order.issued),
        "expires": milliseconds(order.expires),
        "body": base64.b64encode(order.body).decode(),
        "sig": base64.b64encode(order.sig).decode(),
    }


def read_order_kept(found: Fields) -> OrderKept:
    """Read an order's row from JSON fields."""
    return OrderKept(
        **{
            **found,
            "scope": Scope(found["scope"]),
            "issued": moment(found["issued"]),
            "expires": moment(found["expires"]),
            "body": base64.b64decode(found["body"]),
            "sig": base64.b64decode(found["sig"]),
        }
    )


def write_time(signed: SignedTime) -> Fields:
    """Write a signed time as JSON fields."""
    return {**asdict(signed), "sig": base64.b64encode(signed.sig).decode()}


def read_time(found: Fields) -> SignedTime:
    """Read a signed time from JSON fields."""
    return SignedTime(**{**found, "sig": base64.b64decode(found["sig"])})


def write_key(key: PublicKey) -> Fields:
    """Write a public key as JSON fields."""
    return {"purpose": key.purpose, "key": key.key.hex()}


def read_key(found: Fields) -> PublicKey:
    """Read a public key from JSON fields."""
    return PublicKey(bytes.fromhex(found["key"]), Purpose(found["purpose"]))


def write_error(error: BroadcasterError) -> Fields:
    """Write a failure of ours, to be raised again on the other side."""
    family = next(name for name, one in FAMILIES.items() if isinstance(error, one))
    return {"error": {"family": family, "code": error.code, "facts": error.facts}}


def raise_error(answer: Mapping[str, Any]) -> None:
    """Raise what an answer says went wrong, if anything did."""
    found = answer.get("error")
    if found is not None:
        raise FAMILIES[found["family"]](found["code"], **found["facts"])
