"""Filled-in rows of a small town, for tests of the book."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from broadcaster.desk.events import Event, announcement_event
from broadcaster.desk.rows import (
    AlertKept,
    Approval,
    Audit,
    DeadLetter,
    Grant,
    Idempotency,
    OrderKept,
    Origin,
    Principal,
    RecordingKept,
    Release,
    Retry,
    Role,
    Script,
    Session,
    Source,
    Speaker,
    SpeakerHealth,
    Stop,
    Submission,
    Timer,
    Token,
    Tombstone,
    Work,
)
from broadcaster.model.announcement import Announcement, AnnouncementState
from broadcaster.model.area import Area, Level
from broadcaster.model.delivery import Delivery, Outcome, Rank
from broadcaster.model.notice import Revision, Window
from broadcaster.model.precedence import Lane, Scope, SoundClass

NOW = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
TOWN, EAST, WEST = "620723103", "620723103204", "620723103205"


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def area(code: str, name: str = "上庄村", **other: object) -> Area:
    return replace(Area(code, code[:-3], "village", name), **other)


def speaker(name: str, village: str = EAST, **other: object) -> Speaker:
    return replace(Speaker(name, village, "agent", bytes(range(32)), NOW), **other)


def origin(name: str = "flood", **other: object) -> Origin:
    return replace(Origin(name, "alert", Scope.LIVE, "山洪红色预警", NOW), **other)


def revision(of: str = "flood", n: int = 1, **other: object) -> Revision:
    whole = Revision(
        origin=of,
        revision=n,
        author="wang",
        text="12℃",
        spoken="十二摄氏度",
        script="script-1",
        targets=(EAST, WEST),
        sound_class=SoundClass.EMERGENCY,
        severity=4,
        sender_level=3,
        window=Window(None, after(3600)),
        repeat=2,
        content_sha256="c0ffee",
    )
    return replace(whole, **other)


def announcement(name: str = "a1", **other: object) -> Announcement:
    whole = Announcement(
        id=name,
        origin=f"origin of {name}",
        revision=1,
        village=EAST,
        lane=Lane.ALERT,
        scope=Scope.LIVE,
        sound_class=SoundClass.EMERGENCY,
        severity=4,
        sender_level=Level.COUNTY,
        sent=NOW,
        identifier=name,
        script="script-1",
        release_at=after(10),
        not_before=None,
        expires=after(3600),
        repeat=1,
    )
    return replace(whole, **other)


def order(name: str, of: str | None = "a1", **other: object) -> OrderKept:
    whole = OrderKept(
        name, EAST, "play", "alert", Scope.LIVE, NOW, after(3600), 1, "kid", b"\x00body\xff", b"sig", announcement=of
    )
    return replace(whole, **other)


def work(name: str, **other: object) -> Work:
    return replace(Work(name, "voice", name, Lane.ALERT, NOW), **other)


def alert(name: str = "m1", **other: object) -> AlertKept:
    whole = AlertKept(
        name, "flood", "county", "ewc@linze", name, NOW, Scope.LIVE, "Alert", ("eins", "zwei"), b"<alert/>", "", NOW
    )
    return replace(whole, **other)


def event(name: str, lane: Lane = Lane.NOTICE, topic: str = "receipts", **other: object) -> Event:
    whole = Event(name, "receipt.done.v1", topic, EAST, lane, Scope.LIVE, NOW, "cause", payload={"order": name})
    return replace(whole, **other)


def planned(of: Announcement) -> Event:
    return announcement_event("planned", of, NOW, "issuing")


def line(what: str = "approved") -> Audit:
    return Audit(NOW, "li", what, {"origin": "flood", "村": [1, 2]})


def letter(name: str, **other: object) -> DeadLetter:
    return replace(DeadLetter(name, "airing", "receipts", b"\xfe", "Refused: x", NOW), **other)


def retry(name: str, **other: object) -> Retry:
    return replace(Retry("airing", name, Lane.ALERT, "receipts", b"{}", NOW, 1, "OutOfReach"), **other)


ONE_OF_EACH = (
    area(EAST, people=812),
    speaker("s1", retired_at=after(5)),
    SpeakerHealth("s1", NOW, 70, -12, "amp", "1.0", after(-3)),
    Principal("li", "李主任", "person"),
    Grant("li", Role.APPROVE, TOWN, 3),
    Token("f00d", "li", "link", after(60), None),
    Session("cookie", "li", after(60), "csrf"),
    Source("county", "ewc@linze", ("620723", TOWN), 10_000, "PEM"),
    Idempotency("li", "key-1", "5ha", '{"a":1}', NOW),
    origin(),
    alert(),
    revision(window=Window(after(10), after(20)), scope=Scope.DRILL, alert="m1"),
    Submission("flood", 1, "wang", NOW),
    Approval("yes", "flood", 1, "c0ffee", "wang", "li", NOW, recording_sha256="5ha"),
    Release("flood", 1, "zhao", NOW, after(10)),
    Script("script-1", "十二摄氏度", "kokoro", "r1", "ready", Lane.ALERT, "5ha"),
    RecordingKept("5ha", "opus", 12_345, 6_780, -16.2),
    announcement(state=AnnouncementState.HELD, held_why="unknown severity", supersedes="a0"),
    Delivery("a1", "s1", Rank.FINAL, outcome=Outcome.PLAYED, heard_ms=9_000, crash_replay=True, planned=False),
    order("o1"),
    Stop("stop-1", TOWN, NOW, "li"),
    Tombstone("a1", "stopped", NOW, after(86_400), "o1"),
    work("w1", lease_until=after(30), lease_token="t", attempt=1),
    Timer("t1", "close", "a1", Lane.NOTICE, after(7)),
    letter("d1"),
)
"""One row of every kind that is kept as it is, in an order that the schema takes."""
