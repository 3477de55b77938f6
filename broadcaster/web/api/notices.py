"""Notices: written, heard, approved, released and withdrawn."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from broadcaster.desk.approving import approve
from broadcaster.desk.cancelling import cancel
from broadcaster.desk.drafting import Drafted, NoticeForm, draft, hear, notice, revise, submit
from broadcaster.desk.overview import OriginView, VillageHeard, origin_view, origins_seen
from broadcaster.desk.releasing import Released, release_notice
from broadcaster.desk.rows import Script
from broadcaster.model.notice import Revision
from broadcaster.model.precedence import Scope
from broadcaster.web.api.shapes import (
    AreaOut,
    Asked,
    AudienceOut,
    DeliveryOut,
    Id,
    Key,
    Moment,
    MomentIn,
    Number,
    Shape,
)
from broadcaster.web.auth import AtDesk, WhoAsks

router = APIRouter(prefix="/notices", tags=["notices"])


class NoticeIn(Asked):
    """What is to be said, where, and until when. `targets`: area codes; all villages under them are meant."""

    title: str = Field("", max_length=200)
    text: str = Field(max_length=20_000)
    targets: list[Annotated[str, Field(max_length=30)]] = Field(max_length=500)
    expires: MomentIn
    not_before: MomentIn | None = None
    repeat: int = Field(1, ge=-1_000, le=1_000)
    scope: Scope = Scope.LIVE

    def form(self) -> NoticeForm:
        """Return it as the desk takes it."""
        return NoticeForm(
            title=self.title,
            text=self.text,
            targets=tuple(self.targets),
            expires=self.expires,
            not_before=self.not_before,
            repeat=self.repeat,
            scope=self.scope,
        )


class HintOut(Shape):
    """Something that is spoken otherwise than it is written: check it."""

    written: str
    spoken: str

    @classmethod
    def all_of(cls, hints: tuple[tuple[str, str], ...]) -> "list[HintOut]":
        """Show hints."""
        return [cls(written=written, spoken=spoken) for written, spoken in hints]


class RevisionOut(Shape):
    """One version of what a notice or an alert says; `content_sha256` is what an approval binds."""

    origin: str
    revision: int
    author: str
    text: str
    spoken: str
    targets: list[str]
    sound_class: str
    severity: int
    not_before: Moment | None
    expires: Moment
    repeat: int
    content_sha256: str
    scope: str

    @classmethod
    def of(cls, revision: Revision) -> "RevisionOut":
        """Show a revision."""
        return cls(
            origin=revision.origin,
            revision=revision.revision,
            author=revision.author,
            text=revision.text,
            spoken=revision.spoken,
            targets=list(revision.targets),
            sound_class=revision.sound_class,
            severity=revision.severity,
            not_before=revision.window.not_before,
            expires=revision.window.expires,
            repeat=revision.repeat,
            content_sha256=revision.content_sha256,
            scope=revision.scope,
        )


class DraftedOut(Shape):
    """A revision as it was saved."""

    revision: RevisionOut
    hints: list[HintOut]

    @classmethod
    def of(cls, drafted: Drafted) -> "DraftedOut":
        """Show what was saved."""
        return cls(revision=RevisionOut.of(drafted.revision), hints=HintOut.all_of(drafted.hints))


class HearingOut(Shape):
    """A script on its way to a recording. `state`: wanted, ready or stock; `audio` is where to listen."""

    script: str
    state: str
    audio: str | None

    @classmethod
    def of(cls, script: Script) -> "HearingOut":
        """Show a script."""
        return cls(script=script.id, state=script.state, audio=audio_path(script.recording))


def audio_path(recording: str | None) -> str | None:
    """Return where a recording is heard."""
    return f"/audio/{recording}.mp3" if recording else None


class SubmissionOut(Shape):
    """A revision laid before the approvers."""

    origin: str
    revision: int
    by: str
    at: Moment


class ApprovalIn(Asked):
    """What the approver saw and, if they listened, heard."""

    content_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    recording_sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$")


class ApprovalOut(Shape):
    """Somebody's yes."""

    origin: str
    revision: int
    content_sha256: str
    recording_sha256: str | None
    author_id: str
    approver_id: str
    at: Moment


class ReleasedOut(Shape):
    """What a release did: it sounds from `release_at`, in these places."""

    origin: str
    revision: int
    release_at: Moment
    audience: AudienceOut

    @classmethod
    def of(cls, released: Released) -> "ReleasedOut":
        """Show a release."""
        return cls(
            origin=released.origin,
            revision=released.revision,
            release_at=released.release_at,
            audience=AudienceOut.of(released.audience),
        )


class CancelledOut(Shape):
    """The villages that were to hear it and now shall not."""

    origin: str
    villages: list[str]


class VillageHeardOut(Shape):
    """What one village has heard, loudspeaker by loudspeaker."""

    village: AreaOut
    announcement: str
    state: str
    held_why: str | None
    release_at: Moment | None
    ended_why: str | None
    deliveries: list[DeliveryOut]

    @classmethod
    def of(cls, heard: VillageHeard) -> "VillageHeardOut":
        """Show what a village has heard."""
        return cls(
            village=AreaOut.of(heard.village),
            announcement=heard.announcement.id,
            state=heard.announcement.state,
            held_why=heard.announcement.held_why,
            release_at=heard.announcement.release_at,
            ended_why=heard.tombstone.why if heard.tombstone else None,
            deliveries=DeliveryOut.all_of(heard.deliveries),
        )


class OriginOut(Shape):
    """A notice or an alert and all that became of it.

    Attributes:
        stage: draft, submitted, approved, held, released, sounding, ended, stored, cancelled or withdrawn.
    """

    origin: str
    kind: str
    scope: str
    title: str
    made_at: Moment
    fate: str | None
    stage: str
    author_name: str
    revision: RevisionOut | None
    revisions: int
    submitted_at: Moment | None
    approvals: list[ApprovalOut]
    release_at: Moment | None
    audio: str | None
    villages: list[VillageHeardOut]

    @classmethod
    def of(cls, view: OriginView) -> "OriginOut":
        """Show a view."""
        return cls(
            origin=view.origin.id,
            kind=view.origin.kind,
            scope=view.origin.scope,
            title=view.origin.title,
            made_at=view.origin.made_at,
            fate=view.origin.fate,
            stage=view.stage,
            author_name=view.author,
            revision=RevisionOut.of(view.revision) if view.revision else None,
            revisions=len(view.revisions),
            submitted_at=view.submission.at if view.submission else None,
            approvals=[ApprovalOut.model_validate(one) for one in view.approvals],
            release_at=view.release.release_at if view.release else None,
            audio=audio_path(view.recording.sha256 if view.recording else None),
            villages=[VillageHeardOut.of(one) for one in view.villages],
        )


Limit = Annotated[int, Query(ge=1, le=200)]


@router.post("", status_code=201)
async def post_notice(asked: NoticeIn, desk: AtDesk, who: WhoAsks, key: Key = None) -> DraftedOut:
    """Write a new notice."""
    return DraftedOut.of(await draft(desk, who.asker, asked.form(), key))


@router.get("")
async def get_notices(desk: AtDesk, who: WhoAsks, limit: Limit = 50) -> list[OriginOut]:
    """Look at notices within what the asker may see: those on which somebody waits first, then the newest."""
    now = desk.clock.now()
    views = await desk.book.look(lambda state: origins_seen(state, who.asker, now, kind="notice", limit=limit))
    return [OriginOut.of(view) for view in views]


@router.get("/{origin}")
async def get_notice(origin: Id, desk: AtDesk, who: WhoAsks) -> OriginOut:
    """Look at one notice and at what each village has heard of it."""
    return OriginOut.of(await desk.book.look(lambda state: origin_view(state, who.asker, notice(state, origin).id)))


@router.post("/{origin}/revisions", status_code=201)
async def post_revision(origin: Id, asked: NoticeIn, desk: AtDesk, who: WhoAsks, key: Key = None) -> DraftedOut:
    """Write the next revision; what was approved of the one before does not carry over."""
    return DraftedOut.of(await revise(desk, who.asker, origin, asked.form(), key))


@router.post("/{origin}/revisions/{number}/hear", status_code=202)
async def post_hear(origin: Id, number: Number, desk: AtDesk, who: WhoAsks) -> HearingOut:
    """Have a revision spoken, to listen to it first; ask again until it is ready."""
    return HearingOut.of(await hear(desk, who.asker, origin, number))


@router.post("/{origin}/revisions/{number}/submit")
async def post_submit(origin: Id, number: Number, desk: AtDesk, who: WhoAsks) -> SubmissionOut:
    """Lay a revision before the approvers."""
    return SubmissionOut.model_validate(await submit(desk, who.asker, origin, number))


@router.post("/{origin}/revisions/{number}/approve")
async def post_approve(origin: Id, number: Number, asked: ApprovalIn, desk: AtDesk, who: WhoAsks) -> ApprovalOut:
    """Approve exactly what was shown; never as its author."""
    given = await approve(desk, who.asker, origin, number, asked.content_sha256, asked.recording_sha256)
    return ApprovalOut.model_validate(given)


@router.post("/{origin}/revisions/{number}/release", status_code=202)
async def post_release(origin: Id, number: Number, desk: AtDesk, who: WhoAsks, key: Key = None) -> ReleasedOut:
    """Let an approved revision go; the answer names who will hear it."""
    return ReleasedOut.of(await release_notice(desk, who.asker, origin, number, key))


@router.post("/{origin}/withdraw")
async def post_withdraw(origin: Id, desk: AtDesk, who: WhoAsks) -> CancelledOut:
    """Take a notice back for good, at once and alone."""
    await desk.book.read(lambda state: notice(state, origin))
    return CancelledOut.model_validate(await cancel(desk, who.asker, origin, "withdrawn"))
