"""Releasing: the moment a notice is let go, and a held alert."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from broadcaster.desk.audience import Audience, audience
from broadcaster.desk.authority import Asker, not_the_author, require
from broadcaster.desk.drafting import current_revision
from broadcaster.desk.events import origin_event
from broadcaster.desk.office import Desk
from broadcaster.desk.once import Once
from broadcaster.desk.planning import put_announcements, release
from broadcaster.desk.ports import Pen, State
from broadcaster.desk.rows import Audit, Release, Role
from broadcaster.model.announcement import Announcement, AnnouncementState, villages_meant, villages_taken
from broadcaster.model.errors import Conflict, Invalid, NotFound
from broadcaster.model.notice import Revision, check_quiet, content_hash
from broadcaster.model.precedence import Lane, SoundClass, severity_meant


@dataclass(frozen=True, slots=True)
class Released:
    """What a release did, and who will hear it."""

    origin: str
    revision: int
    release_at: datetime
    audience: Audience


async def release_notice(desk: Desk, asker: Asker, origin: str, number: int, key: str | None = None) -> Released:
    """Let an approved notice go: it sounds after the hold, and can be withdrawn unheard until then.

    Raises:
        NotFound: notice_unknown or revision_unknown.
        NotAllowed: role_missing, or own_work: the author asks.
        Conflict: revision_old, origin_over, not_approved (with how many more are needed) or key_reused.
        Invalid: window_over or window_quiet: too late for its window; targets_unknown.
    """
    once, online = Once(desk, asker.id, key, [origin, number]), desk.line.online()

    def job(pen: Pen) -> Released:
        once.earlier(pen)
        revision = current_revision(pen, origin, number)
        known = pen.release(origin, number)
        touched = places_touched(pen, revision, known.at if known else desk.clock.now())
        require(asker, Role.PUBLISH, touched, revision.severity)
        not_the_author(asker, revision.author)
        villages = villages_meant(revision.targets, pen.villages())
        if known is None:
            known = _let_go(desk, pen, asker, revision, villages)
        once.keep(pen, {"origin": origin, "revision": number})
        return Released(origin, number, known.release_at, audience(pen, villages, online))

    return await desk.accept(Lane.NOTICE, job)


def places_touched(state: State, revision: Revision, at: datetime) -> tuple[str, ...]:
    """Return all that letting a revision go changes: where it will sound, and where an earlier one ends by it."""
    planned = state.announcements_of(revision.origin)
    stones = state.tombstones([one.id for one in planned])
    ended = {announcement: stone.at for announcement, stone in stones.items()}
    return (*revision.targets, *villages_taken(planned, revision.revision, ended, at))


def _let_go(desk: Desk, pen: Pen, asker: Asker, revision: Revision, villages: tuple[str, ...]) -> Release:
    _in_time(desk, revision)
    _approved(desk, pen, revision, villages)
    now = desk.clock.now()
    known = Release(revision.origin, revision.revision, asker.id, now, now + _hold(desk, villages))
    pen.put(known)
    pen.put(Audit(now, asker.id, "notice.released", {"origin": revision.origin, "revision": revision.revision}))
    event = origin_event(
        "notice.released",
        revision.origin,
        revision.revision,
        Lane.NOTICE,
        revision.scope,
        now,
        asker.id,
        villages=list(villages),
    )
    pen.put(event)
    put_announcements(
        desk,
        pen,
        revision,
        villages,
        lane=Lane.NOTICE,
        sent=now,
        identifier=revision.origin,
        release_at=known.release_at,
        cause=event.id,
    )
    return known


def _hold(desk: Desk, villages: tuple[str, ...]) -> timedelta:
    return desk.policy.many_hold if len(villages) > desk.policy.many_villages else desk.policy.undo


def _in_time(desk: Desk, revision: Revision) -> None:
    now = desk.clock.now()
    if revision.window.expires <= now:
        raise Invalid("window_over")
    if revision.sound_class is SoundClass.ROUTINE:
        check_quiet(revision.window, desk.policy.quiet, now)


def _approved(desk: Desk, state: State, revision: Revision, villages: tuple[str, ...]) -> None:
    needed = 2 if len(villages) > desk.policy.many_villages else 1
    given = {
        one.approver_id
        for one in state.approvals(revision.origin, revision.revision)
        if one.content_sha256 == revision.content_sha256 and one.approver_id != revision.author
    }
    if len(given) < needed:
        raise Conflict("not_approved", missing=needed - len(given))


async def release_held(desk: Desk, asker: Asker, origin: str, sound_class: SoundClass | None = None) -> Released:
    """Let a held alert go: an approver decides, and where its severity is unknown gives it its class.

    A notice is held only where the signer refused it: who released it stays who did, and it is put to the signer
    once more; what it lacks for good, only a new revision brings.

    Raises:
        NotFound: origin_unknown. Conflict: not_held. Invalid: class_missing.
        NotAllowed: role_missing, also for an emergency of unknown severity, which takes the right to Severe ones.
    """
    online = desk.line.online()

    def job(pen: Pen) -> Released:
        held = [one for one in pen.announcements_of(origin) if one.state is AnnouncementState.HELD]
        if pen.origin(origin) is None:
            raise NotFound("origin_unknown", origin=origin[:60])
        if not held:
            raise Conflict("not_held", origin=origin)
        villages = tuple(one.village for one in held)
        require(asker, Role.APPROVE, villages, held[0].severity)
        known, who = pen.release(origin, held[0].revision), audience(pen, villages, online)
        if known and held[0].lane is Lane.NOTICE:
            return _ask_again(desk, pen, asker, held, known, who)
        held = _classed(pen, held, sound_class)
        require(asker, Role.APPROVE, villages, severity_meant(held[0].severity, held[0].sound_class))
        return _release_held(desk, pen, asker, held, who)

    return await desk.accept(Lane.ALERT, job)


def _ask_again(desk: Desk, pen: Pen, asker: Asker, held: list[Announcement], known: Release, who: Audience) -> Released:
    now, first = desk.clock.now(), held[0]
    pen.put(Audit(now, asker.id, "notice.asked_again", {"origin": first.origin, "why": first.held_why}))
    release(desk, pen, held, first.release_at or known.release_at, f"release:{asker.id}:{now.isoformat()}")
    return Released(first.origin, first.revision, known.release_at, who)


def _release_held(desk: Desk, pen: Pen, asker: Asker, held: list[Announcement], who: Audience) -> Released:
    now, first = desk.clock.now(), held[0]
    at = max([now, *(kept.taken_at + desk.policy.undo for kept in pen.alerts_of(first.origin))])
    pen.put(Release(first.origin, first.revision, asker.id, now, at))
    pen.put(Audit(now, asker.id, "alert.released", {"origin": first.origin, "class": first.sound_class}))
    release(desk, pen, held, at, f"release:{asker.id}:{now.isoformat()}")
    return Released(first.origin, first.revision, at, who)


def _classed(pen: Pen, held: list[Announcement], sound_class: SoundClass | None) -> list[Announcement]:
    """Give announcements of unknown severity the class that the approver chose, and their revision with them."""
    revision = pen.revision(held[0].origin, held[0].revision)
    if held[0].severity != 0 or revision is None:
        return held
    if sound_class is None:
        raise Invalid("class_missing")
    said = (revision.spoken, revision.targets, sound_class, revision.severity, revision.window, revision.repeat)
    pen.put(replace(revision, sound_class=sound_class, content_sha256=content_hash(*said)))
    return [replace(one, sound_class=sound_class) for one in held]
