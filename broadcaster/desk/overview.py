"""Overview: what stands in the book, as people look at it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from broadcaster.desk.authority import Asker
from broadcaster.desk.ports import State
from broadcaster.desk.rows import (
    AlertKept,
    Approval,
    Origin,
    RecordingKept,
    Release,
    Script,
    SpeakerHealth,
    Submission,
    Tombstone,
)
from broadcaster.desk.rows import Speaker as SpeakerRow
from broadcaster.model.announcement import Announcement, AnnouncementState
from broadcaster.model.area import Area
from broadcaster.model.delivery import Delivery, Rank
from broadcaster.model.errors import NotFound
from broadcaster.model.notice import Revision


@dataclass(frozen=True, slots=True)
class VillageHeard:
    """What one village has heard of an origin, loudspeaker by loudspeaker."""

    village: Area
    announcement: Announcement
    deliveries: tuple[Delivery, ...]
    tombstone: Tombstone | None


@dataclass(frozen=True, slots=True)
class OriginView:
    """A notice or an alert with all that became of it; `stage` says in one word how far it is.

    Attributes:
        stage: draft, submitted, approved, held, released, sounding, ended, cancelled or withdrawn.
        revision: the newest; None for an alert that was stored only.
    """

    origin: Origin
    stage: str
    revision: Revision | None
    revisions: tuple[Revision, ...]
    submission: Submission | None
    approvals: tuple[Approval, ...]
    release: Release | None
    script: Script | None
    recording: RecordingKept | None
    villages: tuple[VillageHeard, ...]
    alerts: tuple[AlertKept, ...]
    author: str


@dataclass(frozen=True, slots=True)
class OnAir:
    """One thing that is or was said in a village, for everybody to read."""

    announcement: Announcement
    origin: Origin
    text: str
    recording: RecordingKept | None
    is_over: bool
    is_sounding: bool
    ended_why: str | None


@dataclass(frozen=True, slots=True)
class SpeakerView:
    """A loudspeaker as operators look at it."""

    speaker: SpeakerRow
    is_online: bool
    health: SpeakerHealth | None


def origin_view(state: State, asker: Asker, origin: str) -> OriginView:
    """Look at one notice or alert.

    Raises:
        NotFound: origin_unknown, also where it lies outside all that the asker may see.
    """
    found = state.origin(origin)
    if found is None or not _sees(state, asker, origin):
        raise NotFound("origin_unknown", origin=origin[:60])
    return _view(state, found)


def origins_seen(state: State, asker: Asker, *, kind: str | None = None, limit: int = 50) -> Sequence[OriginView]:
    """Look at the newest notices and alerts within what the asker may see."""
    found = state.origins(kind=kind, limit=limit)
    return [_view(state, origin) for origin in found if _sees(state, asker, origin.id)]


def _sees(state: State, asker: Asker, origin: str) -> bool:
    targets = {target for revision in state.revisions(origin) for target in revision.targets}
    alerts = state.alerts_of(origin)
    return any(asker.sees(target) for target in targets) or any(alert.source == asker.id for alert in alerts)


def _view(state: State, origin: Origin) -> OriginView:
    revisions = tuple(state.revisions(origin.id))
    newest = revisions[-1] if revisions else None
    number = newest.revision if newest else 0
    script = state.script(newest.script) if newest else None
    villages = _villages(state, origin.id)
    submission, approvals = state.submission(origin.id, number), tuple(state.approvals(origin.id, number))
    release = state.release(origin.id, number)
    author = state.principal(newest.author) if newest else None
    return OriginView(
        origin=origin,
        stage=_stage(origin, submission, approvals, villages),
        revision=newest,
        revisions=revisions,
        submission=submission,
        approvals=approvals,
        release=release,
        script=script,
        recording=state.recording(script.recording) if script and script.recording else None,
        villages=villages,
        alerts=tuple(state.alerts_of(origin.id)),
        author=author.name if author else "",
    )


def _villages(state: State, origin: str) -> tuple[VillageHeard, ...]:
    announcements = _newest_each(state.announcements_of(origin))
    ids = [one.id for one in announcements]
    areas, stones, rows = state.areas(), state.tombstones(ids), state.deliveries(ids)
    return tuple(
        VillageHeard(
            areas[one.village], one, tuple(row for row in rows if row.announcement == one.id), stones.get(one.id)
        )
        for one in announcements
    )


def _newest_each(announcements: Sequence[Announcement]) -> list[Announcement]:
    newest: dict[str, Announcement] = {}
    for one in sorted(announcements, key=lambda one: one.revision):
        newest[one.village] = one
    return sorted(newest.values(), key=lambda one: one.village)


def _stage(
    origin: Origin, submission: Submission | None, approvals: Sequence[Approval], villages: Sequence[VillageHeard]
) -> str:
    if origin.fate:
        return origin.fate
    if villages:
        return _sounding_stage(villages)
    if approvals:
        return "approved"
    return "submitted" if submission else "draft" if origin.kind == "notice" else "stored"


def _sounding_stage(villages: Sequence[VillageHeard]) -> str:
    states = {one.announcement.state for one in villages}
    if AnnouncementState.HELD in states:
        return "held"
    if states == {AnnouncementState.CLOSED}:
        return "ended"
    started = any(row.rank is Rank.STARTED for one in villages for row in one.deliveries)
    return "sounding" if started else "released"


def on_air(state: State, village: str, now: datetime) -> Sequence[OnAir]:
    """Return what is said and was said in a village, newest first; only what has been released.

    Raises:
        NotFound: village_unknown.
    """
    if village not in state.villages():
        raise NotFound("village_unknown", village=village[:20])
    released = [one for one in state.announcements_in(village) if one.release_at and one.release_at <= now]
    ids = [one.id for one in released]
    stones, rows = state.tombstones(ids), state.deliveries(ids)
    sounding = {row.announcement for row in rows if row.rank is Rank.STARTED}
    return [_on_air(state, one, stones.get(one.id), one.id in sounding, now) for one in released]


def _on_air(
    state: State, announcement: Announcement, stone: Tombstone | None, is_sounding: bool, now: datetime
) -> OnAir:
    origin, script = state.origin(announcement.origin), state.script(announcement.script)
    revision = state.revision(announcement.origin, announcement.revision)
    assert origin is not None  # noqa: S101 - told to mypy; an announcement has its origin by foreign key
    return OnAir(
        announcement=announcement,
        origin=origin,
        text=revision.text if revision else "",
        recording=state.recording(script.recording) if script and script.recording else None,
        is_over=stone is not None or announcement.expires <= now,
        is_sounding=is_sounding and stone is None,
        ended_why=stone.why if stone else "expired" if announcement.expires <= now else None,
    )


def speakers_seen(
    state: State, asker: Asker, online: frozenset[str], health: dict[str, SpeakerHealth]
) -> Sequence[SpeakerView]:
    """Look at the loudspeakers within what the asker may see."""
    kept = state.health()
    return [
        SpeakerView(one, one.id in online, health.get(one.id) or kept.get(one.id))
        for one in state.speakers()
        if one.retired_at is None and asker.sees(one.village)
    ]
