"""The gate: nothing changes anything unless whoever asks has shown who they are and that they mean it."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from broadcaster.desk.rows import Role
from broadcaster.web.auth import ENTRY_PATH, SAFE_METHODS
from tests.virtual import VirtualClock
from tests.web.api.town import EAST, ORIGIN, TOWN, Town, notice

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


def doors(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Return every method and path of the app that might change something."""
    for route in iter_route_contexts(app.routes):
        for method in set(route.methods or ()) - SAFE_METHODS:
            yield method, re.sub(r"\{(\w+)(:\w+)?\}", "1", route.path or "")


async def _refused(client: httpx.AsyncClient, doors: list[tuple[str, str]]) -> dict[tuple[str, str], int]:
    return {door: (await client.request(*door)).status_code for door in doors}


async def test_every_door_is_known_to_this_test(town: Town) -> None:
    from_the_description = {
        (method.upper(), re.sub(r"\{\w+\}", "1", path))
        for path, methods in town.app.openapi()["paths"].items()
        for method in methods
        if method.upper() not in SAFE_METHODS
    }

    assert from_the_description <= set(doors(town.app))
    assert len(from_the_description) >= 18


async def test_nobody_opens_any_door(town: Town) -> None:
    answers = await _refused(town.client(), [door for door in doors(town.app) if door[1] != ENTRY_PATH])

    assert set(answers.values()) == {401}


async def test_a_session_alone_opens_no_door(town: Town) -> None:
    await town.somebody("clerk", (Role.DRAFT, TOWN))
    cookie, _ = await town.session("clerk")
    client = town.client(**SAME_ORIGIN, Cookie=f"vb_session={cookie}")

    answers = await _refused(client, [door for door in doors(town.app) if door[1] != ENTRY_PATH])

    assert set(answers.values()) == {403}


async def test_another_sites_page_opens_no_door_though_it_knew_the_secret(town: Town) -> None:
    await town.somebody("clerk", (Role.DRAFT, TOWN))
    cookie, session = await town.session("clerk")
    headers = {"Cookie": f"vb_session={cookie}", "X-CSRF-Token": session.csrf}

    for foreign in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.test"}, {"Sec-Fetch-Site": "none"}, {}):
        answers = await _refused(town.client(**headers, **foreign), list(doors(town.app)))
        assert set(answers.values()) == {403}, foreign


@pytest.mark.parametrize("ours", [SAME_ORIGIN, {"Origin": ORIGIN}])
async def test_a_session_with_its_secret_from_our_own_page_may_write(
    town: Town, clock: VirtualClock, ours: dict[str, str]
) -> None:
    await town.somebody("clerk", (Role.DRAFT, TOWN))
    cookie, session = await town.session("clerk")
    client = town.client(Cookie=f"vb_session={cookie}", **{"X-CSRF-Token": session.csrf}, **ours)

    assert (await client.post("/api/v1/notices", json=notice(clock))).status_code == 201


async def test_a_forms_field_holds_the_secret_too(town: Town) -> None:
    await town.somebody("clerk", (Role.DRAFT, TOWN))
    cookie, session = await town.session("clerk")
    client = town.client(Cookie=f"vb_session={cookie}", **SAME_ORIGIN)

    with_it = await client.post("/api/v1/stop", data={"csrf": session.csrf})
    without = await client.post("/api/v1/stop", data={"csrf": "guess"})

    assert (with_it.json()["code"], without.json()["code"]) == ("body_invalid", "csrf_missing")


async def test_the_secret_of_another_session_does_not_count(town: Town, clock: VirtualClock) -> None:
    for name in ("clerk", "other"):
        await town.somebody(name, (Role.DRAFT, TOWN))
    (cookie, _), (_, other) = await town.session("clerk"), await town.session("other")
    client = town.client(Cookie=f"vb_session={cookie}", **SAME_ORIGIN, **{"X-CSRF-Token": other.csrf})

    answer = await client.post("/api/v1/notices", json=notice(clock))

    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_missing")


async def test_a_session_that_ran_out_is_nobody(town: Town, clock: VirtualClock) -> None:
    await town.somebody("clerk", (Role.DRAFT, TOWN))
    cookie, _ = await town.session("clerk")
    client = town.client(Cookie=f"vb_session={cookie}")
    before = await client.get("/api/v1/areas")

    clock.offset += timedelta(hours=2)
    after = await client.get("/api/v1/areas")

    assert (before.status_code, after.status_code, after.json()["code"]) == (200, 401, "session_missing")


async def test_who_guesses_tokens_has_to_wait_and_holds_up_neither_a_stop_nor_an_alert(town: Town) -> None:
    operator, county = await town.somebody("operator", (Role.OPERATE, TOWN)), await town.source()
    stranger = town.client("guess")
    guesses = [(await stranger.get("/api/v1/areas")).status_code for _ in range(6)]

    held_up = await operator.get("/api/v1/areas")
    stopped = await operator.post("/api/v1/stop", json={"area": EAST})

    alert = await county.post("/api/v1/alerts", content=b"<", headers={"Content-Type": "application/xml"})

    assert alert.json()["code"] == "cap_not_xml"
    assert guesses == [401] * 5 + [429]
    assert (held_up.status_code, held_up.json()["code"]) == (429, "too_often")
    assert int(held_up.headers["retry-after"]) > 0
    assert stopped.status_code == 200


async def _entered(town: Town, link: str, **headers: str) -> httpx.Response:
    return await town.client(**(SAME_ORIGIN | headers)).post(ENTRY_PATH, data={"link": link})


async def test_a_link_opens_one_session_whose_cookie_scripts_and_other_sites_never_see(town: Town) -> None:
    admin = await town.somebody("admin", (Role.ADMIN, TOWN))
    link = (await admin.post("/api/v1/people/admin/links")).json()["link"].rpartition("/")[2]

    first, again = await _entered(town, link), await _entered(town, link)

    cookie = first.headers["set-cookie"]
    assert (first.status_code, again.status_code) == (303, 401)
    assert cookie.startswith("vb_session=")
    assert {"httponly", "samesite=strict", "path=/"} <= {part.strip().lower() for part in cookie.split(";")}
    signed_in = town.client(Cookie=cookie.partition(";")[0])
    assert (await signed_in.get("/api/v1/areas")).status_code == 200


async def test_over_https_the_cookie_is_bound_to_this_host(town: Town) -> None:
    town.app.state.secure_cookies = True
    admin = await town.somebody("admin", (Role.ADMIN, TOWN))
    link = (await admin.post("/api/v1/people/admin/links")).json()["link"].rpartition("/")[2]

    cookie = (await _entered(town, link)).headers["set-cookie"]

    assert cookie.startswith("__Host-vb_session=")
    assert "secure" in {part.strip().lower() for part in cookie.split(";")}


async def test_another_sites_page_opens_no_session(town: Town) -> None:
    answer = await _entered(town, "x", **{"Sec-Fetch-Site": "cross-site"})

    assert answer.status_code == 403


async def test_who_guesses_links_has_to_wait(town: Town) -> None:
    guesses = [(await _entered(town, f"guess-{n}")).status_code for n in range(6)]

    assert guesses[:5] == [401] * 5
    assert guesses[5] not in (200, 303, 401)


async def test_a_browser_is_refused_with_a_page_and_a_program_with_a_problem(town: Town) -> None:
    client = town.client()

    page = await client.post("/console/leave", headers={"Accept": "text/html"})
    missing = await client.get("/nowhere", headers={"Accept": "text/html"})
    program = await client.post("/api/v1/stop", json={"area": TOWN}, headers={"Accept": "text/html"})

    assert (page.status_code, missing.status_code, program.status_code) == (401, 404, 401)
    assert page.headers["content-type"] == missing.headers["content-type"] == "text/html; charset=utf-8"
    assert program.headers["content-type"] == "application/problem+json"


async def test_a_body_too_large_is_refused_while_it_is_read(town: Town) -> None:
    client = await town.source()

    async def much() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 10_000

    json_body = await client.post("/api/v1/notices", content=much())
    cap_body = await client.post("/api/v1/alerts", content=much(), headers={"Content-Type": "application/xml"})
    small_cap = await client.post("/api/v1/alerts", content=b"x" * 100_000, headers={"Content-Type": "application/xml"})

    assert (json_body.status_code, cap_body.status_code, small_cap.status_code) == (413, 413, 422)
    assert (json_body.json()["most"], cap_body.json()["most"]) == (65_536, 524_288)


async def test_a_body_that_never_ends_is_not_waited_for(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("broadcaster.web.guard.BODY_SECONDS", 0.05)
    client = await town.source()

    async def drip() -> AsyncIterator[bytes]:
        yield b"<"
        await asyncio.sleep(30)

    answer = await client.post("/api/v1/alerts", content=drip(), headers={"Content-Type": "application/xml"})

    assert (answer.status_code, answer.json()["code"]) == (408, "body_slow")


async def test_every_answer_tells_browsers_to_trust_nothing_else(town: Town) -> None:
    client = town.client()

    for path in ("/healthz", "/api/v1/areas", "/nothing-here"):
        headers = (await client.get(path)).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
