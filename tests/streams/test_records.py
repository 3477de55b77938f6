"""Records: what was once written can always be read."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from broadcaster.desk.events import Event
from broadcaster.model.errors import Refused
from streams.records import V1, AnnouncementTold, Catalogue, ReceiptTold, decode, encode
from streams.topics import LONGEST_RECORD_BYTES, TOPICS
from tests.streams.samples import every_event

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))


def test_every_type_of_event_has_a_golden_sample() -> None:
    assert {path.stem for path in GOLDEN} == set(V1)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_every_reader_reads_every_record_ever_written(path: Path) -> None:
    """
    The file was written by the version it is named after, and is never written again.
    """
    expected = {event.type: event for event in every_event()}[path.stem]

    found = decode(expected.topic, expected.key, path.read_bytes())

    assert (found.type, found.key, found.lane, found.scope, found.at, found.cause, found.origin, found.revision) == (
        expected.type,
        expected.key,
        expected.lane,
        expected.scope,
        expected.at,
        expected.cause,
        expected.origin,
        expected.revision,
    )
    assert {**(found.payload or {}), **(expected.payload or {})} == found.payload


@pytest.mark.parametrize("event", every_event(), ids=lambda event: event.type)
def test_what_is_written_is_read_as_it_was(event: Event) -> None:
    body = encode(event)

    assert decode(event.topic, event.key, body) == event
    assert event.topic in TOPICS
    assert len(body) < LONGEST_RECORD_BYTES


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "json"),
        (b"\xff\xfe", "json"),
        (b"[" * 100_000, "json"),
        (b"[1]", "json"),
        (b"{}", "type"),
        (b'{"type": "harvest.sung.v1"}', "type"),
        (b'{"type": "timer.due.v1", "id": "x"}', "fields"),
    ],
)
def test_garbage_is_refused_by_name(body: bytes, why: str) -> None:
    with pytest.raises(Refused) as refused:
        decode("alerts", "x", body)

    assert (refused.value.code, refused.value.facts["why"]) == ("record_unreadable", why)


def test_a_record_under_another_key_is_refused() -> None:
    """
    Its order among its village's records would be lost.
    """
    event = every_event()[0]

    with pytest.raises(Refused, match="key"):
        decode(event.topic, "620723103999", encode(event))


def test_a_moment_that_no_calendar_has_is_refused() -> None:
    event = every_event()[0]
    body = json.dumps({**json.loads(encode(event)), "at": 10**30}).encode()

    with pytest.raises(Refused, match="at"):
        decode(event.topic, event.key, body)


@pytest.mark.parametrize(
    "payload",
    [
        {"announcement": "a-1"},
        {**(every_event()[0].payload or {}), "mood": "bright"},
        {**(every_event()[0].payload or {}), "expires": "tomorrow"},
    ],
    ids=["too little", "unknown field", "wrong kind"],
)
def test_what_no_reader_could_take_does_not_get_into_the_log(payload: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="record_unreadable"):
        encode(replace(every_event()[0], payload=payload))


def test_what_is_told_of_an_origin_cannot_overwrite_its_envelope() -> None:
    event = next(event for event in every_event() if event.type == "alert.taken.v1")

    with pytest.raises(Refused, match="names"):
        encode(replace(event, payload={"origin": "flood", "at": 0}))


def test_a_field_that_a_newer_writer_added_is_passed_over() -> None:
    event = every_event()[0]
    body = json.dumps({**json.loads(encode(event)), "mood": "bright"}).encode()

    assert decode(event.topic, event.key, body) == event


class PlannedV2(AnnouncementTold):
    """An invented second version: a village became several."""

    villages: list[str]


def _planned_in_several(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "type": "announcement.planned.v2", "villages": [fields["village"]]}


def test_an_old_record_is_read_as_the_newest_version() -> None:
    event = next(event for event in every_event() if event.type == "announcement.planned.v1")
    newer = Catalogue({"announcement.planned.v2": PlannedV2}, {"announcement.planned.v1": _planned_in_several})

    found = newer.decode(event.topic, event.key, encode(event))

    assert found.type == "announcement.planned.v2"
    assert (found.payload or {})["villages"] == ["620723103204"]


def test_an_old_record_that_cannot_be_raised_is_refused() -> None:
    event = next(event for event in every_event() if event.type == "receipt.done.v1")
    newer = Catalogue({"receipt.done.v2": ReceiptTold}, {"receipt.done.v1": lambda fields: {"n": fields["none"]}})

    with pytest.raises(Refused, match="upcast"):
        newer.decode(event.topic, event.key, encode(event))
