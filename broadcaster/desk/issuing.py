"""Issuing: an alert taken from a pinned source, all of it in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from broadcaster.desk.audience import Audience, audience
from broadcaster.desk.authority import Asker
from broadcaster.desk.cancelling import end_origin
from broadcaster.desk.drafting import new_script, script_id
from broadcaster.desk.events import Event, origin_event
from broadcaster.desk.office import Desk
from broadcaster.desk.planning import put_announcements
from broadcaster.desk.ports import Pen, State
from broadcaster.desk.rows import AlertKept, Audit, Origin, Role, Source
from broadcaster.desk.threads import for_alerts
from broadcaster.model.alert import (
    Alert,
    CapScope,
    Info,
    MsgType,
    Severity,
    Status,
    chosen_info,
    sound_class,
    spoken_frame,
    villages_of,
)
from broadcaster.model.announcement import villages_meant
from broadcaster.model.area import covered, covers, level_of
from broadcaster.model.errors import Invalid, NotAllowed
from broadcaster.model.identity import follows
from broadcaster.model.notice import MOST_REPEATS, Revision, Window, content_hash
from broadcaster.model.precedence import Lane, Scope, SoundClass

LASTS_WITHOUT_EXPIRY = timedelta(hours=24)
MOST_AHEAD = timedelta(minutes=10)
SPEAKING_STATUSES = (Status.ACTUAL, Status.EXERCISE)
SPEAKING_TYPES = (MsgType.ALERT, MsgType.UPDATE)


@dataclass(frozen=True, slots=True)
class Part:
    """One thing to be said, and the villages that are to hear it: an alert may say different things to each.

    Attributes:
        left_out: codes of what could not be read aloud and was left out of the spoken words.
    """

    info: Info
    villages: tuple[str, ...]
    spoken: str
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an alert handed over.

    Attributes:
        fate: planned, held, stored (never sounds), cancelled, or known (it had been taken before).
    """

    alert: str
    origin: str
    fate: str
    notes: tuple[str, ...]
    release_at: datetime | None
    audience: Audience


async def take_alert(desk: Desk, asker: Asker, alert: Alert, raw: bytes, verdict: str) -> Taken:
    """Take an alert; sent twice it is heard once.

    Raises:
        NotAllowed: not_a_source, sender_foreign, severity_above or area_foreign.
        Invalid: alert_future, alert_over, info_missing, targets_unknown (a polygon alone reaches nobody yet),
            unreadable.
    """
    source, villages = await desk.book.read(lambda state: (_source(state, asker, alert), state.villages()))
    parts = await _parts(desk, alert, source, villages) if _speaks(alert) else []
    online = desk.line.online()

    def job(pen: Pen) -> Taken:
        known = pen.alert(_alert_id(alert))
        if known is not None:
            return _answer(pen, known, "known", (), None, online)
        kept = _kept(desk, pen, asker, alert, raw, verdict)
        pen.put(kept, Audit(kept.taken_at, asker.id, "alert.taken", {"alert": kept.id, "sender": kept.sender}))
        pen.put(_taken_event(kept, alert))
        return _act(desk, pen, source, alert, kept, parts, online)

    _in_time(desk, alert)
    _allowed(asker, source, parts)
    return await desk.accept(Lane.ALERT, job)


def _act(
    desk: Desk,
    pen: Pen,
    source: Source,
    alert: Alert,
    kept: AlertKept,
    parts: Sequence[Part],
    online: frozenset[str],
) -> Taken:
    if alert.msg_type is MsgType.CANCEL and _public(alert):
        for origin in _origins(pen, kept.origin):
            end_origin(desk, pen, origin, "cancelled", kept.source)
        return _answer(pen, kept, "cancelled", (), None, online)
    if not parts or _overtaken(pen, kept):
        return _answer(pen, kept, "stored", (), None, online)
    held_why = _held_why(alert, parts)
    release_at = None if held_why else desk.clock.now() + _hold(desk, source, parts)
    for place, part in enumerate(parts):
        _put_part(desk, pen, kept, alert, part, _nth_origin(kept.origin, place), release_at, held_why)
    for origin in _origins(pen, kept.origin)[len(parts) :]:
        end_origin(desk, pen, origin, "withdrawn", kept.source)
    notes = tuple(f"left_out:{code}" for part in parts for code in part.left_out)
    return _answer(pen, kept, "held" if held_why else "planned", notes, release_at, online)


def _put_part(
    desk: Desk,
    pen: Pen,
    kept: AlertKept,
    alert: Alert,
    part: Part,
    origin: str,
    release_at: datetime | None,
    held_why: str | None,
) -> None:
    title = part.info.headline or part.info.event
    pen.put(Origin(origin, "alert", kept.scope, title[:100], kept.taken_at))
    revision = _revision(desk, pen, kept, alert, part, origin)
    pen.put(new_script(desk, pen, part.spoken, Lane.ALERT), revision)
    put_announcements(
        desk,
        pen,
        revision,
        part.villages,
        lane=Lane.ALERT,
        sent=alert.sent,
        identifier=alert.identifier,
        release_at=release_at,
        held_why=held_why,
        cause=kept.id,
    )


def _revision(desk: Desk, state: State, kept: AlertKept, alert: Alert, part: Part, origin: str) -> Revision:
    window = Window(_begins(part.info, desk.clock.now()), expires_at(alert, part.info))
    loudness = sound_class(part.info) or SoundClass.ROUTINE
    repeat, severity = _repeats(part.info), int(part.info.severity)
    source = state.source(kept.source)
    return Revision(
        origin=origin,
        revision=len(state.revisions(origin)) + 1,
        author=kept.source,
        text=spoken_frame(part.info),
        spoken=part.spoken,
        script=script_id(desk, part.spoken),
        targets=part.villages,
        sound_class=loudness,
        severity=severity,
        sender_level=int(min(map(level_of, source.areas if source else part.villages))),
        window=window,
        repeat=repeat,
        content_sha256=content_hash(part.spoken, part.villages, loudness, severity, window, repeat),
        scope=kept.scope,
        alert=kept.id,
    )


async def _parts(desk: Desk, alert: Alert, source: Source, villages: Sequence[str]) -> list[Part]:
    shares = _shares(alert, villages)
    if not shares:
        raise Invalid("targets_unknown", targets=[code for info in alert.infos for code in villages_of(info)][:5])
    return [await for_alerts(_part, desk, info, places) for info, places in shares]


def _shares(alert: Alert, villages: Sequence[str]) -> list[tuple[Info, tuple[str, ...]]]:
    """Give every village the info of the highest severity that is meant for it; unknown places are passed over."""
    infos = chosen_info(alert)
    if not infos:
        raise Invalid("info_missing")
    taken: set[str] = set()
    shares: list[tuple[Info, tuple[str, ...]]] = []
    for info in sorted(infos, key=lambda one: -one.severity):
        codes = [code for code in villages_of(info) if any(covers(code, village) for village in villages)]
        meant = [village for village in (villages_meant(codes, villages) if codes else ()) if village not in taken]
        taken.update(meant)
        if meant:
            shares.append((info, tuple(meant)))
    return shares


def _part(desk: Desk, info: Info, villages: tuple[str, ...]) -> Part:
    """Read an info aloud; where a sentence cannot be read, say what can be rather than nothing."""
    shorter = [("description",), ("description", "instruction"), ("headline", "description", "instruction")]
    for left_out in [(), *shorter]:
        try:
            words = desk.reader.read(spoken_frame(replace(info, **dict.fromkeys(left_out))))  # type: ignore[arg-type]  # None for each text
        except Invalid as error:
            last = error
        else:
            return Part(info, villages, words.text, left_out)
    raise last


def _source(state: State, asker: Asker, alert: Alert) -> Source:
    source = state.source(asker.id)
    if source is None or Role.SOURCE not in asker.roles():
        raise NotAllowed("not_a_source")
    if alert.sender != source.sender:
        raise NotAllowed("sender_foreign", sender=alert.sender[:80])
    foreign = [reference.sender for reference in alert.references if reference.sender != source.sender]
    if foreign:
        raise NotAllowed("sender_foreign", sender=foreign[0][:80])
    return source


def _allowed(asker: Asker, source: Source, parts: Sequence[Part]) -> None:
    for part in parts:
        foreign = [village for village in part.villages if not covered(source.areas, village)]
        if foreign or not asker.may(Role.SOURCE, part.villages):
            raise NotAllowed("area_foreign", areas=foreign[:5] or list(part.villages)[:5])
        if not asker.may(Role.SOURCE, part.villages, int(part.info.severity)):
            raise NotAllowed("severity_above", severity=part.info.severity.name)


def _in_time(desk: Desk, alert: Alert) -> None:
    now = desk.clock.now()
    if alert.sent > now + MOST_AHEAD:
        raise Invalid("alert_future", sent=alert.sent.isoformat())
    infos = chosen_info(alert) if _speaks(alert) else ()
    if infos and all(expires_at(alert, info) <= now for info in infos):
        raise Invalid("alert_over", expires=expires_at(alert, infos[0]).isoformat())


def expires_at(alert: Alert, info: Info) -> datetime:
    """Return until when an alert may sound: as it says, or a day from when it was sent."""
    return info.expires or alert.sent + LASTS_WITHOUT_EXPIRY


def _begins(info: Info, now: datetime) -> datetime | None:
    return info.effective if info.effective and info.effective > now else None


def _repeats(info: Info) -> int:
    said = dict(info.parameters).get("repeat", "1")
    return min(max(int(said), 1), MOST_REPEATS) if said.isascii() and said.isdigit() else 1


def _public(alert: Alert) -> bool:
    return alert.status in SPEAKING_STATUSES and alert.scope is CapScope.PUBLIC


def _speaks(alert: Alert) -> bool:
    return _public(alert) and alert.msg_type in SPEAKING_TYPES


def _held_why(alert: Alert, parts: Sequence[Part]) -> str | None:
    if alert.status is Status.EXERCISE:
        return "exercise"
    return "severity_unknown" if any(part.info.severity is Severity.UNKNOWN for part in parts) else None


def _hold(desk: Desk, source: Source, parts: Sequence[Part]) -> timedelta:
    """Return how long an operator may still stop it; nothing at all is allowed for Extreme only."""
    pinned = timedelta(milliseconds=source.hold_ms)
    top = all(part.info.severity is Severity.EXTREME for part in parts)
    return pinned if top else max(pinned, desk.policy.undo)


def _kept(desk: Desk, state: State, asker: Asker, alert: Alert, raw: bytes, verdict: str) -> AlertKept:
    alert_id = _alert_id(alert)
    scope = Scope.DRILL if alert.status is Status.EXERCISE else Scope.LIVE
    return AlertKept(
        id=alert_id,
        origin=_origin_of(state, alert, scope) or follows(alert_id, "origin"),
        source=asker.id,
        sender=alert.sender,
        identifier=alert.identifier,
        sent=alert.sent,
        scope=scope,
        msg_type=alert.msg_type,
        refs=tuple(reference.identifier for reference in alert.references),
        raw=raw,
        verdict=verdict,
        taken_at=desk.clock.now(),
        is_public=_public(alert),
    )


def _alert_id(alert: Alert) -> str:
    return follows(alert.sender, alert.identifier, alert.sent.isoformat())


def _origin_of(state: State, alert: Alert, scope: Scope) -> str | None:
    """Find what an alert speaks of: through those it names, or the name that it has itself used before.

    A drill finds drills only, and what never speaks neither finds nor is found.
    """
    names = [(one.sender, one.identifier) for one in alert.references] + [(alert.sender, alert.identifier)]
    earlier = (one for sender, identifier in names for one in state.alerts_named(sender, identifier))
    return next((one.origin for one in earlier if _counts(one, scope)), None) if _public(alert) else None


def _counts(kept: AlertKept, scope: Scope) -> bool:
    return kept.is_public and kept.scope is scope


def _overtaken(state: State, kept: AlertKept) -> bool:
    """Tell whether a later word of its sender on the same thing was here first: then it is stored and never sounds.

    Messages overtake each other on the way. A Cancel ends what it names for good; of two others the later sent holds.
    """
    of_origin = [one for one in state.alerts_of(kept.origin) if one.id != kept.id and _counts(one, kept.scope)]
    of_it = [one for one in state.alerts_referring(kept.sender, kept.identifier) if _counts(one, kept.scope)]
    is_over = any(one.msg_type == MsgType.CANCEL for one in (*of_origin, *of_it))
    return is_over or any(one.sent > kept.sent for one in of_origin) or any(_replaces(one) for one in of_it)


def _replaces(kept: AlertKept) -> bool:
    return kept.msg_type == MsgType.UPDATE


def _nth_origin(first: str, place: int) -> str:
    return first if place == 0 else follows(first, "part", place)


def _origins(state: State, first: str) -> list[Origin]:
    """Return the origins of an alert's parts, in their order."""
    found: list[Origin] = []
    while (origin := state.origin(_nth_origin(first, len(found)))) is not None:
        found.append(origin)
    return found


def _taken_event(kept: AlertKept, alert: Alert) -> Event:
    return origin_event(
        "alert.taken",
        kept.origin,
        0,
        Lane.ALERT,
        kept.scope,
        kept.taken_at,
        kept.id,
        alert=kept.id,
        sender=kept.sender,
        identifier=kept.identifier,
        msg_type=alert.msg_type,
    )


def _answer(
    state: State,
    kept: AlertKept,
    fate: str,
    notes: tuple[str, ...],
    release_at: datetime | None,
    online: frozenset[str],
) -> Taken:
    living = [one for origin in _origins(state, kept.origin) for one in state.announcements_of(origin.id)]
    newest = max((one.revision for one in living), default=0)
    villages = tuple(sorted({one.village for one in living if one.revision == newest}))
    if release_at is None:
        release_at = next((one.release_at for one in living if one.revision == newest), None)
    return Taken(kept.id, kept.origin, fate, notes, release_at, audience(state, villages, online))
