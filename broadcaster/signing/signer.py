"""The signing office: the one place that holds keys. It decides by the book, not by what it is asked.

Asked only for {kind, subject, village}, it builds the body itself, with an id and an issue time that follow from the
book: signing again after a crash gives the same order, which is a duplicate to every loudspeaker.
"""

from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

from broadcaster.desk.ports import SignedTime, State
from broadcaster.desk.rows import OrderKept, Stop
from broadcaster.model.announcement import Announcement
from broadcaster.model.area import covered, covers
from broadcaster.model.clock import Clock, milliseconds
from broadcaster.model.errors import Invalid, NotAllowed, OutOfReach
from broadcaster.model.identity import follows
from broadcaster.model.notice import Revision
from broadcaster.model.order import (
    MOST_CANCELS,
    Cancelled,
    Order,
    OrderKind,
    Play,
    Purpose,
    RecordingRef,
    permitted,
    purpose_of,
    write_order,
)
from broadcaster.model.precedence import Scope, SoundClass
from broadcaster.signing.bearing import check_play
from broadcaster.signing.envelope import PublicKey, SealingKey
from broadcaster.signing.limits import Limits

LONGEST_NONCE = 64
STOP_REMEMBERED = timedelta(hours=24)
MINUTE = timedelta(minutes=1)
A_MOMENT = timedelta(milliseconds=1)

TONES = {SoundClass.EMERGENCY: "alert", SoundClass.ROUTINE: "notice"}
DRILL_TONE = "drill"


class SigningOffice:
    """Signs what the book bears, within its own limits.

    Args:
        state: opens the book for reading, one consistent moment at a time.
        keys: one for each purpose.
    """

    def __init__(
        self,
        state: Callable[[], AbstractContextManager[State]],
        keys: Mapping[Purpose, SealingKey],
        limits: Limits,
        clock: Clock,
    ) -> None:
        self._state = state
        self._keys = dict(keys)
        self._limits = limits
        self._clock = clock
        self._pace = _Pace(limits.orders_per_minute)

    def hold_to(self, limits: Limits) -> None:
        """Take other limits from now on; what was counted under the old ones is counted anew."""
        self._limits = limits
        self._pace = _Pace(limits.orders_per_minute)

    def sign(self, kind: str, subject: str, village: str) -> OrderKept:
        """Sign a play or cancel for an announcement, or a stop_all for a stop in a village.

        Raises:
            NotAllowed: the book or the limits do not bear it; the code says what is missing.
            OutOfReach: quiet_hours or too_many_orders: not now.
        """
        makers: dict[str, Callable[[State, str, str], OrderKept]] = {
            OrderKind.PLAY: self._play,
            OrderKind.CANCEL: self._cancel,
            OrderKind.STOP_ALL: self._stop_all,
        }
        maker = makers.get(kind)
        if maker is None:
            raise NotAllowed("order_kind", kind=kind[:20])
        with self._state() as state:
            return maker(state, subject, village)

    def time(self, nonce: str) -> SignedTime:
        """Sign what time it is.

        Raises:
            Invalid: nonce.
        """
        if not 1 <= len(nonce) <= LONGEST_NONCE:
            raise Invalid("nonce", longest=LONGEST_NONCE)
        with self._state() as state:
            epoch = state.epoch()
        now_ms = milliseconds(self._clock.now())
        return SignedTime(nonce, now_ms, epoch, self._keys[Purpose.TIME].seal_time(nonce, now_ms, epoch))

    def public_keys(self) -> tuple[PublicKey, ...]:
        """Return what loudspeakers have to trust."""
        return tuple(key.public for key in self._keys.values())

    def _play(self, state: State, subject: str, village: str) -> OrderKept:
        announcement, now = _announcement(state, subject, village), self._clock.now()
        revision = check_play(state, announcement, self._limits, now)
        order = Order(
            id=order_id(announcement.id, OrderKind.PLAY, state.epoch()),
            kind=OrderKind.PLAY,
            village=announcement.village,
            scope=announcement.scope,
            issued=_issued(state, announcement, now),
            expires=announcement.expires,
            play=_play_of(announcement, _recording(state, announcement)),
        )
        self._pace.check(order.id, announcement.village, now)
        return self._sealed(order, state.epoch(), _purpose(order, revision), announcement=announcement.id)

    def _cancel(self, state: State, subject: str, village: str) -> OrderKept:
        announcement = _announcement(state, subject, village)
        tombstone = state.tombstones([subject]).get(subject)
        if tombstone is None:
            raise NotAllowed("tombstone_missing", announcement=subject)
        order = Order(
            id=order_id(announcement.id, OrderKind.CANCEL, state.epoch()),
            kind=OrderKind.CANCEL,
            village=announcement.village,
            scope=announcement.scope,
            issued=tombstone.at,
            expires=announcement.expires,
            cancels=(_cancelled(state, announcement),),
        )
        return self._sealed(order, state.epoch(), Purpose.CANCEL, announcement=announcement.id)

    def _stop_all(self, state: State, subject: str, village: str) -> OrderKept:
        if not covered(self._limits.areas, village):
            raise NotAllowed("foreign_village", village=village)
        stop = _stop(state, subject, village)
        cancels = _stopped(state, stop, village)
        order = Order(
            id=follows(stop.id, OrderKind.STOP_ALL, village, state.epoch()),
            kind=OrderKind.STOP_ALL,
            village=village,
            scope=Scope.LIVE,
            issued=stop.at,
            expires=max([stop.at + STOP_REMEMBERED, *(one.expires for one in cancels)]),
            cancels=cancels,
            before=stop.at,
        )
        return self._sealed(order, state.epoch(), Purpose.CANCEL, stop=stop.id)

    def _sealed(
        self, order: Order, epoch: int, purpose: Purpose, *, announcement: str | None = None, stop: str | None = None
    ) -> OrderKept:
        if not permitted(purpose, order):
            raise NotAllowed("purpose", order=order.id, purpose=purpose)
        envelope = self._keys[purpose].seal(write_order(order))
        return OrderKept(
            id=order.id,
            village=order.village,
            kind=order.kind,
            purpose=purpose,
            scope=order.scope,
            issued=order.issued,
            expires=order.expires,
            epoch=epoch,
            kid=envelope.kid,
            body=envelope.body,
            sig=envelope.sig,
            announcement=announcement,
            stop=stop,
        )


class OfficeSigner:
    """The office without a process around it: the port `Signer` for tests and benches."""

    def __init__(self, office: SigningOffice) -> None:
        self._office = office

    async def sign(self, kind: str, subject: str, village: str) -> OrderKept:
        """Sign as `Signer` promises."""
        return self._office.sign(kind, subject, village)

    async def time(self, nonce: str) -> SignedTime:
        """Sign what time it is."""
        return self._office.time(nonce)

    async def public_keys(self) -> tuple[PublicKey, ...]:
        """Return what loudspeakers have to trust."""
        return self._office.public_keys()


class _Pace:
    """Counts new play orders of the last minute, village by village; the same order again is none."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._recent: dict[str, deque[tuple[datetime, str]]] = {}

    def check(self, order: str, village: str, now: datetime) -> None:
        recent = self._recent.setdefault(village, deque(maxlen=self._most))
        while recent and recent[0][0] <= now - MINUTE:
            recent.popleft()
        if any(order == one for _, one in recent):
            return
        # Not for ever: what is held back for a minute is late, what is refused is never heard.
        if len(recent) >= self._most:
            raise OutOfReach("too_many_orders", village=village, most=self._most)
        recent.append((now, order))


def _issued(state: State, announcement: Announcement, now: datetime) -> datetime:
    """Return the moment at which an order counts as issued: what was planned for later outlives a stop before it.

    A stop that had silenced this announcement would have left its tombstone, and it would not be signed. So every stop
    of its village came before it, or lies before the moment it was planned for; one that bears a later time was
    pressed before the service's clock was set back, and must not hold up what came after it.
    """
    may_sound_from = max(announcement.release_at or now, announcement.not_before or announcement.release_at or now)
    return max([may_sound_from, *(stop.at + A_MOMENT for stop in state.stops(announcement.village, limit=1))])


def order_id(announcement: str, kind: OrderKind, epoch: int) -> str:
    """Name the order of an announcement: one of a kind in each epoch of the book."""
    return follows(announcement, kind, epoch)


def _announcement(state: State, subject: str, village: str) -> Announcement:
    announcement = state.announcement(subject)
    if announcement is None:
        raise NotAllowed("announcement_unknown", announcement=subject[:80])
    if announcement.village != village:
        raise NotAllowed("foreign_village", announcement=subject, village=village[:20])
    return announcement


def _recording(state: State, announcement: Announcement) -> RecordingRef:
    script = state.script(announcement.script)
    recording = state.recording(script.recording) if script and script.recording else None
    if recording is None:
        raise NotAllowed("recording_missing", announcement=announcement.id)
    return RecordingRef(recording.sha256, recording.bytes, recording.ms, f"/audio/{recording.sha256}.{recording.codec}")


def _play_of(announcement: Announcement, recording: RecordingRef) -> Play:
    tone = DRILL_TONE if announcement.scope is Scope.DRILL else TONES[announcement.sound_class]
    return Play(
        announcement=announcement.id,
        origin=announcement.origin,
        revision=announcement.revision,
        sound_class=announcement.sound_class,
        severity=announcement.severity,
        sender_level=announcement.sender_level,
        sent=announcement.sent,
        identifier=announcement.identifier,
        recording=recording,
        not_before=announcement.not_before,
        tone=tone,
        repeat=announcement.repeat,
        supersedes=(announcement.supersedes,) if announcement.supersedes else (),
    )


def _purpose(order: Order, revision: Revision) -> Purpose:
    return purpose_of(order, is_alert=revision.alert is not None)


def _cancelled(state: State, announcement: Announcement) -> Cancelled:
    plays = [one.id for one in state.orders_of([announcement.id]) if one.kind == OrderKind.PLAY]
    return Cancelled(announcement.id, plays[-1] if plays else None, announcement.expires)


def _stop(state: State, subject: str, village: str) -> Stop:
    stop = state.stop(subject)
    if stop is None or not covers(stop.area, village):
        raise NotAllowed("stop_missing", stop=subject[:80], village=village[:20])
    return stop


def _stopped(state: State, stop: Stop, village: str) -> tuple[Cancelled, ...]:
    """Name what a stop silenced, so that loudspeakers can answer for each; the desk cancels the others one by one."""
    stones = state.tombstones_by(stop.id)
    silenced = state.announcements([one.announcement for one in stones]).values()
    here = sorted((one for one in silenced if one.village == village), key=lambda one: one.id)
    return tuple(_cancelled(state, one) for one in here[:MOST_CANCELS])
