"""What every book promises, whatever database it is kept in."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from broadcaster.desk.ports import Book, LogPen, State
from broadcaster.desk.rows import Approval, DeadLetter, Grant, Idempotency, Role, Session, Stop, Timer, Token, Tombstone
from broadcaster.model.announcement import AnnouncementState
from broadcaster.model.delivery import Delivery, Rank
from broadcaster.model.errors import Conflict
from broadcaster.model.precedence import Lane
from tests.contracts.books import BOOKS, NotingBell, Opened
from tests.store import sheets
from tests.store.sheets import EAST, NOW, ONE_OF_EACH, TOWN, WEST, after


@pytest.fixture(params=BOOKS)
async def opened(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Opened]:
    async with BOOKS[request.param](tmp_path) as opened:
        yield opened


@pytest.fixture
def book(opened: Opened) -> Book:
    return opened.book


@pytest.fixture
def bell(opened: Opened) -> NotingBell:
    return opened.bell


async def put(book: Book, *rows: Any, lane: Lane = Lane.NOTICE) -> None:
    await book.write(lane, lambda pen: pen.put(*rows))


def ids(rows: Iterable[Any]) -> list[str]:
    return [row.id for row in rows]


ASKED: dict[str, Callable[[State], Any]] = {
    "Area": lambda state: state.areas()[EAST],
    "Speaker": lambda state: state.speaker("s1"),
    "SpeakerHealth": lambda state: state.health()["s1"],
    "Principal": lambda state: state.principal("li"),
    "Grant": lambda state: state.grants("li")[0],
    "Token": lambda state: state.token("f00d"),
    "Session": lambda state: state.session("cookie"),
    "Source": lambda state: state.source("county"),
    "Idempotency": lambda state: state.idempotency("li", "key-1"),
    "Origin": lambda state: state.origin("flood"),
    "AlertKept": lambda state: state.alert("m1"),
    "Revision": lambda state: state.revision("flood", 1),
    "Submission": lambda state: state.submission("flood", 1),
    "Approval": lambda state: state.approvals("flood", 1)[0],
    "Release": lambda state: state.release("flood", 1),
    "Script": lambda state: state.script("script-1"),
    "RecordingKept": lambda state: state.recording("5ha"),
    "Announcement": lambda state: state.announcement("a1"),
    "Delivery": lambda state: state.delivery("a1", "s1"),
    "OrderKept": lambda state: state.order("o1"),
    "Stop": lambda state: state.stops(TOWN)[0],
    "Tombstone": lambda state: state.tombstones(["a1"])["a1"],
    "Work": lambda state: state.work("voice", "w1"),
    "Timer": lambda state: state.timers_due(after(8), limit=1)[0],
}


class TestKeeping:
    async def test_what_was_put_is_found_as_it_was(self, book: Book) -> None:
        await put(book, ONE_OF_EACH)

        found = await book.read(lambda state: {name: ask(state) for name, ask in ASKED.items()})

        assert found == {type(row).__name__: row for row in ONE_OF_EACH if type(row).__name__ in found}
        assert len(found) == len(ONE_OF_EACH) - 1  # dead letters are the engine's to ask for

    async def test_what_is_not_there_is_none_or_nothing(self, book: Book) -> None:
        def ask(state: State) -> list[Any]:
            return [
                state.speaker("x"),
                state.token("x"),
                state.revision("x", 1),
                state.work("voice", "x"),
                state.next_due(["voice"], Lane.ALERT),
                state.next_timer(),
                state.next_delivery_try(),
            ]

        assert await book.read(ask) == [None] * 7
        assert await book.read(lambda state: state.announcements([])) == {}

    async def test_a_row_put_again_replaces_the_earlier(self, book: Book) -> None:
        await put(book, sheets.announcement(), Delivery("a1", "s1"))
        await put(book, sheets.announcement(state=AnnouncementState.READY), Delivery("a1", "s1", Rank.SENT, tries=1))

        kept = await book.read(lambda state: (state.announcement("a1"), state.deliveries(["a1"])))

        assert kept[0] == sheets.announcement(state=AnnouncementState.READY)
        assert kept[1] == [Delivery("a1", "s1", Rank.SENT, tries=1)]

    async def test_an_order_is_never_replaced(self, book: Book) -> None:
        """A signature made twice after a crash goes out as it went out first."""
        await put(book, sheets.order("o1", sig=b"first"))
        await put(book, sheets.order("o1", sig=b"second"))

        assert (await book.read(lambda state: state.orders(["o1"])))["o1"].sig == b"first"

    async def test_what_is_put_is_seen_by_what_is_asked_next(self, book: Book) -> None:
        def job(pen: LogPen) -> bool:
            pen.put(sheets.announcement())
            return pen.announcement("a1") is not None

        assert await book.write(Lane.ALERT, job)

    async def test_a_job_that_fails_leaves_nothing_and_takes_nobody_with_it(self, book: Book) -> None:
        def fails(pen: LogPen) -> None:
            pen.put(sheets.origin("lost"))
            raise KeyError("mine")

        jobs = [
            book.write(Lane.NOTICE, lambda pen: pen.put(sheets.origin("one"))),
            book.write(Lane.NOTICE, fails),
            book.write(Lane.NOTICE, lambda pen: pen.put(sheets.origin("two"))),
        ]
        _, failed, _ = await asyncio.gather(*jobs, return_exceptions=True)

        assert repr(failed) == repr(KeyError("mine"))
        assert set(ids(await book.read(lambda state: state.origins()))) == {"one", "two"}

    async def test_nobody_approves_what_they_wrote(self, book: Book) -> None:
        """The database itself refuses, whatever the desk was told."""
        await put(book, sheets.revision())
        own = Approval("own", "flood", 1, "c0ffee", "wang", "wang", NOW)

        with pytest.raises(Conflict) as refused:
            await put(book, own)
        await put(book, replace(own, id="glass", glass=True))

        assert refused.value.code == "book_rule"
        assert ids(await book.read(lambda state: state.approvals("flood", 1))) == ["glass"]

    async def test_only_what_exists_can_be_approved(self, book: Book) -> None:
        with pytest.raises(Conflict):
            await put(book, Approval("yes", "nothing", 1, "c0ffee", "wang", "li", NOW))

    async def test_one_message_is_kept_once(self, book: Book) -> None:
        await put(book, sheets.alert("m1", identifier="same"))

        with pytest.raises(Conflict):
            await put(book, sheets.alert("m2", identifier="same"))

    async def test_many_names_are_asked_for_at_once(self, book: Book) -> None:
        await put(book, [Delivery(f"a{n}", "s1") for n in range(12_000)])

        found = await book.read(lambda state: state.deliveries([f"a{n}" for n in range(12_000)]))

        assert len(found) == 12_000


class TestPlaces:
    async def test_villages_are_the_areas_of_twelve_digits(self, book: Book) -> None:
        await put(book, [sheets.area(code) for code in (WEST, EAST, TOWN, f"{EAST}-3")])

        assert await book.read(lambda state: state.villages()) == (EAST, WEST)
        assert list(await book.read(lambda state: state.areas())) == [TOWN, EAST, f"{EAST}-3", WEST]

    async def test_a_retired_loudspeaker_is_not_in_its_village(self, book: Book) -> None:
        await put(book, sheets.speaker("s1"), sheets.speaker("s2", retired_at=NOW), sheets.speaker("s3", village=WEST))

        assert ids(await book.read(lambda state: state.speakers_in([EAST]))) == ["s1"]
        assert ids(await book.read(lambda state: state.speakers())) == ["s1", "s2", "s3"]

    async def test_grants_are_taken_back_together(self, book: Book) -> None:
        await put(book, Grant("li", Role.DRAFT, EAST), Grant("li", Role.APPROVE, TOWN), Grant("wu", Role.DRAFT, EAST))

        await book.write(Lane.NOTICE, lambda pen: pen.retire_grants("li"))

        assert await book.read(lambda state: (state.grants("li"), len(state.grants("wu")))) == ([], 1)

    async def test_tokens_and_sessions_are_found_by_whose_they_are(self, book: Book) -> None:
        await put(book, Token("t1", "li", "api", after(9)), Token("t2", "wu", "api", after(9)))
        await put(book, Session("c1", "li", after(9), "x"), Session("c2", "wu", after(9), "x"))

        assert [token.sha256 for token in await book.read(lambda state: state.tokens_of("li"))] == ["t1"]
        assert ids(await book.read(lambda state: state.sessions_of("wu"))) == ["c2"]
        assert await book.read(lambda state: state.principals()) == []


class TestSayings:
    async def test_origins_come_newest_first(self, book: Book) -> None:
        await put(book, [sheets.origin(f"o{n}", made_at=after(n), kind=("alert", "notice")[n % 2]) for n in range(4)])

        assert ids(await book.read(lambda state: state.origins(limit=3))) == ["o3", "o2", "o1"]
        assert ids(await book.read(lambda state: state.origins(kind="alert"))) == ["o2", "o0"]

    async def test_revisions_come_oldest_first(self, book: Book) -> None:
        await put(book, sheets.revision(n=2), sheets.revision(n=1))

        assert [one.revision for one in await book.read(lambda state: state.revisions("flood"))] == [1, 2]

    async def test_an_alert_is_found_by_its_senders_name_for_it(self, book: Book) -> None:
        await put(book, sheets.alert("m1", identifier="x"), sheets.alert("m2", identifier="x", sent=after(1)))
        await put(book, sheets.alert("m3", identifier="x", sender="other", sent=after(2)))

        named = await book.read(lambda state: state.alerts_named("ewc@linze", "x"))

        assert ids(named) == ["m2", "m1"]
        assert ids(await book.read(lambda state: state.alerts_of("flood"))) == ["m1", "m2", "m3"]

    @pytest.mark.parametrize("name", ['q"u\\o', "100%_", "红色"])
    async def test_an_alert_is_found_by_what_it_refers_to(self, book: Book, name: str) -> None:
        await put(book, sheets.alert("m1", refs=("a", name)), sheets.alert("m2", refs=(f"{name}0", "100ab")))
        await put(book, sheets.alert("m3", refs=(name,), sender="other"))

        assert ids(await book.read(lambda state: state.alerts_referring("ewc@linze", name))) == ["m1"]

    async def test_a_script_is_wanted_while_something_is_to_be_announced_with_it(self, book: Book) -> None:
        async def is_wanted() -> bool:
            return await book.read(lambda state: state.script_wanted("script-1"))

        wanted = [await is_wanted()]
        await put(book, sheets.revision())
        wanted.append(await is_wanted())
        spoken = sheets.announcement(origin="flood")
        await put(book, spoken)
        wanted.append(await is_wanted())
        waiting = await book.read(lambda state: state.scripts_waiting("script-1"))
        await put(book, replace(spoken, state=AnnouncementState.CLOSED))
        wanted.append(await is_wanted())

        assert wanted == [False, True, True, False]
        assert waiting == [spoken]
        assert await book.read(lambda state: state.scripts_waiting("script-1")) == []


class TestAirtime:
    async def test_an_area_holds_what_lies_under_it_and_is_not_closed(self, book: Book) -> None:
        await put(book, sheets.announcement("a1"), sheets.announcement("a2", village=WEST))
        await put(book, sheets.announcement("a3", state=AnnouncementState.CLOSED))
        await put(book, sheets.announcement("a4", village="620723104201"))

        unclosed = {
            code: ids(await book.read(lambda state, code=code: state.unclosed_in(code)))
            for code in (TOWN, EAST, "", "6207231032", f"{EAST}-1")
        }

        assert unclosed == {
            TOWN: ["a1", "a2"],
            EAST: ["a1"],
            "": ["a1", "a2", "a4"],
            "6207231032": ["a1", "a2"],
            f"{EAST}-1": [],
        }

    async def test_a_village_shows_the_latest_first(self, book: Book) -> None:
        await put(book, [sheets.announcement(f"a{n}", sent=after(n)) for n in range(4)])

        assert ids(await book.read(lambda state: state.announcements_in(EAST, limit=2))) == ["a3", "a2"]

    async def test_announcements_are_found_by_origin_and_by_name(self, book: Book) -> None:
        await put(book, sheets.announcement("a2", origin="o", village=WEST), sheets.announcement("a1", origin="o"))

        assert ids(await book.read(lambda state: state.announcements_of("o"))) == ["a1", "a2"]
        assert set(await book.read(lambda state: state.announcements(["a1", "x"]))) == {"a1"}

    async def test_what_is_due_comes_alerts_first(self, book: Book) -> None:
        await put(book, sheets.announcement("n", lane=Lane.NOTICE), sheets.announcement("a"))
        await put(book, Delivery("n", "s1", next_try_at=ms(1)), Delivery("a", "s1", next_try_at=ms(3)))
        await put(book, Delivery("a", "s2", next_try_at=ms(2)), Delivery("a", "later", next_try_at=ms(9)))
        await put(book, Delivery("a", "ended", Rank.NO_RECEIPT, next_try_at=ms(1)), Delivery("a", "never"))

        due = await book.read(lambda state: state.deliveries_due(after(3), limit=9))
        first = await book.read(lambda state: state.deliveries_due(after(3), limit=1))

        assert [(one.announcement, one.target) for one in due] == [("a", "s2"), ("a", "s1"), ("n", "s1")]
        assert list(first) == due[:1]
        assert await book.read(lambda state: state.next_delivery_try()) == after(1)

    async def test_a_loudspeaker_owes_what_is_unfinished(self, book: Book) -> None:
        await put(book, [Delivery(f"a{rank}", "s1", Rank(rank)) for rank in range(6)], Delivery("a0", "s2"))

        owed = await book.read(lambda state: state.deliveries_of("s1"))
        every = await book.read(lambda state: state.deliveries_of("s1", unfinished=False))

        assert [int(one.rank) for one in owed] == [0, 1, 2, 3]
        assert len(every) == 6

    async def test_open_plays_are_unexpired_and_not_silenced_alerts_first(self, book: Book) -> None:
        await put(book, sheets.announcement("n", lane=Lane.NOTICE), [sheets.announcement(f"a{n}") for n in range(4)])
        await put(book, sheets.order("notice", "n"), sheets.order("late", "a0", issued=after(5)))
        await put(book, sheets.order("early", "a1"), sheets.order("over", "a2", expires=after(60)))
        await put(book, sheets.order("silenced", "a3"), Tombstone("a3", "cancelled", NOW, after(9)))
        await put(book, sheets.order("cancel", "a1", kind="cancel"), sheets.order("other", "a1", village=WEST))

        plays = await book.read(lambda state: state.open_plays(EAST, after(60)))

        assert ids(plays) == ["early", "late", "notice"]

    async def test_orders_are_found_by_what_they_serve(self, book: Book) -> None:
        await put(book, sheets.order("o2", issued=after(1)), sheets.order("o1"), sheets.order("o3", None, stop="stop"))

        assert ids(await book.read(lambda state: state.orders_of(["a1"]))) == ["o1", "o2"]
        assert ids(await book.read(lambda state: state.orders_of_stop("stop"))) == ["o3"]

    async def test_a_stop_covers_its_area_and_all_under_it(self, book: Book) -> None:
        await put(book, Stop("town", TOWN, NOW, "li"), Stop("east", EAST, after(1), "li"), Stop("all", "", NOW, "li"))

        assert ids(await book.read(lambda state: state.stops(EAST))) == ["east", "town", "all"]
        assert ids(await book.read(lambda state: state.stops(WEST))) == ["town", "all"]
        assert ids(await book.read(lambda state: state.stops(EAST, limit=1))) == ["east"]
        assert await book.read(lambda state: state.stop("town")) == Stop("town", TOWN, NOW, "li")
        assert await book.read(lambda state: state.stop("west")) is None


class TestTasks:
    async def test_work_is_claimable_when_due_free_and_not_done(self, book: Book) -> None:
        await put(book, sheets.work("due", due=after(-1)), sheets.work("now"), sheets.work("later", due=after(1)))
        await put(book, sheets.work("held", lease_until=after(1)), sheets.work("lapsed", lease_until=NOW))
        await put(book, sheets.work("done", done_at=NOW), sheets.work("notice", lane=Lane.NOTICE))
        await put(book, sheets.work("send", kind="send"))

        claimable = await book.read(lambda state: state.claimable(["voice"], Lane.ALERT, NOW, limit=9))

        assert ids(claimable) == ["due", "lapsed", "now"]

    async def test_the_next_work_is_the_first_due_or_the_first_lease_to_end(self, book: Book) -> None:
        def next_due(state: State) -> Any:
            return state.next_due(["voice", "order"], Lane.ALERT)

        await put(book, sheets.work("later", due=after(9)), sheets.work("other", kind="send"))
        first = await book.read(next_due)
        await put(book, sheets.work("held", kind="order", lease_until=after(5)))
        second = await book.read(next_due)
        await put(book, sheets.work("done", due=after(-9), done_at=NOW))

        assert (first, second, await book.read(next_due)) == (after(9), after(5), after(5))

    async def test_timers_come_when_due_the_earliest_first(self, book: Book) -> None:
        timers = [Timer(f"t{n}", "close", "a1", Lane.ALERT, after(n)) for n in (3, 1, 2)]
        await put(book, timers, Timer("done", "close", "a1", Lane.ALERT, NOW, done_at=NOW))

        assert ids(await book.read(lambda state: state.timers_due(after(2), limit=5))) == ["t1", "t2"]
        assert await book.read(lambda state: state.next_timer()) == after(1)

    async def test_the_first_epoch_is_one(self, book: Book) -> None:
        assert await book.read(lambda state: state.epoch()) == 1

    async def test_the_audit_trail_shows_the_latest_first(self, book: Book) -> None:
        await put(book, sheets.line("one"), sheets.line("two"))
        await put(book, sheets.line("three"))

        trail = await book.read(lambda state: state.audit_trail(limit=2))

        assert list(trail) == [sheets.line("three"), sheets.line("two")]


class TestLog:
    async def test_events_are_read_in_the_order_they_were_put(self, book: Book) -> None:
        events = [sheets.event(f"e{n}", topic=("receipts", "deliveries")[n % 2]) for n in range(6)]
        await put(book, events, sheets.event("alert", Lane.ALERT), sheets.event("other", topic="heartbeats"))

        def after_seq(seq: int, limit: int = 9) -> Callable[[LogPen], list[tuple[str, str]]]:
            return lambda pen: [
                (line.event_id, line.topic)
                for line in pen.outbox_after(["receipts", "deliveries"], seq, Lane.NOTICE, limit=limit)
            ]

        whole = await book.write(Lane.NOTICE, after_seq(0))
        part = await book.write(Lane.NOTICE, after_seq(2, limit=2))

        assert whole == [(one.id, one.topic) for one in events]
        assert part == whole[2:4]
        assert await book.write(Lane.NOTICE, lambda pen: pen.outbox_end()) == 8

    async def test_an_event_put_twice_is_one(self, book: Book) -> None:
        """Stages that run again emit the same ids; loudspeakers repeat their receipts."""
        await put(book, sheets.event("e"), sheets.event("e", topic="deliveries"))
        await put(book, sheets.event("e", Lane.ALERT))

        lines = await book.write(Lane.NOTICE, lambda pen: pen.outbox_after(["receipts"], 0, Lane.NOTICE, limit=9))

        assert [(line.event_id, line.type, line.key, line.at) for line in lines] == [
            ("e", "receipt.done.v1", EAST, NOW)
        ]
        assert b'"order":"e"' in lines[0].body

    async def test_a_readers_position_is_its_own(self, book: Book) -> None:
        def job(pen: LogPen) -> tuple[int, ...]:
            pen.set_position("airing", "receipts", 7, "e7")
            pen.set_position("airing", "receipts", 8, "e8")
            return pen.position("airing", "receipts"), pen.position("closing", "receipts")

        assert await book.write(Lane.ALERT, job) == (8, 0)

    async def test_an_event_is_new_to_a_reader_once(self, book: Book) -> None:
        first = await book.write(Lane.ALERT, lambda pen: pen.inbox_new("airing", ["a", "b", "a"], NOW))
        again = await book.write(Lane.ALERT, lambda pen: pen.inbox_new("airing", ["b", "c"], NOW))
        other = await book.write(Lane.ALERT, lambda pen: pen.inbox_new("closing", ["b"], NOW))

        assert (first, again, other) == ({"a", "b"}, {"c"}, {"b"})

    async def test_what_is_tried_again_comes_when_it_is_due(self, book: Book) -> None:
        await book.write(
            Lane.ALERT, lambda pen: pen.retry_put(sheets.retry("r1", due=after(5)), sheets.retry("r2", due=after(1)))
        )
        await book.write(Lane.ALERT, lambda pen: pen.retry_put(sheets.retry("r1", due=after(2), attempt=2)))

        due = await book.write(Lane.ALERT, lambda pen: pen.retry_due(Lane.ALERT, after(2), limit=9))
        upcoming = await book.write(Lane.ALERT, lambda pen: pen.next_retry(Lane.ALERT))
        await book.write(Lane.ALERT, lambda pen: pen.retry_done("airing", "r2"))
        left = await book.write(Lane.ALERT, lambda pen: pen.retry_due(Lane.ALERT, after(2), limit=9))

        assert [(one.event_id, one.attempt) for one in due] == [("r2", 1), ("r1", 2)]
        assert upcoming == after(1)
        assert left == [sheets.retry("r1", due=after(2), attempt=2)]

    async def test_dead_letters_lie_until_somebody_decides(self, book: Book) -> None:
        await book.write(Lane.ALERT, lambda pen: pen.bury(sheets.letter("d1")))
        await book.write(Lane.ALERT, lambda pen: pen.bury(sheets.letter("d2", at=after(1))))
        await put(book, sheets.letter("d3", fate="discarded", by="li"))

        assert ids(await book.write(Lane.ALERT, lambda pen: pen.dead_letters())) == ["d2", "d1"]


class TestLeases:
    async def test_work_is_claimed_by_one(self, book: Book) -> None:
        await put(book, [sheets.work(f"w{n}", due=after(-n)) for n in range(3)])

        def claim(token: str, limit: int) -> Callable[[LogPen], list[tuple[str, int]]]:
            return lambda pen: [
                (work.id, work.attempt) for work in pen.claim(["voice"], Lane.ALERT, NOW, after(30), token, limit=limit)
            ]

        first = await book.write(Lane.ALERT, claim("one", 2))
        second = await book.write(Lane.ALERT, claim("two", 9))
        third = await book.write(Lane.ALERT, claim("three", 9))

        assert (first, second, third) == ([("w2", 1), ("w1", 1)], [("w0", 1)], [])

    async def test_who_lost_the_lease_records_nothing(self, book: Book) -> None:
        await put(book, sheets.work("w1", lease_token="new", lease_until=after(30)))

        late = await book.write(Lane.ALERT, lambda pen: pen.work_done("w1", "old", "late", NOW))
        held = await book.write(Lane.ALERT, lambda pen: pen.work_done("w1", "new", "ready", NOW))
        twice = await book.write(Lane.ALERT, lambda pen: pen.work_done("w1", "new", "again", NOW))
        work = await book.read(lambda state: state.work("voice", "w1"))

        assert (late, held, twice) == (False, True, False)
        assert work is not None
        assert (work.result, work.done_at) == ("ready", NOW)

    async def test_a_lease_is_prolonged_by_its_holder(self, book: Book) -> None:
        await put(book, sheets.work("w1", lease_token="t", lease_until=NOW), sheets.work("w2", lease_token="other"))

        held = await book.write(Lane.ALERT, lambda pen: pen.renew(["w1", "w2", "w3"], "t", after(40)))

        assert held == {"w1"}
        assert await book.read(lambda state: state.claimable(["voice"], Lane.ALERT, after(39), limit=9)) == [
            sheets.work("w2", lease_token="other")
        ]

    async def test_work_given_back_is_claimable_later(self, book: Book) -> None:
        await put(book, sheets.work("w1", lease_token="t", lease_until=after(30)))

        assert await book.write(Lane.ALERT, lambda pen: pen.work_later("w1", "t", after(5)))
        assert await book.read(lambda state: state.claimable(["voice"], Lane.ALERT, after(4), limit=9)) == []
        assert len(await book.read(lambda state: state.claimable(["voice"], Lane.ALERT, after(5), limit=9))) == 1

    async def test_work_of_a_dead_process_is_given_back_at_once(self, book: Book) -> None:
        """
        An alert in hand when the power went must not wait for half a minute because nobody gave it back.
        """
        held = sheets.work("w1", lease_token="dead", lease_until=after(30))
        done = sheets.work("w2", lease_token="dead", lease_until=None, done_at=NOW, result="sent:1")
        await put(book, held, done)

        freed = await book.write(Lane.ALERT, lambda pen: pen.free_leases())

        assert freed == 1
        assert await book.read(lambda state: state.claimable(["voice"], Lane.ALERT, NOW, limit=9)) == [
            replace(held, lease_token=None, lease_until=None)
        ]


class TestPruning:
    async def test_lines_stay_while_what_they_speak_of_is_not_closed(self, book: Book) -> None:
        spoken = [sheets.announcement("open"), sheets.announcement("over", state=AnnouncementState.CLOSED)]
        await put(book, spoken, map(sheets.planned, spoken), sheets.event("last"))

        gone = await book.write(Lane.NOTICE, lambda pen: pen.prune({"announcements.alert": after(1)}, NOW))
        lines = await book.write(
            Lane.NOTICE, lambda pen: pen.outbox_after(["announcements.alert"], 0, Lane.ALERT, limit=9)
        )

        assert gone == 1
        assert [line.event_id for line in lines] == [sheets.planned(spoken[0]).id]

    async def test_old_rows_go_in_portions_and_the_end_of_the_log_stays(self, book: Book) -> None:
        await put(book, [sheets.event(f"e{n}") for n in range(25)])
        await book.write(Lane.NOTICE, lambda pen: pen.inbox_new("airing", [f"e{n}" for n in range(15)], NOW))
        await put(book, Idempotency("li", "old", "5ha", "", NOW), Idempotency("li", "new", "5ha", "", after(9)))

        def prune(pen: LogPen) -> int:
            return pen.prune({"receipts": after(1)}, after(1), limit=10)

        gone = [await book.write(Lane.NOTICE, prune) for _ in range(4)]

        assert gone == [10 + 10 + 1, 10 + 5, 4, 0]
        assert await book.write(Lane.NOTICE, lambda pen: pen.outbox_end()) == 25
        assert await book.read(lambda state: state.idempotency("li", "new")) is not None

    async def test_what_is_long_over_goes_in_portions_and_what_may_still_be_asked_for_stays(self, book: Book) -> None:
        """A box in a village office runs for years on one small disk."""
        now = NOW + timedelta(days=200)
        old, young = now - timedelta(days=101), now - timedelta(days=1)
        for name, then in (("old", old), ("young", young)):
            await put(
                book,
                sheets.work(f"work-{name}", subject=name, done_at=then),
                Timer(f"timer-{name}", "close", name, Lane.ALERT, then, then),
                Tombstone(f"stone-{name}", "withdrawn", then, then),
                Session(f"session-{name}", "li", then, "csrf"),
                Token(f"token-{name}", "li", "api", then),
            )
        # Nobody has decided on the one; the other is of an announcement that is not closed yet.
        waiting = sheets.announcement("waiting")
        await put(book, waiting, sheets.work("of-waiting", subject=waiting.id, done_at=old))
        await put(book, [sheets.work(f"more-{n}", subject=f"more-{n}", done_at=old) for n in range(3)])
        await put(book, DeadLetter("open", "r", "t", b"", "e", old), DeadLetter("fated", "r", "t", b"", "e", old, "x"))

        gone = [await book.write(Lane.NOTICE, lambda pen: pen.prune_over(now, limit=2)) for _ in range(3)]

        assert gone == [2 + 5, 2, 0]
        subjects = ("old", "young", waiting.id)
        left = await book.read(lambda state: [name for name in subjects if state.work("voice", name)])
        assert left == ["young", waiting.id]
        assert ids(await book.read(lambda state: state.dead_letters())) == ["open"]
        assert await book.read(lambda state: list(state.tombstones(["stone-old", "stone-young"]))) == ["stone-young"]
        assert await book.read(lambda state: ids([*state.sessions_of("li")])) == ["session-young"]
        assert await book.read(lambda state: [one.sha256 for one in state.tokens_of("li")]) == ["token-young"]


class TestBell:
    async def test_a_commit_rings_for_what_it_holds(self, book: Book, bell: NotingBell) -> None:
        await put(book, sheets.event("e"), sheets.event("a", Lane.ALERT), sheets.work("w"), Delivery("a1", "s1"))
        first = set(bell.rung)
        bell.rung.clear()
        await put(book, Timer("t", "close", "a", Lane.ALERT, NOW), Delivery("a1", "s1", next_try_at=1))

        assert first == {
            "book",
            "events.notice",
            "events.notice.receipts",
            "events.alert",
            "events.alert.receipts",
            "work.alert.voice",
        }
        assert set(bell.rung) == {"book", "timers", "deliveries"}

    async def test_what_was_not_kept_rings_for_nobody(self, book: Book, bell: NotingBell) -> None:
        def fails(pen: LogPen) -> None:
            pen.put(sheets.event("e"))
            raise KeyError

        with pytest.raises(KeyError):
            await book.write(Lane.NOTICE, fails)

        assert set(bell.rung) == {"book"}

    async def test_who_listens_is_woken_after_the_commit(self, book: Book, bell: NotingBell) -> None:
        ear = bell.listen("events.alert")

        await put(book, sheets.event("a", Lane.ALERT))
        await ear.wait(60)

        lines = await book.write(Lane.ALERT, lambda pen: pen.outbox_after(["receipts"], 0, Lane.ALERT, limit=1))
        assert len(lines) == 1


def ms(seconds: float) -> int:
    return round((NOW + timedelta(seconds=seconds)).timestamp() * 1000)
