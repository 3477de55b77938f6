"""Messages: the forms that go up and down the line (wire protocol v1). Each is a JSON object with its ``type``."""

import json
from collections.abc import Mapping
from typing import Any

from broadcaster.model.delivery import Receipt, ReceiptKind
from broadcaster.model.errors import Invalid
from broadcaster.model.identity import follows
from broadcaster.model.order import LONGEST_BODY_BYTES
from broadcaster.signing.envelope import Envelope

Message = dict[str, Any]
PROTO = 1
LARGEST_MESSAGE_BYTES = LONGEST_BODY_BYTES * 4 // 3 + 1024
"""An order whose body is the longest allowed, in base64, with its signature round it."""

SOFTWARE = "village-broadcaster 0.1.0"
LISTED_OPEN = 180
"""Open orders that a hello of at most 16 KiB can name; the digest covers all."""


def to_text(message: Mapping[str, Any]) -> str:
    """Write a message as it goes over the line."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))


def from_text(text: str | bytes) -> Message:
    """Read a message.

    Raises:
        Invalid: message_large or message_unreadable.
    """
    if len(text) > LARGEST_MESSAGE_BYTES:
        raise Invalid("message_large", size=len(text))
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid("message_unreadable", why=type(error).__name__) from error
    if not isinstance(found, dict) or not isinstance(found.get("type"), str):
        raise Invalid("message_unreadable", why="no type")
    return found


def order_message(envelope: Envelope) -> Message:
    """Write an order as it goes down."""
    return {"type": "order", **envelope.to_wire()}


def write_receipt(receipt: Receipt, announcement: str | None = None) -> Message:
    """Write a receipt as it goes up: what it does not say is left out."""
    fields: Message = {
        "type": receipt.kind.value,
        "id": receipt.id,
        "order": receipt.order,
        "announcement": announcement,
        "at": receipt.at_ms,
        "repeat_no": receipt.repeat_no or None,
        "outcome": receipt.outcome.value if receipt.outcome else None,
        "reason": receipt.reason.value if receipt.reason else None,
        "audio_sha256": receipt.audio_sha256,
        "crash_replay": receipt.crash_replay or None,
        "cut_by": receipt.cut_by,
    }
    if receipt.kind is ReceiptKind.DONE:
        fields |= {"heard_ms": receipt.heard_ms, "repeats_done": receipt.repeats_done}
    return {name: value for name, value in fields.items() if value is not None}


def receipt_id(order: str, speaker: str, kind: ReceiptKind, repeat_no: int = 0) -> str:
    """Name a receipt: the same word said twice is one."""
    return follows(order, speaker, kind, repeat_no)
