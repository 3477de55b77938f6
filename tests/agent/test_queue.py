"""Whatever waits, in whatever order it comes: nobody is forgotten, nobody is overtaken who should not be."""

from dataclasses import dataclass
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from broadcaster.model.area import Level
from broadcaster.model.clock import milliseconds, moment
from broadcaster.model.delivery import Outcome
from broadcaster.model.order import Order, OrderKind, Play, RecordingRef
from broadcaster.model.precedence import Scope, SoundClass
from broadcaster.model.schedule import QuietHours
from streams.agent.queue import Ending, Item, Queue, Stage, begin, cut, finish, outcome_of, resume
from streams.agent.timekeeping import Now

START_MS = 1_782_900_000_000
STEP_MS = 1_000


@dataclass(frozen=True)
class Coming:
    """An order, when it comes, and when it is cancelled."""

    order: Order
    comes: int
    cancelled: int | None


@st.composite
def comings(draw: st.DrawFn) -> list[Coming]:
    return [draw(coming(n)) for n in range(draw(st.integers(1, 8)))]


@st.composite
def coming(draw: st.DrawFn, n: int) -> Coming:
    comes = draw(st.integers(0, 30))
    issued = moment(START_MS + comes * STEP_MS)
    opens = draw(st.none() | st.integers(0, 40))
    play = Play(
        announcement=f"a{n}",
        origin="o",
        revision=1,
        sound_class=draw(st.sampled_from(SoundClass)),
        severity=draw(st.integers(0, 4)),
        sender_level=draw(st.sampled_from(Level)),
        sent=issued,
        identifier=str(n),
        recording=RecordingRef("0" * 64, 1, draw(st.integers(1, 15)) * STEP_MS, "/x"),
        not_before=None if opens is None else moment(START_MS + opens * STEP_MS),
        repeat=draw(st.integers(1, 3)),
        pause_ms=draw(st.integers(0, 5)) * STEP_MS,
        supersedes=tuple(draw(st.lists(st.sampled_from([f"a{k}" for k in range(8) if k != n]), max_size=1))),
    )
    expires = issued + timedelta(milliseconds=draw(st.integers(1, 90)) * STEP_MS)
    order = Order(f"o{n}", OrderKind.PLAY, "v", draw(st.sampled_from(Scope)), issued, expires, play=play)
    return Coming(order, comes, draw(st.none() | st.integers(comes, 60)))


class Village:
    """Lets a queue live second by second, as the sounding does, and checks each second."""

    def __init__(self, coming: list[Coming]) -> None:
        self.queue = Queue(quiet=QuietHours.none())
        self.coming = coming
        self.outcomes: dict[str, Outcome] = {}
        self.sounding: Item | None = None
        self.buried: set[str] = set()
        self.taken: set[str] = set()

    def live(self, seconds: int) -> None:
        for second in range(seconds):
            now = Now(START_MS + second * STEP_MS)
            self._arrivals(second)
            self._second(now)

    def _arrivals(self, second: int) -> None:
        for one in self.coming:
            if one.comes == second and one.order.play and one.order.play.announcement not in self.buried:
                item = Item(one.order, is_ready=True)
                self.buried.update(item.play.supersedes)
                self.queue.add(item)
                self.taken.add(item.id)
            if one.cancelled == second and one.order.id in self.queue.items:
                self.queue.items[one.order.id].ending = Ending(Outcome.CANCELLED)

    def _second(self, now: Now) -> None:
        self._cut(now)
        self._close(now)
        if self.sounding is None and (item := self.queue.next(now)):
            self._begin(item, now)
        self._check(now)
        if self.sounding is not None:
            self._sound(self.sounding, now)
        self._close(now)

    def _cut(self, now: Now) -> None:
        item = self.sounding
        if item is not None and (item.ending or self.queue.cutter(item, now)):
            cut(item, item.place_ms)
            self.queue.holder = self.sounding = None

    def _begin(self, item: Item, now: Now) -> None:
        assert now.ms < item.expires_ms
        assert item.ending is None
        assert now.ms >= item.opens_ms
        self.queue.holder = self.sounding = item
        (resume if item.stage is Stage.PAUSED else begin)(item)

    def _sound(self, item: Item, now: Now) -> None:
        item.place_ms += STEP_MS
        if item.place_ms >= item.play.recording.ms:
            finish(item, now.ms + STEP_MS)
            self.sounding = None

    def _close(self, now: Now) -> None:
        for item in self.queue.over(now):
            self.queue.drop(item)
            assert item.id not in self.outcomes
            self.outcomes[item.id] = item.ending.outcome if item.ending else outcome_of(item)

    def _check(self, now: Now) -> None:
        if self.sounding is not None:
            assert self.queue.cutter(self.sounding, now) is None
        elif self.queue.holder is None:
            able = [item for item in self.queue if item.opens_ms <= now.ms < item.expires_ms and not item.rest_until]
            assert not able


@given(comings())
@settings(max_examples=150, deadline=None)
def test_every_item_gets_one_outcome_and_nobody_entitled_waits(coming: list[Coming]) -> None:
    village = Village(coming)

    village.live(200)

    assert set(village.outcomes) == village.taken
    assert len(village.queue) == 0


@given(comings(), st.integers(0, 60))
@settings(max_examples=100, deadline=None)
def test_the_first_in_turn_sounds_first(coming: list[Coming], second: int) -> None:
    queue, now = Queue(quiet=QuietHours.none()), Now(START_MS + second * STEP_MS)
    for one in coming:
        queue.add(Item(one.order, is_ready=True))

    first = queue.next(now)

    able = [item for item in queue if item.ending is None and item.opens_ms <= now.ms < item.expires_ms]
    assert (first is None) == (not able)
    if first is not None:
        assert all(queue.way.turn(first.standing) <= queue.way.turn(item.standing) for item in able)


@given(comings(), st.integers(0, 120))
@settings(max_examples=100, deadline=None)
def test_the_next_moment_to_look_is_never_too_late(coming: list[Coming], second: int) -> None:
    """
    Between now and that moment nothing may become due, or the loudspeaker would sleep through it.
    """
    queue = Queue(quiet=QuietHours.none())
    for one in coming:
        queue.add(Item(one.order, is_ready=True))
    now = Now(START_MS + second * STEP_MS)
    wake = queue.wake_ms(now) or now.ms + 200 * STEP_MS

    for at in range(now.ms, wake, STEP_MS // 2):
        assert queue.next(Now(at)) is queue.next(now)
        assert queue.over(Now(at)) == queue.over(now)


def test_without_the_hour_an_emergency_sounds_and_routine_waits() -> None:
    floor = Now(START_MS, floor_ms=START_MS)
    queue = Queue(quiet=QuietHours.none())
    routine = _item("routine", SoundClass.ROUTINE, START_MS + 1)
    old = _item("old", SoundClass.EMERGENCY, START_MS - 1)
    for item in (routine, old):
        queue.add(item)

    assert queue.next(floor) is None
    assert queue.waits_for(routine, floor) == "clock"

    fresh = _item("fresh", SoundClass.EMERGENCY, START_MS + 1)
    queue.add(fresh)
    assert queue.next(floor) is fresh


def _item(name: str, sound_class: SoundClass, issued_ms: int) -> Item:
    issued = moment(issued_ms)
    recording = RecordingRef("0" * 64, 1, 1_000, "/x")
    play = Play(name, "o", 1, sound_class, 3, Level.TOWN, issued, name, recording)
    expires = issued + timedelta(hours=1)
    order = Order(name, OrderKind.PLAY, "v", Scope.LIVE, issued, expires, play=play)
    assert milliseconds(order.issued) == issued_ms
    return Item(order, is_ready=True)
