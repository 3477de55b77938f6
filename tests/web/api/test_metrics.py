"""Figures for those who watch over the service."""

import re
from datetime import timedelta

import pytest

from broadcaster.desk.rows import Role
from broadcaster.model.announcement import announcement_id
from broadcaster.model.clock import milliseconds
from broadcaster.web.live import Happening
from tests.virtual import VirtualClock
from tests.web.api.town import EAST, TOWN, Town, cap


async def test_a_service_whose_parts_answer_is_well(town: Town) -> None:
    answer = await town.client().get("/healthz")

    assert (answer.status_code, answer.json()) == (
        200,
        {"status": "ok", "book": "ok", "signer": "ok", "line": "ok"},
    )


async def test_a_service_whose_signer_is_away_is_ill_and_says_so(town: Town) -> None:
    town.signer.is_away = True
    answer = await town.client().get("/healthz")

    assert (answer.status_code, answer.json()["signer"], answer.json()["book"]) == (503, "signer_away", "ok")


async def test_a_service_that_no_loudspeaker_can_reach_is_ill(town: Town) -> None:
    town.app.state.is_line_up = lambda: False

    assert (await town.client().get("/healthz")).json()["line"] == "line_down"


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
