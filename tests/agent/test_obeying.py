"""A loudspeaker plays what it may, tells what was heard, and nothing else sounds."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from broadcaster.model.delivery import ReceiptKind
from broadcaster.model.identity import canonical
from broadcaster.model.order import OrderKind, Purpose
from broadcaster.model.precedence import Scope
from broadcaster.signing.envelope import Envelope, SealingKey
from streams.agent.messages import LARGEST_MESSAGE_BYTES, order_message, receipt_id
from streams.agent.player import VolumeLimits
from tests.agent.station import KEYS, SPEAKER, Station, sealed
from tests.virtual import VirtualClock

pytestmark = pytest.mark.virtual


def refusals(station: Station) -> list[tuple[Any, Any]]:
    return [
        (message.get("order") or message["envelope_sha256"], message["reason"])
        for message in station.said
        if message["type"] == "refused"
    ]


async def test_an_order_is_accepted_started_heard_and_told(station: Station) -> None:
    order = station.notice(2_000)

    await station.send(order)
    await asyncio.sleep(10)

    assert station.heard() == [(order.id, 0, 2_000)]
    assert [m["id"] for m in station.receipts(order, "accepted")] == [
        receipt_id(order.id, SPEAKER, ReceiptKind.ACCEPTED)
    ]
    assert [m["id"] for m in station.receipts(order, "started")] == [
        receipt_id(order.id, SPEAKER, ReceiptKind.STARTED, 1)
    ]
    done = station.done(order)
    assert (done["outcome"], done["heard_ms"], done["repeats_done"]) == ("played", 2_000, 1)
    assert order.play is not None
    assert done["audio_sha256"] == order.play.recording.sha256
    assert station.agent.ledger.open_orders() == {}


async def test_what_a_stranger_signed_is_refused_by_its_hash(station: Station) -> None:
    forged = SealingKey(b"x" * 32, Purpose.ALERT).seal(b"{}")

    await station.put(forged)
    await asyncio.sleep(1)

    assert refusals(station) == [(forged.sha256, "key")]


async def test_a_tampered_body_is_refused_before_it_is_parsed(station: Station) -> None:
    good = sealed(station.notice())
    tampered = Envelope(good.kid, good.body.replace(b"routine", b"emergency"), good.sig)

    await station.put(tampered)
    await asyncio.sleep(10)

    assert refusals(station) == [(tampered.sha256, "signature")]
    assert station.heard() == []


@pytest.mark.parametrize("purpose", [Purpose.NOTICE, Purpose.CANCEL, Purpose.DRILL])
async def test_a_key_signs_only_what_it_is_for(station: Station, purpose: Purpose) -> None:
    order = station.alert()

    await station.send(order, purpose)
    await asyncio.sleep(10)

    assert refusals(station) == [(order.id, "purpose")]
    assert station.heard() == []


async def test_a_drill_is_signed_by_the_drill_key_alone(station: Station) -> None:
    drill = station.alert(scope=Scope.DRILL)

    await station.send(drill, Purpose.ALERT)
    await asyncio.sleep(5)

    assert refusals(station) == [(drill.id, "purpose")]


async def test_an_order_for_another_village_or_loudspeaker_is_not_ours(station: Station) -> None:
    elsewhere, others = station.notice(village="620723103205"), station.notice(to=("west",))

    await station.send(elsewhere)
    await station.send(others)
    await asyncio.sleep(10)

    assert refusals(station) == [(elsewhere.id, "target"), (others.id, "target")]
    assert station.heard() == []


async def test_an_order_that_comes_after_its_time_never_sounds(station: Station) -> None:
    late = station.alert(issued=station.now() - timedelta(hours=2), lives=3_600)
    early = station.alert(issued=station.now() + timedelta(hours=2))

    await station.send(late)
    await station.send(early)
    await asyncio.sleep(10)

    assert refusals(station) == [(late.id, "expired"), (early.id, "future")]
    assert station.heard() == []


async def test_an_order_said_again_is_heard_once_and_answered_with_its_end(station: Station) -> None:
    order = station.notice(lives=60)

    for _ in range(3):
        await station.send(order)
        await asyncio.sleep(5)
    await asyncio.sleep(100)
    await station.send(order)
    await asyncio.sleep(5)

    assert station.heard() == [(order.id, 0, 2_000)]
    assert station.done(order)["outcome"] == "played"
    assert len(station.receipts(order, "done")) == 4
    assert refusals(station) == []


@pytest.mark.parametrize("kind", ["config", "keys", "live_open", "check", "dance"])
async def test_what_is_not_built_yet_is_refused_by_name(station: Station, kind: str) -> None:
    now = int(station.now().timestamp() * 1000)
    body = {"order_id": "later", "kind": kind, "village": "620723103204", "to": "*", "scope": "live"}

    await station.put(KEYS[Purpose.CANCEL].seal(canonical(body | {"issued": now, "expires": now + 60_000})))
    await asyncio.sleep(1)

    assert refusals(station) == [("later", "version")]


async def test_no_message_whatever_ends_the_connection(station: Station) -> None:
    """
    One bad message must not cost a village its loudspeaker.
    """
    link = station.link
    rubbish: list[Any] = [
        "no json",
        "[]",
        '{"type": 7}',
        '{"a": "' + "x" * LARGEST_MESSAGE_BYTES + '"}',
        {"type": "dance"},
        {"type": "order", "v": 2},
        {"type": "order", "v": 1, "kid": [], "body": 3},
        {"type": "got", "receipts": 3},
        {"type": "got"},
        {"type": "time", "nonce": "x", "service_ms": "y", "epoch": 1, "sig": "z"},
        {"type": "welcome"},
        {"type": "part", "script": "s"},
    ]

    for message in rubbish:
        await station.say(message)
        await asyncio.sleep(2)
    order = station.notice()
    await station.send(order)
    await asyncio.sleep(10)

    assert station.link is link
    assert station.heard() == [(order.id, 0, 2_000)]


async def test_a_stranger_cannot_make_a_loudspeaker_talk(station: Station) -> None:
    for n in range(500):
        await station.put(SealingKey(b"x" * 32, Purpose.ALERT).seal(b"%d" % n))
    await asyncio.sleep(1)

    assert len(refusals(station)) <= 20


async def test_a_cancel_silences_within_a_fade(station: Station) -> None:
    order = station.notice(60_000)
    await station.send(order)
    await asyncio.sleep(20)

    await station.send(station.cancel(order))
    await asyncio.sleep(5)

    (_, _, heard_ms) = station.heard()[-1]
    done = station.done(order)
    assert done["outcome"] == "cancelled"
    assert done["heard_ms"] == heard_ms
    assert 19_900 <= heard_ms <= 20_200


async def test_a_cancel_that_comes_first_is_remembered(station: Station) -> None:
    order = station.alert()

    await station.send(station.cancel(order))
    await asyncio.sleep(1)
    await station.send(order)
    await asyncio.sleep(10)

    assert station.heard() == []
    assert station.done(order)["outcome"] == "cancelled"
    assert station.done(order)["heard_ms"] == 0


async def test_stop_everything_silences_what_was_issued_before_and_nothing_after(station: Station) -> None:
    sounding, waiting, unseen = station.notice(30_000), station.notice(), station.notice()
    await station.send(sounding)
    await asyncio.sleep(1)
    await station.send(waiting)
    await asyncio.sleep(5)

    stop = station.cancel(sounding, unseen, kind=OrderKind.STOP_ALL, before=station.now())
    await station.send(stop)
    await asyncio.sleep(2)
    await station.send(unseen)
    await asyncio.sleep(1)
    alert = station.alert(1_000)
    await station.send(alert)
    await asyncio.sleep(10)

    assert [station.done(order)["outcome"] for order in (sounding, waiting, unseen)] == ["cancelled"] * 3
    assert station.done(alert)["outcome"] == "played"
    assert {order for order, _, _ in station.heard()} == {sounding.id, alert.id}
    assert station.agent.hello()["last_stop"] > 0


async def test_an_order_from_before_the_last_stop_is_cancelled_when_it_comes(station: Station) -> None:
    late = station.notice()
    await asyncio.sleep(1)
    await station.send(station.cancel(kind=OrderKind.STOP_ALL, before=station.now()))
    await asyncio.sleep(1)

    await station.send(late)
    await asyncio.sleep(5)

    assert refusals(station) == [(late.id, "cancelled")]


async def test_the_button_silences_and_is_told(station: Station) -> None:
    order = station.notice(30_000)
    await station.send(order)
    await asyncio.sleep(5)

    await station.agent.stop_here()
    await asyncio.sleep(2)
    after = station.alert(1_000)
    await station.send(after)
    await asyncio.sleep(5)

    assert (station.done(order)["outcome"], station.done(order)["cut_by"]) == ("cancelled", "local_stop")
    assert station.done(after)["outcome"] == "played"


async def test_a_receipt_is_said_until_it_is_confirmed(clock: VirtualClock) -> None:
    async with Station(clock, confirms=False).on() as station:
        order = station.notice(1_000)
        await station.send(order)
        await asyncio.sleep(200)
        said = len(station.receipts(order, "done"))
        assert said >= 4

        station.confirms = True
        await asyncio.sleep(120)
        confirmed = len(station.receipts(order, "done"))
        await asyncio.sleep(600)

        assert len(station.receipts(order, "done")) == confirmed
        assert station.agent.ledger.open_orders() == {}


async def test_a_new_line_hears_what_is_owed_and_what_is_held(clock: VirtualClock) -> None:
    async with Station(clock, confirms=False).on() as station:
        order = station.notice(30_000)
        await station.send(order)
        await asyncio.sleep(2)

        assert station.link is not None
        await station.link.close()
        station.said.clear()
        await asyncio.sleep(4)

        (hello,) = (message for message in station.said if message["type"] == "hello")
        assert hello["open"] == [{"order": order.id, "rank": 3}]
        assert station.receipts(order, "accepted")


async def test_a_wrong_recording_never_sounds(station: Station) -> None:
    order = station.notice()
    assert order.play is not None
    sha256 = order.play.recording.sha256
    station.fetch.sounds[sha256] = station.fetch.sounds[sha256][:-2] + b"\x01\x01"

    await station.send(order)
    await asyncio.sleep(5)

    assert station.heard() == []
    assert refusals(station) == [(order.id, "audio")]


async def test_a_recording_that_cannot_be_fetched_is_tried_until_it_expires(station: Station) -> None:
    late, never = station.notice(lives=300), station.notice(lives=60)
    station.fetch.is_down = True
    await station.send(late)
    await station.send(never)
    await asyncio.sleep(100)
    station.fetch.is_down = False
    await asyncio.sleep(60)

    assert station.done(never)["outcome"] == "expired"
    assert station.done(late)["outcome"] == "played"
    assert any(message["type"] == "need" for message in station.said)


async def test_volume_keeps_within_the_limits_of_its_class_and_is_restored(clock: VirtualClock) -> None:
    limits = VolumeLimits(usual=50, emergency=(80, 100), routine=(10, 60))
    async with Station(clock, limits=limits).on() as station:
        volumes = []
        for order in (station.notice(volume=100), station.alert(volume=5), station.notice()):
            await station.send(order)
            await asyncio.sleep(1)
            volumes.append(station.sink.volume)
            await asyncio.sleep(10)
            volumes.append(station.sink.volume)

    assert volumes == [60, 50, 80, 50, 50, 50]


async def test_what_sounds_at_volume_nought_was_heard_by_nobody(clock: VirtualClock) -> None:
    async with Station(clock, limits=VolumeLimits(routine=(0, 80))).on() as station:
        order = station.notice(volume=0)
        await station.send(order)
        await asyncio.sleep(10)

        assert station.done(order)["outcome"] == "muted"


async def test_the_tone_sounds_once_a_repeat_and_is_not_counted(station: Station) -> None:
    order = station.alert(2_000, tone="alert", repeat=3, pause_ms=1_000)

    await station.send(order)
    await asyncio.sleep(60)

    tones = [stretch for stretch in station.log.stretches if stretch.part == "tone"]
    assert [(tone.repeat_no, tone.sha256) for tone in tones] == [(1, "alert"), (2, "alert"), (3, "alert")]
    assert station.done(order)["heard_ms"] == 6_000
    assert [message["repeat_no"] for message in station.receipts(order, "started")] == [1, 2, 3]


async def test_an_order_with_senseless_numbers_is_refused(station: Station) -> None:
    await station.send(station.notice(repeat=0))
    await station.send(station.notice(repeat=10**9))
    await station.send(station.notice(volume=1_000))
    await asyncio.sleep(5)

    assert [reason for _, reason in refusals(station)] == ["version"] * 3
    assert station.heard() == []


async def test_a_heartbeat_comes_each_half_minute(station: Station) -> None:
    await asyncio.sleep(305)

    beats = [message for message in station.said if message["type"] == "heartbeat"]
    assert len(beats) == 10
    assert beats[-1]["clock_error_ms"] == 0


async def test_an_order_message_is_the_envelope_with_its_type(station: Station) -> None:
    message = order_message(sealed(station.notice()))

    assert message.keys() == {"type", "v", "kid", "body", "sig"}


async def test_routine_recordings_are_not_all_asked_for_at_once(clock: VirtualClock) -> None:
    """
    A notice goes to a thousand loudspeakers in one second; an alert waits for nobody.
    """
    async with Station(clock, jitter_seconds=30).on() as station:
        notice, alert = station.notice(1_000), station.alert(1_000)
        await station.send(notice)
        await station.send(alert)
        await asyncio.sleep(2)
        assert station.heard() == [(alert.id, 0, 1_000)]

        await asyncio.sleep(30)
        assert station.done(notice)["outcome"] == "played"


async def test_the_button_works_before_the_hour_is_known(clock: VirtualClock) -> None:
    async with Station(clock, tells_time=False).on() as station:
        alert = station.alert(30_000)
        await station.send(alert)
        await asyncio.sleep(5)
        await station.agent.stop_here()
        await asyncio.sleep(2)

        assert station.done(alert)["outcome"] == "cancelled"
