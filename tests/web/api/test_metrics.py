"""Figures for those who watch over the service."""

import asyncio
import re
from datetime import timedelta

import httpx
import pytest

from broadcaster.desk.ports import SignedTime
from broadcaster.desk.rows import Role
from broadcaster.model.announcement import announcement_id
from broadcaster.model.clock import milliseconds
from broadcaster.web.happenings import Happening
from tests.virtual import VirtualClock
from tests.web.api.town import EAST, ORIGIN, TOWN, Town, cap


async def test_a_service_whose_parts_answer_is_well(town: Town) -> None:
    answer = await town.client().get("/healthz")

    assert (answer.status_code, answer.json()) == (
        200,
        {"status": "ok", "book": "ok", "signer": "ok", "line": "ok", "readers": "ok"},
    )


async def test_a_service_whose_signer_is_away_is_ill_and_says_so(town: Town) -> None:
    town.signer.is_away = True
    answer = await town.client().get("/healthz")

    assert (answer.status_code, answer.json()["signer"], answer.json()["book"]) == (503, "signer_away", "ok")


async def test_a_service_that_no_loudspeaker_can_reach_is_ill(town: Town) -> None:
    town.app.state.is_line_up = lambda: False

    assert (await town.client().get("/healthz")).json()["line"] == "line_down"


async def test_a_reader_that_stands_still_is_told_of_until_an_operator_of_the_whole_town_resumes_it(town: Town) -> None:
    town.engine.paused["acknowledging.notice"] = "Refused: receipt_unknown"
    town.watch.dropped["order_unknown"] = 3
    resume = "/api/v1/engine/acknowledging.notice/resume"
    operator = await town.somebody("operator", (Role.OPERATE, "620723"))
    of_one_village = await town.somebody("village", (Role.OPERATE, EAST))

    ill, figures = await operator.get("/healthz"), (await operator.get("/metrics")).text
    refused = await of_one_village.post(resume)
    resumed, again = await operator.post(resume), await operator.post(resume)
    unknown = await operator.post("/api/v1/engine/nobody/resume")

    assert (ill.status_code, ill.json()["readers"]) == (503, "paused: acknowledging.notice")
    assert 'vb_reader_paused{reader="acknowledging.notice"} 1.0' in figures
    assert 'vb_receipts_dropped{why="order_unknown"} 3.0' in figures
    assert refused.status_code == 403
    assert (resumed.json()["was_paused"], again.json()["was_paused"]) == (True, False)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "reader_unknown")
    assert (await operator.get("/healthz")).status_code == 200
    trail = await town.desk.book.read(lambda state: state.audit_trail(limit=1))
    assert [(line.actor, line.what) for line in trail] == [("operator", "reader.resumed")]


async def test_however_many_ask_whether_it_is_well_its_parts_are_asked_once(town: Town) -> None:
    asked: list[str] = []

    async def time(nonce: str) -> SignedTime:
        asked.append(nonce)
        await asyncio.sleep(0)
        return SignedTime(nonce, 0, 1, b"")

    town.signer.time = time  # type: ignore[method-assign]  # counted for this test
    answers = await asyncio.gather(*(town.client().get("/healthz") for _ in range(50)))

    assert {answer.status_code for answer in answers} == {200}
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("address", "role", "status"),
    [
        ("127.0.0.1", None, 200),
        ("::1", None, 200),
        ("10.0.0.9", None, 401),
        ("10.0.0.9", Role.DRAFT, 403),
        ("10.0.0.9", Role.OPERATE, 200),
        ("10.0.0.9", Role.AUDIT, 200),
    ],
)
async def test_figures_are_for_this_machine_and_for_those_who_operate_or_audit(
    town: Town, address: str, role: Role | None, status: int
) -> None:
    headers = {}
    if role is not None:
        await town.somebody("watcher", (role, TOWN))
        headers["Authorization"] = "Bearer token-of-watcher"
    far = httpx.ASGITransport(town.app, raise_app_exceptions=False, client=(address, 50_000))
    client = httpx.AsyncClient(transport=far, base_url=ORIGIN, headers=headers)

    assert (await client.get("/metrics")).status_code == status


async def test_figures_are_by_village_and_name_nobody(town: Town, clock: VirtualClock) -> None:
    county = await town.source()
    town.line.connected = {"east-1"}
    await county.post("/api/v1/alerts", content=cap(clock), headers={"Content-Type": "application/xml"})

    text = (await town.client().get("/metrics")).text

    assert f'vb_deliveries{{outcome="",rank="pending",village="{EAST}"}} 2.0' in text
    assert f'vb_speakers{{state="online",village="{EAST}"}} 1.0' in text
    assert f'vb_speakers{{state="offline",village="{EAST}"}} 1.0' in text
    assert 'vb_work_waiting{kind="voice",lane="alert"} 1.0' in text
    assert "vb_dead_letters 0.0" in text
    assert "east-1" not in text
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", text)


async def test_lateness_counts_from_release_to_the_first_sound_once_a_delivery(town: Town, clock: VirtualClock) -> None:
    county = await town.source()
    taken = (
        await county.post("/api/v1/alerts", content=cap(clock), headers={"Content-Type": "application/xml"})
    ).json()
    announcement = announcement_id(taken["origin"], 1, EAST)
    release = await town.desk.book.read(lambda state: state.announcement(announcement))
    assert release is not None
    assert release.release_at is not None
    started = milliseconds(release.release_at + timedelta(seconds=2))
    facts = {"announcement": announcement, "target": "east-1", "rank": 3, "started_at": started}
    for seq in (1, 2):
        town.app.state.metrics.noted(Happening(seq, "delivery.changed", (EAST,), facts))

    text = (await town.client().get("/metrics")).text

    assert f'vb_lateness_seconds_count{{village="{EAST}"}} 1.0' in text
    total = re.search(rf'vb_lateness_seconds_sum{{village="{EAST}"}} (\S+)', text)
    assert total is not None
    assert float(total[1]) == pytest.approx(2, abs=0.01)


async def test_the_description_of_the_interface_is_complete(town: Town, clock: VirtualClock) -> None:
    described = town.app.openapi()["paths"]

    for path, methods in described.items():
        for method, words in methods.items():
            assert words.get("description") or words.get("summary"), (method, path)
            if path.startswith("/api/v1") and path != "/api/v1/stream":
                good = [answer for code, answer in words["responses"].items() if code.startswith("2")]
                assert good, (method, path)
                assert any("content" in one for one in good) or "204" in words["responses"], (method, path)


async def test_the_description_can_be_fetched_by_anybody(town: Town) -> None:
    clerk = await town.somebody("clerk", (Role.DRAFT, TOWN))

    assert (await clerk.get("/api/v1/openapi.json")).json()["info"]["title"] == "Village Broadcaster"
    assert "/api/v1/alerts" in (await town.client().get("/api/v1/openapi.json")).json()["paths"]
