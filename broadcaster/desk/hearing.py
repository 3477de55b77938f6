"""Hearing: what comes up from the loudspeakers, and what they are told in answer."""

import base64
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from broadcaster.desk.appending import Appending
from broadcaster.desk.believing import Belief
from broadcaster.desk.events import receipt_event
from broadcaster.desk.office import Desk
from broadcaster.desk.ports import Pen, SignedTime, State
from broadcaster.desk.rows import OrderKept, Speaker
from broadcaster.desk.sending import OWES_CANCEL, as_sent, order_owed, signed
from broadcaster.desk.watching import Watch, whole
from broadcaster.model.clock import milliseconds, moment
from broadcaster.model.crashing import crash_point
from broadcaster.model.delivery import Delivery, Rank, ReceiptKind
from broadcaster.model.errors import Invalid, NotFound
from broadcaster.model.order import open_digest, read_order
from broadcaster.model.precedence import Lane

Message = dict[str, Any]
CONFIG_VERSION = KEYS_VERSION = 1
LONGEST_NONCE = 64
RECEIPTS = frozenset(ReceiptKind)


@dataclass(frozen=True, slots=True)
class Ear:
    """The desk's ear: implements the port `Heard`."""

    desk: Desk
    watch: Watch
    _belief: Belief = field(init=False)
    _log: Appending = field(default_factory=Appending)
    _villages: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_belief", Belief(self.watch))

    async def hello(self, speaker: str, message: Message) -> Sequence[Message]:
        """Welcome a loudspeaker with the signed time, then newer stops, then the orders it lacks, alerts first."""
        now = self.desk.clock.now()
        self.watch.seen(speaker, now, {"software": message.get("software")})
        time = await self.desk.signer.time(_nonce(message))
        lacking = await self._lacking(speaker, _open(message), whole(message.get("last_stop")) or 0)
        return [_welcome(time), *lacking]

    async def heard(self, speaker: str, messages: Sequence[Message]) -> Sequence[Message]:
        """Take what a loudspeaker said; receipts are confirmed after their commit, also those known before."""
        self.watch.seen(speaker, self.desk.clock.now())
        answers: list[Message] = []
        if receipts := [message for message in messages if message.get("type") in RECEIPTS]:
            answers.append({"type": "got", "receipts": await self._receipts(speaker, receipts)})
        for message in messages:
            if message.get("type") not in RECEIPTS:
                answers += await self._other(speaker, message)
        return answers

    async def gone(self, speaker: str) -> None:
        """Note when it was last here."""
        self.watch.seen(speaker, self.desk.clock.now())

    async def _other(self, speaker: str, message: Message) -> Sequence[Message]:
        match message.get("type"):
            case "time":
                return [_time(await self.desk.signer.time(_nonce(message)))]
            case "progress":
                heard_ms, waiting_for = whole(message.get("heard_ms")) or 0, message.get("waiting_for")
                known = str(waiting_for)[:64] if waiting_for else None
                self.watch.heard(str(message.get("order"))[:64], speaker, heard_ms, known)
            case "need":
                return await self._needed(speaker, str(message.get("order"))[:64])
            case "heartbeat":
                return await self._beat(speaker, message)
        return []

    async def _receipts(self, speaker: str, messages: Sequence[Message]) -> list[str]:
        """Append receipts to the log; those that do not count are confirmed too, or they would come for ever."""
        village, now = await self._village(speaker), self.desk.clock.now()
        if believed := await self._belief.believed(self.desk.book, speaker, village, messages):
            await self._log.append(self.desk.book, [receipt_event(receipt, village, now) for receipt in believed])
            crash_point("receipt.commit.after")
        return [str(message.get("id"))[:64] for message in messages]

    async def _village(self, speaker: str) -> str:
        """Return where a loudspeaker stands; looked up once a connection: one that moves comes with a hello."""
        if speaker not in self._villages:
            known = await self.desk.book.read(lambda state: state.speaker(speaker))
            if known is None:
                return ""
            self._villages[speaker] = known.village
        return self._villages[speaker]

    async def _lacking(self, speaker: str, held: Collection[str], last_stop: int) -> Sequence[Message]:
        now = self.desk.clock.now()
        orders, known = await self.desk.book.read(
            lambda state: (lacking(state, speaker, held, last_stop, milliseconds(now)), state.speaker(speaker))
        )
        self._villages[speaker] = known.village if known else ""
        plays = [order for order in orders if order.kind == "play"]
        if plays:
            await self.desk.book.write(Lane.NOTICE, lambda pen: _mark_sent(pen, speaker, plays, milliseconds(now)))
        return [order_message(order) for order in orders]

    async def _needed(self, speaker: str, order: str) -> Sequence[Message]:
        def query(state: State) -> OrderKept | None:
            kept, known = state.order(order), state.speaker(speaker)
            return kept if kept and known and kept.village == known.village else None

        kept = await self.desk.book.read(query)
        return [order_message(kept)] if kept else []

    async def _beat(self, speaker: str, message: Message) -> Sequence[Message]:
        """Take a heartbeat; where its digest of open orders differs from ours, send all that it might lack.

        Which ones differ, a digest does not tell; what it holds already, it answers with its state.
        """
        self.watch.seen(speaker, self.desk.clock.now(), message)
        expected = await self.desk.book.read(lambda state: open_orders(state, speaker))
        if message.get("open_digest") in (None, open_digest(expected)):
            return []
        return await self._lacking(speaker, (), milliseconds(self.desk.clock.now()))


def lacking(state: State, speaker: str, held: Collection[str], last_stop: int, now_ms: int) -> list[OrderKept]:
    """Return what a loudspeaker has to be sent: newer stops, what it owes an end for, and plays that it does not hold.

    Raises:
        NotFound: speaker_unknown.
    """
    known = state.speaker(speaker)
    if known is None or known.retired_at is not None:
        raise NotFound("speaker_unknown", speaker=speaker[:60])
    stops = _newer_stop(state, known, last_stop)
    owing = [row.announcement for row in state.deliveries_of(speaker) if row.rank in OWES_CANCEL]
    of_held = [order.announcement or "" for order in state.orders(held).values()]
    owed = [order_owed(state, announcement, moment(now_ms)) for announcement in state.tombstones({*owing, *of_held})]
    plays = [
        order
        for order in state.open_plays(known.village, moment(now_ms))
        if order.id not in held
        and not _is_final(state.delivery(order.announcement or "", speaker))
        and _is_to(order, known)
    ]
    found = {order.id: order for order in [*stops, *owed, *plays] if order is not None}
    return list(found.values())


def _newer_stop(state: State, speaker: Speaker, last_stop: int) -> list[OrderKept]:
    newer = [stop for stop in state.stops(speaker.village, limit=1) if milliseconds(stop.at) > last_stop]
    return [order for stop in newer for order in state.orders_of_stop(stop.id) if order.village == speaker.village]


def _is_to(order: OrderKept, speaker: Speaker) -> bool:
    return read_order(order.body).is_for(speaker.id, speaker.village)


def _is_final(row: Delivery | None) -> bool:
    return row is not None and row.rank is Rank.FINAL


def _mark_sent(pen: Pen, speaker: str, plays: Iterable[OrderKept], now_ms: int) -> None:
    rows = [pen.delivery(order.announcement or "", speaker) for order in plays]
    pen.put([as_sent(row, now_ms) for row in rows if row and row.rank < Rank.NO_RECEIPT])


def open_orders(state: State, speaker: str) -> list[str]:
    """Return the play orders that a loudspeaker accepted and has not told the end of, as far as the book knows."""
    rows = state.deliveries_of(speaker)
    accepted = [row.announcement for row in rows if row.rank in (Rank.ACCEPTED, Rank.STARTED)]
    return [order.id for order in state.orders_of(accepted) if order.kind == "play"]


def order_message(order: OrderKept) -> Message:
    """Return an order as a message of the wire."""
    return {"type": "order", **signed(order).envelope.to_wire()}


def _welcome(time: SignedTime) -> Message:
    return {**_time(time), "type": "welcome", "config_v": CONFIG_VERSION, "keys_v": KEYS_VERSION}


def _time(time: SignedTime) -> Message:
    sig = base64.b64encode(time.sig).decode()
    return {"type": "time", "nonce": time.nonce, "service_ms": time.service_ms, "epoch": time.epoch, "sig": sig}


def _nonce(message: Message) -> str:
    nonce = message.get("nonce")
    if not isinstance(nonce, str) or not 8 <= len(nonce) <= LONGEST_NONCE:
        raise Invalid("nonce")
    return nonce


def _open(message: Message) -> set[str]:
    held = message.get("open")
    return {str(one.get("order"))[:64] for one in held if isinstance(one, dict)} if isinstance(held, list) else set()
