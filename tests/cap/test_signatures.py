"""Whose word a message is: only what was signed is read, and only by whom we know."""

import base64
import copy
from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree

from broadcaster.cap.checking import check
from broadcaster.cap.reading import Reading, read_alert
from broadcaster.model.errors import Invalid
from tests.cap.samples import flood, sample
from tests.cap.signing import NOW, Centre, centre, signed

CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"
DS = "{http://www.w3.org/2000/09/xmldsig#}"

COUNTY = centre("county")
STRANGER = centre("stranger")
SIGNED = signed(flood(), COUNTY)


def read(raw: bytes, *pinned: Centre, days: int = 0) -> Reading:
    return read_alert(raw, pinned=[each.pem for each in pinned], now=NOW + timedelta(days=days))


def test_the_word_of_a_pinned_centre_is_good() -> None:
    reading = read(signed(flood(), COUNTY), COUNTY)

    assert reading.signature == "good"
    assert reading.judgement == "valid"
    assert reading.alert == read_alert(flood()).alert


def test_a_signature_without_its_certificate_is_tried_with_those_pinned() -> None:
    assert read(signed(flood(), COUNTY, names_certificate=False), STRANGER, COUNTY).signature == "good"
    assert read(signed(flood(), COUNTY, names_certificate=False)).signature == "untrusted"


def test_a_pinned_authority_vouches_for_those_it_certified() -> None:
    authority = centre("authority", is_authority=True)

    assert read(signed(flood(), centre("county", authority)), authority).signature == "good"


def test_a_centre_that_is_no_authority_vouches_for_nobody() -> None:
    assert read(signed(flood(), centre("impostor", COUNTY)), COUNTY).signature == "untrusted"


def test_a_stranger_under_the_same_name_is_a_stranger() -> None:
    assert read(signed(flood(), centre("county")), COUNTY).signature == "untrusted"


def test_a_signature_is_worth_nothing_when_its_certificate_has_run_out() -> None:
    assert read(signed(flood(), COUNTY), COUNTY, days=40).signature == "expired"
    assert read(signed(flood(), COUNTY), COUNTY, days=-2).signature == "expired"


def test_an_authority_that_has_run_out_vouches_for_nobody() -> None:
    authority = centre("authority", is_authority=True, days=5)

    assert read(signed(flood(), centre("county", authority)), authority, days=10).signature == "expired"


@pytest.mark.parametrize(("old", "new"), [("红色", "蓝色"), ("Extreme", "Minor"), ("620723103000", "620723000000")])
def test_a_changed_word_breaks_the_signature(old: str, new: str) -> None:
    raw = signed(flood(), COUNTY)
    raw = etree.tostring(etree.fromstring(raw), encoding="utf-8").decode().replace(old, new).encode()

    assert read(raw, COUNTY).signature == "broken"


def test_a_message_that_was_indented_after_signing_is_still_its_senders_word() -> None:
    """
    The Seychelles' own composer signs first and indents afterwards.
    """
    packed = etree.tostring(etree.fromstring(flood(), etree.XMLParser(remove_blank_text=True)))
    indented = etree.tostring(etree.fromstring(signed(packed, COUNTY)), pretty_print=True)

    assert indented.count(b"\n") > 10
    assert read(indented, COUNTY).signature == "good"


def test_sha_1_is_weak() -> None:
    assert check(sample("sahana__TropicalCyclone20150806")).signature == "weak"


def test_several_signatures_side_by_side_are_trusted_as_none() -> None:
    root = etree.fromstring(signed(flood(), COUNTY))
    root.append(copy.deepcopy(root.find(f"{DS}Signature")))

    assert read(etree.tostring(root), COUNTY).signature == "untrusted"


def test_another_spelling_of_the_same_number_is_no_signature() -> None:
    """
    Base64 leaves bits unused at its end: two texts, one number, and only one of them was ever sent.
    """
    assert check(sample("wmo-sc__valid")).signature == "untrusted"
    assert check(sample("wmo-sc__invalid_signature")).signature == "broken"


def test_a_pinned_certificate_that_is_none_is_the_operators_error() -> None:
    with pytest.raises(Invalid) as refused:
        check(signed(flood(), COUNTY), pinned=[b"no certificate"])

    assert refused.value.code == "cap_pinned_certificate"


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 255)), min_size=1, max_size=3))
@example([(12, 7)])  # the version of the certificate
def test_a_mutilated_certificate_vouches_for_nothing(changes: list[tuple[int, int]]) -> None:
    root = etree.fromstring(SIGNED)
    named = next(root.iter(f"{DS}X509Certificate"))
    der = bytearray(base64.b64decode(named.text))
    for place, byte in changes:
        der[place % len(der)] = byte
    named.text = base64.b64encode(der).decode()

    is_changed = bytes(der) != COUNTY.certificate.public_bytes(Encoding.DER)
    assert (read(etree.tostring(root), COUNTY).signature != "good") == is_changed


@pytest.mark.parametrize("name", ["SignatureValue", "DigestValue", "X509Certificate"])
@pytest.mark.parametrize("text", ["", " ", "=", "AAAA", "山"])
def test_a_signature_without_its_numbers_is_not_good(name: str, text: str) -> None:
    root = etree.fromstring(SIGNED)
    next(root.iter(f"{DS}{name}")).text = text

    assert read(etree.tostring(root), COUNTY).signature in {"broken", "untrusted"}


def test_what_a_comment_cuts_off_is_refused() -> None:
    """
    Comments are outside the signature: "请立即<!-- -->向高处转移" verifies, and some readers stop at "请立即".
    """
    raw = etree.tostring(etree.fromstring(signed(flood(), COUNTY)), encoding="utf-8").decode()

    for inserted in ("<!-- -->", "<?cut here?>"):
        assert refused_code(raw.replace("请立即", f"请立即{inserted}").encode()) == "cap_signature_comment"


def refused_code(raw: bytes) -> str:
    with pytest.raises(Invalid) as refused:
        read(raw, COUNTY)
    return refused.value.code


# Signature wrapping: a forged alert round a genuine, signed one. Each form moves the genuine alert
# and its signature to another place of the forged document (Somorovsky et al., 2012).

FORGED = flood(("山洪红色预警", "水库垮坝"), ("linze-flood-1", "forged"))


def genuine(*, by_id: bool) -> etree._Element:
    if not by_id:
        return etree.fromstring(signed(flood(), COUNTY))
    named = flood(("<alert ", '<alert Id="a1" '))
    return etree.fromstring(signed(named, COUNTY, reference="a1"))


def original_in_forged(by_id: bool) -> etree._Element:
    forged = etree.fromstring(FORGED)
    forged.append(genuine(by_id=by_id))
    return forged


def signature_moved_to_forged(by_id: bool) -> etree._Element:
    forged, original = etree.fromstring(FORGED), genuine(by_id=by_id)
    forged.append(original.find(f"{DS}Signature"))
    forged.append(original)
    return forged


def original_inside_signature(by_id: bool) -> etree._Element:
    forged, original = etree.fromstring(FORGED), genuine(by_id=by_id)
    signature = original.find(f"{DS}Signature")
    forged.append(signature)
    etree.SubElement(signature, f"{DS}Object").append(original)
    return forged


def original_in_an_extension(by_id: bool) -> etree._Element:
    forged = etree.fromstring(FORGED)
    etree.SubElement(forged, "{urn:other}extension").append(genuine(by_id=by_id))
    return forged


def signature_in_an_extension(by_id: bool) -> etree._Element:
    forged, original = etree.fromstring(FORGED), genuine(by_id=by_id)
    etree.SubElement(forged, "{urn:other}extension").append(original.find(f"{DS}Signature"))
    return forged


def forged_info_beside(by_id: bool) -> etree._Element:
    original = genuine(by_id=by_id)
    original.find(f"{DS}Signature").append(etree.fromstring(FORGED).find(f"{CAP}info"))
    return original


def forged_under_the_same_id(by_id: bool) -> etree._Element:
    forged = signature_moved_to_forged(by_id)
    forged.set("Id", "a1")
    return forged


def renamed_original(by_id: bool) -> etree._Element:
    forged = signature_moved_to_forged(by_id)
    list(forged.iter(f"{CAP}alert"))[-1].tag = "{urn:other}kept"
    return forged


@pytest.mark.parametrize("by_id", [False, True])
@pytest.mark.parametrize(
    "form",
    [
        original_in_forged,
        signature_moved_to_forged,
        original_inside_signature,
        original_in_an_extension,
        signature_in_an_extension,
        forged_info_beside,
        forged_under_the_same_id,
        renamed_original,
    ],
    ids=lambda form: form.__name__,
)
def test_a_forged_alert_round_a_genuine_signature_is_never_good(
    form: Callable[[bool], etree._Element], by_id: bool
) -> None:
    judgement = check(etree.tostring(form(by_id)), [COUNTY.pem], now=NOW)

    assert judgement.signature in (None, "broken")
    assert judgement.signature or {reason.code[:9] for reason in judgement.reasons} == {"signature"}


def test_what_stands_inside_the_signature_is_not_read() -> None:
    """
    A signature may hold objects that it does not cover.
    """
    root = etree.fromstring(signed(flood(), COUNTY))
    hidden = etree.SubElement(root.find(f"{DS}Signature"), f"{DS}Object")
    hidden.append(etree.fromstring(FORGED).find(f"{CAP}info"))

    reading = read(etree.tostring(root), COUNTY)

    assert reading.signature == "good"
    assert reading.alert == read_alert(flood()).alert


def test_a_signature_over_an_id_is_refused_even_on_the_root() -> None:
    assert refused_code(etree.tostring(genuine(by_id=True))) == "cap_signature_covers"
