"""The WebSocket line lets in whom it knows, and tells everybody else so before the upgrade."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from websockets.exceptions import InvalidStatus

from broadcaster.model.errors import Invalid, OutOfReach
from broadcaster.signing.envelope import SpeakerKey
from streams.agent.link import WebSocketLine as AgentLine
from streams.speakers.challenges import Challenges
from tests.contracts.lines import Desk, SocketPlace, answer, key_of, on_socket, order, speaker_of
from tests.virtual import VirtualClock

pytestmark = pytest.mark.virtual


@pytest.fixture
async def place(clock: VirtualClock) -> AsyncIterator[SocketPlace]:
    async with on_socket(Desk(), clock) as place:
        place.known = {"east": speaker_of("east"), "old": speaker_of("old", retired=True)}
        yield place


async def turned_away(place: SocketPlace, header: str | None, subprotocol: str = "vb.1") -> int:
    with pytest.raises(InvalidStatus) as answered:
        async with place.dial(header, subprotocol):
            pass
    return answered.value.response.status_code


async def test_a_loudspeaker_that_proves_who_it_is_is_let_in(place: SocketPlace) -> None:
    async with place.dial(answer("east", await place.challenge())) as socket:
        assert socket.subprotocol == "vb.1"


@pytest.mark.parametrize(
    "header", [None, "", "Speaker", "Bearer x", "Speaker east:x", "Speaker east:x:!", "Speaker a:b:"]
)
async def test_who_does_not_try_is_told_401(place: SocketPlace, header: str | None) -> None:
    assert await turned_away(place, header) == 401


async def test_a_stranger_is_told_401(place: SocketPlace) -> None:
    assert await turned_away(place, answer("stranger", await place.challenge())) == 401


async def test_a_retired_loudspeaker_is_told_401(place: SocketPlace) -> None:
    assert await turned_away(place, answer("old", await place.challenge())) == 401


async def test_another_key_is_told_401(place: SocketPlace) -> None:
    assert await turned_away(place, answer("east", await place.challenge(), SpeakerKey(b"?" * 32))) == 401


async def test_an_answer_in_anothers_name_is_told_401(place: SocketPlace) -> None:
    header = answer("west", await place.challenge()).replace("Speaker west", "Speaker east")

    assert await turned_away(place, header) == 401


async def test_a_challenge_is_good_once(place: SocketPlace) -> None:
    challenge = await place.challenge()
    async with place.dial(answer("east", challenge)):
        pass

    assert await turned_away(place, answer("east", challenge)) == 401


async def test_a_challenge_is_good_for_half_a_minute(place: SocketPlace) -> None:
    challenge = await place.challenge()
    await asyncio.sleep(31)

    assert await turned_away(place, answer("east", challenge)) == 401


async def test_a_challenge_of_ones_own_making_is_told_401(place: SocketPlace) -> None:
    for made in ("0.00.00", "", "x", "é.é"):
        assert await turned_away(place, answer("east", made).encode().decode("latin-1")) == 401


async def test_a_failed_answer_does_not_use_up_the_challenge(place: SocketPlace) -> None:
    """
    Or a stranger who listens could lock a loudspeaker out.
    """
    challenge = await place.challenge()
    await turned_away(place, answer("east", challenge, SpeakerKey(b"?" * 32)))

    async with place.dial(answer("east", challenge)):
        pass


async def test_another_protocol_is_told_400(place: SocketPlace) -> None:
    assert await turned_away(place, answer("east", await place.challenge()), "vb.9") == 400


async def test_a_book_that_does_not_answer_is_told_503(place: SocketPlace) -> None:
    async def away(_: str) -> None:
        raise OutOfReach("book_full")

    place.line._known = away

    assert await turned_away(place, answer("east", await place.challenge())) == 503


async def test_asking_for_challenges_costs_no_memory(clock: VirtualClock) -> None:
    challenges = Challenges(clock)
    for _ in range(1_000):
        challenges.check(challenges.make())
    assert challenges._used == {}

    first = challenges.make()
    challenges.use(first)
    await asyncio.sleep(40)
    challenges.use(challenges.make())

    assert len(challenges._used) == 1
    with pytest.raises(Invalid, match="challenge"):
        challenges.check(first)


async def test_a_loudspeakers_own_link_gets_through(place: SocketPlace) -> None:
    """
    Both ends as they are built, on a real socket.
    """
    link = AgentLine(f"http://127.0.0.1:{place.port}", "east", key_of("east"))
    async with link.connect() as line:
        await line.send({"type": "hello", "speaker": "east", "nonce": "n"})
        down = aiter(line)
        welcome = await anext(down)
        await place.line.send(order("o-1"))
        ordered = await anext(down)

    assert (welcome["type"], ordered["type"]) == ("welcome", "order")
