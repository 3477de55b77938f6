"""Ledger: the journal and what is remembered of it, always the same; and the receipts that are owed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from broadcaster.model.clock import Clock
from broadcaster.model.crashing import crash_point
from broadcaster.model.delivery import Receipt, ReceiptKind
from broadcaster.signing.envelope import Envelope
from streams.agent.bell import Bell
from streams.agent.journal import Change, Entry, Forget, Journal, JournalFull, Kept, Mark, Owed, Paid
from streams.agent.messages import Message, receipt_id, write_receipt
from streams.agent.queue import Item, Stage

RETRY_SECONDS = (5.0, 15.0, 60.0)
"""After how long a receipt without `got` is said again; the last step repeats."""

PAST = "past"
"""The mark of the last receipt's date."""

PLACE = (
    "repeat_no",
    "repeats_done",
    "lost",
    "place_ms",
    "best_ms",
    "banked_ms",
    "is_toned",
    "crash_replay",
    "was_replayed",
    "is_broken",
    "superseded_by",
)
"""What of an item outlives a power cut."""


@dataclass(slots=True)
class _Due:
    at: float
    tries: int = 0


@dataclass(slots=True)
class Ledger:
    """What a loudspeaker has journalled, and what it owes.

    Attributes:
        say: puts a message on the line if there is one; may lose it.
        is_full: the last write found no room.
    """

    speaker: str
    journal: Journal
    clock: Clock
    say: Callable[[Message], None]
    kept: Kept = field(default_factory=Kept)
    bell: Bell = field(default_factory=Bell)
    is_full: bool = False
    _due: dict[str, _Due] = field(default_factory=dict)

    async def load(self) -> None:
        """Read the journal; all that is owed is due at once."""
        self.kept = await self.journal.load()
        self._due = {name: _Due(self.clock.monotonic()) for name in self.kept.owed}

    async def keep(self, *changes: Change) -> None:
        """Journal changes, remember them, and say what they made us owe.

        Raises:
            JournalFull: nothing of it is kept.
            JournalBroken: the process has to start again.
        """
        changes = (*changes, *_dated(changes))
        await self.journal.write(*changes)
        self.is_full = False
        self._remember(changes)

    async def insist(self, *changes: Change) -> None:
        """Keep changes, in memory alone if the disk is full: an emergency sounds and a cancel silences all the same.

        A power cut would then lose them, and the service says them again.
        """
        try:
            await self.keep(*changes)
        except JournalFull:
            self.is_full = True
            self._remember(changes)

    def _remember(self, changes: tuple[Change, ...]) -> None:
        self.kept.apply(changes)
        for change in changes:
            if isinstance(change, Owed):
                self._say(change)

    async def got(self, ids: list[str]) -> None:
        """Note that the service has receipts: what owes nothing more is told."""
        paid = [self.kept.owed[name] for name in ids if name in self.kept.owed]
        if not paid:
            return
        crash_point("agent.told.before")
        await self.insist(*(Paid(owed.id) for owed in paid), *self._told(paid))
        for owed in paid:
            self._due.pop(owed.id, None)
        crash_point("agent.told.after")

    def _told(self, paid: list[Owed]) -> list[Entry]:
        paid_ids = {owed.id for owed in paid}
        owing = {owed.order for owed in self.kept.owed.values() if owed.id not in paid_ids}
        entries = (self.kept.entries.get(name) for name in {owed.order for owed in paid} - owing)
        return [_as_told(entry) for entry in entries if entry is not None and entry.stage is Stage.DONE]

    def hello(self) -> None:
        """Say all that is owed again: the line is new."""
        for owed in list(self.kept.owed.values()):
            self._say(owed)

    def again(self, order: str, now_ms: int) -> bool:
        """Say once more what was last said of an order; False if it is not known."""
        entry = self.kept.entries.get(order)
        if entry is None:
            return False
        owed = [owed.message for owed in self.kept.owed.values() if owed.order == order]
        last = entry.final or self.word(order, entry.announcement, ReceiptKind.ACCEPTED, now_ms).message
        for message in owed or [last]:
            self.say(message)
        return True

    def open_orders(self) -> dict[str, int]:
        """Return the orders accepted and not yet told, with their ranks."""
        # One that was cancelled before it came has no place: it was never accepted.
        held = ((name, entry) for name, entry in self.kept.entries.items() if entry.place)
        return {name: _rank(entry) for name, entry in held if entry.stage is not Stage.TOLD}

    async def forget(self, now_ms: int) -> None:
        """Let go of what expired more than a day ago."""
        await self.insist(Forget(now_ms))

    async def run(self) -> None:
        """Say again what nobody confirmed, for ever."""
        ear = self.bell.ear()
        while True:
            now = self.clock.monotonic()
            for name in [name for name, due in self._due.items() if due.at <= now]:
                self._repeat(name)
            soonest = min((due.at for due in self._due.values()), default=now + 3_600)
            await ear.wait(max(0.0, soonest - now))

    def _repeat(self, name: str) -> None:
        owed = self.kept.owed.get(name)
        if owed is None:
            del self._due[name]
        else:
            self._say(owed)

    def _say(self, owed: Owed) -> None:
        due = self._due.setdefault(owed.id, _Due(0))
        due.at = self.clock.monotonic() + RETRY_SECONDS[min(due.tries, len(RETRY_SECONDS) - 1)]
        due.tries += 1
        self.say(owed.message)
        self.bell.ring()

    def receipt(self, item: Item, kind: ReceiptKind, at_ms: int, **said: Any) -> Owed:
        """Make a receipt of an item, to be journalled with what it tells."""
        return self.word(item.id, item.play.announcement, kind, at_ms, **said)

    def word(self, order: str, announcement: str, kind: ReceiptKind, at_ms: int, **said: Any) -> Owed:
        """Make a receipt of an order."""
        name = receipt_id(order, self.speaker, kind, said.get("repeat_no", 0))
        receipt = Receipt(id=name, order=order, speaker=self.speaker, kind=kind, at_ms=at_ms, **said)
        return Owed(name, order, write_receipt(receipt, announcement))


def _dated(changes: tuple[Change, ...]) -> list[Mark]:
    """Keep the date of a receipt beside it, so that after a power cut no later one is dated before it."""
    dates = [int(change.message.get("at", 0)) for change in changes if isinstance(change, Owed)]
    return [Mark(PAST, max(dates))] if dates else []


def entry_of(item: Item, envelope: Envelope | None, final: Message | None = None) -> Entry:
    """Write an item as it is journalled; one that has ended needs its envelope no more."""
    return Entry(
        order=item.id,
        announcement=item.play.announcement,
        expires_ms=item.expires_ms,
        stage=item.stage,
        envelope=envelope if final is None else None,
        place={name: getattr(item, name) for name in PLACE},
        final=final,
    )


def restore(item: Item, entry: Entry) -> None:
    """Set an item to where the journal has it."""
    item.stage = entry.stage
    for name in PLACE:
        if name in entry.place:
            setattr(item, name, entry.place[name])


def _as_told(entry: Entry) -> Entry:
    return Entry(entry.order, entry.announcement, entry.expires_ms, Stage.TOLD, final=entry.final)


def _rank(entry: Entry) -> int:
    if entry.stage is Stage.DONE:
        return 5
    return 3 if entry.place.get("repeat_no") else 2
