"""Announcement: what one village hears of a notice or an alert."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from broadcaster.model.area import Level, covered
from broadcaster.model.errors import Invalid
from broadcaster.model.identity import follows
from broadcaster.model.notice import Revision
from broadcaster.model.precedence import Lane, Scope, SoundClass, Standing


class AnnouncementState(StrEnum):
    """Its life: planned, or held until a person decides; ready; ordered; closed."""

    PLANNED = "planned"
    HELD = "held"
    READY = "ready"
    ORDERED = "ordered"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Announcement:
    """One village's share of a revision.

    Attributes:
        id: follows from origin, revision and village.
        release_at: from when it may sound; None while a person has yet to decide.
        sender_level, sent, identifier, severity: its right of way.
        supersedes: the announcement of an earlier revision in this village.
    """

    id: str
    origin: str
    revision: int
    village: str
    lane: Lane
    scope: Scope
    sound_class: SoundClass
    severity: int
    sender_level: Level
    sent: datetime
    identifier: str
    script: str
    release_at: datetime | None
    not_before: datetime | None
    expires: datetime
    repeat: int
    state: AnnouncementState = AnnouncementState.PLANNED
    held_why: str | None = None
    supersedes: str | None = None

    @property
    def standing(self) -> Standing:
        """Return what counts for its right of way."""
        return Standing(self.scope, self.sound_class, self.severity, self.sender_level, self.sent, self.identifier)


def announcement_id(origin: str, revision: int, village: str) -> str:
    """Name an announcement."""
    return follows(origin, revision, village)


def villages_meant(targets: Iterable[str], villages: Iterable[str]) -> tuple[str, ...]:
    """Return those villages that lie in the targets, in order of code.

    Raises:
        Invalid: targets_unknown: some target covers no village that we know; an empty target is never everyone.
    """
    known, wanted = sorted(villages), tuple(targets)
    lost = [target for target in wanted if not any(covered([target], village) for village in known)]
    if lost or not wanted:
        raise Invalid("targets_unknown", targets=lost)
    return tuple(village for village in known if covered(wanted, village))


def villages_taken(
    announcements: Iterable[Announcement], revision: int, ended: Mapping[str, datetime], at: datetime
) -> tuple[str, ...]:
    """Return the villages in which earlier revisions lived when this one was let go: it ends them there.

    Args:
        announcements: those of the origin, of whatever revision.
        ended: announcement → when its tombstone was put.
        at: when the revision was let go.
    """
    earlier = (one for one in announcements if one.revision < revision)
    lived = {
        one.village
        for one in earlier
        if (ended[one.id] >= at if one.id in ended else one.state is not AnnouncementState.CLOSED)
    }
    return tuple(sorted(lived))


def plan(
    revision: Revision,
    villages: Sequence[str],
    *,
    lane: Lane,
    sent: datetime,
    identifier: str,
    release_at: datetime | None,
    held_why: str | None = None,
    earlier: dict[str, str] | None = None,
) -> tuple[Announcement, ...]:
    """Divide a revision among its villages.

    Args:
        villages: those meant, from `villages_meant`.
        earlier: village → announcement of an earlier revision that still lives there, which this one supersedes.
        held_why: why a person has to decide; then `release_at` is None.
    """
    first = Announcement(
        id="",
        origin=revision.origin,
        revision=revision.revision,
        village="",
        lane=lane,
        scope=revision.scope,
        sound_class=revision.sound_class,
        severity=revision.severity,
        sender_level=Level(revision.sender_level),
        sent=sent,
        identifier=identifier,
        script=revision.script,
        release_at=release_at,
        not_before=revision.window.not_before,
        expires=revision.window.expires,
        repeat=revision.repeat,
        state=AnnouncementState.HELD if held_why else AnnouncementState.PLANNED,
        held_why=held_why,
    )
    return tuple(
        replace(
            first,
            id=announcement_id(revision.origin, revision.revision, village),
            village=village,
            supersedes=(earlier or {}).get(village),
        )
        for village in villages
    )
