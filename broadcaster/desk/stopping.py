"""Stopping: everything falls silent at one press, and stays silent; the next alert is not held up."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from broadcaster.desk.authority import Asker, require_any
from broadcaster.desk.cancelling import CANCELLERS, cancel_work, close_unheard
from broadcaster.desk.events import announcement_event
from broadcaster.desk.office import Desk
from broadcaster.desk.ports import Pen
from broadcaster.desk.rows import Audit, Stop, Tombstone, Work
from broadcaster.model.announcement import Announcement
from broadcaster.model.area import area_code, covers
from broadcaster.model.delivery import Outcome
from broadcaster.model.errors import Invalid
from broadcaster.model.identity import follows
from broadcaster.model.order import MOST_CANCELS
from broadcaster.model.precedence import Lane


@dataclass(frozen=True, slots=True)
class Stopped:
    """What a press did: villages told, announcements silenced, and those later ones that stay planned."""

    id: str
    at: datetime
    villages: tuple[str, ...]
    silenced: int
    staying: tuple[str, ...]


async def stop_everything(desk: Desk, asker: Asker, area: str) -> Stopped:
    """Silence all that was issued before now in an area.

    Raises:
        Invalid: area_code or targets_unknown. NotAllowed: role_missing.
    """
    code = area_code(area)
    require_any(asker, CANCELLERS, [code])

    def job(pen: Pen) -> Stopped:
        villages = tuple(village for village in pen.villages() if covers(code, village))
        if not villages:
            raise Invalid("targets_unknown", targets=[code])
        stop = Stop(desk.new_id(), code, desk.clock.now(), asker.id)
        now_or_soon, later = _divide(pen.unclosed_in(code), stop.at)
        pen.put(stop, Audit(stop.at, asker.id, "everything.stopped", {"stop": stop.id, "area": code}))
        for announcement in now_or_soon:
            _silence(desk, pen, announcement, stop)
        pen.put([_work(stop, village) for village in villages])
        pen.put([cancel_work(one.id, stop.at) for one in _unnamed(pen, now_or_soon)])
        return Stopped(stop.id, stop.at, villages, len(now_or_soon), tuple(one.id for one in later))

    return await desk.accept(Lane.ALERT, job)


def _divide(unclosed: Sequence[Announcement], at: datetime) -> tuple[list[Announcement], list[Announcement]]:
    later = [one for one in unclosed if one.not_before and one.not_before > at]
    return [one for one in unclosed if one not in later], later


def _silence(desk: Desk, pen: Pen, announcement: Announcement, stop: Stop) -> None:
    until = announcement.expires + desk.policy.remember
    pen.put(Tombstone(announcement.id, "stopped", stop.at, until, stop.id))
    pen.put(announcement_event("cancelled", announcement, stop.at, stop.id))
    close_unheard(desk, pen, announcement, Outcome.CANCELLED, stop.id)


def _unnamed(pen: Pen, silenced: Sequence[Announcement]) -> list[Announcement]:
    """Return what was ordered and finds no room in the order that stops its village: the signer names the first ids."""
    villages = defaultdict[str, list[Announcement]](list)
    for one in sorted(silenced, key=lambda one: one.id):
        villages[one.village].append(one)
    left = [one for of_village in villages.values() for one in of_village[MOST_CANCELS:]]
    ordered = {order.announcement for order in pen.orders_of([one.id for one in left])}
    return [one for one in left if one.id in ordered]


def _work(stop: Stop, village: str) -> Work:
    return Work(follows(stop.id, village, "order"), "order", f"stop:{stop.id}:{village}", Lane.ALERT, stop.at)
