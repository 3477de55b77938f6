"""Alerts over HTTP: raw CAP in, and an answer that names who will hear it."""

import httpx
import pytest

from broadcaster.desk.rows import Grant, Role
from broadcaster.model.precedence import Lane
from tests.cap.signing import centre, signed
from tests.virtual import VirtualClock
from tests.web.api.town import EAST, OTHER, SENDER, TOWN, WEST, Town, cap

API = "/api/v1"
XML = {"Content-Type": "application/cap+xml; charset=utf-8"}


@pytest.fixture
async def county(town: Town) -> httpx.AsyncClient:
    return await town.source()


async def _sent(client: httpx.AsyncClient, body: bytes) -> httpx.Response:
    return await client.post(f"{API}/alerts", content=body, headers=XML)


async def test_an_alert_is_taken_and_the_answer_names_who_will_hear_it(
    town: Town, county: httpx.AsyncClient, clock: VirtualClock
) -> None:
    town.line.connected = {"east-1", "east-2"}

    answer = await _sent(county, cap(clock))

    assert answer.status_code == 202
    taken = answer.json()
    assert taken["fate"] == "planned"
    assert [village["code"] for village in taken["audience"]["villages"]] == [EAST, WEST]
    assert (taken["audience"]["speakers"], taken["audience"]["speakers_offline"]) == (2, 0)
    assert taken["release_at"].endswith("+08:00")


async def test_an_alert_sent_twice_is_known_and_announced_once(
    town: Town, county: httpx.AsyncClient, clock: VirtualClock
) -> None:
    body = cap(clock)
    first, again = await _sent(county, body), await _sent(county, body)

    operator = await town.somebody("operator", (Role.OPERATE, TOWN))
    assert (await county.get(f"{API}/alerts/{first.json()['origin']}")).json()["kind"] == "alert"
    announced = (await operator.get(f"{API}/announcements", params={"origin": first.json()["origin"]})).json()

    assert (again.json()["fate"], again.json()["origin"]) == ("known", first.json()["origin"])
    assert len(announced) == 2


async def test_a_cancel_by_its_sender_silences_it(county: httpx.AsyncClient, clock: VirtualClock) -> None:
    first = cap(clock)
    await _sent(county, first)
    sent = first.decode().partition("<sent>")[2].partition("</sent>")[0]

    answer = await _sent(county, cap(clock, "flood-1-over", msg_type="Cancel", references=f"{SENDER},flood-1,{sent}"))

    assert (answer.status_code, answer.json()["fate"]) == (202, "cancelled")
    assert (await county.get(f"{API}/alerts")).json()[0]["stage"] == "cancelled"


async def test_a_drill_is_held_until_an_approver_lets_it_go(
    town: Town, county: httpx.AsyncClient, clock: VirtualClock
) -> None:
    chief = await town.somebody("chief", (Role.APPROVE, TOWN))
    taken = (await _sent(county, cap(clock, status="Exercise"))).json()

    answer = await chief.post(f"{API}/alerts/{taken['origin']}/release", json={})

    assert (taken["fate"], taken["release_at"]) == ("held", None)
    assert answer.status_code == 202
    assert len(answer.json()["audience"]["villages"]) == 2


async def test_an_unknown_severity_needs_somebody_who_names_the_class(
    town: Town, county: httpx.AsyncClient, clock: VirtualClock
) -> None:
    chief = await town.somebody("chief", (Role.APPROVE, TOWN))
    origin = (await _sent(county, cap(clock, severity="Unknown"))).json()["origin"]

    without = await chief.post(f"{API}/alerts/{origin}/release", json={})
    named = await chief.post(f"{API}/alerts/{origin}/release", json={"sound_class": "emergency"})

    assert (without.status_code, without.json()["code"]) == (422, "class_missing")
    assert named.status_code == 202


async def test_an_approver_of_small_things_makes_no_emergency_of_an_unknown_one(
    town: Town, county: httpx.AsyncClient, clock: VirtualClock
) -> None:
    clerk = await town.somebody("clerk", (Role.APPROVE, TOWN))
    minor = Grant("clerk", Role.APPROVE, TOWN, max_severity=1)
    await town.desk.book.write(Lane.NOTICE, lambda pen: (pen.retire_grants("clerk"), pen.put(minor)))
    origin = (await _sent(county, cap(clock, severity="Unknown"))).json()["origin"]

    emergency = await clerk.post(f"{API}/alerts/{origin}/release", json={"sound_class": "emergency"})
    routine = await clerk.post(f"{API}/alerts/{origin}/release", json={"sound_class": "routine"})

    assert (emergency.status_code, emergency.json()["code"]) == (403, "role_missing")
    assert routine.status_code == 202


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"sender": "somebody@else.example"}, 403, "sender_foreign"),
        ({"area": OTHER}, 403, "area_foreign"),
        ({"area": "110101"}, 422, "targets_unknown"),
        ({"severity": "Dreadful"}, 422, "cap_word"),
    ],
)
async def test_a_source_speaks_in_its_own_name_for_its_own_areas(
    county: httpx.AsyncClient, clock: VirtualClock, changes: dict[str, str], status: int, code: str
) -> None:
    answer = await _sent(county, cap(clock, **changes))

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_who_is_no_source_hands_over_no_alert(town: Town, clock: VirtualClock) -> None:
    chief = await town.somebody("chief", *((role, TOWN) for role in (Role.PUBLISH, Role.APPROVE, Role.SOURCE)))

    answer = await _sent(chief, cap(clock))

    assert (answer.status_code, answer.json()["code"]) == (403, "not_a_source")


async def test_what_is_no_cap_is_refused_in_words_that_say_what_to_do(county: httpx.AsyncClient) -> None:
    json_body = await county.post(f"{API}/alerts", json={"alert": 1})
    garbage = await _sent(county, b"<alert")
    entities = await _sent(county, b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')

    assert (json_body.status_code, json_body.json()["code"]) == (415, "media_type")
    assert (garbage.status_code, garbage.json()["code"]) == (422, "cap_not_xml")
    assert "DOCTYPE" in entities.json()["detail"]
    assert entities.json()["reasons"][0]["code"] == "doctype"


async def test_a_source_bound_to_a_certificate_has_to_sign(town: Town, clock: VirtualClock) -> None:
    ours, stranger = centre("county"), centre("stranger")
    county = await town.source("signing", certificate=ours.pem.decode())

    unsigned = await _sent(county, cap(clock))
    foreign = await _sent(county, signed(cap(clock), stranger))
    good = await _sent(county, signed(cap(clock), ours))

    assert [(answer.status_code, answer.json()["code"]) for answer in (unsigned, foreign)] == [
        (403, "signature_missing")
    ] * 2
    assert (good.status_code, good.json()["fate"]) == (202, "planned")


async def test_stop_silences_what_was_issued_before_and_not_the_next_alert(
    town: Town, county: httpx.AsyncClient, clock: VirtualClock
) -> None:
    operator = await town.somebody("operator", (Role.OPERATE, TOWN))
    await _sent(county, cap(clock))

    stopped = await operator.post(f"{API}/stop", json={"area": TOWN})
    after = await _sent(county, cap(clock, "flood-2"))

    assert (stopped.json()["silenced"], stopped.json()["villages"]) == (2, [EAST, WEST])
    assert after.json()["fate"] == "planned"


async def test_an_alert_is_cancelled_by_one_person_at_once_and_again_without_harm(
    town: Town, county: httpx.AsyncClient, clock: VirtualClock
) -> None:
    operator = await town.somebody("operator", (Role.OPERATE, TOWN))
    origin = (await _sent(county, cap(clock))).json()["origin"]

    first = await operator.post(f"{API}/origins/{origin}/cancel")
    again = await operator.post(f"{API}/origins/{origin}/cancel")

    assert (first.json()["villages"], again.status_code) == ([EAST, WEST], 200)
