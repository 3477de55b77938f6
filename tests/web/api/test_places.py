"""Places over HTTP: areas, loudspeakers, and how one becomes known."""

import base64

import httpx
import pytest

from broadcaster.desk.rows import Role
from tests.virtual import VirtualClock
from tests.web.api.town import EAST, OTHER, TOWN, WEST, Town

API = "/api/v1"
KEY = base64.b64encode(bytes(range(32))).decode()


@pytest.fixture
async def fitter(town: Town) -> httpx.AsyncClient:
    return await town.somebody("fitter", (Role.ENROL, TOWN))


async def test_a_village_that_nobody_counted_is_shown_so_and_never_as_zero(fitter: httpx.AsyncClient) -> None:
    areas = {area["code"]: area for area in (await fitter.get(f"{API}/areas")).json()}

    assert (areas[WEST]["people"], areas[WEST]["people_text"]) == (None, "未录入")
    assert (areas[EAST]["people"], areas[EAST]["people_text"]) == (1200, "1200")


async def test_an_enrolled_loudspeaker_learns_the_keys_the_quiet_hours_and_the_epoch(
    fitter: httpx.AsyncClient,
) -> None:
    speaker = {"id": "west-1", "village": WEST, "pubkey": KEY}

    first = await fitter.post(f"{API}/speakers", json=speaker)
    again = await fitter.post(f"{API}/speakers", json=speaker)

    assert (first.status_code, first.json()) == (201, again.json())
    assert first.json()["keys"] == [{"kid": "0123456789abcdef", "purpose": "alert", "key": "AAAA"}]
    assert first.json()["config"]["quiet"] == {"start": "22:00:00", "end": "06:00:00"}
    assert first.json()["config"]["volume"]["usual"] == 70
    assert first.json()["epoch"] >= 1


async def test_another_key_does_not_take_a_loudspeakers_place(fitter: httpx.AsyncClient) -> None:
    other = base64.b64encode(bytes(31) + b"x").decode()

    answer = await fitter.post(f"{API}/speakers", json={"id": "east-1", "village": EAST, "pubkey": other})

    assert (answer.status_code, answer.json()["code"]) == (409, "speaker_known")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"pubkey": "not base64"}, "key_bytes"),
        ({"pubkey": "AAAA"}, "key_bytes"),
        ({"id": "a b"}, "speaker_id"),
        ({"village": f"{TOWN}999"}, "targets_unknown"),
        ({"village": "east"}, "area_code"),
    ],
)
async def test_a_loudspeaker_that_cannot_be_is_refused(
    fitter: httpx.AsyncClient, changes: dict[str, str], code: str
) -> None:
    answer = await fitter.post(f"{API}/speakers", json={"id": "west-1", "village": WEST, "pubkey": KEY} | changes)

    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_loudspeakers_are_shown_with_what_they_last_said_and_only_ones_own(
    town: Town, fitter: httpx.AsyncClient, clock: VirtualClock
) -> None:
    town.line.connected = {"east-1"}
    town.watch.seen("east-1", clock.now(), {"volume": 80, "software": "vb 0.1"})

    speakers = {one["id"]: one for one in (await fitter.get(f"{API}/speakers")).json()}

    assert set(speakers) == {"east-1", "east-2"}
    assert (speakers["east-1"]["is_online"], speakers["east-1"]["volume"]) == (True, 80)
    assert (speakers["east-2"]["is_online"], speakers["east-2"]["seen_at"]) == (False, None)


async def test_a_retired_loudspeaker_is_gone_from_the_list(fitter: httpx.AsyncClient) -> None:
    answer = await fitter.delete(f"{API}/speakers/east-1")

    assert answer.status_code == 204
    assert [one["id"] for one in (await fitter.get(f"{API}/speakers")).json()] == ["east-2"]


async def test_who_has_no_business_in_a_village_is_not_told_that_it_exists(fitter: httpx.AsyncClient) -> None:
    elsewhere = await fitter.get(f"{API}/announcements", params={"village": OTHER})
    nowhere = await fitter.get(f"{API}/announcements", params={"village": "620723999999"})

    assert (elsewhere.status_code, elsewhere.json()["code"]) == (404, nowhere.json()["code"])


async def test_announcements_are_asked_for_by_one_thing_at_a_time(fitter: httpx.AsyncClient) -> None:
    neither = await fitter.get(f"{API}/announcements")
    both = await fitter.get(f"{API}/announcements", params={"village": EAST, "origin": "x"})

    assert [answer.json()["code"] for answer in (neither, both)] == ["query_missing"] * 2
