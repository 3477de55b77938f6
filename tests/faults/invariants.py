"""Invariants: what holds over the book and the loudspeakers' sound logs after any run, whatever was killed in it.

Each function says one of them and returns what breaks it, in words; `violations` asks them all. What should have
sounded comes from the stored orders, what did sound from the logs; the book's own account is judged by both.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from broadcaster.desk.rows import Approval, OrderKept, Origin, Speaker, Tombstone, Work
from broadcaster.model.announcement import Announcement
from broadcaster.model.clock import milliseconds
from broadcaster.model.delivery import Delivery, Outcome, Rank, Receipt, ReceiptKind
from broadcaster.model.errors import Invalid
from broadcaster.model.notice import Revision
from broadcaster.model.order import Order, Purpose, permitted, read_order
from broadcaster.model.precedence import RightOfWay, Scope
from broadcaster.signing.envelope import Envelope, Keyring
from streams.agent.soundlog import Stretch

PER_MS = 24
BLOCK_MS = 20
FADE_MS = 50
FLUSH_MS = 1_000
CUT_IN_MS = 1_000
AFTER_CANCEL_MS = 2_000
SLACK_MS = 400
"""What a busy machine may add to a reaction time."""

CLOCK_MS = 500
"""By how much a loudspeaker's idea of the service's time may step when a better answer comes: half a round trip, and on
a busy machine the first one takes long."""

RESUMES_FROM_START_MS = 10_000


@dataclass(frozen=True, slots=True)
class Seen:
    """All that is looked at after a run.

    Attributes:
        lives: what each loudspeaker's processes logged, one list for each process, oldest first.
        watched: what each loudspeaker showed of itself, over all its lives: (accepted, started …, the announcement).
        asked: the key of each request that made something, and the origins that its answers named.
        ready_ms: when a loudspeaker had a recording, (speaker, sha256), or never; None: each with its order.
        pinned: the sources that the signer's own limits name.
        undone: work that is not done; buried: events and orders that were given up.
        chain: what the audit chain's own check said; empty: it is whole.
    """

    lives: Mapping[str, Sequence[Sequence[Stretch]]]
    speakers: Sequence[Speaker] = ()
    origins: Sequence[Origin] = ()
    revisions: Sequence[Revision] = ()
    approvals: Sequence[Approval] = ()
    announcements: Sequence[Announcement] = ()
    orders: Sequence[OrderKept] = ()
    deliveries: Sequence[Delivery] = ()
    tombstones: Sequence[Tombstone] = ()
    receipts: Sequence[Receipt] = ()
    undone: Sequence[Work] = ()
    buried: Sequence[str] = ()
    pinned: frozenset[str] = frozenset()
    keys: Keyring = field(default_factory=lambda: Keyring.of())
    watched: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    asked: Mapping[str, Sequence[str]] = field(default_factory=dict)
    ready_ms: Mapping[tuple[str, str], int] | None = None
    chain: str = ""

    def sounds(self) -> Iterator[Stretch]:
        """Return every stretch of every loudspeaker."""
        for lives in self.lives.values():
            for life in lives:
                yield from life

    def plays(self) -> dict[str, Order]:
        """Return the play orders of the book by id, read from their signed bytes."""
        return {one.id: read_order(one.body) for one in self.orders if one.kind == "play"}

    def was_killed(self, speaker: str) -> bool:
        """Tell whether a loudspeaker had more than one process."""
        return len(self.lives.get(speaker, ())) > 1

    def row(self, stretch: Stretch) -> Delivery | None:
        """Return the delivery that a stretch belongs to."""
        key = (stretch.announcement, stretch.speaker)
        return next((one for one in self.deliveries if (one.announcement, one.target) == key), None)

    def said(self, speaker: str, order: str, *kinds: ReceiptKind) -> list[Receipt]:
        """Return what a loudspeaker said of an order."""
        return [one for one in self.receipts if (one.speaker, one.order) == (speaker, order) and one.kind in kinds]


def violations(seen: Seen) -> list[str]:
    """Ask every invariant; each line begins with its name."""
    return [f"{one.__name__}: {what}" for one in INVARIANTS for what in one(seen)]


def ends(stretch: Stretch) -> int:
    """Return when a stretch was over, at the earliest."""
    return stretch.at_ms + (stretch.end - stretch.start) // PER_MS


def every_delivery_has_one_end(seen: Seen) -> Iterator[str]:
    """Every announcement reaches exactly one outcome, or no_receipt, at each loudspeaker of its village."""
    rows = {(one.announcement, one.target): one for one in seen.deliveries}
    for one in seen.announcements:
        there = [speaker.id for speaker in seen.speakers if speaker.village == one.village]
        for speaker in there:
            row = rows.get((one.id, speaker))
            if row is None:
                yield f"{one.id} has no delivery at {speaker}"
            elif row.rank < Rank.NO_RECEIPT:
                yield f"{one.id} at {speaker} is {row.rank.name} still"
            elif (row.rank is Rank.FINAL) != (row.outcome is not None):
                yield f"{one.id} at {speaker} is {row.rank.name} with outcome {row.outcome}"
            elif row.contradiction:
                yield f"{one.id} at {speaker}: {row.outcome}, and {row.contradiction} too"
        if there and one.state != "closed":
            yield f"{one.id} is {one.state} still"


def nothing_is_left_to_do(seen: Seen) -> Iterator[str]:
    """No work is left over, and no event was given up."""
    yield from (f"{one.kind} {one.subject}" for one in seen.undone)
    yield from (f"buried: {one}" for one in seen.buried)


def a_repeat_is_heard_once(seen: Seen) -> Iterator[str]:
    """A repeat sounds to its end at most once; twice only for the top class, and then flagged."""
    plays = seen.plays()
    whole: dict[tuple[str, str, int], list[Stretch]] = defaultdict(list)
    for one in seen.sounds():
        if one.part == "recording" and one.ended == "end":
            whole[one.speaker, one.order, one.repeat_no].append(one)
    for (speaker, order, repeat), found in whole.items():
        is_top = order in plays and plays[order].standing.is_top
        if len(found) > (2 if is_top else 1):
            yield f"{order} at {speaker}: repeat {repeat} was heard {len(found)} times"
        if any(not one.crash_replay for one in found[1:]):
            yield f"{order} at {speaker}: repeat {repeat} was heard again, and not flagged"


def a_lost_repeat_stays_lost(seen: Seen) -> Iterator[str]:
    """A routine repeat that a crash cut short is not begun again, unless it had been paused before."""
    plays = seen.plays()
    for speaker, lives in seen.lives.items():
        for before, after in pairwise(lives):
            last = next((one for one in reversed(before) if one.order in plays), None)
            if last is None or last.ended or plays[last.order].standing.is_top:
                continue
            again = [one for one in after if (one.order, one.repeat_no) == (last.order, last.repeat_no)]
            if again:
                yield f"{last.order} at {speaker}: repeat {last.repeat_no} went on after a crash"


def nothing_begins_too_late(seen: Seen) -> Iterator[str]:
    """Nothing begins after its expiry, and nothing before its time."""
    plays = seen.plays()
    for lives in seen.lives.values():
        for life in lives:
            for before, one in zip([None, *life], life, strict=False):
                order = plays.get(one.order)
                if order is None or _goes_on(before, one):
                    continue
                if one.at_ms > milliseconds(order.expires) + CLOCK_MS:
                    yield f"{one.order} at {one.speaker} began {one.at_ms - milliseconds(order.expires)} ms too late"
                opens = order.play.not_before if order.play else None
                if opens and one.at_ms < milliseconds(opens) - CLOCK_MS:
                    yield f"{one.order} at {one.speaker} began {milliseconds(opens) - one.at_ms} ms too early"


def _goes_on(before: Stretch | None, one: Stretch) -> bool:
    """Tell whether a recording follows its own tone without a pause."""
    if before is None or before.part != "tone" or one.part == "tone":
        return False
    return (before.order, before.repeat_no, before.ended) == (one.order, one.repeat_no, "end")


def what_is_cancelled_is_silent(seen: Seen) -> Iterator[str]:
    """Nothing begins after its loudspeaker said that it had ended, or refused it; what sounds then is over in 2 s."""
    for speaker, watched in seen.watched.items():
        done: set[str] = set()
        for kind, announcement in watched:
            if kind == "done":
                done.add(announcement)
            elif announcement in done:
                yield f"{announcement} at {speaker} was {kind} after it was done"
    over: dict[tuple[str, str], int] = {}
    for one in seen.receipts:
        if one.kind in (ReceiptKind.DONE, ReceiptKind.REFUSED):
            key = (one.speaker, one.order)
            over[key] = min(one.at_ms, over.get(key, one.at_ms))
    for one in seen.sounds():
        at = over.get((one.speaker, one.order))
        # Begun again, and before it heard the service's time, a loudspeaker knows only how late it is at least.
        if at is None or seen.was_killed(one.speaker):
            continue
        if one.at_ms > at + CLOCK_MS:
            yield f"{one.order} at {one.speaker} began {one.at_ms - at} ms after its end was told"
        elif ends(one) > at + AFTER_CANCEL_MS:
            yield f"{one.order} at {one.speaker} sounded {ends(one) - at} ms after its end was told"


def only_orders_sound(seen: Seen) -> Iterator[str]:
    """Nothing sounds but what an order in the book says, signed by a key that may, for this very loudspeaker."""
    kept = {one.id: one for one in seen.orders}
    villages = {one.id: one.village for one in seen.speakers}
    for speaker, name in sorted({(one.speaker, one.order) for one in seen.sounds()}):
        if name not in kept or kept[name].kind != "play":
            yield f"{name} sounded at {speaker}, and the book knows no such order"
            continue
        try:
            purpose = seen.keys.check_order(Envelope(kept[name].kid, kept[name].body, kept[name].sig))
        except Invalid as error:
            yield f"{name} sounded at {speaker}, and its signature is none: {error.code}"
            continue
        order = read_order(kept[name].body)
        if not permitted(purpose, order):
            yield f"{name} sounded at {speaker}, signed with the key for {purpose}"
        if not order.is_for(speaker, villages.get(speaker, "")):
            yield f"{name} sounded at {speaker}, for which it was not meant"


def only_what_was_allowed_sounds(seen: Seen) -> Iterator[str]:
    """What sounds was approved by somebody other than its author, word for word, or came from a pinned source."""
    revisions = {(one.origin, one.revision): one for one in seen.revisions}
    for name in sorted({one.order for one in seen.sounds()} & set(seen.plays())):
        play = seen.plays()[name].play
        revision = revisions.get((play.origin, play.revision)) if play else None
        if revision is None:
            yield f"{name} sounded, and nobody wrote it"
        elif revision.alert is not None:
            if revision.author not in seen.pinned:
                yield f"{name} sounded, and its source is not pinned"
        elif not any(_allows(one, revision) for one in seen.approvals):
            yield f"{name} sounded, and nobody but its author approved it"


def _allows(approval: Approval, revision: Revision) -> bool:
    is_of = (approval.origin, approval.revision) == (revision.origin, revision.revision)
    is_same = approval.content_sha256 == revision.content_sha256
    return is_of and is_same and (approval.glass or approval.approver_id != revision.author)


def the_higher_one_does_not_wait(seen: Seen) -> Iterator[str]:
    """While one that may cut in waits, a lower one sounds for a second at most."""
    plays = seen.plays()
    for high in plays:
        for speaker in seen.lives:
            since, until = _waiting(seen, plays[high], speaker)
            for one in (it for life in seen.lives[speaker] for it in life if it.order in plays and it.order != high):
                low = plays[one.order]
                if not RightOfWay().may_cut_in(plays[high].standing, low.standing):
                    continue
                overlap = min(ends(one), until) - max(one.at_ms, since)
                if overlap > CUT_IN_MS + SLACK_MS:
                    yield f"{one.order} sounded {overlap} ms at {speaker} while {high} waited"


def _waiting(seen: Seen, order: Order, speaker: str) -> tuple[int, int]:
    """Return from when an order could sound on a loudspeaker until its end was told; nothing where it never came."""
    accepted = seen.said(speaker, order.id, ReceiptKind.ACCEPTED)
    if not accepted or order.play is None:
        return 0, 0
    opens = milliseconds(order.play.not_before) if order.play.not_before else 0
    expires = milliseconds(order.expires)
    # What came with no sound, because the service was gone before it was fetched, keeps nobody waiting.
    ready = 0 if seen.ready_ms is None else seen.ready_ms.get((speaker, order.play.recording.sha256), expires)
    ended = seen.said(speaker, order.id, ReceiptKind.DONE, ReceiptKind.REFUSED)
    until = min((one.at_ms for one in ended), default=expires)
    return max(accepted[0].at_ms, opens, ready), min(until, expires)


def played_is_what_sounded(seen: Seen) -> Iterator[str]:
    """`played` is said if and only if the recording sounded from 0 to its end once for each repeat."""
    plays = seen.plays()
    for row, order, mine in _heard(seen, plays):
        repeat = order.play.repeat if order.play else 0
        covered = [n for n in range(1, repeat + 1) if _is_covered(mine, n, order)]
        if row.outcome is Outcome.PLAYED and len(covered) < repeat:
            yield f"{order.id} at {row.target}: played, and only repeats {covered} of {repeat} sounded"
        if row.outcome is not Outcome.PLAYED and len(covered) == repeat and not seen.was_killed(row.target):
            yield f"{order.id} at {row.target}: {row.outcome or row.rank.name}, and all of it sounded"
        if row.rank is Rank.FINAL and row.repeats_done > len(covered):
            yield f"{order.id} at {row.target}: {row.repeats_done} repeats told, {len(covered)} sounded"


def _heard(seen: Seen, plays: Mapping[str, Order]) -> Iterator[tuple[Delivery, Order, list[Stretch]]]:
    of = {order.play.announcement: order for order in plays.values() if order.play}
    for row in seen.deliveries:
        if row.announcement in of:
            order = of[row.announcement]
            lives = seen.lives.get(row.target, ())
            yield row, order, [it for life in lives for it in life if it.order == order.id and it.part == "recording"]


def _is_covered(stretches: Iterable[Stretch], repeat: int, order: Order) -> bool:
    mine = [one for one in stretches if one.repeat_no == repeat]
    length = order.play.recording.ms * PER_MS if order.play else 0
    # The last mark of a process that was killed may lie a second before its end.
    place = 0
    for one in sorted(mine, key=lambda it: it.start):
        if one.start > place:
            return False
        place = max(place, one.end)
    return place >= length - BLOCK_MS * PER_MS


def heard_is_what_sounded(seen: Seen) -> Iterator[str]:
    """The book's `heard_ms` is what the log shows, to a block; where a crash cut it short, to a flush of the log."""
    for row, order, mine in _heard(seen, seen.plays()):
        if row.rank is not Rank.FINAL:
            continue
        furthest: dict[int, int] = {}
        for one in mine:
            furthest[one.repeat_no] = max(one.end, furthest.get(one.repeat_no, 0))
        logged = sum(furthest.values()) // PER_MS
        repeat = max(order.play.repeat if order.play else 1, len(furthest))
        slack = repeat * (BLOCK_MS + FADE_MS)
        broken = sum(not one.ended for one in mine)
        if abs(row.heard_ms - logged) > slack + broken * FLUSH_MS:
            yield f"{order.id} at {row.target}: {row.heard_ms} ms told, {logged} ms sounded ({row.outcome})"


def the_right_file_sounds(seen: Seen) -> Iterator[str]:
    """The file that sounded is the one that the order names, and so says the receipt."""
    plays = seen.plays()
    for one in seen.sounds():
        play = plays[one.order].play if one.order in plays else None
        if play and one.part != "tone" and one.sha256 != play.recording.sha256:
            yield f"{one.order} at {one.speaker}: {one.sha256[:12]} sounded for {play.recording.sha256[:12]}"
    for row, order, _ in _heard(seen, plays):
        if row.audio_sha256 and order.play and row.audio_sha256 != order.play.recording.sha256:
            yield f"{order.id} at {row.target} told of {row.audio_sha256[:12]}"


def a_key_makes_one_thing(seen: Seen) -> Iterator[str]:
    """One idempotency key, one origin; what was answered is in the book, and nothing else is."""
    known = {one.id for one in seen.origins}
    for key, origins in seen.asked.items():
        if len(set(origins)) != 1:
            yield f"{key} was answered with {sorted(set(origins))}"
        yield from (f"{key} was answered with {one}, which is lost" for one in set(origins) - known)
    answered = {one for origins in seen.asked.values() for one in origins}
    if seen.asked:
        yield from (f"{one} was made, and nobody was told" for one in sorted(known - answered))


def the_audit_chain_is_whole(seen: Seen) -> Iterator[str]:
    """Every line of the audit is bound to the one before it."""
    if seen.chain:
        yield seen.chain


def a_drill_is_a_drill(seen: Seen) -> Iterator[str]:
    """What was planned as a drill never sounds live: not by its order, its key or its tone; nor the other way round."""
    scopes = {one.id: one.scope for one in seen.announcements}
    kept = {one.id: one for one in seen.orders}
    for name, order in seen.plays().items():
        planned = scopes.get(order.play.announcement, order.scope) if order.play else order.scope
        is_drill = order.scope is Scope.DRILL
        if planned is not order.scope:
            yield f"{name} is {order.scope}, and was planned as {planned}"
        if is_drill != (kept[name].purpose == Purpose.DRILL):
            yield f"{name} is {order.scope}, and signed for {kept[name].purpose}"
    for one in seen.sounds():
        if one.part == "tone" and one.order in kept and one.order in seen.plays():
            is_drill = seen.plays()[one.order].scope is Scope.DRILL
            if (one.sha256 == "drill") != is_drill:
                yield f"{one.order} at {one.speaker} sounded with the tone {one.sha256}"


def one_sound_at_a_time(seen: Seen) -> Iterator[str]:
    """A loudspeaker never lets two things sound at once."""
    for speaker, lives in seen.lives.items():
        for life in lives:
            for before, one in pairwise(sorted(life, key=lambda it: it.at_ms)):
                if one.at_ms < ends(before) - CLOCK_MS:
                    yield f"{one.order} began at {speaker} {ends(before) - one.at_ms} ms before {before.order} ended"


def what_goes_on_goes_on(seen: Seen) -> Iterator[str]:
    """What was cut short goes on where it was, or from its start if under 10 s of it were heard."""
    for speaker, lives in seen.lives.items():
        last: dict[tuple[str, int], Stretch] = {}
        for one in (it for life in lives for it in life if it.part == "recording"):
            before = last.get((one.order, one.repeat_no))
            last[one.order, one.repeat_no] = one
            if before is None or one.start == 0:
                if before is None and one.start:
                    yield f"{one.order} at {speaker}: repeat {one.repeat_no} began in its middle"
                continue
            if before.end < RESUMES_FROM_START_MS * PER_MS:
                yield f"{one.order} at {speaker} went on at {one.start // PER_MS} ms instead of from its start"
            elif abs(before.end - one.start) > BLOCK_MS * PER_MS:
                yield f"{one.order} at {speaker} was cut at {before.end // PER_MS}, went on at {one.start // PER_MS} ms"


INVARIANTS: tuple[Callable[[Seen], Iterator[str]], ...] = (
    every_delivery_has_one_end,
    nothing_is_left_to_do,
    a_repeat_is_heard_once,
    a_lost_repeat_stays_lost,
    nothing_begins_too_late,
    what_is_cancelled_is_silent,
    only_orders_sound,
    only_what_was_allowed_sounds,
    the_higher_one_does_not_wait,
    played_is_what_sounded,
    heard_is_what_sounded,
    the_right_file_sounds,
    a_key_makes_one_thing,
    the_audit_chain_is_whole,
    a_drill_is_a_drill,
    one_sound_at_a_time,
    what_goes_on_goes_on,
)
