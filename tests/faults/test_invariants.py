"""The checker itself: of a run in which all went well it says nothing; whatever is doctored in it is found."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from broadcaster.desk.rows import Approval, OrderKept, Origin, Speaker, Work
from broadcaster.model.announcement import Announcement, AnnouncementState
from broadcaster.model.area import Level
from broadcaster.model.clock import milliseconds
from broadcaster.model.delivery import Delivery, Outcome, Rank, Receipt, ReceiptKind
from broadcaster.model.notice import Revision, Window
from broadcaster.model.order import Order, OrderKind, Play, Purpose, RecordingRef, write_order
from broadcaster.model.precedence import Lane, Scope, SoundClass
from broadcaster.signing.envelope import Keyring, SealingKey
from streams.agent.soundlog import Stretch
from tests.faults.invariants import INVARIANTS, PER_MS, Seen, violations

AT = datetime(2026, 5, 1, 9, tzinfo=UTC)
T = milliseconds(AT)
EAST, SPEAKER = "620723103201", "east-1"
KEYS = {purpose: SealingKey(bytes([n]) * 32, purpose) for n, purpose in enumerate(Purpose)}
LENGTH = {"n": 4_000, "a": 3_000}
EXPIRES = AT + timedelta(minutes=2)


def order(name: str, purpose: Purpose, scope: Scope = Scope.LIVE, **of_play: object) -> OrderKept:
    is_alert = purpose is not Purpose.NOTICE
    play = Play(
        announcement=f"ann-{name}",
        origin=f"origin-{name}",
        revision=1,
        sound_class=SoundClass.EMERGENCY if is_alert else SoundClass.ROUTINE,
        severity=4 if is_alert else 0,
        sender_level=Level.COUNTY,
        sent=AT,
        identifier=name,
        recording=RecordingRef(name * 64, 1, LENGTH[name], "/audio/x"),
        tone="alert" if is_alert else "notice",
        repeat=1 if is_alert else 2,
    )
    said = Order(
        f"order-{name}",
        OrderKind.PLAY,
        EAST,
        scope,
        AT,
        EXPIRES,
        play=replace(play, **of_play),  # type: ignore[arg-type] # by name
    )
    sealed = KEYS[purpose].seal(write_order(said))
    return OrderKept(
        said.id, EAST, "play", purpose, scope, AT, EXPIRES, 0, sealed.kid, sealed.body, sealed.sig, play.announcement
    )


def announcement(name: str, lane: Lane) -> Announcement:
    loud = SoundClass.EMERGENCY if lane is Lane.ALERT else SoundClass.ROUTINE
    return Announcement(
        f"ann-{name}", f"origin-{name}", 1, EAST, lane, Scope.LIVE, loud, 0, Level.COUNTY, AT, name, "script", AT, None,
        EXPIRES, 2, AnnouncementState.CLOSED,
    )  # fmt: skip


def revision(name: str, alert: str | None) -> Revision:
    return Revision(
        f"origin-{name}", 1, "author", "text", "text", "script", (EAST,), SoundClass.ROUTINE, 0, int(Level.TOWN),
        Window(None, EXPIRES), 2, f"content-{name}", alert=alert,
    )  # fmt: skip


def sound(name: str, part: str, repeat: int, from_ms: int, to_ms: int, at: int, ended: str = "end") -> Stretch:
    sha256 = ("notice" if name == "n" else "alert") if part == "tone" else name * 64
    return Stretch(
        SPEAKER, f"order-{name}", f"ann-{name}", part, sha256, repeat, from_ms * PER_MS, to_ms * PER_MS, T + at, ended
    )


def receipt(name: str, kind: ReceiptKind, at: int, **said: object) -> Receipt:
    return Receipt(f"{name}-{kind}-{at}", f"order-{name}", SPEAKER, kind, T + at, **said)  # type: ignore[arg-type] # by name


def delivery(name: str, heard_ms: int, repeats: int) -> Delivery:
    return Delivery(
        f"ann-{name}", SPEAKER, Rank.FINAL, outcome=Outcome.PLAYED, heard_ms=heard_ms, repeats_done=repeats,
        audio_sha256=name * 64,
    )  # fmt: skip


LIFE = (
    sound("n", "tone", 1, 0, 1_200, 0),
    sound("n", "recording", 1, 0, 2_000, 1_200, "cut"),
    sound("a", "tone", 1, 0, 3_000, 3_250),
    sound("a", "recording", 1, 0, 3_000, 6_250),
    sound("n", "recording", 1, 0, 4_000, 9_260),
    sound("n", "tone", 2, 0, 1_200, 16_260),
    sound("n", "recording", 2, 0, 4_000, 17_460),
)

WELL = Seen(
    lives={SPEAKER: [LIFE]},
    speakers=[Speaker(SPEAKER, EAST, "agent", bytes(32), AT)],
    origins=[Origin(f"origin-{name}", "notice", Scope.LIVE, name, AT) for name in "na"],
    revisions=[revision("n", None), revision("a", "alert-1")],
    approvals=[Approval("y", "origin-n", 1, "content-n", "author", "approver", AT)],
    announcements=[announcement("n", Lane.NOTICE), announcement("a", Lane.ALERT)],
    orders=[order("n", Purpose.NOTICE), order("a", Purpose.ALERT)],
    deliveries=[delivery("n", 8_000, 2), delivery("a", 3_000, 1)],
    receipts=[
        receipt("n", ReceiptKind.ACCEPTED, -100),
        receipt("a", ReceiptKind.ACCEPTED, 3_100),
        receipt("a", ReceiptKind.DONE, 9_250, outcome=Outcome.PLAYED, heard_ms=3_000),
        receipt("n", ReceiptKind.DONE, 21_470, outcome=Outcome.PLAYED, heard_ms=8_000),
    ],
    pinned=frozenset({"author"}),
    keys=Keyring.of(*(key.public for key in KEYS.values())),
    asked={"key-n": ["origin-n", "origin-n"], "key-a": ["origin-a"]},
)


def sounding(*life: Stretch, then: tuple[Stretch, ...] | None = None) -> Seen:
    return replace(WELL, lives={SPEAKER: [life] if then is None else [life, then]})


def moved(place: int, **changes: object) -> Seen:
    life = list(LIFE)
    life[place] = replace(life[place], **changes)  # type: ignore[arg-type] # by name
    return sounding(*life)


def rows(place: int, **changes: object) -> Seen:
    found = list(WELL.deliveries)
    found[place] = replace(found[place], **changes)  # type: ignore[arg-type] # by name
    return replace(WELL, deliveries=found)


def ordered(*orders: OrderKept) -> Seen:
    return replace(WELL, orders=list(orders))


FORGED = replace(order("n", Purpose.NOTICE), sig=bytes(64))
ALERT_BY_NOTICE_KEY = replace(
    order("a", Purpose.ALERT),
    **{name: getattr(KEYS[Purpose.NOTICE].seal(order("a", Purpose.ALERT).body), name) for name in ("kid", "sig")},
)
WAITED = sounding(
    sound("n", "recording", 1, 0, 4_000, 1_200),
    sound("n", "recording", 2, 0, 4_000, 5_260),
    sound("a", "tone", 1, 0, 3_000, 9_270),
    sound("a", "recording", 1, 0, 3_000, 12_270),
)
AGAIN = (*LIFE, sound("n", "recording", 2, 0, 4_000, 25_000))
LOST = sounding(
    sound("n", "recording", 1, 0, 2_000, 0, ""), then=(sound("n", "recording", 1, 0, 4_000, 9_000),)
)  # fmt: skip

DOCTORED: dict[str, tuple[Seen, str]] = {
    "a row has no end": (rows(0, rank=Rank.STARTED, outcome=None), "every_delivery_has_one_end"),
    "a row is missing": (replace(WELL, deliveries=WELL.deliveries[:1]), "every_delivery_has_one_end"),
    "two ends were told": (rows(0, contradiction="expired"), "every_delivery_has_one_end"),
    "an announcement stays open": (
        replace(WELL, announcements=[replace(WELL.announcements[0], state=AnnouncementState.ORDERED)]),
        "every_delivery_has_one_end",
    ),
    "work is left over": (replace(WELL, undone=[Work("w", "send", "x", Lane.ALERT, AT)]), "nothing_is_left_to_do"),
    "an event was buried": (replace(WELL, buried=["receipt_unknown"]), "nothing_is_left_to_do"),
    "a repeat is heard twice": (sounding(*AGAIN), "a_repeat_is_heard_once"),
    "a lost repeat is begun again": (LOST, "a_lost_repeat_stays_lost"),
    "a repeat begins after its expiry": (moved(5, at_ms=T + 121_000), "nothing_begins_too_late"),
    "an item begins before its time": (
        ordered(order("n", Purpose.NOTICE, not_before=AT + timedelta(seconds=5)), WELL.orders[1]),
        "nothing_begins_too_late",
    ),
    "an item begins after its cancel": (
        sounding(*LIFE, sound("a", "recording", 1, 0, 1_000, 22_000, "cut")),
        "what_is_cancelled_is_silent",
    ),
    "an item begins after its cancel, in another life": (
        replace(WELL, watched={SPEAKER: [("accepted", "ann-a"), ("done", "ann-a"), ("started", "ann-a")]}),
        "what_is_cancelled_is_silent",
    ),
    "an item sounds on after its cancel": (moved(6, at_ms=T + 21_000), "what_is_cancelled_is_silent"),
    "nobody ordered it": (ordered(WELL.orders[0]), "only_orders_sound"),
    "its signature is forged": (ordered(FORGED, WELL.orders[1]), "only_orders_sound"),
    "the wrong key signed it": (ordered(WELL.orders[0], ALERT_BY_NOTICE_KEY), "only_orders_sound"),
    "another village was meant": (
        replace(WELL, speakers=[replace(WELL.speakers[0], village="620723103999")]),
        "only_orders_sound",
    ),
    "nobody approved it": (replace(WELL, approvals=[]), "only_what_was_allowed_sounds"),
    "its author approved it": (
        replace(WELL, approvals=[replace(WELL.approvals[0], approver_id="author")]),
        "only_what_was_allowed_sounds",
    ),
    "something else was approved": (
        replace(WELL, approvals=[replace(WELL.approvals[0], content_sha256="other")]),
        "only_what_was_allowed_sounds",
    ),
    "its source is not pinned": (replace(WELL, pinned=frozenset()), "only_what_was_allowed_sounds"),
    "an alert waits for a notice": (WAITED, "the_higher_one_does_not_wait"),
    "what was told as played did not sound": (sounding(*LIFE[:6]), "played_is_what_sounded"),
    "what sounded is told otherwise": (rows(0, outcome=Outcome.EXPIRED), "played_is_what_sounded"),
    "a hole lies in what was played": (
        sounding(*LIFE[:6], replace(LIFE[6], start=1_000 * PER_MS)),
        "played_is_what_sounded",
    ),
    "more is told than was heard": (rows(0, heard_ms=8_500), "heard_is_what_sounded"),
    "less is told than was heard": (rows(1, heard_ms=1_000), "heard_is_what_sounded"),
    "another file sounded": (moved(3, sha256="b" * 64), "the_right_file_sounds"),
    "another file was told of": (rows(0, audio_sha256="b" * 64), "the_right_file_sounds"),
    "a key made two things": (
        replace(WELL, asked={"key-n": ["origin-n", "origin-a"]}),
        "a_key_makes_one_thing",
    ),
    "what was answered is lost": (replace(WELL, origins=WELL.origins[:1]), "a_key_makes_one_thing"),
    "something was made twice": (
        replace(WELL, origins=[*WELL.origins, Origin("twin", "notice", Scope.LIVE, "n", AT)]),
        "a_key_makes_one_thing",
    ),
    "the chain is broken": (replace(WELL, chain="audit_broken at 3"), "the_audit_chain_is_whole"),
    "a drill went out live": (
        replace(WELL, announcements=[replace(WELL.announcements[1], scope=Scope.DRILL)]),
        "a_drill_is_a_drill",
    ),
    "a live alert sounded like a drill": (moved(2, sha256="drill"), "a_drill_is_a_drill"),
    "a drill's key signed a live order": (
        ordered(WELL.orders[0], replace(WELL.orders[1], purpose="drill")),
        "a_drill_is_a_drill",
    ),
    "two things sound at once": (moved(3, at_ms=T + 5_000), "one_sound_at_a_time"),
    "a short piece goes on from its middle": (moved(4, start=2_000 * PER_MS), "what_goes_on_goes_on"),
}


def test_of_a_run_in_which_all_went_well_nothing_is_said() -> None:
    assert violations(WELL) == []


@pytest.mark.parametrize("what", DOCTORED)
def test_whatever_is_wrong_is_found_and_named(what: str) -> None:
    seen, name = DOCTORED[what]

    assert name in {line.partition(":")[0] for line in violations(seen)}


def test_every_invariant_has_a_run_that_breaks_it() -> None:
    assert {name for _, name in DOCTORED.values()} == {one.__name__ for one in INVARIANTS}


def test_a_top_alert_may_be_heard_once_more_after_a_crash_if_that_is_flagged() -> None:
    """
    Its first time may have been cut short a moment before its end: better twice than not at all.
    """
    cut, again = replace(LIFE[3], ended=""), replace(LIFE[3], at_ms=T + 30_000, crash_replay=True)

    def told_of(*then: Callable[[], Stretch]) -> set[str]:
        seen = sounding(*LIFE[:3], cut, then=tuple(one() for one in then))
        return {line.partition(":")[0] for line in violations(seen)}

    assert "a_lost_repeat_stays_lost" not in told_of(lambda: again)
    assert "a_repeat_is_heard_once" not in told_of(lambda: again)
    assert "a_repeat_is_heard_once" in told_of(
        lambda: again, lambda: replace(again, at_ms=T + 40_000, crash_replay=False)
    )
