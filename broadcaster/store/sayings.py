"""Sayings: what people and sources said, who agreed to it, and its speech."""

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, exists, or_, select

from broadcaster.desk.rows import AlertKept, Approval, Origin, RecordingKept, Release, Script, Submission
from broadcaster.model.announcement import Announcement
from broadcaster.model.clock import milliseconds
from broadcaster.model.identity import canonical
from broadcaster.model.notice import Revision
from broadcaster.store import schema
from broadcaster.store.asking import IS_UNCLOSED, Asking


class ManySayings(Asking):
    """Many origins at once: the same number of questions, however many there are."""

    def origins_meant(
        self, areas: Collection[str], source: str, at: datetime, *, kind: str | None = None, limit: int = 100
    ) -> Sequence[Origin]:
        """Return origins that mean one of some areas or that a source sent: those waited on first, then the newest."""
        origin = schema.origin.c
        only = [_is_meant(areas, source), *([origin.kind == kind] if kind else [])]
        order = [origin.made_at.desc(), origin.id.desc()]
        waiting = self._all(Origin, *only, _is_waited_on(at), order=order, limit=limit)
        newest = self._all(Origin, *only, order=order, limit=limit)
        return list({one.id: one for one in chain(waiting, newest)}.values())[:limit]

    def origins_among(self, ids: Collection[str]) -> dict[str, Origin]:
        """Return those of some origins that exist."""
        return {one.id: one for one in self._among(Origin, schema.origin.c.id, ids)}

    def revisions_among(self, origins: Collection[str]) -> Sequence[Revision]:
        """Return all versions of some origins, those of each oldest first."""
        known = schema.revision.c
        return self._among(Revision, known.origin, origins, order=[known.origin, known.revision])

    def submissions_among(self, origins: Collection[str]) -> Sequence[Submission]:
        """Return how the revisions of some origins were laid before the approvers."""
        return self._among(Submission, schema.submission.c.origin, origins)

    def approvals_among(self, origins: Collection[str]) -> Sequence[Approval]:
        """Return who agreed to any version of some origins, in order of time."""
        given = schema.approval.c
        return self._among(Approval, given.origin, origins, order=[given.at, given.id])

    def releases_among(self, origins: Collection[str]) -> Sequence[Release]:
        """Return how the revisions of some origins were let go."""
        return self._among(Release, schema.release.c.origin, origins)

    def alerts_among(self, origins: Collection[str]) -> Sequence[AlertKept]:
        """Return the messages that belong to some origins, in the order they were taken."""
        alert = schema.alert.c
        return self._among(AlertKept, alert.origin, origins, order=[alert.taken_at, alert.id])


def _is_meant(areas: Collection[str], source: str) -> ColumnElement[bool]:
    """Say that an origin means a place under one of some areas (`covers`), or came from a source."""
    meant, alert, origin = schema.revision.c, schema.alert.c, schema.origin.c
    # Targets are a JSON list of codes: a code begins behind a quotation mark, that of a grid ends at another or at "-".
    begun = [f'"{area}{end}' for area in areas for end in (('"', "-") if "-" in area else ("",))]
    named = [exists().where(meant.origin == origin.id, or_(*(meant.targets.contains(one) for one in begun)))]
    return or_(exists().where(alert.origin == origin.id, alert.source == source), *(named if begun else []))


def _is_waited_on(at: datetime) -> ColumnElement[bool]:
    """Say that an origin sounds or will, or lies before those who approve and release and has not run out."""
    heard, laid, known, origin = schema.announcement.c, schema.submission.c, schema.revision.c, schema.origin.c
    is_announced = exists().where(heard.origin == laid.origin, heard.revision == laid.revision)
    unanswered: Any = (
        select(laid.origin)
        .join(schema.revision, (known.origin == laid.origin) & (known.revision == laid.revision))
        .where(known.expires > milliseconds(at), ~is_announced)
    )
    return origin.fate.is_(None) & or_(
        origin.id.in_(select(heard.origin).where(IS_UNCLOSED)), origin.id.in_(unanswered)
    )


class Sayings(ManySayings):
    """Origins, their revisions, and the yes that each was given."""

    def origin(self, origin: str) -> Origin | None:
        """Return an origin by id."""
        return self._one(Origin, schema.origin.c.id == origin)

    def origins(self, *, kind: str | None = None, limit: int = 100) -> Sequence[Origin]:
        """Return origins, newest first."""
        origin = schema.origin.c
        only = [origin.kind == kind] if kind else []
        return self._all(Origin, *only, order=[origin.made_at.desc(), origin.id.desc()], limit=limit)

    def revision(self, origin: str, revision: int) -> Revision | None:
        """Return one version of an origin."""
        known = schema.revision.c
        return self._one(Revision, known.origin == origin, known.revision == revision)

    def revisions(self, origin: str) -> Sequence[Revision]:
        """Return all versions of an origin, oldest first."""
        known = schema.revision.c
        return self._all(Revision, known.origin == origin, order=[known.revision])

    def submission(self, origin: str, revision: int) -> Submission | None:
        """Return how a revision was laid before the approvers."""
        laid = schema.submission.c
        return self._one(Submission, laid.origin == origin, laid.revision == revision)

    def approvals(self, origin: str, revision: int) -> Sequence[Approval]:
        """Return who agreed to a revision, in order of time."""
        given = schema.approval.c
        return self._all(Approval, given.origin == origin, given.revision == revision, order=[given.at, given.id])

    def release(self, origin: str, revision: int) -> Release | None:
        """Return how a revision was let go."""
        let = schema.release.c
        return self._one(Release, let.origin == origin, let.revision == revision)

    def alert(self, alert: str) -> AlertKept | None:
        """Return an alert's message by our id."""
        return self._one(AlertKept, schema.alert.c.id == alert)

    def alerts_named(self, sender: str, identifier: str) -> Sequence[AlertKept]:
        """Return the messages that their sender calls so, the latest sent first."""
        alert = schema.alert.c
        return self._all(AlertKept, alert.sender == sender, alert.identifier == identifier, order=[alert.sent.desc()])

    def alerts_of(self, origin: str) -> Sequence[AlertKept]:
        """Return the messages that belong to an origin, in the order they were taken."""
        alert = schema.alert.c
        return self._all(AlertKept, alert.origin == origin, order=[alert.taken_at, alert.id])

    def alerts_referring(self, sender: str, identifier: str) -> Sequence[AlertKept]:
        """Return the alerts of a sender whose `refs` hold an identifier, in the order they were taken."""
        alert = schema.alert.c
        # The list's text is looked through first, so that not every message of the sender is read.
        near = alert.refs.contains(canonical(identifier).decode(), autoescape=True)
        found = self._all(AlertKept, alert.sender == sender, near, order=[alert.taken_at, alert.id])
        return [one for one in found if identifier in one.refs]


def _is_wanted(script: ColumnElement[str] | str) -> ColumnElement[bool]:
    """Say that an unclosed announcement, or a revision that was not announced yet, wants a script."""
    heard, known = schema.announcement.c, schema.revision.c
    is_announced = exists().where(heard.origin == known.origin, heard.revision == known.revision)
    return or_(
        exists().where(heard.script == script, IS_UNCLOSED), exists().where(known.script == script, ~is_announced)
    )


class Speech(Asking):
    """Scripts and their recordings."""

    def script(self, script: str) -> Script | None:
        """Return a script by id."""
        return self._one(Script, schema.script.c.id == script)

    def recording(self, sha256: str) -> RecordingKept | None:
        """Return what is known of a recording."""
        return self._one(RecordingKept, schema.recording.c.sha256 == sha256)

    def scripts(self, ids: Collection[str]) -> dict[str, Script]:
        """Return those of some scripts that exist."""
        return {one.id: one for one in self._among(Script, schema.script.c.id, ids)}

    def recordings(self, ids: Collection[str]) -> dict[str, RecordingKept]:
        """Return those of some recordings that are known, by hash."""
        return {one.sha256: one for one in self._among(RecordingKept, schema.recording.c.sha256, ids)}

    def scripts_recorded(self, recordings: Collection[str]) -> Sequence[Script]:
        """Return the scripts that some recordings say."""
        return self._among(Script, schema.script.c.recording, recordings, order=[schema.script.c.id])

    def recordings_wanted(self) -> frozenset[str]:
        """Return the recordings of all scripts that are wanted."""
        script = schema.script.c
        wanted = select(script.recording).where(script.recording.is_not(None), _is_wanted(script.id))
        return frozenset(self._connection.execute(wanted).scalars())

    def script_wanted(self, script: str) -> bool:
        """Tell whether an unclosed announcement, or a revision that was not announced yet, wants a script."""
        return bool(self._connection.execute(select(_is_wanted(script))).scalar())

    def scripts_waiting(self, script: str) -> Sequence[Announcement]:
        """Return the unclosed announcements that want a script."""
        announcement = schema.announcement.c
        return self._all(
            Announcement, announcement.script == script, IS_UNCLOSED, order=[announcement.village, announcement.id]
        )
