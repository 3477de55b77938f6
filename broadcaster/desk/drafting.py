"""Drafting: writing a notice, revising it, hearing it, and laying it before the approvers."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from broadcaster.desk.authority import Asker, require
from broadcaster.desk.events import script_event
from broadcaster.desk.office import Desk
from broadcaster.desk.once import Once
from broadcaster.desk.ports import Pen, Spoken, State
from broadcaster.desk.rows import Audit, Origin, Role, Script, Submission, Work
from broadcaster.model.announcement import villages_meant
from broadcaster.model.area import area_code, level_of
from broadcaster.model.errors import Conflict, Invalid, NotFound
from broadcaster.model.identity import digest, follows
from broadcaster.model.notice import Revision, Window, check_notice, check_quiet, content_hash
from broadcaster.model.precedence import NOTICE_SEVERITY, Lane, Scope, SoundClass

LONGEST_TITLE = 100


@dataclass(frozen=True, slots=True)
class NoticeForm:
    """What somebody wrote into the form."""

    title: str
    text: str
    targets: tuple[str, ...]
    expires: datetime
    not_before: datetime | None = None
    repeat: int = 1
    scope: Scope = Scope.LIVE


@dataclass(frozen=True, slots=True)
class Drafted:
    """A revision as it was saved, with what its author should check."""

    revision: Revision
    hints: tuple[tuple[str, str], ...]


async def draft(desk: Desk, asker: Asker, form: NoticeForm, key: str | None = None) -> Drafted:
    """Write a new notice.

    Raises:
        Invalid: text, targets, window or repeats cannot be; unreadable: with the place in the text.
        NotAllowed: role_missing.
    """
    origin = Origin(desk.new_id(), "notice", form.scope, _title(form), desk.clock.now())
    return await _save(desk, asker, form, key, origin, revised=None)


async def revise(desk: Desk, asker: Asker, origin: str, form: NoticeForm, key: str | None = None) -> Drafted:
    """Write the next revision of a notice; what was approved of the one before does not carry over.

    It may leave places out, so it takes the right to write for those too.

    Raises:
        NotFound: notice_unknown. Conflict: origin_over: it was withdrawn. Else as for drafting.
    """
    found = await desk.book.read(lambda state: notice(state, origin))
    newer = replace(found, title=_title(form), scope=form.scope)
    return await _save(desk, asker, form, key, newer, revised=origin)


async def _save(
    desk: Desk, asker: Asker, form: NoticeForm, key: str | None, origin: Origin, *, revised: str | None
) -> Drafted:
    form = replace(form, targets=tuple(dict.fromkeys(map(area_code, form.targets))))
    require_draft(asker, form)
    check_form(desk, form)
    spoken = await asyncio.to_thread(desk.reader.read, form.text)
    once = Once(desk, asker.id, key, _request(form, revised))

    def job(pen: Pen) -> Drafted:
        _require_revise(pen, asker, origin.id)
        answer = once.earlier(pen)
        if answer is not None:
            kept = pen.revision(answer["origin"], answer["revision"])
            if kept is not None:
                return Drafted(kept, spoken.hints)
        revision = _revision(desk, pen, asker, form, spoken, origin)
        pen.put(origin, revision, _script(desk, pen, revision))
        pen.put(_audit(desk, asker, "notice.drafted", revision))
        once.keep(pen, {"origin": origin.id, "revision": revision.revision})
        return Drafted(revision, spoken.hints)

    return await desk.accept(Lane.NOTICE, job)


def require_draft(asker: Asker, form: NoticeForm) -> None:
    """Refuse whoever may not write for these places; a form without places is refused as such later."""
    if form.targets:
        require(asker, Role.DRAFT, form.targets)


def _require_revise(state: State, asker: Asker, origin: str) -> None:
    """Refuse whoever may not write for every place that the notice was ever meant for."""
    meant = targets_ever(state, origin)
    if not meant:
        return
    if not any(map(asker.sees, meant)):
        raise NotFound("notice_unknown", origin=origin[:60])
    require(asker, Role.DRAFT, meant)


def targets_ever(state: State, origin: str) -> frozenset[str]:
    """Return every place that some revision of a notice was meant for."""
    return frozenset(target for revision in state.revisions(origin) for target in revision.targets)


def check_form(desk: Desk, form: NoticeForm) -> None:
    """Refuse a form that could not be heard as meant."""
    now, window = desk.clock.now(), Window(form.not_before, form.expires)
    check_notice(form.text, form.targets, window, form.repeat, now)
    check_quiet(window, desk.policy.quiet, now)


def _revision(desk: Desk, state: State, asker: Asker, form: NoticeForm, spoken: Spoken, origin: Origin) -> Revision:
    villages_meant(form.targets, state.villages())
    current = state.origin(origin.id)
    if current is not None and current.fate:
        raise Conflict("origin_over", fate=current.fate)
    window = Window(form.not_before, form.expires)
    earlier = state.revisions(origin.id)
    return Revision(
        origin=origin.id,
        revision=len(earlier) + 1,
        author=asker.id,
        text=form.text,
        spoken=spoken.text,
        script=script_id(desk, spoken.text),
        targets=form.targets,
        sound_class=SoundClass.ROUTINE,
        severity=NOTICE_SEVERITY,
        sender_level=int(min(map(level_of, asker.areas(Role.DRAFT)))),
        window=window,
        repeat=form.repeat,
        content_sha256=content_hash(
            spoken.text, form.targets, SoundClass.ROUTINE, NOTICE_SEVERITY, window, form.repeat
        ),
        scope=form.scope,
    )


def script_id(desk: Desk, spoken: str) -> str:
    """Name a script by all that shapes its sound."""
    return digest([spoken, desk.studio.voice, desk.reader.rules])


def new_script(desk: Desk, state: State, spoken: str, lane: Lane) -> Script:
    """Return the script of a spoken text: the one that is known, or a new one."""
    known = state.script(script_id(desk, spoken))
    return known or Script(script_id(desk, spoken), spoken, desk.studio.voice, desk.reader.rules, "wanted", lane)


def _script(desk: Desk, state: State, revision: Revision) -> Script:
    return new_script(desk, state, revision.spoken, Lane.NOTICE)


def want_voice(desk: Desk, pen: Pen, script: Script, lane: Lane, cause: str) -> None:
    """Have a script spoken; an alert that wants a notice's script takes it into its own lane."""
    if script.state == "ready":
        return
    known = pen.work("voice", script.id)
    if known and known.done_at is None and (known.lane is lane or lane is Lane.NOTICE):
        return
    now = desk.clock.now()
    pen.put(Work(follows(script.id, "voice"), "voice", script.id, lane, now))
    pen.put(script_event("wanted", script.id, lane, now, cause, None))


async def hear(desk: Desk, asker: Asker, origin: str, number: int) -> Script:
    """Have a revision spoken so that its author can listen to it first; return its script as it stands.

    Raises:
        NotFound: notice_unknown or revision_unknown. NotAllowed: role_missing.
    """

    def job(pen: Pen) -> Script:
        revision = known_revision(pen, origin, number)
        _require_sight(asker, revision)
        script = pen.script(revision.script) or _script(desk, pen, revision)
        want_voice(desk, pen, script, Lane.NOTICE, f"hear:{origin}:{number}")
        return script

    return await desk.accept(Lane.NOTICE, job)


async def submit(desk: Desk, asker: Asker, origin: str, number: int) -> Submission:
    """Lay a revision before the approvers; it is voiced at once so that they can listen.

    Raises:
        NotFound: notice_unknown or revision_unknown. NotAllowed: role_missing.
        Conflict: revision_old (a newer one exists) or origin_over.
    """

    def job(pen: Pen) -> Submission:
        revision = current_revision(pen, origin, number)
        require(asker, Role.DRAFT, revision.targets)
        known = pen.submission(origin, number)
        if known:
            return known
        laid = Submission(origin, number, asker.id, desk.clock.now())
        pen.put(laid, _audit(desk, asker, "notice.submitted", revision))
        want_voice(desk, pen, pen.script(revision.script) or _script(desk, pen, revision), Lane.NOTICE, laid.origin)
        return laid

    return await desk.accept(Lane.NOTICE, job)


def notice(state: State, origin: str) -> Origin:
    """Return a notice.

    Raises:
        NotFound: notice_unknown.
    """
    found = state.origin(origin)
    if found is None or found.kind != "notice":
        raise NotFound("notice_unknown", origin=origin[:60])
    return found


def known_revision(state: State, origin: str, number: int) -> Revision:
    """Return a revision of a notice.

    Raises:
        NotFound: notice_unknown or revision_unknown.
    """
    notice(state, origin)
    found = state.revision(origin, number)
    if found is None:
        raise NotFound("revision_unknown", origin=origin[:60], revision=number)
    return found


def current_revision(state: State, origin: str, number: int) -> Revision:
    """Return a revision that still is the newest of a living notice.

    Raises:
        NotFound: notice_unknown or revision_unknown. Conflict: revision_old or origin_over.
    """
    revision = known_revision(state, origin, number)
    fate = notice(state, origin).fate
    if fate:
        raise Conflict("origin_over", fate=fate)
    if len(state.revisions(origin)) != number:
        raise Conflict("revision_old", revision=number)
    return revision


def _require_sight(asker: Asker, revision: Revision) -> None:
    if not any(asker.sees(target) for target in revision.targets):
        raise NotFound("notice_unknown", origin=revision.origin)


def _title(form: NoticeForm) -> str:
    title = form.title.strip() or form.text.strip()[:20]
    if len(title) > LONGEST_TITLE:
        raise Invalid("title_long", most=LONGEST_TITLE)
    return title


def _request(form: NoticeForm, revised: str | None) -> dict[str, Any]:
    window = [moment.isoformat() if moment else None for moment in (form.not_before, form.expires)]
    said = {"title": form.title, "text": form.text, "targets": form.targets, "window": window, "n": form.repeat}
    return said | {"scope": form.scope.value, "revised": revised}


def _audit(desk: Desk, asker: Asker, what: str, revision: Revision) -> Audit:
    facts: dict[str, object] = {
        "origin": revision.origin,
        "revision": revision.revision,
        "content": revision.content_sha256,
    }
    return Audit(desk.clock.now(), asker.id, what, facts)
