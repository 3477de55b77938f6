"""Who may do what, where: every role tries every action in its own village and in the next one."""

import base64
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx
import pytest

from broadcaster.desk.rows import Role
from tests.virtual import VirtualClock
from tests.web.api.town import EAST, TOWN, WEST, Town, cap, notice

API = "/api/v1"
Attempt = Callable[["Stage", httpx.AsyncClient, str], Awaitable[httpx.Response]]


@dataclass
class Stage:
    """A town with colleagues who prepare whatever somebody is to try."""

    town: Town
    clock: VirtualClock
    author: httpx.AsyncClient
    chief: httpx.AsyncClient
    county: httpx.AsyncClient
    numbers: "itertools.count[int]"

    async def draft(self, *villages: str) -> tuple[str, str]:
        answer = await self.author.post(f"{API}/notices", json=notice(self.clock, targets=villages))
        revision = answer.json()["revision"]
        return f"{API}/notices/{revision['origin']}", revision["content_sha256"]

    async def submitted(self, *villages: str) -> tuple[str, str]:
        path, content = await self.draft(*villages)
        await self.author.post(f"{path}/revisions/1/submit")
        return path, content

    async def approved(self, *villages: str) -> str:
        path, content = await self.submitted(*villages)
        await self.chief.post(f"{path}/revisions/1/approve", json={"content_sha256": content})
        return path

    async def released(self, *villages: str) -> str:
        path = await self.approved(*villages)
        answer = await self.chief.post(f"{path}/revisions/1/release")
        assert answer.status_code == 202, answer.text
        return path

    async def held(self, village: str) -> str:
        name = f"drill-{next(self.numbers)}"
        body = cap(self.clock, name, status="Exercise", area=village)
        answer = await self.county.post(f"{API}/alerts", content=body, headers={"Content-Type": "application/xml"})
        assert answer.json()["fate"] == "held", answer.text
        origin: str = answer.json()["origin"]
        return origin


async def drafting(stage: Stage, who: httpx.AsyncClient, village: str) -> httpx.Response:
    return await who.post(f"{API}/notices", json=notice(stage.clock, targets=[village]))


async def revising(stage: Stage, who: httpx.AsyncClient, village: str) -> httpx.Response:
    path, _ = await stage.draft(village)
    return await who.post(f"{path}/revisions", json=notice(stage.clock, targets=[village]))


async def submitting(stage: Stage, who: httpx.AsyncClient, village: str) -> httpx.Response:
    path, _ = await stage.draft(village)
    return await who.post(f"{path}/revisions/1/submit")


async def approving(stage: Stage, who: httpx.AsyncClient, village: str) -> httpx.Response:
    path, content = await stage.submitted(village)
    return await who.post(f"{path}/revisions/1/approve", json={"content_sha256": content})


async def releasing(stage: Stage, who: httpx.AsyncClient, village: str) -> httpx.Response:
    return await who.post(f"{await stage.approved(village)}/revisions/1/release")


async def revising_without_a_village(stage: Stage, who: httpx.AsyncClient, village: str) -> httpx.Response:
    path, _ = await stage.draft(EAST, village)
    return await who.post(f"{path}/revisions", json=notice(stage.clock, targets=[EAST]))


async def releasing_without_a_village(stage: Stage, who: httpx.AsyncClient, village: str) -> httpx.Response:
    path = await stage.released(EAST, village)
    answer = await stage.author.post(f"{path}/revisions", json=notice(stage.clock, targets=[EAST], text="改在明天。"))
    content = answer.json()["revision"]["content_sha256"]
    await stage.author.post(f"{path}/revisions/2/submit")
    await stage.chief.post(f"{path}/revisions/2/approve", json={"content_sha256": content})
    return await who.post(f"{path}/revisions/2/release")


async def withdrawing(stage: Stage, who: httpx.AsyncClient, village: str) -> httpx.Response:
    return await who.post(f"{await stage.released(village)}/withdraw")


async def releasing_an_alert(stage: Stage, who: httpx.AsyncClient, village: str) -> httpx.Response:
    return await who.post(f"{API}/alerts/{await stage.held(village)}/release", json={})


async def cancelling_an_alert(stage: Stage, who: httpx.AsyncClient, village: str) -> httpx.Response:
    return await who.post(f"{API}/origins/{await stage.held(village)}/cancel")


async def stopping(stage: Stage, who: httpx.AsyncClient, village: str) -> httpx.Response:
    return await who.post(f"{API}/stop", json={"area": village})


async def enrolling(stage: Stage, who: httpx.AsyncClient, village: str) -> httpx.Response:
    speaker = {"id": f"new-{next(stage.numbers)}", "village": village, "pubkey": base64.b64encode(bytes(32)).decode()}
    return await who.post(f"{API}/speakers", json=speaker)


async def making_people(stage: Stage, who: httpx.AsyncClient, village: str) -> httpx.Response:
    person = {"name": "somebody", "grants": [{"role": "draft", "area": village}]}
    return await who.post(f"{API}/people", json=person)


async def looking(stage: Stage, who: httpx.AsyncClient, village: str) -> httpx.Response:
    return await who.get(f"{API}/announcements", params={"village": village})


async def looking_at_one(stage: Stage, who: httpx.AsyncClient, village: str) -> httpx.Response:
    path, _ = await stage.draft(village)
    return await who.get(path)


MAY: dict[Attempt, set[Role]] = {
    drafting: {Role.DRAFT},
    revising: {Role.DRAFT},
    revising_without_a_village: {Role.DRAFT},
    submitting: {Role.DRAFT},
    approving: {Role.APPROVE},
    releasing: {Role.PUBLISH},
    releasing_without_a_village: {Role.PUBLISH},
    withdrawing: {Role.OPERATE, Role.APPROVE, Role.PUBLISH},
    releasing_an_alert: {Role.APPROVE},
    cancelling_an_alert: {Role.OPERATE, Role.APPROVE, Role.PUBLISH},
    stopping: {Role.OPERATE, Role.APPROVE, Role.PUBLISH},
    enrolling: {Role.ENROL},
    making_people: {Role.ADMIN},
    looking: set(Role),
    looking_at_one: set(Role),
}


@pytest.fixture
async def stage(town: Town, clock: VirtualClock) -> Stage:
    author = await town.somebody("author", (Role.DRAFT, TOWN))
    chief = await town.somebody("chief", (Role.APPROVE, TOWN), (Role.PUBLISH, TOWN), (Role.OPERATE, TOWN))
    return Stage(town, clock, author, chief, await town.source(), itertools.count())


@pytest.mark.parametrize("attempt", MAY, ids=lambda attempt: attempt.__name__)
async def test_a_role_does_its_own_work_in_its_own_village_and_nothing_else(stage: Stage, attempt: Attempt) -> None:
    wrong = []
    for role in Role:
        who = await stage.town.somebody(f"{role}-of-east", (role, EAST))
        for village in (EAST, WEST):
            answer = await attempt(stage, who, village)
            may = role in MAY[attempt] and village == EAST
            if answer.is_success != may or (not may and answer.status_code not in (403, 404)):
                wrong.append((role.value, village, answer.status_code, answer.text[:80]))

    assert wrong == []


async def test_a_notice_of_others_is_not_even_there_to_be_revised(stage: Stage) -> None:
    who = await stage.town.somebody("west", (Role.DRAFT, WEST))
    path, _ = await stage.draft(EAST)

    answer = await who.post(f"{path}/revisions", json=notice(stage.clock, targets=[WEST]))

    assert (answer.status_code, answer.json()["code"]) == (404, "notice_unknown")


async def test_a_role_over_one_village_does_not_reach_a_notice_for_two(stage: Stage) -> None:
    who = await stage.town.somebody("east", (Role.DRAFT, EAST))

    both = await who.post(f"{API}/notices", json=notice(stage.clock, targets=[EAST, WEST]))
    town = await who.post(f"{API}/notices", json=notice(stage.clock, targets=[TOWN]))

    assert [(answer.status_code, answer.json()["code"]) for answer in (both, town)] == [(403, "role_missing")] * 2
