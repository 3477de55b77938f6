"""People over HTTP: made known, given links and tokens, and taken back."""

import httpx
import pytest

from broadcaster.desk.people import open_session
from broadcaster.desk.rows import Role
from broadcaster.model.errors import NotAllowed
from tests.virtual import VirtualClock
from tests.web.api.town import EAST, ORIGIN, OTHER, TOWN, WEST, Town, cap, notice

API = "/api/v1"


@pytest.fixture
async def admin(town: Town) -> httpx.AsyncClient:
    return await town.somebody("admin", (Role.ADMIN, TOWN))


async def _made(admin: httpx.AsyncClient, role: str = "draft", kind: str = "person", area: str = EAST) -> str:
    person = {"name": "王芳", "kind": kind, "grants": [{"role": role, "area": area}]}
    answer = await admin.post(f"{API}/people", json=person)
    assert answer.status_code == 201, answer.text
    made: str = answer.json()["id"]
    return made


async def test_a_token_does_what_its_owner_may_until_it_is_taken_back(
    town: Town, admin: httpx.AsyncClient, clock: VirtualClock
) -> None:
    person = await _made(admin)
    token = (await admin.post(f"{API}/people/{person}/tokens", json={"days": 30})).json()["token"]
    client = town.client(token)
    before = await client.post(f"{API}/notices", json=notice(clock))

    gone = await admin.delete(f"{API}/people/{person}/tokens")
    after = await client.post(f"{API}/notices", json=notice(clock))

    assert (before.status_code, gone.status_code, after.status_code) == (201, 204, 401)
    assert after.headers["www-authenticate"].startswith("Bearer")


async def test_a_link_leads_to_the_door_and_opens_it_once(town: Town, admin: httpx.AsyncClient) -> None:
    person = await _made(admin)

    link = (await admin.post(f"{API}/people/{person}/links")).json()["link"]

    assert link.startswith(f"{ORIGIN}/welcome/")


async def test_a_newer_link_takes_the_older_ones_back(town: Town, admin: httpx.AsyncClient) -> None:
    """
    A link that went astray must not open somebody's door after another was made, or after one was opened.
    """
    person = await _made(admin)
    links = [(await admin.post(f"{API}/people/{person}/links")).json()["link"] for _ in range(2)]

    with pytest.raises(NotAllowed, match="link_spent"):
        await open_session(town.desk, links[0].rsplit("/", 1)[1])
    _, session = await open_session(town.desk, links[1].rsplit("/", 1)[1])

    assert session.principal == person


async def test_a_second_link_into_somebodys_name_is_made_only_where_it_is_meant(
    town: Town, admin: httpx.AsyncClient
) -> None:
    """
    Whoever holds a link acts as its person: an administrator does not come by a voice without its being seen.
    """
    person = await _made(admin, "publish")
    await town.session(person)

    refused = await admin.post(f"{API}/people/{person}/links")
    made = await admin.post(f"{API}/people/{person}/links", params={"again": "true"})

    trail = await town.desk.book.read(lambda state: state.audit_trail(limit=1))
    assert (refused.status_code, refused.json()["code"], made.status_code) == (409, "link_again", 201)
    assert [(line.what, line.facts["again"]) for line in trail] == [("link.made", True)]


async def test_a_village_does_not_bind_the_countys_source_anew(town: Town, clock: VirtualClock) -> None:
    county = await town.source()
    west = await town.somebody("admin-of-west", (Role.ADMIN, WEST))
    bound = {"principal": "county", "sender": "somebody@else.example", "areas": [WEST]}

    answer = await west.post(f"{API}/sources", json=bound)

    assert (answer.status_code, answer.json()["code"]) == (403, "role_missing")
    heard = await county.post(f"{API}/alerts", content=cap(clock), headers={"Content-Type": "application/xml"})
    assert heard.status_code == 202


async def test_people_and_their_sources_are_shown_to_their_administrator(town: Town, admin: httpx.AsyncClient) -> None:
    source = await _made(admin, "source", "source")
    bound = {"principal": source, "sender": "water@town.example", "areas": [EAST], "hold_ms": 0}
    assert (await admin.post(f"{API}/sources", json=bound)).status_code == 201
    elsewhere = await town.somebody("elsewhere", (Role.ADMIN, OTHER))

    shown = {one["id"]: one for one in (await admin.get(f"{API}/people")).json()}
    shown_elsewhere = {one["id"] for one in (await elsewhere.get(f"{API}/people")).json()}

    assert shown[source]["source"]["sender"] == "water@town.example"
    assert (await admin.get(f"{API}/sources")).json()[0]["areas"] == [EAST]
    assert source not in shown_elsewhere


async def test_what_somebody_may_do_is_replaced_whole(
    town: Town, admin: httpx.AsyncClient, clock: VirtualClock
) -> None:
    person = await _made(admin)
    token = (await admin.post(f"{API}/people/{person}/tokens", json={})).json()["token"]

    grants = {"grants": [{"role": "audit", "area": EAST}]}
    assert (await admin.put(f"{API}/people/{person}/grants", json=grants)).status_code == 204

    assert (await town.client(token).post(f"{API}/notices", json=notice(clock))).status_code == 403


async def test_an_administrator_is_given_no_voice(admin: httpx.AsyncClient) -> None:
    grants = [{"role": role, "area": TOWN} for role in ("admin", "publish")]

    answer = await admin.post(f"{API}/people", json={"name": "王芳", "grants": grants})

    assert (answer.status_code, answer.json()["code"]) == (403, "admin_speaks")


async def test_an_administrator_makes_nobody_elsewhere(admin: httpx.AsyncClient) -> None:
    grants = [{"role": "draft", "area": OTHER}]

    answer = await admin.post(f"{API}/people", json={"name": "王芳", "grants": grants})

    assert (answer.status_code, answer.json()["code"]) == (403, "role_missing")


async def test_no_answer_holds_a_hash_or_a_secret_of_others(town: Town, admin: httpx.AsyncClient) -> None:
    person = await _made(admin)
    token = (await admin.post(f"{API}/people/{person}/tokens", json={})).json()["token"]

    shown = (await admin.get(f"{API}/people")).text

    assert token not in shown
    assert "sha256" not in shown


async def test_a_certificate_that_is_none_is_refused_before_an_alert_depends_on_it(admin: httpx.AsyncClient) -> None:
    source = await _made(admin, "source", "source")
    bound = {"principal": source, "sender": "water@town.example", "areas": [EAST], "certificate": "-----BEGIN"}

    answer = await admin.post(f"{API}/sources", json=bound)

    assert (answer.status_code, answer.json()["code"]) == (422, "cap_pinned_certificate")
