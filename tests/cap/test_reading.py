"""What is read of a CAP message, what is put right, and what is refused."""

from datetime import UTC, datetime

import pytest

from broadcaster.cap.checking import check
from broadcaster.cap.reading import read_alert
from broadcaster.cap.reasons import TEXTS
from broadcaster.model.alert import Alert, Geocode, MsgType, Reference, Severity, Status, villages_of
from broadcaster.model.errors import Invalid
from tests.cap.samples import SAMPLES, Sample, flood, sample


def codes(raw: bytes) -> list[str]:
    return [reason.code for reason in check(raw).reasons]


def read(*changes: tuple[str, str]) -> Alert:
    return read_alert(flood(*changes)).alert


@pytest.mark.parametrize("each", SAMPLES, ids=lambda each: each.file)
def test_every_sample_is_judged_as_its_manifest_says(each: Sample) -> None:
    assert check(each.raw).judgement == each.judgement


@pytest.mark.parametrize(
    ("said", "states"),
    [
        ("signature state untrusted", {"untrusted"}),
        ("signature untrusted", {"untrusted"}),
        ("signature broken", {"broken"}),
        ("signature not good", {"untrusted", "expired", "weak", "broken"}),
        ("unsigned", {"unsigned"}),
    ],
)
def test_signatures_of_samples_are_judged_as_the_manifest_says(said: str, states: set[str]) -> None:
    speaking = [each for each in SAMPLES if said in each.why]

    assert speaking
    assert {each.file: check(each.raw).signature for each in speaking if check(each.raw).signature not in states} == {}


@pytest.mark.parametrize(
    ("start", "code"),
    [
        ("fpas__alertswiss-POA", "order"),
        ("fpas__alertswiss-TEST", "order"),
        ("fpas__mow", "order"),
        ("fpas__noaa", "order"),
        ("fpas__mo-cap", "self_reference"),
        ("google__invalid", "missing"),
        ("google__no_optional", "not_cap"),
        ("google__xee", "doctype"),
        ("wmo-sc__invalid_schema", "not_cap"),
    ],
)
def test_the_reason_is_the_one_that_the_manifest_gives(start: str, code: str) -> None:
    assert code in codes(sample(start))


def test_a_warning_is_read_with_all_that_a_village_hears_of_it() -> None:
    alert = read()

    assert alert.reference == Reference("yj@linze.example", "linze-flood-1", datetime(2026, 7, 1, tzinfo=UTC))
    assert alert.infos[0].severity is Severity.EXTREME
    assert alert.infos[0].instruction == "请立即向高处转移！"
    assert alert.infos[0].areas[0].geocodes == (Geocode("行政区划", "620723103000"),)
    assert villages_of(alert.infos[0]) == ("620723103",)


def test_macaos_cancelled_monsoon_is_read_in_three_languages() -> None:
    alert = read_alert(sample("fpas__mo-cap")).alert

    assert alert.msg_type is MsgType.UPDATE
    assert alert.references == ()
    assert [info.language for info in alert.infos] == ["zh-mo", "pt-PT", "en-US"]
    assert alert.infos[0].instruction is None
    assert len(alert.infos[0].areas[0].polygons[0]) > 60


def test_latin_1_is_read_as_declared() -> None:
    assert "Usulután" in (read_alert(sample("google__earthquake")).alert.infos[0].headline or "")


@pytest.mark.parametrize("encoding", ["gb18030", "GBK", "gb2312", "UTF-16"])
def test_an_alert_in_an_encoding_of_chinese_senders_is_read(encoding: str) -> None:
    raw = flood(('encoding="UTF-8"', f'encoding="{encoding}"')).decode().encode(encoding)

    assert read_alert(raw).alert.infos[0].event == "山洪红色预警"


def test_the_second_cyclone_bulletin_refers_to_an_earlier_one() -> None:
    (reference,) = read_alert(sample("sahana__TropicalCyclone20150808")).alert.references

    assert reference.sender == "PAGASA-DOST"
    assert reference.sent == datetime(2015, 8, 7, 22, 4, 5, tzinfo=UTC)


def test_a_test_message_says_that_it_is_one() -> None:
    assert read_alert(sample("fpas__alertswiss-TEST")).alert.status is Status.TEST


@pytest.mark.parametrize(
    "element",
    ["identifier", "sender", "sent", "status", "msgType", "scope", "event", "urgency", "severity", "areaDesc"],
)
def test_what_decides_whether_and_where_it_sounds_must_be_there(element: str) -> None:
    """
    An alert without a scope could be a private one; nothing of the kind is guessed.
    """
    emptied = flood((f"<{element}>", f"<{element}><!--"), (f"</{element}>", f"--></{element}>"))

    assert codes(emptied) == ["missing"]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("<severity>Extreme", "<severity>Huge", "word"),
        ("<status>Actual", "<status>actual", "word"),
        ("<urgency>Immediate", "<urgency>Now", "word"),
        ("08:00:00+08:00", "08:00:00", "time"),
        ("2026-07-01T08", "2026-13-01T08", "time"),
        ("2026-07-01T08:00:00+08:00", "0001-01-01T00:00:00+14:00", "time"),
        ("<severity>Extreme</severity>", "<severity>Minor</severity><severity>Extreme</severity>", "repeated"),
        ("请立即", "请<b>不要</b>立即", "nested"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(old: str, new: str, code: str) -> None:
    assert codes(flood((old, new))) == [code]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("<certainty>Likely", "<certainty>Perhaps", "assumed"),
        ("<category>Met", "<category>Weather", "assumed"),
        ("<urgency>", "<responseType>Run</responseType><urgency>", "word_dropped"),
        ("08:00:00+08:00", "00:00:00Z", "time_form"),
        ("<scope>", "<x/><scope>", "unknown_element"),
        ("<event>山洪", "<event>山\u200b洪", "text_cleaned"),
        ("<value>620723103000</value>", "", "pair_dropped"),
        ("<info>", "<references>nonsense</references><info>", "reference_dropped"),
    ],
)
def test_what_only_mars_the_form_is_put_right_and_told(old: str, new: str, code: str) -> None:
    judgement = check(flood((old, new)))

    assert judgement.judgement == "repaired"
    assert [reason.code for reason in judgement.reasons] == [code]


@pytest.mark.parametrize(
    "polygon",
    [
        "39.1,100.1",
        "39.1,100.1 39.2,100.2 39.3,100.1 39.0,100.0",
        "39.1,179.9 39.2,-179.9 39.3,179.8 39.1,179.9",
        "39.1,190 39.2,100.2 39.3,100.1 39.1,190",
        "nan,nan nan,nan nan,nan nan,nan",
        "inf,1 2,2 3,3 inf,1",
        "1e1,1 2,2 3,3 1e1,1",
        "39.1 100.1 39.2 100.2",
        "，",
    ],
)
def test_an_unusable_polygon_is_dropped_and_nothing_is_widened(polygon: str) -> None:
    """
    In Los Angeles, in January 2025, a polygon that failed became "everybody".
    """
    reading = read_alert(flood(("<geocode>", f"<polygon>{polygon}</polygon><geocode>")))

    assert [reason.code for reason in reading.reasons] == ["polygon_dropped"]
    assert reading.alert.infos[0].areas[0].polygons == ()
    assert villages_of(reading.alert.infos[0]) == ("620723103",)


def test_an_update_that_names_itself_beside_its_original_keeps_the_original() -> None:
    own = "yj@linze.example,linze-flood-1,2026-07-01T08:00:00+08:00"
    first = "yj@linze.example,linze-flood-0,2026-07-01T07:00:00+08:00"

    reading = read_alert(flood(("<info>", f"<references>{own} {first}</references><info>")))

    assert [reference.identifier for reference in reading.alert.references] == ["linze-flood-0"]


def test_all_that_is_wrong_is_told_at_once() -> None:
    raw = flood(("<scope>Public</scope>", ""), ("<severity>Extreme", "<severity>Huge"))

    with pytest.raises(Invalid) as refused:
        read_alert(raw)

    assert refused.value.code == "cap_missing"
    assert [str(reason.path) for reason in refused.value.facts["reasons"]] == ["alert/scope", "alert/info/severity"]


def test_reasons_speak_chinese_and_english() -> None:
    (reason,) = check(flood(("<scope>Public</scope>", ""))).reasons

    assert reason.text("zh") == "alert/scope: 缺少必填元素"
    assert reason.text("en") == "alert/scope: is required, and missing or empty"
    assert all({"zh", "en"} <= set(texts) for texts in TEXTS.values())
