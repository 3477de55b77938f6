"""Approving: somebody else's yes to exactly what will be heard."""

from broadcaster.desk.authority import Asker, not_the_author, require
from broadcaster.desk.drafting import current_revision
from broadcaster.desk.office import Desk
from broadcaster.desk.ports import Pen, State
from broadcaster.desk.rows import Approval, Audit, Role
from broadcaster.model.errors import Conflict
from broadcaster.model.identity import follows
from broadcaster.model.notice import Revision
from broadcaster.model.precedence import Lane


async def approve(
    desk: Desk, asker: Asker, origin: str, number: int, content_sha256: str, recording_sha256: str | None = None
) -> Approval:
    """Approve a revision as it was shown.

    Args:
        content_sha256: the hash on the approver's screen: a text that changed meanwhile is not approved by accident.
        recording_sha256: the recording, if it was listened to.

    Raises:
        NotFound: notice_unknown or revision_unknown.
        NotAllowed: role_missing, or own_work: the author asks.
        Conflict: revision_old, origin_over, not_submitted, content_changed or recording_changed.
    """

    def job(pen: Pen) -> Approval:
        revision = current_revision(pen, origin, number)
        require(asker, Role.APPROVE, revision.targets, revision.severity)
        not_the_author(asker, revision.author)
        if pen.submission(origin, number) is None:
            raise Conflict("not_submitted", revision=number)
        if content_sha256 != revision.content_sha256:
            raise Conflict("content_changed", revision=number)
        if recording_sha256 is not None and recording_sha256 != _recording(pen, revision):
            raise Conflict("recording_changed", revision=number)
        approval = Approval(
            id=follows(origin, number, "approved", asker.id),
            origin=origin,
            revision=number,
            content_sha256=content_sha256,
            author_id=revision.author,
            approver_id=asker.id,
            at=desk.clock.now(),
            recording_sha256=recording_sha256,
        )
        pen.put(approval, _audit(approval))
        return approval

    return await desk.accept(Lane.NOTICE, job)


def _recording(state: State, revision: Revision) -> str | None:
    script = state.script(revision.script)
    return script.recording if script else None


def _audit(approval: Approval) -> Audit:
    facts: dict[str, object] = {
        "origin": approval.origin,
        "revision": approval.revision,
        "content": approval.content_sha256,
    }
    return Audit(approval.at, approval.approver_id, "notice.approved", facts)
