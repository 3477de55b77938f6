"""Queueing: thousands of released notices put into the book at once, as if all the county's towns had published."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from broadcaster.desk.drafting import new_script
from broadcaster.desk.office import Desk
from broadcaster.desk.planning import put_announcements
from broadcaster.desk.ports import Pen
from broadcaster.desk.rows import Approval, Origin, RecordingKept, Release
from broadcaster.model.area import level_of
from broadcaster.model.notice import Revision, Window, content_hash
from broadcaster.model.precedence import NOTICE_SEVERITY, Lane, Scope, SoundClass

TEXT = "各位村民，村委会有新的通知，请到村务公开栏查看。"
AT_ONCE = 50
RELEASED_BEFORE = timedelta(seconds=30)
LASTS = timedelta(hours=2)


async def queue_notices(desk: Desk, town: str, count: int) -> int:
    """Put notices that are approved, released and voiced, one announcement for each village; all are due at once.

    Returns:
        How many announcements there are.
    """
    recording = await desk.studio.stock(Lane.NOTICE)
    villages, people = await desk.book.read(
        lambda state: (state.villages(), {one.name: one for one in state.principals()})
    )
    author, approver = people["宣传干事"].id, people["分管领导"].id
    left = -(-count // len(villages))
    while left > 0:
        some = min(left, AT_ONCE)
        await desk.book.write(
            Lane.NOTICE,
            lambda pen, some=some: _put(desk, pen, town, villages, author, approver, recording, some),  # type: ignore[misc] # mypy knows no default of a lambda
        )
        left -= some
    return -(-count // len(villages)) * len(villages)


def _put(
    desk: Desk,
    pen: Pen,
    town: str,
    villages: Sequence[str],
    author: str,
    approver: str,
    recording: RecordingKept,
    count: int,
) -> None:
    script = replace(new_script(desk, pen, TEXT, Lane.NOTICE), state="ready", recording=recording.sha256)
    pen.put(recording, script)
    for _ in range(count):
        _notice(desk, pen, _revision(desk, town, author, script.id), villages, approver)


def _revision(desk: Desk, town: str, author: str, script: str) -> Revision:
    window = Window(None, _whole(desk.clock.now() + LASTS))
    return Revision(
        origin=desk.new_id(),
        revision=1,
        author=author,
        text=TEXT,
        spoken=TEXT,
        script=script,
        targets=(town,),
        sound_class=SoundClass.ROUTINE,
        severity=NOTICE_SEVERITY,
        sender_level=int(level_of(town)),
        window=window,
        repeat=1,
        content_sha256=content_hash(TEXT, (town,), SoundClass.ROUTINE, NOTICE_SEVERITY, window, 1),
    )


def _notice(desk: Desk, pen: Pen, revision: Revision, villages: Sequence[str], approver: str) -> None:
    at = desk.clock.now() - RELEASED_BEFORE
    release_at = at + desk.policy.undo
    pen.put(Origin(revision.origin, "notice", Scope.LIVE, "通知", at), revision)
    pen.put(
        Approval(desk.new_id(), revision.origin, 1, revision.content_sha256, revision.author, approver, at),
        Release(revision.origin, 1, approver, at, release_at),
    )
    put_announcements(
        desk,
        pen,
        revision,
        villages,
        lane=Lane.NOTICE,
        sent=at,
        identifier=revision.origin,
        release_at=release_at,
        cause="bench",
    )


def _whole(at: datetime) -> datetime:
    """The book keeps milliseconds; what is hashed has to be what is read back."""
    return at.replace(microsecond=0)
