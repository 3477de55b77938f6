"""Notices over HTTP: from the desk of one who writes to the loudspeakers of a village."""

import httpx
import pytest

from broadcaster.desk.rows import Role
from tests.virtual import VirtualClock
from tests.web.api.town import EAST, TOWN, WEST, Town, notice


@pytest.fixture
async def author(town: Town) -> httpx.AsyncClient:
    return await town.somebody("author", (Role.DRAFT, TOWN), (Role.APPROVE, TOWN), (Role.PUBLISH, TOWN))


@pytest.fixture
async def chief(town: Town) -> httpx.AsyncClient:
    return await town.somebody("chief", (Role.APPROVE, TOWN), (Role.PUBLISH, TOWN), (Role.OPERATE, TOWN))


async def _drafted(author: httpx.AsyncClient, clock: VirtualClock, **changes: object) -> dict[str, object]:
    answer = await author.post("/api/v1/notices", json=notice(clock, **changes))
    assert answer.status_code == 201, answer.text
    revision: dict[str, object] = answer.json()["revision"]
    return revision


async def _approved(author: httpx.AsyncClient, chief: httpx.AsyncClient, clock: VirtualClock, **changes: object) -> str:
    revision = await _drafted(author, clock, **changes)
    path = f"/api/v1/notices/{revision['origin']}/revisions/1"
    assert (await author.post(f"{path}/submit")).status_code == 200
    yes = {"content_sha256": revision["content_sha256"]}
    assert (await chief.post(f"{path}/approve", json=yes)).status_code == 200
    return path


async def test_a_notice_goes_from_draft_to_release_and_names_who_will_hear_it(
    town: Town, author: httpx.AsyncClient, chief: httpx.AsyncClient, clock: VirtualClock
) -> None:
    town.line.connected = {"east-1"}
    path = await _approved(author, chief, clock, targets=[TOWN])

    answer = await chief.post(f"{path}/release")

    assert answer.status_code == 202
    heard = answer.json()["audience"]
    assert [village["code"] for village in heard["villages"]] == [EAST, WEST]
    assert (heard["speakers"], heard["speakers_offline"]) == (2, 1)
    assert (heard["people"], heard["people_text"]) == (None, "未录入")
    assert [village["name"] for village in heard["silent_villages"]] == ["西村"]
    assert answer.json()["release_at"].endswith("+08:00")


async def test_its_author_can_neither_approve_nor_release_it(
    author: httpx.AsyncClient, chief: httpx.AsyncClient, clock: VirtualClock
) -> None:
    path = await _approved(author, chief, clock)
    content = (await author.get(path.partition("/revisions")[0])).json()["revision"]["content_sha256"]

    approving = await author.post(f"{path}/approve", json={"content_sha256": content})
    releasing = await author.post(f"{path}/release")

    assert [(answer.status_code, answer.json()["code"]) for answer in (approving, releasing)] == [(403, "own_work")] * 2


async def test_what_changed_since_it_was_seen_is_not_approved(
    author: httpx.AsyncClient, chief: httpx.AsyncClient, clock: VirtualClock
) -> None:
    revision = await _drafted(author, clock)
    path = f"/api/v1/notices/{revision['origin']}/revisions/1"
    await author.post(f"{path}/submit")

    answer = await chief.post(f"{path}/approve", json={"content_sha256": "0" * 64})

    assert (answer.status_code, answer.json()["code"]) == (409, "content_changed")


async def test_a_recording_that_is_not_the_notices_is_not_approved(
    author: httpx.AsyncClient, chief: httpx.AsyncClient, clock: VirtualClock
) -> None:
    """
    What was listened to is what sounds; an approval of another recording would be worth nothing to the signer.
    """
    revision = (await author.post("/api/v1/notices", json=notice(clock))).json()["revision"]
    path = f"/api/v1/notices/{revision['origin']}/revisions/1"
    await author.post(f"{path}/submit")

    said = {"content_sha256": revision["content_sha256"], "recording_sha256": "bb" * 32}
    answer = await chief.post(f"{path}/approve", json=said)

    assert (answer.status_code, answer.json()["code"]) == (409, "recording_changed")


async def test_a_request_repeated_under_its_key_makes_one_notice(
    author: httpx.AsyncClient, clock: VirtualClock
) -> None:
    body, key = notice(clock), {"Idempotency-Key": "press-1"}
    first = await author.post("/api/v1/notices", json=body, headers=key)
    again = await author.post("/api/v1/notices", json=body, headers=key)
    other = await author.post("/api/v1/notices", json=body | {"text": "明天停水。"}, headers=key)

    assert first.json() == again.json()
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")
    assert len((await author.get("/api/v1/notices")).json()) == 1


async def test_a_key_used_for_one_notice_revises_no_other(author: httpx.AsyncClient, clock: VirtualClock) -> None:
    first, other = [(await author.post("/api/v1/notices", json=notice(clock))).json()["revision"] for _ in range(2)]
    body, key = notice(clock, text="改在明天。"), {"Idempotency-Key": "press-3"}

    revised = [
        await author.post(f"/api/v1/notices/{one['origin']}/revisions", json=body, headers=key)
        for one in (first, first, other)
    ]

    assert [answer.json().get("code") for answer in revised] == [None, None, "key_reused"]
    assert revised[1].json()["revision"]["origin"] == first["origin"]


async def test_a_release_repeated_gives_the_same_answer(
    author: httpx.AsyncClient, chief: httpx.AsyncClient, clock: VirtualClock
) -> None:
    path, key = await _approved(author, chief, clock), {"Idempotency-Key": "press-2"}

    first = await chief.post(f"{path}/release", headers=key)
    again = await chief.post(f"{path}/release", headers=key)

    assert first.status_code == 202
    assert first.json() == again.json()


async def test_a_notice_withdrawn_is_over(
    author: httpx.AsyncClient, chief: httpx.AsyncClient, clock: VirtualClock
) -> None:
    path = await _approved(author, chief, clock)
    await chief.post(f"{path}/release")
    origin = path.partition("/revisions")[0]

    answer = await chief.post(f"{origin}/withdraw")

    assert answer.json()["villages"] == [EAST]
    assert (await chief.get(origin)).json()["stage"] == "withdrawn"
    revising = await author.post(f"{origin}/revisions", json=notice(clock))
    assert (revising.status_code, revising.json()["code"]) == (409, "origin_over")


async def test_an_author_takes_back_what_was_never_released_and_nothing_later(
    town: Town, chief: httpx.AsyncClient, clock: VirtualClock
) -> None:
    author = await town.somebody("writer", (Role.DRAFT, TOWN))
    draft = (await author.post("/api/v1/notices", json=notice(clock))).json()["revision"]["origin"]
    released = await _approved(author, chief, clock)
    await chief.post(f"{released}/release")

    own = await author.post(f"/api/v1/notices/{draft}/withdraw")
    others = await author.post(f"{released.split('/revisions')[0]}/withdraw")

    assert own.status_code == 200
    assert (others.status_code, others.json()["code"]) == (403, "role_missing")


async def test_what_cannot_be_read_aloud_is_refused_with_its_place(author: httpx.AsyncClient) -> None:
    answer = await author.post("/api/v1/read", json={"text": "气温 3~5 度"})

    assert (answer.status_code, answer.json()["code"]) == (422, "unreadable")
    assert (answer.json()["start"], answer.json()["end"]) == (4, 5)


async def test_what_is_spoken_otherwise_than_written_comes_as_a_hint(author: httpx.AsyncClient) -> None:
    answer = await author.post("/api/v1/read", json={"text": "3 点开会"})

    assert answer.json() == {"spoken": "3 点开会", "hints": [{"written": "3", "spoken": "三"}]}


async def test_deliveries_are_shown_by_origin_and_by_village(
    author: httpx.AsyncClient, chief: httpx.AsyncClient, clock: VirtualClock
) -> None:
    path = await _approved(author, chief, clock)
    origin = (await chief.post(f"{path}/release")).json()["origin"]

    by_origin = (await chief.get("/api/v1/announcements", params={"origin": origin})).json()
    by_village = (await chief.get("/api/v1/announcements", params={"village": EAST})).json()

    assert by_origin == by_village
    assert [(row["target"], row["rank"]) for row in by_origin[0]["deliveries"]] == [
        ("east-1", "pending"),
        ("east-2", "pending"),
    ]


async def test_a_script_is_heard_before_it_is_submitted(author: httpx.AsyncClient, clock: VirtualClock) -> None:
    revision = await _drafted(author, clock)

    answer = await author.post(f"/api/v1/notices/{revision['origin']}/revisions/1/hear")

    assert (answer.status_code, answer.json()["state"], answer.json()["audio"]) == (202, "wanted", None)
