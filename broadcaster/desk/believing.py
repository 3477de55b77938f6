"""Believing: which of a loudspeaker's receipts are taken in, and what becomes of the others.

A receipt counts only for an order of its own village that was meant for this loudspeaker. Any other is confirmed, so
that it does not come for ever, and goes no further: nothing that one loudspeaker says may hold up the others' words.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from broadcaster.desk.ports import Book
from broadcaster.desk.watching import Watch, whole
from broadcaster.model.delivery import Outcome, Reason, Receipt, ReceiptKind
from broadcaster.model.errors import Invalid
from broadcaster.model.identity import follows
from broadcaster.model.order import Order, read_order

LONGEST_ID = 64
LATEST_MS = 4_102_444_800_000
"""The year 2100: a moment past it, or before 1970, is no moment that anything was heard at."""

MOST_ORDERS = 1_000
MOST_NAMED = 200
"""Loudspeakers whose unbelievable words are logged, each once."""

UNREADABLE, UNKNOWN, FOREIGN = "unreadable", "order_unknown", "order_foreign"

log = structlog.get_logger()


@dataclass(slots=True)
class Belief:
    """Decides by the orders in the book, which never change once they are there; the watch counts what is dropped."""

    watch: Watch
    _orders: OrderedDict[str, Order] = field(default_factory=OrderedDict)
    _named: set[tuple[str, str]] = field(default_factory=set)

    async def believed(
        self, book: Book, speaker: str, village: str, messages: Sequence[dict[str, Any]]
    ) -> list[Receipt]:
        """Return the receipts among a loudspeaker's messages that count.

        Raises:
            OutOfReach: of the book: book_busy, book_broken.
        """
        readable = [found for message in messages if (found := self._read(speaker, message))]
        orders = await self._known(book, {receipt.order for receipt in readable})
        return [receipt for receipt in readable if self._is_meant(receipt, orders.get(receipt.order), village)]

    def _read(self, speaker: str, message: dict[str, Any]) -> Receipt | None:
        try:
            return read_receipt(speaker, message)
        except (Invalid, ValueError, TypeError, KeyError) as error:
            self._drop(speaker, UNREADABLE, str(error)[:100])
            return None

    def _is_meant(self, receipt: Receipt, order: Order | None, village: str) -> bool:
        if order is not None and order.is_for(receipt.speaker, village):
            return True
        self._drop(receipt.speaker, UNKNOWN if order is None else FOREIGN, receipt.order)
        return False

    async def _known(self, book: Book, ids: set[str]) -> dict[str, Order]:
        if missing := ids - self._orders.keys():
            kept = await book.read(lambda state: state.orders(missing))
            self._orders.update({one.id: read_order(one.body) for one in kept.values()})
        found = {one: self._orders[one] for one in ids if one in self._orders}
        while len(self._orders) > MOST_ORDERS:
            self._orders.popitem(last=False)
        return found

    def _drop(self, speaker: str, why: str, what: str) -> None:
        self.watch.dropped[why] += 1
        if (speaker, why) not in self._named and len(self._named) < MOST_NAMED:
            self._named.add((speaker, why))
            log.warning("receipt dropped", speaker=speaker, why=why, what=what)


def read_receipt(speaker: str, message: dict[str, Any]) -> Receipt:
    """Read a receipt as it came over the line.

    Raises:
        Invalid: receipt_unreadable. ValueError, TypeError, KeyError: of its fields.
    """
    kind, order, at_ms = ReceiptKind(message["type"]), _name(message["order"]), whole(message["at"])
    repeat = _count(message.get("repeat_no"))
    outcome = Outcome(message["outcome"]) if message.get("outcome") else None
    if not order or at_ms is None or not 0 <= at_ms <= LATEST_MS or (kind is ReceiptKind.DONE and outcome is None):
        raise Invalid("receipt_unreadable")
    return Receipt(
        id=follows(order, speaker, kind, repeat),
        order=order,
        speaker=speaker,
        kind=kind,
        at_ms=at_ms,
        repeat_no=repeat,
        outcome=outcome,
        reason=Reason(message["reason"]) if message.get("reason") else None,
        heard_ms=_count(message.get("heard_ms")),
        repeats_done=_count(message.get("repeats_done")),
        audio_sha256=_name(message.get("audio_sha256")),
        crash_replay=bool(message.get("crash_replay")),
        cut_by=_name(message.get("cut_by")),
    )


def _count(value: object) -> int:
    return max(whole(value) or 0, 0)


def _name(value: object) -> str | None:
    if value is not None and (not isinstance(value, str) or len(value) > LONGEST_ID):
        raise Invalid("receipt_unreadable")
    return value
