"""What every line to the loudspeakers promises."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from broadcaster.model.errors import Invalid, NotFound, OutOfReach
from tests.contracts.lines import NEXT_VILLAGE, PLACES, VILLAGE, Call, Desk, Place, order
from tests.virtual import VirtualClock

pytestmark = pytest.mark.virtual

Meet = Callable[..., AbstractAsyncContextManager[Call]]


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture(params=PLACES)
async def place(request: pytest.FixtureRequest, desk: Desk, clock: VirtualClock) -> AsyncIterator[Any]:
    async with PLACES[request.param](desk, clock, queue=64) as place:
        yield place


@pytest.fixture
def meet(place: Place) -> Meet:
    """Connect a loudspeaker and say hello."""

    @asynccontextmanager
    async def met(speaker: str, village: str = VILLAGE) -> AsyncIterator[Call]:
        async with place.call(speaker, village) as call:
            await call.say({"type": "hello", "speaker": speaker, "nonce": "n"})
            assert await call.hear() == {"type": "welcome", "nonce": "n"}
            yield call

    return met


async def soon(true: Callable[[], Any]) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.01)


async def heard_all(call: Call) -> list[dict[str, Any]]:
    """Return all that still comes, until the service hangs up."""
    found = []
    async with asyncio.timeout(60):
        while (message := await call.hear()) is not None:
            found.append(message)
    return found


async def test_an_order_reaches_every_loudspeaker_of_its_village_and_no_other(place: Place, meet: Meet) -> None:
    async with meet("east") as east, meet("west") as west, meet("far", NEXT_VILLAGE) as far:
        sent = order("o-1")

        took = await place.line.send(sent)

        assert took == {"east", "west"}
        expected = {"type": "order", **sent.envelope.to_wire()}
        assert await east.hear() == await west.hear() == expected
        await place.line.send(order("o-2", NEXT_VILLAGE))
        assert (await far.hear() or {})["body"] == order("o-2").envelope.to_wire()["body"]


async def test_an_order_can_go_to_single_loudspeakers(place: Place, meet: Meet) -> None:
    async with meet("east"), meet("west"), meet("far", NEXT_VILLAGE):
        assert await place.line.send(order("o-1"), {"west", "away", "far"}) == {"west"}


async def test_who_is_not_connected_took_nothing(place: Place) -> None:
    assert await place.line.send(order("o-1")) == frozenset()
    assert place.line.online() == frozenset()


async def test_who_is_online_is_known(place: Place, meet: Meet, desk: Desk) -> None:
    async with meet("east"):
        assert place.line.online() == {"east"}

    await soon(lambda: not place.line.online())
    await soon(lambda: desk.left == ["east"])


async def test_what_a_loudspeaker_lacks_comes_after_its_welcome_however_much_it_is(place: Place, desk: Desk) -> None:
    """
    More than fit into its queue: a hello heals, it does not overflow.
    """
    desk.lacking = [{"type": "order", "n": n} for n in range(200)]

    async with place.call("east") as call:
        await call.say({"type": "hello", "speaker": "east", "nonce": "n"})
        found = [await call.hear() for _ in range(201)]

    assert found == [{"type": "welcome", "nonce": "n"}, *desk.lacking]


async def test_no_order_is_lost_between_hello_and_welcome(place: Place, desk: Desk) -> None:
    """
    It is on the line before its hello is answered, and hears the order after the answer.
    """
    answered = asyncio.Event()
    hello = desk.hello

    async def slow(speaker: str, message: dict[str, Any]) -> Any:
        await answered.wait()
        return await hello(speaker, message)

    desk.hello = slow  # type: ignore[method-assign]  # a desk that takes its time
    async with place.call("east") as call:
        await call.say({"type": "hello", "speaker": "east", "nonce": "n"})
        await soon(lambda: place.line.online())
        took = await place.line.send(order("o-1"))
        answered.set()

        assert took == {"east"}
        assert [(await call.hear() or {})["type"] for _ in range(2)] == ["welcome", "order"]


async def test_what_it_says_reaches_the_desk_and_is_answered(meet: Meet, desk: Desk) -> None:
    async with meet("east") as call:
        await call.say({"type": "accepted", "id": "r-1", "order": "o-1"})

        assert await call.hear() == {"type": "got", "receipts": ["r-1"]}
    assert desk.batches == [[{"type": "accepted", "id": "r-1", "order": "o-1"}]]


async def test_receipts_that_come_together_are_handed_on_together(meet: Meet, desk: Desk) -> None:
    """
    One transaction for many receipts, instead of one each.
    """
    async with meet("east") as call:
        for n in range(200):
            await call.say({"type": "done", "id": f"r-{n}"})
        got: list[str] = []
        while len(got) < 200:
            got += (await call.hear() or {})["receipts"]

    assert got == [f"r-{n}" for n in range(200)]
    assert max(len(batch) for batch in desk.batches) <= 50
    assert len(desk.batches) <= 40


JUNK: list[tuple[str | bytes, Any, str]] = [
    ("{", None, "message_unreadable"),
    ("[]", None, "message_unreadable"),
    ('{"no": "type"}', None, "message_unreadable"),
    (b"\xff\xfe", None, "message_unreadable"),
    ("[" * 10_000, None, "message_unreadable"),
    (r'{"type": "heartbeat", "faults": "\ud800"}', None, "message_unreadable"),
    (json.dumps({"type": "dance"}), "dance", "message_unknown"),
    (json.dumps({"type": "done", "id": "x" * 17_000}), None, "message_long"),
]


@pytest.mark.parametrize(("said", "name", "why"), JUNK, ids=[f"{n}-{one[2]}" for n, one in enumerate(JUNK)])
async def test_junk_is_refused_by_name_and_ends_nothing(meet: Meet, said: str | bytes, name: Any, why: str) -> None:
    async with meet("east") as call:
        await call.say(said)
        assert await call.hear() == {"type": "refused", "message": name, "reason": why}

        await call.say({"type": "done", "id": "r-1"})
        assert await call.hear() == {"type": "got", "receipts": ["r-1"]}


async def test_a_message_that_the_desk_refuses_takes_no_other_with_it(meet: Meet, desk: Desk) -> None:
    desk.bad = {"r-1"}

    async with meet("east") as call:
        for n in range(3):
            await call.say({"type": "done", "id": f"r-{n}"})
        found: list[Any] = []
        while sum(len(one.get("receipts", [0])) for one in found) < 3:
            found.append(await call.hear())

    assert {"type": "refused", "message": "done", "reason": "receipt_unreadable"} in found
    assert sorted(one for message in found for one in message.get("receipts", [])) == ["r-0", "r-2"]


async def test_what_the_desk_could_not_take_is_not_confirmed_and_ends_nothing(meet: Meet, desk: Desk) -> None:
    """
    A full book: the loudspeaker says it again.
    """
    async with meet("east") as call:
        desk.failures = [OutOfReach("book_full")]
        await call.say({"type": "done", "id": "r-1"})
        await soon(lambda: not desk.failures)
        await call.say({"type": "done", "id": "r-1"})

        assert await call.hear() == {"type": "got", "receipts": ["r-1"]}


async def test_a_hello_in_between_is_answered_like_the_first(meet: Meet, desk: Desk) -> None:
    async with meet("east") as call:
        await call.say({"type": "hello", "speaker": "east", "nonce": "again"})

        assert await call.hear() == {"type": "welcome", "nonce": "again"}


@pytest.mark.parametrize(
    "first",
    [
        {"type": "done", "id": "r-1"},
        {"type": "hello", "speaker": "somebody-else", "nonce": "n"},
        "junk",
    ],
    ids=["another message", "another's name", "junk"],
)
async def test_who_does_not_begin_with_its_own_hello_is_hung_up_on(place: Place, desk: Desk, first: Any) -> None:
    async with place.call("east") as call:
        await call.say(first)

        assert await heard_all(call) == []
        assert call.code == 4001
    assert desk.hellos == desk.batches == desk.left == []


async def test_who_says_nothing_for_five_seconds_is_hung_up_on(place: Place, clock: VirtualClock) -> None:
    async with place.call("east") as call:
        before = clock.monotonic()

        assert await heard_all(call) == []
        assert call.code == 4001
        assert 4.5 < clock.monotonic() - before < 7


async def test_a_hello_that_cannot_be_answered_now_is_asked_to_come_later(place: Place, desk: Desk) -> None:
    desk.failures = [OutOfReach("signer_away")]

    async with place.call("east") as call:
        await call.say({"type": "hello", "speaker": "east", "nonce": "n"})

        assert await heard_all(call) == []
        assert call.code == 1013


async def test_a_hello_that_is_refused_is_told_so(place: Place, desk: Desk) -> None:
    desk.failures = [Invalid("nonce")]

    async with place.call("east") as call:
        await call.say({"type": "hello", "speaker": "east", "nonce": ""})

        assert await call.hear() == {"type": "refused", "message": "hello", "reason": "nonce"}


async def test_a_second_connection_of_a_loudspeaker_ends_the_first(place: Place, meet: Meet, desk: Desk) -> None:
    """
    After a power cut it comes back before its old connection has died.
    """
    async with meet("east") as old, meet("east") as new:
        assert await heard_all(old) == []
        assert old.code == 4000

        assert await place.line.send(order("o-1")) == {"east"}
        assert (await new.hear() or {})["type"] == "order"
        assert desk.left == []


async def test_who_does_not_read_is_hung_up_on_and_holds_up_nobody(place: Place, meet: Meet) -> None:
    """
    With a plain loop over all connections one stuck reader would silence the village.
    """
    async with meet("stuck") as stuck, meet("east") as east:
        heard = 0
        for n in range(4_000):
            took = await place.line.send(order(f"o-{n}", size=8_000))
            assert "east" in took
            assert (await east.hear() or {})["type"] == "order"
            heard += 1
            if "stuck" not in took:
                break

        assert heard < 4_000
        await soon(lambda: place.line.online() == {"east"})
        await heard_all(stuck)
        assert stuck.code in (4008, 1006)


async def test_a_line_that_was_closed_is_out_of_reach(place: Place, meet: Meet) -> None:
    async with meet("east") as call:
        place.line.close()

        assert await heard_all(call) == []
        assert call.code == 1001
        with pytest.raises(OutOfReach, match="line_down"):
            await place.line.send(order("o-1"))


async def test_a_speaker_unknown_to_the_desk_is_told_so(place: Place, desk: Desk) -> None:
    desk.failures = [NotFound("speaker_unknown")]

    async with place.call("east") as call:
        await call.say({"type": "hello", "speaker": "east", "nonce": "n"})

        assert (await call.hear() or {})["reason"] == "speaker_unknown"
        assert await heard_all(call) == []
        assert call.code == 4004


async def test_who_is_hung_up_on_is_gone_at_once(place: Place, meet: Meet) -> None:
    async with meet("east") as east, meet("west") as west:
        await place.line.hang_up("east")

        assert await place.line.send(order("o-1")) == {"west"}
        assert await heard_all(east) == []
        assert east.code == 4004
        assert (await west.hear() or {})["type"] == "order"


async def test_to_hang_up_on_nobody_is_no_mistake(place: Place) -> None:
    await place.line.hang_up("nobody")

    assert place.line.online() == frozenset()


async def test_many_come_and_go_and_nothing_is_left_of_them(place: Place, meet: Meet) -> None:
    async def visit(n: int) -> None:
        async with meet(f"speaker-{n}") as call:
            await call.say({"type": "done", "id": f"r-{n}"})
            assert await call.hear() == {"type": "got", "receipts": [f"r-{n}"]}

    visits: list[Awaitable[None]] = [visit(n) for n in range(50)]
    await asyncio.gather(*visits)

    await soon(lambda: not place.line.online())
    assert await place.line.send(order("o-1")) == frozenset()
