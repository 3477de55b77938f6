"""Airing: once a script is ready and its announcement released, an order falls due. That work row is the hold."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from broadcaster.desk.events import Event
from broadcaster.desk.ports import Row, State
from broadcaster.desk.rows import Work
from broadcaster.model.announcement import Announcement, AnnouncementState
from broadcaster.model.identity import follows
from broadcaster.model.schedule import QuietHours, due

WAITING = (AnnouncementState.PLANNED, AnnouncementState.HELD)


def put_on_air(event: Event, state: State, quiet: QuietHours) -> Sequence[Row]:
    """Stage: make ready what was waiting for this script, this release or this plan."""
    rows: list[Row] = []
    for announcement in _waiting(event, state):
        if _may_sound(announcement, state):
            rows += _ready(announcement, quiet)
    return rows


def _waiting(event: Event, state: State) -> Iterable[Announcement]:
    payload = event.payload or {}
    if event.type.startswith("script."):
        return state.scripts_waiting(payload["script"]) if event.type.startswith("script.ready") else ()
    found = state.announcement(payload["announcement"])
    return (found,) if found else ()


def _may_sound(announcement: Announcement, state: State) -> bool:
    script = state.script(announcement.script)
    return (
        announcement.state in WAITING
        and announcement.release_at is not None
        and script is not None
        and script.recording is not None
        and not state.tombstones([announcement.id])
    )


def _ready(announcement: Announcement, quiet: QuietHours) -> list[Row]:
    assert announcement.release_at is not None  # noqa: S101 - told to mypy; _may_sound has asked
    at = due(announcement.release_at, announcement.not_before, announcement.sound_class, quiet)
    subject = f"play:{announcement.id}"
    return [
        replace(announcement, state=AnnouncementState.READY),
        Work(follows(announcement.id, "order"), "order", subject, announcement.lane, at),
    ]
