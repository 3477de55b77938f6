"""Planning: from a revision that may sound to the rows of its announcements, in one transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from broadcaster.desk.cancelling import bury, close_unheard
from broadcaster.desk.drafting import new_script, want_voice
from broadcaster.desk.events import announcement_event
from broadcaster.desk.office import Desk
from broadcaster.desk.ports import Pen, State
from broadcaster.desk.rows import Timer, Tombstone
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
    old = living_before(pen, revision.origin, revision.revision)
    planned = plan(
        revision,
        villages,
        lane=lane,
        sent=sent,
        identifier=identifier,
        release_at=release_at,
        held_why=held_why,
        earlier=_ordered(old),
    )
    pen.put(planned)
    pen.put(_deliveries(pen, planned))
    pen.put(timers(desk, planned))
    want_voice(desk, pen, new_script(desk, pen, revision.spoken, lane), lane, cause)
    pen.put([announcement_event("planned", one, desk.clock.now(), cause) for one in planned])
    if not held_why:
        # What is held takes nobody's place before a person has let it go.
        replace_earlier(desk, pen, old, set(villages), cause)
    return planned


def living_before(state: State, origin: str, revision: int) -> list[Announcement]:
    """Return what may still sound of the revisions before one."""
    of_origin = state.announcements_of(origin)
    old = [one for one in of_origin if one.revision < revision and one.state is not AnnouncementState.CLOSED]
    buried = state.tombstones([one.id for one in old])
    return [one for one in old if one.id not in buried]


def _ordered(old: Iterable[Announcement]) -> dict[str, str]:
    """Return village → the announcement there that loudspeakers may hold: what was not ordered cannot sound."""
    return {one.village: one.id for one in old if one.state is AnnouncementState.ORDERED}


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
            now = desk.clock.now()
            pen.put(Tombstone(one.id, "superseded", now, one.expires + desk.policy.remember))
            close_unheard(desk, pen, one, Outcome.SUPERSEDED, cause)
            pen.put(announcement_event("superseded", one, now, cause))


def release(desk: Desk, pen: Pen, held: Iterable[Announcement], at: datetime, cause: str) -> list[Announcement]:
    """Let held announcements go."""
    held = [one for one in held if one.state is AnnouncementState.HELD]
    old = living_before(pen, held[0].origin, held[0].revision) if held else []
    freed = [
        replace(
            one,
            state=AnnouncementState.PLANNED,
            held_why=None,
            release_at=at,
            supersedes=_ordered(old).get(one.village, one.supersedes),
        )
        for one in held
    ]
    pen.put(freed)
    replace_earlier(desk, pen, old, {one.village for one in freed}, cause)
    pen.put([announcement_event("released", one, desk.clock.now(), cause) for one in freed])
    return freed
