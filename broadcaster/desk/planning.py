"""Planning: from a revision that may sound to the rows of its announcements, in one transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from broadcaster.desk.cancelling import bury, close_unheard
from broadcaster.desk.drafting import new_script, want_voice
from broadcaster.desk.events import announcement_event
from broadcaster.desk.office import Desk
from broadcaster.desk.ports import Pen
from broadcaster.desk.rows import Timer
from broadcaster.model.announcement import Announcement, AnnouncementState, plan
from broadcaster.model.delivery import Delivery, Outcome
from broadcaster.model.identity import follows
from broadcaster.model.notice import Revision
from broadcaster.model.precedence import Lane


def put_announcements(
    desk: Desk,
    pen: Pen,
    revision: Revision,
    villages: Sequence[str],
    *,
    lane: Lane,
    sent: datetime,
    identifier: str,
    release_at: datetime | None,
    held_why: str | None = None,
    cause: str,
) -> tuple[Announcement, ...]:
    """Write a revision's announcements, their deliveries, timers and events; see to what it replaces.

    Returns:
        The announcements; those of a revision already announced are returned as they stand.
    """
    living = [one for one in pen.announcements_of(revision.origin) if one.state is not AnnouncementState.CLOSED]
    old = [one for one in living if one.revision < revision.revision]
    buried = pen.tombstones([one.id for one in old])
    # Only what was ordered can sound; an older one has its tombstone already, a younger one ends here unheard.
    earlier = {one.village: one.id for one in old if one.state is AnnouncementState.ORDERED and one.id not in buried}
    planned = plan(
        revision,
        villages,
        lane=lane,
        sent=sent,
        identifier=identifier,
        release_at=release_at,
        held_why=held_why,
        earlier=earlier,
    )
    pen.put(planned)
    pen.put(_deliveries(pen, planned))
    pen.put(timers(desk, planned))
    want_voice(desk, pen, new_script(desk, pen, revision.spoken, lane), lane, cause)
    pen.put([announcement_event("planned", one, desk.clock.now(), cause) for one in planned])
    replace_earlier(desk, pen, [one for one in old if one.id not in buried], set(villages), cause)
    return planned


def _deliveries(pen: Pen, planned: Iterable[Announcement]) -> list[Delivery]:
    by_village = {one.village: one for one in planned}
    return [Delivery(by_village[it.village].id, it.id) for it in pen.speakers_in(tuple(by_village))]


def timers(desk: Desk, announcements: Iterable[Announcement]) -> list[Timer]:
    """Return the moments at which the closing stage looks at them again."""
    late = desk.policy.close_after
    return [
        Timer(follows(one.id, "timer", kind), kind, one.id, one.lane, due)
        for one in announcements
        for kind, due in (("expire", one.expires), ("close", one.expires + late))
    ]


def replace_earlier(desk: Desk, pen: Pen, old: Iterable[Announcement], villages: set[str], cause: str) -> None:
    """See to the announcements of earlier revisions.

    Those not yet ordered end as superseded. Those ordered sound on until the new order takes their place;
    where the village is no longer meant, they are cancelled.
    """
    for one in old:
        if one.village not in villages:
            bury(desk, pen, one, "withdrawn", cause)
        elif not pen.orders_of([one.id]):
            close_unheard(desk, pen, one, Outcome.SUPERSEDED, cause)
            pen.put(announcement_event("superseded", one, desk.clock.now(), cause))


def release(desk: Desk, pen: Pen, held: Iterable[Announcement], at: datetime, cause: str) -> list[Announcement]:
    """Let held announcements go."""
    freed = [
        replace(one, state=AnnouncementState.PLANNED, held_why=None, release_at=at)
        for one in held
        if one.state is AnnouncementState.HELD
    ]
    pen.put(freed)
    pen.put([announcement_event("released", one, desk.clock.now(), cause) for one in freed])
    return freed
