"""Overview: what stands in the book, as people look at it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from broadcaster.desk.authority import Asker
from broadcaster.desk.ports import State
from broadcaster.desk.rows import (
    AlertKept,
    Approval,
    Origin,
    Principal,
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
from broadcaster.model.clock import moment
from broadcaster.model.delivery import Delivery, Rank
from broadcaster.model.errors import NotFound
from broadcaster.model.notice import Revision

ROUND_ABOUT = timedelta(seconds=30)
"""What tone, pause and a cut-in may add to a repeat."""


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
    """One thing that is or was said in a village, for everybody to read. `author`: the name of who said it.

    Attributes:
        is_stock: the loudspeakers say a stock phrase in place of the text.
    """

    announcement: Announcement
    origin: Origin
    text: str
    author: str
    recording: RecordingKept | None
    is_over: bool
    is_sounding: bool
    ended_why: str | None
    is_stock: bool = False


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
    return _views(state, [found])[0]


def origins_seen(
    state: State, asker: Asker, now: datetime, *, kind: str | None = None, limit: int = 50
) -> Sequence[OriginView]:
    """Look at notices and alerts within what the asker may see: those on which somebody waits first, then the newest.

    An unfinished one is never pushed out by what others said later, in places that the asker does not even see.
    """
    return _views(state, state.origins_meant(asker.areas(), asker.id, now, kind=kind, limit=limit))


def _sees(state: State, asker: Asker, origin: str) -> bool:
    targets = {target for revision in state.revisions(origin) for target in revision.targets}
    alerts = state.alerts_of(origin)
    return any(asker.sees(target) for target in targets) or any(alert.source == asker.id for alert in alerts)


def _views(state: State, origins: Sequence[Origin]) -> list[OriginView]:
    """Look at many at once, by as many questions to the book as for one: lists are looked at all the time."""
    ids = [origin.id for origin in origins]
    revisions = _by_origin(state.revisions_among(ids))
    newest = {origin: found[-1] for origin, found in revisions.items()}
    submissions = {(one.origin, one.revision): one for one in state.submissions_among(ids)}
    approvals, alerts = _by_origin(state.approvals_among(ids)), _by_origin(state.alerts_among(ids))
    releases = {(one.origin, one.revision): one for one in state.releases_among(ids)}
    authors = state.principals_among([one.author for one in newest.values()])
    scripts, recordings = _speech(state, [one.script for one in newest.values()])
    villages = _villages(state, ids)

    def view(origin: Origin) -> OriginView:
        revision = newest.get(origin.id)
        number = revision.revision if revision else 0
        submission = submissions.get((origin.id, number))
        agreed = tuple(one for one in approvals.get(origin.id, ()) if one.revision == number)
        heard = villages.get(origin.id, ())
        script = scripts.get(revision.script) if revision else None
        author = authors.get(revision.author) if revision else None
        return OriginView(
            origin=origin,
            stage=_stage(origin, submission, agreed, heard),
            revision=revision,
            revisions=tuple(revisions.get(origin.id, ())),
            submission=submission,
            approvals=agreed,
            release=releases.get((origin.id, number)),
            script=script,
            recording=recordings.get(script.recording or "") if script else None,
            villages=heard,
            alerts=tuple(alerts.get(origin.id, ())),
            author=author.name if author else "",
        )

    return [view(origin) for origin in origins]


class _Followed(Protocol):
    """What belongs to an origin."""

    @property
    def origin(self) -> str: ...


F = TypeVar("F", bound=_Followed)


def _by_origin(rows: Iterable[F]) -> dict[str, list[F]]:
    found: dict[str, list[F]] = {}
    for row in rows:
        found.setdefault(row.origin, []).append(row)
    return found


def _speech(state: State, ids: Sequence[str]) -> tuple[Mapping[str, Script], Mapping[str, RecordingKept]]:
    scripts = state.scripts(ids)
    return scripts, state.recordings([one.recording for one in scripts.values() if one.recording])


def _villages(state: State, origins: Sequence[str]) -> dict[str, tuple[VillageHeard, ...]]:
    shares = {origin: _newest_each(all_) for origin, all_ in _by_origin(state.announcements_among(origins)).items()}
    ids = [one.id for announcements in shares.values() for one in announcements]
    areas, stones, rows = state.areas(), state.tombstones(ids), dict[str, list[Delivery]]()
    for row in state.deliveries(ids):
        rows.setdefault(row.announcement, []).append(row)
    return {
        origin: tuple(
            VillageHeard(areas[one.village], one, tuple(rows.get(one.id, ())), stones.get(one.id))
            for one in announcements
        )
        for origin, announcements in shares.items()
    }


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
    # Newest are shown, and besides all that still holds: an alert must not vanish behind fifty notices.
    found = {one.id: one for one in (*state.current_in(village, now), *state.announcements_in(village))}
    released = [one for one in found.values() if _is_public(one, now)]
    stones, said = state.tombstones([one.id for one in released]), _said(state, released)
    sounding = _sounding(state.deliveries([one.id for one in released]), said, {one.id: one for one in released}, now)
    shown = [_on_air(said, one, stones.get(one.id), one.id in sounding, now) for one in released]
    return sorted(shown, key=lambda one: (one.announcement.sent, one.announcement.id), reverse=True)


def _is_public(announcement: Announcement, now: datetime) -> bool:
    is_released = announcement.release_at is not None and announcement.release_at <= now
    return is_released and announcement.state is not AnnouncementState.HELD


def _sounding(
    rows: Sequence[Delivery], said: "_Said", announcements: Mapping[str, Announcement], now: datetime
) -> set[str]:
    """Return what some loudspeaker has begun and cannot have ended yet: one that lost its power says no end."""
    return {
        row.announcement
        for row in rows
        if row.rank is Rank.STARTED
        and row.started_at is not None
        and moment(row.started_at) + _lasts(announcements[row.announcement], said) > now
    }


def _lasts(announcement: Announcement, said: "_Said") -> timedelta:
    script = said.scripts.get(announcement.script)
    recording = said.recordings.get(script.recording or "") if script else None
    return announcement.repeat * (timedelta(milliseconds=recording.ms if recording else 60_000) + ROUND_ABOUT)


@dataclass(frozen=True, slots=True)
class _Said:
    """What was said in some announcements, by whom, and how it was spoken; read at once for all of them."""

    origins: Mapping[str, Origin]
    revisions: Mapping[tuple[str, int], Revision]
    authors: Mapping[str, Principal]
    scripts: Mapping[str, Script]
    recordings: Mapping[str, RecordingKept]


def _said(state: State, announcements: Sequence[Announcement]) -> _Said:
    origins = [one.origin for one in announcements]
    revisions = {(one.origin, one.revision): one for one in state.revisions_among(origins)}
    authors = state.principals_among([one.author for one in revisions.values()])
    scripts, recordings = _speech(state, [one.script for one in announcements])
    return _Said(state.origins_among(origins), revisions, authors, scripts, recordings)


def _on_air(
    said: _Said, announcement: Announcement, stone: Tombstone | None, is_sounding: bool, now: datetime
) -> OnAir:
    script = said.scripts.get(announcement.script)
    revision = said.revisions.get((announcement.origin, announcement.revision))
    author = said.authors.get(revision.author) if revision else None
    return OnAir(
        announcement=announcement,
        origin=said.origins[announcement.origin],
        text=revision.text if revision else "",
        author=author.name if author else "",
        recording=said.recordings.get(script.recording or "") if script else None,
        is_over=stone is not None or announcement.expires <= now,
        is_sounding=is_sounding and stone is None,
        ended_why=stone.why if stone else "expired" if announcement.expires <= now else None,
        is_stock=script is not None and script.state == "stock",
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
