"""Obeying: what a loudspeaker does with an order: takes it, falls silent, or says why not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from broadcaster.model.clock import milliseconds
from broadcaster.model.crashing import crash_point
from broadcaster.model.delivery import Outcome, Reason, ReceiptKind
from broadcaster.model.order import Cancelled, Order, OrderKind
from broadcaster.signing.envelope import Envelope
from streams.agent.bell import Bell
from streams.agent.journal import Change, Entry, JournalFull, Mark, Tombstone
from streams.agent.judging import Judge, Turned
from streams.agent.ledger import Ledger, entry_of, restore
from streams.agent.messages import Message
from streams.agent.queue import Ending, Item, Queue, Stage, after_crash
from streams.agent.sounding import PER_MS, Sounding
from streams.agent.timekeeping import Now, ServiceTime

FOR_EVER = 2**62
LAST_STOP = "last_stop"
LOCAL_STOP = "local_stop"


@dataclass(slots=True)
class Obeying:
    """Takes verified orders into the queue, and out of it.

    Attributes:
        longest_journal: orders remembered, ended ones included, beyond which routine ones are refused.
    """

    judge: Judge
    queue: Queue
    sounding: Sounding
    ledger: Ledger
    time: ServiceTime
    bell: Bell
    say: Callable[[Message], None]
    longest_journal: int

    async def obey(self, envelope: Envelope) -> None:
        """Do what an order says.

        Raises:
            Turned: it is not obeyed, and why.
        """
        order = self.judge.read(envelope)
        if order.kind is OrderKind.PLAY:
            await self._play(order, envelope)
        else:
            await self._cancel(order)

    async def stop_here(self) -> None:
        """Obey the button on the loudspeaker: all that was issued before now falls silent, and is told."""
        # All that is held was issued before now, whatever this loudspeaker knows of the hour.
        await self._silence((), before_ms=FOR_EVER, by=LOCAL_STOP, mark=Mark(LOCAL_STOP, self.time.now().ms))

    async def take_up(self) -> None:
        """Go on with what the journal holds: what waited waits on, what sounded is set right."""
        for entry in list(self.ledger.kept.entries.values()):
            if entry.envelope is not None and entry.stage not in (Stage.DONE, Stage.TOLD):
                await self._take_up(entry, entry.envelope)
        for item in self.queue:
            self.queue.supersede(item)
        for item in self.queue:
            if self._is_silenced(item):
                item.ending = item.ending or Ending(Outcome.CANCELLED)

    async def _take_up(self, entry: Entry, envelope: Envelope) -> None:
        try:
            item = Item(self.judge.read(envelope))
        except Turned as turned:
            # The card was changed, or the key taken back: it does not sound, and that is told.
            await self._give_up(entry, turned.reason)
            return
        restore(item, entry)
        if item.stage is Stage.SOUNDING:
            # The journal holds where a repeat began; how far it came, the sound log knows to a second.
            log = self.sounding.player.log
            furthest = log.furthest(self.sounding.speaker, item.id, item.repeat_no)
            item.best_ms = max(item.best_ms, furthest // PER_MS)
        after_crash(item)
        self.sounding.envelopes[item.id] = envelope
        self.queue.add(item)

    async def _give_up(self, entry: Entry, reason: Reason) -> None:
        word = self.ledger.word(entry.order, entry.announcement, ReceiptKind.REFUSED, self.time.now().ms, reason=reason)
        ended = Entry(
            entry.order, entry.announcement, entry.expires_ms, Stage.DONE, place=entry.place, final=word.message
        )
        await self.ledger.insist(ended, word)

    async def _play(self, order: Order, envelope: Envelope) -> None:
        now = self.time.now()
        # Before the hour is looked at: an order that was played and comes again late has its end already.
        if self.ledger.again(order.id, now.ms):
            return
        self.judge.check_time(order, now)
        item = Item(order)
        if self._is_silenced(item):
            raise Turned(Reason.CANCELLED, order.id, item.play.announcement)
        if item.is_routine and self._is_full():
            raise Turned(Reason.FULL, order.id, item.play.announcement)
        await self._accept(item, envelope, now)

    async def _accept(self, item: Item, envelope: Envelope, now: Now) -> None:
        crash_point("agent.accepted.before")
        accepted = self.ledger.receipt(item, ReceiptKind.ACCEPTED, now.ms)
        replaced = [Tombstone(name, item.expires_ms) for name in item.play.supersedes]
        keep = self.ledger.keep if item.is_routine else self.ledger.insist
        try:
            await keep(entry_of(item, envelope), accepted, *replaced)
        except JournalFull:
            raise Turned(Reason.FULL, item.id, item.play.announcement) from None
        crash_point("agent.accepted.after")
        self.sounding.envelopes[item.id] = envelope
        if self._is_silenced(item):
            # The button was pressed while the journal was written.
            item.ending = Ending(Outcome.CANCELLED, LOCAL_STOP)
        self.queue.add(item)
        self.sounding.told("accepted", item)
        self.bell.ring()

    async def _cancel(self, order: Order) -> None:
        # Obeyed whatever the hour: an old cancel said again silences nothing that is not already silent.
        if order.kind is OrderKind.CANCEL:
            await self._silence(order.cancels, before_ms=None, by=order.id)
            return
        before_ms = milliseconds(min(order.before or order.issued, order.issued))
        mark = Mark(LAST_STOP, max(before_ms, self.ledger.kept.marks.get(LAST_STOP, 0)))
        await self._silence(order.cancels, before_ms=before_ms, by=order.id, mark=mark)

    async def _silence(
        self, cancels: Sequence[Cancelled], *, before_ms: int | None, by: str, mark: Mark | None = None
    ) -> None:
        named = {one.announcement for one in cancels}
        hit = [item for item in self.queue if _is_hit(item, named, before_ms)]
        changes: list[Change] = [Tombstone(one.announcement, milliseconds(one.expires)) for one in cancels]
        changes += [Tombstone(item.play.announcement, item.expires_ms) for item in hit]
        changes += [mark] if mark else []
        for one in cancels:
            changes += self._never_held(one, by)
        crash_point("agent.tombstone.before")
        await self.ledger.insist(*changes)
        crash_point("agent.tombstone.after")
        for item in hit:
            item.ending = item.ending or Ending(Outcome.CANCELLED, by)
        self._say_ends(cancels)
        self.bell.ring()

    def _never_held(self, one: Cancelled, by: str) -> list[Change]:
        """Answer for an order that was cancelled before it came: it stays so when it comes."""
        if one.order is None or one.order in self.ledger.kept.entries:
            return []
        done = self.ledger.word(
            one.order, one.announcement, ReceiptKind.DONE, self.time.now().ms, outcome=Outcome.CANCELLED, cut_by=by
        )
        return [
            Entry(one.order, one.announcement, milliseconds(one.expires), Stage.DONE, final=done.message),
            done,
        ]

    def _say_ends(self, cancels: Sequence[Cancelled]) -> None:
        # One that was told is named again because the service lost its end.
        for entry in (self.ledger.kept.entries.get(one.order or "") for one in cancels):
            if entry is not None and entry.final is not None and entry.stage is Stage.TOLD:
                self.say(entry.final)

    def _is_silenced(self, item: Item) -> bool:
        marks = self.ledger.kept.marks
        last_stop_ms = max(marks.get(LAST_STOP, 0), marks.get(LOCAL_STOP, 0))
        is_stopped = item.issued_ms < last_stop_ms
        return is_stopped or item.play.announcement in self.ledger.kept.tombstones

    def _is_full(self) -> bool:
        return self.queue.is_full() or len(self.ledger.kept.entries) >= self.longest_journal


def _is_hit(item: Item, named: set[str], before_ms: int | None) -> bool:
    is_before = before_ms is not None and item.issued_ms < before_ms
    return is_before or item.play.announcement in named
