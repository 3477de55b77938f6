"""Desk and signer agree: what the desk lets go by its own rules, the signer signs; and a loudspeaker hears of it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from broadcaster.desk.acknowledging import acknowledge
from broadcaster.desk.airing import put_on_air
from broadcaster.desk.approving import approve
from broadcaster.desk.authority import Asker
from broadcaster.desk.cancelling import cancel
from broadcaster.desk.closing import close
from broadcaster.desk.drafting import NoticeForm, draft, submit
from broadcaster.desk.hearing import Ear
from broadcaster.desk.issuing import take_alert
from broadcaster.desk.office import Desk, Policy
from broadcaster.desk.ordering import order, refused
from broadcaster.desk.ports import Spoken
from broadcaster.desk.releasing import release_held, release_notice
from broadcaster.desk.rows import Grant, Principal, RecordingKept, Role, Source
from broadcaster.desk.sending import send
from broadcaster.desk.stopping import stop_everything
from broadcaster.desk.voicing import voice
from broadcaster.desk.watching import Watch
from broadcaster.model.alert import (
    Alert,
    CapArea,
    CapScope,
    Category,
    Certainty,
    Geocode,
    Info,
    MsgType,
    Reference,
    Severity,
    Status,
    Urgency,
)
from broadcaster.model.area import Area
from broadcaster.model.order import Order, OrderKind, Purpose
from broadcaster.model.precedence import Lane, SoundClass
from broadcaster.signing.envelope import Envelope
from broadcaster.signing.limits import Limits, Pinned
from broadcaster.signing.signer import OfficeSigner, SigningOffice
from broadcaster.store.book import SqlBook
from broadcaster.store.engine import BookReader
from streams.engines.embedded import EmbeddedEngine, each
from streams.speakers.memory import MemoryLine, MemoryWire
from streams.timing import Timing
from streams.topology import town
from streams.working import Act, Workers
from tests.contracts.engines import bell_of, open_book, running
from tests.contracts.lines import speaker_of
from tests.contracts.signers import KEYS, RING, opened_envelope
from tests.virtual import VirtualClock

pytestmark = pytest.mark.virtual

TOWN = "620723103"
VILLAGES = tuple(f"{TOWN}{n}" for n in range(201, 213))
EAST = VILLAGES[0]


class Reading:
    rules = "as written"

    def read(self, text: str) -> Spoken:
        return Spoken(text, ())


class Voice:
    voice = "tone"

    async def record(self, spoken: str, *, urgent: bool) -> RecordingKept:
        return RecordingKept("ab" * 32, "opus", 1_000, 2_000, -16.0)

    async def stock(self, lane: Lane) -> RecordingKept:
        return await self.record("", urgent=True)


class Village:
    """A town of twelve villages, with one loudspeaker in the first."""

    def __init__(self, book: SqlBook, reader: BookReader, clock: VirtualClock) -> None:
        pinned = Pinned("county", (TOWN,), least_hold=timedelta(seconds=10))
        limits = Limits(areas=(TOWN,), sources={"county": pinned})
        self.clock = clock
        self.line = MemoryLine(clock)
        ids = count()
        self.desk = Desk(
            book=book,
            bell=bell_of(book),
            reader=Reading(),
            studio=Voice(),
            signer=OfficeSigner(SigningOffice(reader.moment, KEYS, limits, clock)),
            line=self.line,
            clock=clock,
            new_id=lambda: f"id-{next(ids)}",
            new_secret=lambda: "secret",
            policy=Policy(),
        )
        self.line.hand_to(Ear(self.desk, Watch()))

    async def settle(self) -> None:
        def job(pen: object) -> None:
            put = pen.put  # type: ignore[attr-defined]  # a pen
            put([Area(code, TOWN, "village", code) for code in VILLAGES], Area(TOWN, None, "town", "town"))
            put(speaker_of("east", EAST))
            for name, role in {
                "li": Role.DRAFT,
                "wang": Role.APPROVE,
                "sun": Role.APPROVE,
                "zhao": Role.PUBLISH,
                "county": Role.SOURCE,
            }.items():
                put(Principal(name, name, "source" if name == "county" else "person"), Grant(name, role, TOWN))
            put(Source("county", "county", (TOWN,), 10_000))

        await self.desk.book.write(Lane.NOTICE, job)

    @asynccontextmanager
    async def awake(self) -> AsyncIterator["Loudspeaker"]:
        """Run all that moves, with the loudspeaker connected."""
        desk, book, bell, clock = self.desk, self.desk.book, self.desk.bell, self.clock
        stages = {
            "airing": each(partial(put_on_air, quiet=desk.policy.quiet)),
            "acknowledging": acknowledge,
            "closing": each(close),
        }
        acts = {
            "voicing": Act(partial(voice, desk)),
            "ordering": Act(partial(order, desk), partial(refused, desk)),
            "sending": Act(partial(send, desk)),
        }
        engine = EmbeddedEngine(book, bell, clock, town(), stages)
        workers = Workers(book, bell, clock, town(), acts, desk.new_id)
        async with (
            running(engine.run()),
            running(workers.run()),
            running(Timing(book, bell, clock).run()),
            self.line.connected(speaker_of("east", EAST)) as wire,
        ):
            await wire.say({"type": "hello", "speaker": "east", "nonce": "0123456789"})
            assert '"welcome"' in str(await wire.hear())
            yield Loudspeaker(wire)

    async def asker(self, name: str) -> Asker:
        def query(state: object) -> Asker:
            principal = state.principal(name)  # type: ignore[attr-defined]  # a state
            return Asker(principal, tuple(state.grants(name)))  # type: ignore[attr-defined]  # a state

        return await self.desk.book.read(query)

    async def notice(self, targets: tuple[str, ...], approvers: tuple[str, ...]) -> str:
        """Write, approve and release a notice."""
        form = NoticeForm("停水", "明天停水。", targets, self.clock.now() + timedelta(hours=2))
        drafted = (await draft(self.desk, await self.asker("li"), form)).revision
        await submit(self.desk, await self.asker("li"), drafted.origin, 1)
        for name in approvers:
            await approve(self.desk, await self.asker(name), drafted.origin, 1, drafted.content_sha256)
        await release_notice(self.desk, await self.asker("zhao"), drafted.origin, 1)
        return drafted.origin

    async def takes(self, alert: Alert) -> str:
        return (await take_alert(self.desk, await self.asker("county"), alert, b"<alert/>", "unsigned")).origin


class Loudspeaker:
    def __init__(self, wire: MemoryWire) -> None:
        self._wire = wire

    async def order(self, within_seconds: float) -> tuple[Purpose, Order]:
        """Return the next order that comes, checked as a loudspeaker does."""
        async with asyncio.timeout(within_seconds):
            return opened_envelope(Envelope.from_wire(json.loads(str(await self._wire.hear()))))

    async def nothing(self, seconds: float) -> None:
        with pytest.raises(TimeoutError):
            await self.order(seconds)


def flood(clock: VirtualClock, severity: Severity = Severity.SEVERE, **changed: object) -> Alert:
    info = Info(
        language="zh-CN",
        categories=(Category.MET,),
        event="洪水",
        response_types=(),
        urgency=Urgency.EXPECTED,
        severity=severity,
        certainty=Certainty.LIKELY,
        expires=clock.now() + timedelta(hours=1),
        headline="洪水预警",
        areas=(CapArea("town", (Geocode("code", EAST),)),),
    )
    alert = Alert("flood-1", "county", clock.now(), Status.ACTUAL, MsgType.ALERT, CapScope.PUBLIC, infos=(info,))
    return replace(alert, **changed)  # type: ignore[arg-type]  # fields of an alert


@pytest.fixture
async def village(tmp_path: Path, clock: VirtualClock) -> AsyncIterator[Village]:
    async with open_book(tmp_path / "book.db") as book:
        reader = BookReader(tmp_path / "book.db")
        village = Village(book, reader, clock)
        await village.settle()
        yield village
        reader.close()


async def test_a_notice_that_two_let_go_is_ordered_after_its_undo(village: Village) -> None:
    async with village.awake() as east:
        begun = village.clock.now()
        origin = await village.notice((EAST,), ("wang",))

        purpose, told = await east.order(20)

    assert told.play is not None
    assert (purpose, told.play.origin) == (Purpose.NOTICE, origin)
    assert timedelta(seconds=10) <= village.clock.now() - begun < timedelta(seconds=11)


async def test_a_notice_to_twelve_villages_is_ordered_after_a_minute(village: Village) -> None:
    async with village.awake() as east:
        await village.notice((TOWN,), ("wang", "sun"))
        await east.nothing(59)

        assert (await east.order(3))[0] is Purpose.NOTICE


async def test_an_alert_is_ordered_after_its_hold_and_an_extreme_one_after_its_own(village: Village) -> None:
    async with village.awake() as east:
        await village.takes(flood(village.clock))
        await east.nothing(9.9)

        purpose, told = await east.order(1)

    assert told.play is not None
    assert (purpose, told.play.sound_class) == (Purpose.ALERT, SoundClass.EMERGENCY)


@pytest.mark.parametrize(
    ("changed", "purpose"),
    [({"status": Status.EXERCISE}, Purpose.DRILL), ({}, Purpose.ALERT)],
    ids=["drill", "unknown"],
)
async def test_a_held_alert_is_ordered_when_a_person_lets_it_go(
    village: Village, changed: dict[str, object], purpose: Purpose
) -> None:
    severity = Severity.SEVERE if changed else Severity.UNKNOWN
    async with village.awake() as east:
        origin = await village.takes(flood(village.clock, severity, **changed))
        await east.nothing(60)
        await release_held(village.desk, await village.asker("wang"), origin, SoundClass.EMERGENCY)

        assert (await east.order(3))[0] is purpose


async def test_an_update_is_one_order_that_takes_the_others_place(village: Village) -> None:
    async with village.awake() as east:
        first = flood(village.clock)
        await village.takes(first)
        _, old = await east.order(20)
        later = flood(village.clock, Severity.EXTREME)
        reference = Reference(first.sender, first.identifier, first.sent)
        update = replace(later, identifier="flood-2", msg_type=MsgType.UPDATE, references=(reference,))
        await village.takes(update)

        _, new = await east.order(20)

    assert new.play is not None
    assert old.play is not None
    assert new.play.supersedes == (old.play.announcement,)


async def test_a_cancel_follows_its_play(village: Village) -> None:
    async with village.awake() as east:
        origin = await village.takes(flood(village.clock))
        _, play = await east.order(20)
        await cancel(village.desk, await village.asker("wang"), origin)

        purpose, told = await east.order(3)

    assert (purpose, told.kind, told.cancels[0].order) == (Purpose.CANCEL, OrderKind.CANCEL, play.id)


async def test_a_stop_names_what_it_silenced_and_does_not_hold_up_the_next_alert(village: Village) -> None:
    async with village.awake() as east:
        await village.takes(flood(village.clock))
        _, play = await east.order(20)
        await stop_everything(village.desk, await village.asker("wang"), TOWN)
        _, stop = await east.order(3)
        await village.takes(replace(flood(village.clock, Severity.EXTREME), identifier="flood-2"))

        assert [one.order for one in stop.cancels] == [play.id]
        assert (await east.order(15))[1].kind is OrderKind.PLAY


def test_the_loudspeaker_trusts_the_signers_keys() -> None:
    assert {key.public for key in KEYS.values()} == set(RING)
