"""Queue: what waits on one loudspeaker, whose turn it is, and who may cut in. Decides; does nothing."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from broadcaster.model.clock import milliseconds, moment
from broadcaster.model.delivery import Outcome, Reason
from broadcaster.model.errors import Invalid
from broadcaster.model.order import Order, Play
from broadcaster.model.precedence import RightOfWay, SoundClass, Standing
from broadcaster.model.schedule import QuietHours
from streams.agent.timekeeping import Now

RESUME_IN_PLACE_MS = 10_000
"""A repeat of which less was heard begins anew: half a sentence is no help."""


class Stage(StrEnum):
    """How far an order has come on its loudspeaker; each is journalled before what follows from it."""

    WAITING = "waiting"
    SOUNDING = "sounding"
    PAUSED = "paused"
    DONE = "done"
    TOLD = "told"


@dataclass(frozen=True, slots=True)
class Ending:
    """Why an item is not to go on. `cut_by`: the order, or ``local_stop``, that ended it."""

    outcome: Outcome
    cut_by: str | None = None
    reason: Reason | None = None


@dataclass(slots=True, eq=False)
class Item:
    """A play order on its way through the loudspeaker.

    Attributes:
        repeat_no: the repeat that sounds or sounded last, from 1; 0 before the first.
        repeats_done: repeats heard to their end.
        lost: repeats given up after a crash.
        place_ms: how far the repeat that was cut short had come.
        best_ms: how far this repeat ever came; a repeat begun anew is not counted twice.
        banked_ms: what was heard in the repeats before it.
        is_toned: the attention tone of this repeat has sounded.
        is_ready: the recording is here and is the one that was ordered.
        crash_replay: this repeat is heard again because the first time ended in a crash.
        was_replayed: some repeat was.
        is_broken: the last thing that happened to it was a crash that cost a repeat.
        has_sounded: its first sample came out, since the process began.
        is_muted: some of it sounded for nobody: volume 0, or the amplifier does not answer.
        rest_until: between repeats, when the next may begin.
        superseded_by: the order that replaces it; what sounds goes on until that one can begin.
        opens_ms, expires_ms: from when it may sound, and from when no repeat may be begun.
        ending: set when it is to end; whoever holds it then lets it fall silent.
    """

    order: Order
    stage: Stage = Stage.WAITING
    repeat_no: int = 0
    repeats_done: int = 0
    lost: int = 0
    place_ms: int = 0
    best_ms: int = 0
    banked_ms: int = 0
    is_toned: bool = False
    is_ready: bool = False
    crash_replay: bool = False
    was_replayed: bool = False
    is_broken: bool = False
    has_sounded: bool = False
    is_muted: bool = False
    rest_until: int = 0
    superseded_by: str | None = None
    ending: Ending | None = None
    play: Play = field(init=False)
    standing: Standing = field(init=False)
    opens_ms: int = field(init=False)
    expires_ms: int = field(init=False)
    issued_ms: int = field(init=False)

    def __post_init__(self) -> None:
        # Asked again and again while something sounds: read from the order once.
        if self.order.play is None:
            raise Invalid("order_not_play", order=self.order.id)
        self.play = self.order.play
        self.standing = self.order.standing
        starts = (self.play.not_before, self.play.t0)
        self.opens_ms = max((milliseconds(at) for at in starts if at), default=0)
        self.expires_ms = milliseconds(self.order.expires)
        self.issued_ms = milliseconds(self.order.issued)

    @property
    def id(self) -> str:
        """Return the order's id."""
        return self.order.id

    @property
    def heard_ms(self) -> int:
        """Return how much of the recording was heard, over all repeats, without tones."""
        return self.banked_ms + self.best_ms

    @property
    def is_routine(self) -> bool:
        """Tell whether quiet hours hold for it."""
        return self.play.sound_class is SoundClass.ROUTINE

    @property
    def has_more(self) -> bool:
        """Tell whether a repeat is left."""
        return self.repeats_done + self.lost < self.play.repeat


@dataclass(slots=True)
class Queue:
    """The items of one loudspeaker that have not ended.

    Attributes:
        holder: the item that sounds, or rests between its repeats.
        longest: how many routine items may wait; emergencies are always taken.
    """

    way: RightOfWay = field(default_factory=RightOfWay)
    quiet: QuietHours = field(default_factory=QuietHours)
    longest: int = 200
    items: dict[str, Item] = field(default_factory=dict)
    holder: Item | None = None

    def __iter__(self) -> Iterator[Item]:
        return iter(list(self.items.values()))

    def __len__(self) -> int:
        return len(self.items)

    def is_full(self) -> bool:
        """Tell whether a routine item has to be refused."""
        return len(self.items) >= self.longest

    def add(self, item: Item) -> None:
        """Take an item in. What it replaces ends; what sounds goes on until the new one can begin."""
        self.items[item.id] = item
        self.supersede(item)

    def supersede(self, new: Item) -> None:
        """End what an item replaces."""
        replaced = (old for name in new.play.supersedes for old in self.named(name) if old is not new)
        for old in replaced:
            old.superseded_by = new.id
            if old.stage is not Stage.SOUNDING:
                _give_way(old)

    def drop(self, item: Item) -> None:
        """Let go of an item that has its outcome."""
        self.items.pop(item.id, None)
        if self.holder is item:
            self.holder = None

    def named(self, announcement: str) -> Iterable[Item]:
        """Return the items of an announcement."""
        return [item for item in self if item.play.announcement == announcement]

    def next(self, now: Now) -> Item | None:
        """Tell who is to sound now: the holder when its rest is over, unless another may cut in."""
        if self.holder is None:
            return min(self._able(now), key=self._turn, default=None)
        return self.cutter(self.holder, now) or self._rested(self.holder, now)

    def cutter(self, holder: Item, now: Now) -> Item | None:
        """Tell who may interrupt the holder now."""
        entitled = (item for item in self._able(now) if self.may_cut_in(item, holder))
        return min(entitled, key=self._turn, default=None)

    def may_cut_in(self, new: Item, holder: Item) -> bool:
        """Tell whether an item may interrupt another: by right of way, or because it replaces it."""
        if holder.play.announcement in new.play.supersedes:
            return True
        return self.way.may_cut_in(new.standing, holder.standing)

    def hush(self, item: Item, now: Now) -> bool:
        """Tell whether quiet hours forbid an item now."""
        return item.is_routine and self.quiet.hold(moment(now.ms))

    def over(self, now: Now) -> list[Item]:
        """Return the items that will not sound any more, ended or expired; a repeat that sounds is let finish."""
        return [item for item in self if item.stage is not Stage.SOUNDING and self._is_over(item, now)]

    def wake_ms(self, now: Now) -> int | None:
        """Return the next moment at which the answer of `next`, `cutter` or `over` may change by time alone."""
        moments = (at for item in self for at in self._moments(item, now))
        return min((at for at in moments if at > now.ms), default=None)

    def waits_for(self, item: Item, now: Now) -> str:
        """Tell what keeps an item from sounding: ``clock``, ``audio``, ``quiet``, ``time`` or its ``turn``."""
        if not self._is_timed(item, now):
            return "clock"
        if not item.is_ready:
            return "audio"
        if self.hush(item, now):
            return "quiet"
        return "time" if max(item.opens_ms, item.rest_until) > now.ms else "turn"

    def _moments(self, item: Item, now: Now) -> Iterator[int]:
        yield from (item.opens_ms, item.expires_ms, item.rest_until)
        if item.is_routine and self.quiet != QuietHours.none():
            yield milliseconds(self.quiet.over(moment(max(now.ms, item.opens_ms))))

    def _is_over(self, item: Item, now: Now) -> bool:
        return item.ending is not None or now.ms >= item.expires_ms or not item.has_more

    def _able(self, now: Now) -> Iterator[Item]:
        return (item for item in self if item is not self.holder and self._may_sound(item, now))

    def _rested(self, holder: Item, now: Now) -> Item | None:
        return holder if self._may_sound(holder, now) else None

    def _may_sound(self, item: Item, now: Now) -> bool:
        return (
            item.is_ready
            and item.has_more
            and item.ending is None
            and max(item.opens_ms, item.rest_until) <= now.ms < item.expires_ms
            and self._is_timed(item, now)
            and not self.hush(item, now)
        )

    def _is_timed(self, item: Item, now: Now) -> bool:
        # Without the service's time an emergency that is not older than the floor is better heard late than not at all.
        return now.floor_ms is None or (not item.is_routine and item.issued_ms >= now.floor_ms)

    def _turn(self, item: Item) -> tuple[object, ...]:
        # What supersedes the holder goes first among equals; for the rest, the model decides.
        return self.way.turn(item.standing)


def outcome_of(item: Item) -> Outcome:
    """Tell how an item ended that was not cancelled or superseded: by what was heard, and by what was lost."""
    if item.is_muted:
        return Outcome.MUTED
    if item.repeats_done >= item.play.repeat:
        return Outcome.PLAYED
    if item.is_broken:
        return Outcome.INTERRUPTED
    return Outcome.PARTLY_PLAYED if item.repeat_no else Outcome.EXPIRED


def begin(item: Item) -> None:
    """Count a repeat in, before it is journalled."""
    item.stage = Stage.SOUNDING
    item.repeat_no = item.repeats_done + item.lost + 1
    item.place_ms = 0
    item.rest_until = 0
    item.is_toned = False


def resume(item: Item) -> None:
    """Go on with a repeat that was cut short: from its start if under 10 s were heard, else from its place."""
    item.stage = Stage.SOUNDING
    if item.place_ms < RESUME_IN_PLACE_MS:
        item.place_ms = 0


def cut(item: Item, place_ms: int) -> None:
    """Remember where a repeat was cut short."""
    item.stage = Stage.PAUSED
    item.place_ms = place_ms
    item.best_ms = max(item.best_ms, place_ms)
    _give_way(item)


def finish(item: Item, now_ms: int) -> None:
    """Count a repeat as heard to its end, and rest before the next."""
    item.stage = Stage.WAITING
    item.repeats_done += 1
    item.banked_ms += item.play.recording.ms
    item.best_ms = item.place_ms = 0
    item.is_broken = item.crash_replay = False
    item.rest_until = now_ms + item.play.pause_ms
    if item.has_more:
        _give_way(item)
    elif item.ending and item.ending.reason is None:
        # A cancel that came within the last samples ended nothing.
        item.ending = None


def _give_way(item: Item) -> None:
    if item.superseded_by and item.ending is None:
        item.ending = Ending(Outcome.SUPERSEDED, item.superseded_by)


def after_crash(item: Item) -> None:
    """Set an item right that a crash interrupted: a paused one goes on, a sounding one loses its repeat.

    Top class is heard once more from the start of that repeat, flagged; interrupted again, it loses it too.
    """
    if item.stage is not Stage.SOUNDING:
        return
    item.stage = Stage.WAITING
    item.is_broken = True
    if item.standing.is_top and not item.crash_replay:
        item.crash_replay = item.was_replayed = True
        return
    item.crash_replay = False
    item.lost += 1
    item.banked_ms += item.best_ms
    item.best_ms = 0
