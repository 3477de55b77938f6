"""What the book has to bear before an announcement is signed: asked anew, whatever the asker says."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from broadcaster.desk.ports import State
from broadcaster.desk.rows import Approval, Release, Role
from broadcaster.model.alert import Severity
from broadcaster.model.announcement import Announcement, AnnouncementState, villages_taken
from broadcaster.model.area import covered, covers
from broadcaster.model.errors import NotAllowed, OutOfReach
from broadcaster.model.identity import follows
from broadcaster.model.notice import Revision, content_hash
from broadcaster.model.precedence import EXTREME, NOTICE_SEVERITY, Scope, SoundClass, severity_meant
from broadcaster.signing.limits import Limits, Pinned

APPROVERS_FOR_MANY = 2
MOST_PARTS = 100
ROUNDING = timedelta(milliseconds=2)
"""The book keeps milliseconds: a hold may have lost one at either end."""


def check_play(state: State, announcement: Announcement, limits: Limits, now: datetime) -> Revision:
    """Find everything that allows an announcement to sound now.

    Raises:
        NotAllowed: closed, tombstoned, not_released, expired, foreign_village, too_many_villages, changed, and those
            of `_check_notice` and `_check_alert`.
        OutOfReach: quiet_hours: routine, and it is quiet; asked later, it may be signed.
    """
    _check_alive(state, announcement, now)
    revision = state.revision(announcement.origin, announcement.revision)
    if revision is None:
        raise NotAllowed("revision_unknown", announcement=announcement.id)
    _check_places(state, announcement, revision, limits)
    _check_unchanged(state, announcement, revision)
    if revision.alert is None:
        _check_notice(state, announcement, revision, limits)
    else:
        _check_alert(state, announcement, revision, revision.alert, limits)
    if announcement.sound_class is SoundClass.ROUTINE and limits.quiet.hold(now):
        raise OutOfReach("quiet_hours", until=limits.quiet.over(now).isoformat())
    return revision


def _check_alive(state: State, announcement: Announcement, now: datetime) -> None:
    if state.tombstones([announcement.id]):
        raise NotAllowed("tombstoned", announcement=announcement.id)
    if announcement.state is AnnouncementState.CLOSED:
        raise NotAllowed("closed", announcement=announcement.id)
    if announcement.release_at is None or announcement.release_at > now:
        raise NotAllowed("not_released", announcement=announcement.id)
    if announcement.expires <= now:
        raise NotAllowed("expired", announcement=announcement.id)


def _check_places(state: State, announcement: Announcement, revision: Revision, limits: Limits) -> None:
    village = announcement.village
    if not covered(revision.targets, village) or not covered(limits.areas, village):
        raise NotAllowed("foreign_village", announcement=announcement.id, village=village)
    count = len(_siblings(state, announcement))
    if count > limits.most_villages:
        raise NotAllowed("too_many_villages", villages=count, most=limits.most_villages)


def _siblings(state: State, announcement: Announcement) -> Sequence[Announcement]:
    of_origin = state.announcements_of(announcement.origin)
    return [one for one in of_origin if one.revision == announcement.revision]


def _check_unchanged(state: State, announcement: Announcement, revision: Revision) -> None:
    """Refuse where what would sound is not what the revision says, or the revision not what its hash says."""
    window = revision.window
    script = state.script(announcement.script)
    is_same = (
        revision.content_sha256 == content_of(revision)
        and announcement.scope is revision.scope
        and (announcement.sound_class is revision.sound_class or _class_is_a_persons(revision))
        and announcement.severity == revision.severity
        and announcement.repeat == revision.repeat
        and (announcement.not_before, announcement.expires) == (window.not_before, window.expires)
        and script is not None
        and script.spoken == revision.spoken
    )
    if not is_same:
        raise NotAllowed("changed", announcement=announcement.id)


def _class_is_a_persons(revision: Revision) -> bool:
    """Tell whether an approver gives the class: an alert of unknown severity, which never goes without one."""
    return revision.alert is not None and revision.severity == Severity.UNKNOWN


def content_of(revision: Revision) -> str:
    """Compute the hash of what a revision says, instead of trusting the one beside it."""
    return content_hash(
        revision.spoken,
        revision.targets,
        revision.sound_class,
        revision.severity,
        revision.window,
        revision.repeat,
    )


def _check_notice(state: State, announcement: Announcement, revision: Revision, limits: Limits) -> None:
    """Refuse a notice that two pairs of eyes did not let go.

    Raises:
        NotAllowed: purpose (it would sound as an alert), not_approved, approvers_missing, release_missing, own_work,
            release_role or hold_short.
    """
    if revision.sound_class is not SoundClass.ROUTINE or revision.severity != NOTICE_SEVERITY:
        raise NotAllowed("purpose", announcement=announcement.id)
    is_wide = len(_siblings(state, announcement)) > limits.many_villages
    _check_approvers(state, announcement, revision, APPROVERS_FOR_MANY if is_wide else 1)
    _check_release(state, announcement, revision, limits, is_wide=is_wide)


def _check_approvers(state: State, announcement: Announcement, revision: Revision, wanted: int) -> None:
    approvals = state.approvals(revision.origin, revision.revision)
    script = state.script(announcement.script)
    recording = script.recording if script else None
    good = {one.approver_id for one in approvals if _is_good(state, one, revision, recording)}
    if not good:
        raise NotAllowed("not_approved", announcement=announcement.id)
    if len(good) < wanted:
        raise NotAllowed("approvers_missing", announcement=announcement.id, have=len(good), need=wanted)


def _is_good(state: State, approval: Approval, revision: Revision, recording: str | None) -> bool:
    # Broken glass stands for an alert in an emergency; a notice can wait for its second pair of eyes.
    return (
        not approval.glass
        and approval.content_sha256 == revision.content_sha256
        and approval.approver_id not in (approval.author_id, revision.author)
        and approval.recording_sha256 in (None, recording)
        and holds(state, approval.approver_id, Role.APPROVE, revision.targets, revision.severity)
    )


def _check_release(
    state: State, announcement: Announcement, revision: Revision, limits: Limits, *, is_wide: bool
) -> None:
    release = state.release(revision.origin, revision.revision)
    if release is None or announcement.release_at is None:
        raise NotAllowed("release_missing", announcement=announcement.id)
    if release.by == revision.author:
        raise NotAllowed("own_work", announcement=announcement.id)
    touched = (*revision.targets, *_taken_by(state, announcement, release))
    if not holds(state, release.by, Role.PUBLISH, touched, revision.severity):
        raise NotAllowed("release_role", announcement=announcement.id)
    if announcement.release_at - release.at + ROUNDING < (limits.many_hold if is_wide else limits.undo):
        raise NotAllowed("hold_short", announcement=announcement.id)


def _taken_by(state: State, announcement: Announcement, release: Release) -> Sequence[str]:
    """Return where an earlier revision ended because this one was let go: to silence a village takes the right too."""
    planned = state.announcements_of(announcement.origin)
    stones = state.tombstones([one.id for one in planned])
    ended = {one: stone.at for one, stone in stones.items()}
    return villages_taken(planned, announcement.revision, ended, release.at - ROUNDING)


def holds(state: State, principal: str, role: Role, areas: Sequence[str], severity: int) -> bool:
    """Tell whether somebody holds a role over all of these areas, up to a severity. Over none: no."""
    who = state.principal(principal)
    if who is None or who.retired_at is not None:
        return False
    grants = [one for one in state.grants(principal) if one.role is role and one.max_severity >= severity]
    return bool(areas) and all(any(covers(grant.area, area) for grant in grants) for area in areas)


def _check_alert(state: State, announcement: Announcement, revision: Revision, alert: str, limits: Limits) -> None:
    """Refuse an alert that neither a pinned source nor an approver stands for.

    Raises:
        NotAllowed: alert_unknown, scope_mixed, source_unpinned, sender, source_area, source_severity, hold_short,
            release_missing (unknown severity and drills need a person), release_role.
    """
    kept = state.alert(alert)
    if kept is None or not _is_part(revision.origin, kept.origin):
        raise NotAllowed("alert_unknown", announcement=announcement.id)
    if kept.scope is not announcement.scope:
        raise NotAllowed("scope_mixed", announcement=announcement.id)
    pinned = limits.sources.get(kept.source)
    if pinned is None:
        raise NotAllowed("source_unpinned", announcement=announcement.id, source=kept.source)
    if kept.sender != pinned.sender:
        raise NotAllowed("sender", announcement=announcement.id, sender=kept.sender[:80])
    _check_source(announcement, pinned)
    release = state.release(revision.origin, revision.revision)
    if release:
        _check_releaser(state, announcement, release)
    else:
        _check_unattended(announcement, pinned, kept.taken_at)


def _is_part(origin: str, first: str) -> bool:
    """Tell whether an origin is one of an alert's: it has one for each thing that it says to some villages."""
    # Nearly always it is the first; to name all the others first was (m) an eighth of a signature's time.
    return origin == first or any(origin == follows(first, "part", n) for n in range(1, MOST_PARTS))


def _check_source(announcement: Announcement, pinned: Pinned) -> None:
    if not covered(pinned.areas, announcement.village):
        raise NotAllowed("source_area", announcement=announcement.id, village=announcement.village)
    if announcement.severity > pinned.max_severity:
        raise NotAllowed("source_severity", announcement=announcement.id, severity=announcement.severity)


def _check_releaser(state: State, announcement: Announcement, release: Release) -> None:
    severity = severity_meant(announcement.severity, announcement.sound_class)
    if not holds(state, release.by, Role.APPROVE, [announcement.village], severity):
        raise NotAllowed("release_role", announcement=announcement.id)
    if announcement.release_at is None or announcement.release_at + ROUNDING < release.release_at:
        raise NotAllowed("hold_short", announcement=announcement.id)


def _check_unattended(announcement: Announcement, pinned: Pinned, taken_at: datetime) -> None:
    """Refuse what needs a person, and what nobody had the time to stop."""
    if announcement.severity == Severity.UNKNOWN or announcement.scope is Scope.DRILL:
        raise NotAllowed("release_missing", announcement=announcement.id)
    hold = pinned.extreme_hold if announcement.severity >= EXTREME else pinned.least_hold
    if announcement.release_at is None or announcement.release_at - taken_at + ROUNDING < hold:
        raise NotAllowed("hold_short", announcement=announcement.id)
