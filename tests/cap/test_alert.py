"""What follows for a village from CAP's words."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from broadcaster.cap.reading import read_alert
from broadcaster.model.alert import (
    Alert,
    CapArea,
    CapScope,
    Category,
    Certainty,
    Geocode,
    Info,
    MsgType,
    ResponseType,
    Severity,
    Status,
    Urgency,
    chosen_info,
    sound_class,
    spoken_frame,
    villages_of,
)
from broadcaster.model.errors import Invalid
from tests.cap.samples import flood, sample

STORM = Info(
    language="zh-CN",
    categories=(Category.MET,),
    event="暴雨",
    response_types=(),
    urgency=Urgency.EXPECTED,
    severity=Severity.MODERATE,
    certainty=Certainty.LIKELY,
)


def alert_of(*infos: Info) -> Alert:
    sent = datetime(2026, 7, 1, tzinfo=UTC)
    return Alert("a", "s", sent, Status.ACTUAL, MsgType.ALERT, CapScope.PUBLIC, infos=infos)


def at(*codes: str) -> Info:
    return replace(STORM, areas=tuple(CapArea("", (Geocode("any name", code),)) for code in codes))


@pytest.mark.parametrize("urgency", Urgency)
@pytest.mark.parametrize("severity", [Severity.SEVERE, Severity.EXTREME])
def test_red_and_orange_are_emergencies(severity: Severity, urgency: Urgency) -> None:
    assert sound_class(replace(STORM, severity=severity, urgency=urgency)) == "emergency"


@pytest.mark.parametrize("severity", [Severity.MINOR, Severity.MODERATE])
def test_blue_and_yellow_are_routine_unless_people_must_act_at_once(severity: Severity) -> None:
    assert sound_class(replace(STORM, severity=severity)) == "routine"
    assert sound_class(replace(STORM, severity=severity, urgency=Urgency.UNKNOWN)) == "routine"
    assert sound_class(replace(STORM, severity=severity, urgency=Urgency.IMMEDIATE)) == "emergency"


@pytest.mark.parametrize("urgency", Urgency)
def test_an_unknown_severity_waits_for_a_person_even_if_it_is_immediate(urgency: Urgency) -> None:
    assert sound_class(replace(STORM, severity=Severity.UNKNOWN, urgency=urgency)) is None


def test_severities_can_be_compared_and_speak_cap() -> None:
    assert Severity.EXTREME > Severity.SEVERE > Severity.MODERATE > Severity.MINOR > Severity.UNKNOWN
    assert [Severity.of_cap(severity.cap) for severity in Severity] == list(Severity)
    with pytest.raises(Invalid):
        Severity.of_cap("extreme")


@pytest.mark.parametrize("language", ["zh", "zh-CN", "ZH_hans_cn", "zho", "cmn-Hans", "zh-mo"])
def test_chinese_is_chosen_under_each_of_its_names(language: str) -> None:
    english, chinese = replace(STORM, language="en-US"), replace(STORM, language=language)

    assert chosen_info(alert_of(english, chinese)) == (chinese,)


def test_several_infos_of_a_language_are_all_chosen() -> None:
    east, west, english = at("620723103204"), at("620723103205"), replace(STORM, language="en")

    assert chosen_info(alert_of(east, english, west)) == (east, west)


def test_without_chinese_the_first_language_is_chosen() -> None:
    uighur, english = replace(STORM, language="ug-CN"), replace(STORM, language="en")

    assert chosen_info(alert_of(uighur, english, uighur)) == (uighur, uighur)
    assert chosen_info(alert_of(uighur, english), "en") == (english,)
    assert chosen_info(alert_of()) == ()


def test_codes_lose_their_padding_and_are_named_once() -> None:
    info = at("620723103204", "620723103000", "620723000000", "620723000", "620723", "620723103")

    assert villages_of(info) == ("620723103204", "620723103", "620723")


@pytest.mark.parametrize(
    "code", ["", "62072", "6207231032041", "IL043", "62072310３204", "-20723", "620723.00", "067 00"]
)
def test_other_codes_mean_no_village(code: str) -> None:
    assert villages_of(at(code)) == ()


def test_a_warning_is_spoken_in_one_frame() -> None:
    (info,) = chosen_info(read_alert(flood()).alert)

    assert spoken_frame(info) == (
        "临泽县应急管理局发布山洪红色预警。梨园河上游突降暴雨。预计一小时后洪峰到达。请立即向高处转移。"
    )


def test_what_was_said_is_not_said_again() -> None:
    said = replace(STORM, sender_name="县气象台", headline="县气象台发布暴雨预警", description="县气象台发布暴雨预警。")

    assert spoken_frame(said) == "县气象台发布暴雨预警。"
    assert spoken_frame(replace(said, description="县气象台发布暴雨预警：今夜有暴雨。")) == (
        "县气象台发布暴雨预警：今夜有暴雨。"
    )


def test_a_short_instruction_is_not_taken_for_its_opposite() -> None:
    info = replace(STORM, description="桥已断，不要撤离", instruction="撤离")

    assert spoken_frame(info).endswith("不要撤离。撤离。")


def test_an_all_clear_does_not_sound_like_a_warning() -> None:
    (info,) = chosen_info(read_alert(sample("fpas__mo-cap")).alert)
    clear = replace(STORM, sender_name="县气象台", response_types=(ResponseType.ALL_CLEAR,))

    assert spoken_frame(clear) == "县气象台通知，暴雨已解除。"
    assert spoken_frame(replace(clear, headline="县气象台暴雨预警")) == "县气象台通知，暴雨已解除。县气象台暴雨预警。"
    assert spoken_frame(info).count("取消") == 1


def test_the_frame_stands_with_nothing_but_an_event() -> None:
    assert spoken_frame(STORM) == "现在播报暴雨。"
    assert spoken_frame(replace(STORM, headline="！！", instruction="……")) == "现在播报暴雨。"
