"""What is written is read back as it was."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broadcaster.cap.reading import read_alert
from broadcaster.cap.values import clean
from broadcaster.cap.writing import write_alert
from broadcaster.model.alert import (
    Alert,
    CapArea,
    CapScope,
    Category,
    Certainty,
    Circle,
    Geocode,
    Info,
    MsgType,
    Reference,
    ResponseType,
    Severity,
    Status,
    Urgency,
)
from tests.cap.samples import SAMPLES, Sample

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20).map(clean)
texts = texts.filter(bool).filter(lambda text: "\ufffe" not in text and "\uffff" not in text)
names = st.text("abcdefghijklmnopqrstuvwxyz0123456789.-@:", min_size=1, max_size=20)
times = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001 - hypothesis asks for naive bounds
    lambda time: time.replace(microsecond=0)
)
latitudes = st.floats(-90, 90, allow_nan=False)
longitudes = st.floats(0, 180, allow_nan=False)
rings = st.lists(st.tuples(latitudes, longitudes), min_size=3, max_size=6).map(lambda points: (*points, points[0]))
pairs = st.lists(st.tuples(texts, texts), max_size=2).map(tuple)
maybe = st.none() | texts
areas = st.builds(
    CapArea,
    description=texts,
    geocodes=st.lists(st.builds(Geocode, texts, texts), max_size=3).map(tuple),
    polygons=st.lists(rings, max_size=2).map(tuple),
    circles=st.lists(st.builds(Circle, latitudes, longitudes, st.floats(0, 20_000)), max_size=2).map(tuple),
)
infos = st.builds(
    Info,
    language=st.sampled_from(["zh-CN", "en-US", "ug"]),
    categories=st.lists(st.sampled_from(Category), min_size=1, max_size=3, unique=True).map(tuple),
    event=texts,
    response_types=st.lists(st.sampled_from(ResponseType), max_size=2).map(tuple),
    urgency=st.sampled_from(Urgency),
    severity=st.sampled_from(Severity),
    certainty=st.sampled_from(Certainty),
    effective=st.none() | times,
    onset=st.none() | times,
    expires=st.none() | times,
    sender_name=maybe,
    headline=maybe,
    description=maybe,
    instruction=maybe,
    event_codes=pairs,
    parameters=pairs,
    areas=st.lists(areas, max_size=2).map(tuple),
)
words = texts.filter(lambda text: '"' not in text)
alerts = st.builds(
    Alert,
    identifier=names,
    sender=names,
    sent=times,
    status=st.sampled_from(Status),
    msg_type=st.sampled_from(MsgType),
    scope=st.sampled_from(CapScope),
    references=st.lists(st.builds(Reference, names.map("earlier-{}".format), names, times), max_size=3).map(tuple),
    infos=st.lists(infos, max_size=2).map(tuple),
    note=maybe,
    source=maybe,
    codes=st.lists(texts, max_size=2).map(tuple),
    incidents=st.lists(words, max_size=2).map(tuple),
)


@settings(max_examples=150, deadline=None)
@given(alerts)
def test_an_alert_that_was_written_is_read_back_as_it_was(alert: Alert) -> None:
    reading = read_alert(write_alert(alert))

    assert reading.alert == alert
    assert reading.repairs == ()


@pytest.mark.parametrize("each", [each for each in SAMPLES if each.judgement != "refused"], ids=lambda each: each.file)
def test_a_real_alert_that_was_put_right_is_written_as_a_valid_one(each: Sample) -> None:
    alert = read_alert(each.raw).alert

    again = read_alert(write_alert(alert))

    assert again.alert == alert
    assert again.judgement == "valid"


def test_utc_is_written_as_cap_asks() -> None:
    """
    CAP 1.2, section 3.3.2: "Alphabetic timezone designators such as 'Z' MUST NOT be used"; UTC is -00:00.
    """
    alert = read_alert(
        next(each for each in SAMPLES if each.file.startswith("oasiscap__v1dot2_appendix_adot1")).raw
    ).alert

    assert b"-00:00</sent>" in write_alert(alert)
