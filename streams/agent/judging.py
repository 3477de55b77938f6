"""Judging: whether a loudspeaker obeys what it was sent. Nobody speaks on it who may not."""

from dataclasses import dataclass
from typing import Protocol

from broadcaster.model.clock import milliseconds, moment
from broadcaster.model.delivery import Reason
from broadcaster.model.errors import Invalid, Refused
from broadcaster.model.order import Order, OrderKind, Play, Purpose, permitted, read_order
from broadcaster.model.precedence import SoundClass
from broadcaster.model.schedule import QuietHours
from broadcaster.signing.envelope import Envelope
from streams.agent.timekeeping import Now, TimeCheck

FUTURE_MS = 120_000
"""How far ahead of our time an order may be issued: signer and line have small errors of their own."""

MOST_REPEATS = 100
LONGEST_PAUSE_MS = 3_600_000
SILENCING = (OrderKind.CANCEL, OrderKind.STOP_ALL)


class Turned(Refused):
    """An order that is not obeyed. `order_id` is None where nothing in the envelope can be trusted to name it."""

    def __init__(self, reason: Reason, order_id: str | None = None, announcement: str | None = None) -> None:
        super().__init__(reason.value, order=order_id)
        self.reason = reason
        self.order_id = order_id
        self.announcement = announcement


class Keys(TimeCheck, Protocol):
    """The keys that a loudspeaker trusts; `Keyring` is one."""

    def check_order(self, envelope: Envelope) -> Purpose:
        """Verify an order's signature and return what its key may sign; raises Invalid (key or signature)."""


@dataclass(frozen=True, slots=True)
class Judge:
    """One loudspeaker's rules, in the order of the wire protocol: signature, target, purpose, then time."""

    speaker: str
    village: str
    keys: Keys
    quiet: QuietHours

    def read(self, envelope: Envelope) -> Order:
        """Verify an envelope and return its order: signed by a key that may, and meant for this loudspeaker.

        Raises:
            Turned: signature, key, version, target or purpose.
        """
        try:
            purpose = self.keys.check_order(envelope)
        except Invalid as error:
            raise Turned(Reason(error.code)) from error
        order = _read(envelope.body)
        if not order.is_for(self.speaker, self.village):
            raise _turned(Reason.TARGET, order)
        if order.kind is not OrderKind.PLAY and order.kind not in SILENCING:
            raise _turned(Reason.VERSION, order)
        if not permitted(purpose, order):
            raise _turned(Reason.PURPOSE, order)
        return order

    def check_time(self, order: Order, now: Now) -> None:
        """Check a play order against the hour.

        Raises:
            Turned: expired, future or quiet. Never `future` or `quiet` while the service's time is not known.
        """
        if milliseconds(order.expires) <= now.ms:
            raise _turned(Reason.EXPIRED, order)
        if now.floor_ms is not None:
            return
        if milliseconds(order.issued) > now.ms + FUTURE_MS:
            raise _turned(Reason.FUTURE, order)
        if self._is_all_quiet(order, now):
            raise _turned(Reason.QUIET, order)

    def _is_all_quiet(self, order: Order, now: Now) -> bool:
        play = order.play
        if play is None or play.sound_class is not SoundClass.ROUTINE:
            return False
        here = moment(now.ms)
        return self.quiet.swallow(max(here, play.not_before or here), order.expires)


def _read(body: bytes) -> Order:
    # It was signed by a key of ours: what cannot be read is of a newer version, not a stranger's rubbish.
    try:
        order = read_order(body)
    except Invalid as error:
        named = error.facts.get("order")
        raise Turned(Reason.VERSION, str(named) if named else None) from error
    if order.play is not None and not _is_sane(order.play):
        raise _turned(Reason.VERSION, order)
    return order


def _is_sane(play: Play) -> bool:
    volume: object = play.volume
    tone: object = play.tone
    return (
        1 <= play.repeat <= MOST_REPEATS
        and 0 <= play.pause_ms <= LONGEST_PAUSE_MS
        and play.recording.ms > 0
        and (volume is None or (isinstance(volume, int) and 0 <= volume <= 100))
        and (tone is None or isinstance(tone, str))
    )


def _turned(reason: Reason, order: Order) -> Turned:
    return Turned(reason, order.id, order.play.announcement if order.play else None)
