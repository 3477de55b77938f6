"""What strangers may try: none of it is read, and none of it takes long or much."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broadcaster.cap.checking import check
from broadcaster.cap.parsing import MAX_BYTES
from broadcaster.cap.reading import read_alert
from broadcaster.model.errors import Invalid
from tests.cap.samples import SAMPLES, flood, sample

BOMB = (
    '<!DOCTYPE alert [<!ENTITY a "ha">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10)) + "]>"
)
OUTSIDE = '<!DOCTYPE alert [<!ENTITY x SYSTEM "file:///etc/passwd">]>'


def code_of(raw: bytes, **limits: int) -> str:
    with pytest.raises(Invalid) as refused:
        read_alert(raw, **limits)
    return refused.value.code


@pytest.mark.parametrize("document_type", [BOMB, OUTSIDE, "<!doctype alert>", "<!DOCTYPE alert SYSTEM 'http://x/y'>"])
def test_a_document_type_is_refused_before_anything_is_parsed(document_type: str) -> None:
    assert code_of(flood(("<alert", f"{document_type}<alert"), ("蓼泉", "&x;"))) == "cap_doctype"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "gb18030"])
def test_a_document_type_does_not_hide_in_another_encoding(encoding: str) -> None:
    declared = encoding.removesuffix("-sig")
    text = flood(('encoding="UTF-8"', f'encoding="{declared}"'), ("<alert", f"{OUTSIDE}<alert")).decode()

    assert code_of(text.encode(encoding)) == "cap_doctype"


@pytest.mark.parametrize("encoding", ["UTF-7", "utf-32", "cp037", "IBM1140", "idna", "rot13", "hex", "zlib", "no-such"])
def test_encodings_that_hide_markup_are_refused(encoding: str) -> None:
    assert code_of(flood(('encoding="UTF-8"', f'encoding="{encoding}"'))) == "cap_encoding"


def test_utf_7_markup_is_no_markup() -> None:
    raw = b'<?xml version="1.0" encoding="UTF-7"?>' + OUTSIDE.encode("utf-7") + b"<alert/>"

    assert code_of(raw) == "cap_encoding"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
def test_wide_characters_without_their_mark_are_no_xml(encoding: str) -> None:
    """
    Parsers guess them from the first bytes, and would then see a document type that the search did not.
    """
    assert code_of(f"{OUTSIDE}<alert>&x;</alert>".encode(encoding)) == "cap_not_xml"


def test_a_second_declaration_does_not_take_the_place_of_the_first() -> None:
    second = '<?xml version="1.0" encoding="UTF-7"?>'

    assert code_of(flood(("<alert", f"{second}<alert"))) == "cap_not_xml"


def test_an_encoding_far_behind_in_the_declaration_is_not_obeyed() -> None:
    spaces = " " * 300
    raw = flood((' encoding="UTF-8"', f'{spaces}encoding="UTF-16"'))

    assert read_alert(raw).alert.infos[0].event == "山洪红色预警"


def test_a_message_over_the_cap_is_refused_unread() -> None:
    assert code_of(b"<" * (MAX_BYTES + 1)) == "cap_too_large"


def test_two_million_elements_are_dropped_after_the_first_thousands() -> None:
    raw = flood(("<info>", "<x/>" * 2_000_000 + "<info>"))

    assert code_of(raw, max_bytes=len(raw)) == "cap_too_many_nodes"


def test_attributes_count_as_nodes() -> None:
    attributes = " ".join(f'a{n}="1"' for n in range(3_000))

    assert code_of(flood(("<info>", f"<x {attributes}/><info>"))) == "cap_too_many_nodes"


def test_deep_nesting_is_refused() -> None:
    raw = flood(("<info>", "<x>" * 60_000 + "</x>" * 60_000 + "<info>"))

    assert code_of(raw) in {"cap_not_xml", "cap_too_many_nodes"}


def test_an_alert_inside_an_alert_is_refused() -> None:
    inner = flood().decode().partition("?>")[2]

    assert code_of(flood(("<info>", f"{inner}<info>"))) == "cap_signature_alert_inside"


def test_an_included_file_is_not_fetched() -> None:
    include = '<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>'
    judgement = check(flood(("<info>", f"{include}<info>")))

    assert [reason.code for reason in judgement.reasons] == ["unknown_element"]


def test_a_comment_does_not_split_a_text() -> None:
    """
    Readers that stop at the comment would hear "请立即" of "请立即向高处转移".
    """
    reading = read_alert(flood(("请立即", "请立即<!-- -->")))

    assert reading.alert.infos[0].instruction == "请立即向高处转移！"


def test_text_that_looks_otherwise_than_it_is_is_cleaned() -> None:
    reading = read_alert(flood(("请立即", "请\u202e立\u2066即\ufeff")))

    assert reading.alert.infos[0].instruction == "请立即向高处转移！"


def raises_only_invalid(raw: bytes) -> None:
    # `check` turns Invalid into a judgement, and lets everything else through.
    judgement = check(raw)
    assert judgement.reasons or judgement.judgement == "valid"


@pytest.mark.parametrize("marks", ["\u0301\u0316", "\u0f73\u0f75"])
def test_a_letter_under_a_hundred_thousand_marks_is_trimmed(marks: str) -> None:
    """
    Sorting them, as normalising does, would take minutes.
    """
    reading = read_alert(flood(("山洪红色", "山" + marks * 50_000 + "洪红色")))

    assert [reason.code for reason in reading.reasons] == ["text_cleaned"]
    assert len(reading.alert.infos[0].event) < 80


def test_a_message_that_is_wrong_in_many_places_is_answered_shortly() -> None:
    judgement = check(
        flood(("<info>", "<references>" + " ".join(f"r{n}" for n in range(50_000)) + "</references><info>"))
    )

    assert len(judgement.reasons) == 50


small = [each.raw for each in SAMPLES if len(each.raw) < 8_000]
mutations = st.lists(
    st.tuples(st.integers(0, 8_000), st.integers(0, 12), st.one_of(st.binary(max_size=6), st.sampled_from([
        b"<", b">", b"&", b"</info>", b"<info>", b"<!--", b"-->", b"<![CDATA[", b"]]>", b"<?x", b"\x00", b"\xff\xfe",
        b"&#x202E;", b"&#0;", b"\xed\xa0\x80", b'xmlns=""', b"99999999999999999999", b"-", b" ", b"Unknown",
    ]))),
    min_size=1,
    max_size=5,
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(small), mutations)
def test_a_mutilated_message_is_read_or_refused_and_nothing_else(
    raw: bytes, changes: list[tuple[int, int, bytes]]
) -> None:
    for place, cut, put in changes:
        place %= len(raw)
        raw = raw[:place] + put + raw[place + cut :]

    raises_only_invalid(raw)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=100).map(str.encode)))
def test_noise_is_refused(raw: bytes) -> None:
    raises_only_invalid(raw)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["sent", "references", "polygon", "circle", "severity", "language", "identifier", "incidents"]),
    st.text(st.characters(codec="utf-8", exclude_characters="<&\0"), max_size=60),
)
def test_any_text_in_any_element_is_read_or_refused(element: str, text: str) -> None:
    raises_only_invalid(flood(("<info>", f"<info><{element}>{text}</{element}>")))
    raises_only_invalid(flood(("<geocode>", f"<{element}>{text}</{element}><geocode>")))
    raises_only_invalid(flood(("<scope>", f"<{element}>{text}</{element}><scope>")))


def test_a_large_real_alert_stays_within_the_caps() -> None:
    assert check(sample("fpas__mow")).judgement == "repaired"
