"""Signatures: whether a CAP message is its sender's word (XML-DSig, enveloped; CAP 1.2, section 3.3.4.1).

A signature that verifies proves nothing about the rest of the document: a forged alert can carry a
genuine one inside it. So the signature must stand directly under the root and cover all of it, what
tries otherwise is refused, and a message with a good signature is read from the bytes that were
signed, never from the document around them.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from broadcaster.cap.form import NAMESPACE, SIGNATURE
from broadcaster.cap.parsing import Parsed, refusal, safe_parser
from broadcaster.cap.reasons import Reason
from broadcaster.model.errors import Invalid

_DS = "{http://www.w3.org/2000/09/xmldsig#}"
_ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
_CANONICAL = frozenset(
    {
        "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
        "http://www.w3.org/2006/12/xml-c14n11",
        "http://www.w3.org/2001/10/xml-exc-c14n#",
    }
)
_METHODS = frozenset(
    {
        SignatureMethod.RSA_SHA256,
        SignatureMethod.RSA_SHA384,
        SignatureMethod.RSA_SHA512,
        SignatureMethod.ECDSA_SHA256,
        SignatureMethod.ECDSA_SHA384,
        SignatureMethod.ECDSA_SHA512,
    }
)
_DIGESTS = frozenset({DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512})
_METHOD_NAMES = frozenset(method.value for method in _METHODS)
_DIGEST_NAMES = frozenset(digest.value for digest in _DIGESTS)
_LEAST_RSA_BITS = 2048
_MOST_CERTIFICATES = 5


class SignatureState(StrEnum):
    """What a signature says about a message; only `GOOD` says who wrote it."""

    UNSIGNED = "unsigned"
    GOOD = "good"
    """Fits the message, and a pinned certificate vouches for the key."""
    UNTRUSTED = "untrusted"
    """Nobody pinned vouches for it, or several signatures stand side by side."""
    EXPIRED = "expired"
    """Fits, but its certificate is not valid at this time."""
    WEAK = "weak"
    """Uses what can be forged today (SHA-1, MD5, short keys) or what we do not read."""
    BROKEN = "broken"
    """Does not fit the message."""


@dataclass(frozen=True)
class Signed:
    """The state, and for a good signature the root of what was signed."""

    state: SignatureState
    root: etree._Element | None = None


class _Settled(Exception):
    """No error: it carries the answer out of the checks as soon as there is one."""

    def __init__(self, state: SignatureState) -> None:
        super().__init__(state)
        self.state = state


def judge_signature(parsed: Parsed, pinned: Sequence[bytes] = (), now: datetime | None = None) -> Signed:
    """Say what the signature of a CAP alert is worth.

    Args:
        parsed: the alert.
        pinned: PEM certificates: a signer's own, or that of the authority that issued it.
        now: when certificates must be valid; the system's time where it is not given.

    Raises:
        Invalid: the document is built so that something else is read than was signed; or a pinned
            certificate is none (``cap_pinned_certificate``).
    """
    _refuse_alert_inside(parsed.root)
    signatures = list(parsed.root.iter(SIGNATURE))
    if not signatures:
        return Signed(SignatureState.UNSIGNED)
    _refuse_wrapping(parsed, signatures)
    trusted = [_pinned_certificate(pem) for pem in pinned]
    try:
        return Signed(SignatureState.GOOD, _verified(parsed, signatures, trusted, now or datetime.now(UTC)))
    except _Settled as settled:
        return Signed(settled.state)


def _refuse_alert_inside(root: etree._Element) -> None:
    if any(element is not root for element in root.iter("{*}alert")):
        raise refusal(Reason("signature_alert_inside"))


def _refuse_wrapping(parsed: Parsed, signatures: list[etree._Element]) -> None:
    for signature in signatures:
        if signature.getparent() is not parsed.root:
            raise refusal(Reason("signature_place"))
        for reference in signature.iterfind(f"{_DS}SignedInfo/{_DS}Reference"):
            if reference.get("URI") != "":
                raise refusal(Reason("signature_covers", detail=str(reference.get("URI"))[:80]))
    if _has_comment(parsed.utf8):
        raise refusal(Reason("signature_comment"))


def _has_comment(utf8: bytes) -> bool:
    root = etree.fromstring(utf8, safe_parser(keep_comments=True))
    return any(not isinstance(element.tag, str) for element in root.iter())


def _verified(
    parsed: Parsed, signatures: list[etree._Element], trusted: list[x509.Certificate], now: datetime
) -> etree._Element:
    if len(signatures) > 1:
        raise _Settled(SignatureState.UNTRUSTED)
    signature = signatures[0]
    _check_methods(signature)
    _check_numbers(signature)
    certificate = _signer(parsed, signature, trusted)
    root = _verify(parsed, certificate)
    _check_trust(certificate, trusted, now)
    return root


def _check_methods(signature: etree._Element) -> None:
    references = signature.findall(f"{_DS}SignedInfo/{_DS}Reference")
    if len(references) != 1:
        raise _Settled(SignatureState.BROKEN)
    transforms = _algorithms(references[0], f"{_DS}Transforms/{_DS}Transform")
    is_known = (
        _algorithms(signature, f"{_DS}SignedInfo/{_DS}CanonicalizationMethod") <= _CANONICAL
        and _algorithms(signature, f"{_DS}SignedInfo/{_DS}SignatureMethod") <= _METHOD_NAMES
        and _algorithms(references[0], f"{_DS}DigestMethod") <= _DIGEST_NAMES
        and transforms <= _CANONICAL | {_ENVELOPED}
        and _ENVELOPED in transforms
    )
    if not is_known:
        raise _Settled(SignatureState.WEAK)


def _algorithms(element: etree._Element, path: str) -> frozenset[str]:
    return frozenset(found.get("Algorithm") or "" for found in element.iterfind(path))


def _check_numbers(signature: etree._Element) -> None:
    """Base64 has many spellings of the same bytes; only the canonical one was signed by anybody."""
    numbers = [*signature.iter(f"{_DS}SignatureValue"), *signature.iter(f"{_DS}DigestValue")]
    if len(numbers) != 2 or not all(_is_canonical(number.text or "") for number in numbers):
        raise _Settled(SignatureState.BROKEN)


def _is_canonical(text: str) -> bool:
    packed = re.sub(r"\s+", "", text)
    try:
        return packed != "" and base64.b64encode(base64.b64decode(packed, validate=True)).decode() == packed
    except (binascii.Error, ValueError):
        return False


def _signer(parsed: Parsed, signature: etree._Element, trusted: list[x509.Certificate]) -> x509.Certificate:
    """The certificate whose key made the signature, trusted or not."""
    named = list(_named_certificates(signature))
    candidates = named[:1] or trusted
    if not candidates:
        raise _Settled(SignatureState.UNTRUSTED)
    if len(candidates) == 1:
        return candidates[0]
    return next((candidate for candidate in candidates if _fits(parsed, candidate)), candidates[0])


def _named_certificates(signature: etree._Element) -> Iterator[x509.Certificate]:
    found = list(signature.iterfind(f"{_DS}KeyInfo/{_DS}X509Data/{_DS}X509Certificate"))
    for element in found[:_MOST_CERTIFICATES]:
        packed = re.sub(r"\s+", "", element.text or "")
        try:
            yield x509.load_der_x509_certificate(base64.b64decode(packed, validate=True))
        except (ValueError, x509.InvalidVersion) as error:
            raise _Settled(SignatureState.UNTRUSTED) from error


def _fits(parsed: Parsed, certificate: x509.Certificate) -> bool:
    try:
        _verify(parsed, certificate)
    except _Settled:
        return False
    return True


def _verify(parsed: Parsed, certificate: x509.Certificate) -> etree._Element:
    """The root of what was signed with the certificate's key, whether or not it is to be trusted."""
    _check_key(certificate)
    root = _signed_root(parsed.utf8, certificate)
    if root is None:
        # Some composers sign first and indent afterwards. White space between elements says nothing
        # in CAP, and what is read is still what was signed.
        root = _signed_root(_without_indentation(parsed.utf8), certificate)
    if root is None or root.tag != f"{{{NAMESPACE}}}alert":
        raise _Settled(SignatureState.BROKEN)
    return root


def _signed_root(utf8: bytes, certificate: x509.Certificate) -> etree._Element | None:
    config = SignatureConfiguration(
        location="./",
        signature_methods=_METHODS,
        digest_algorithms=_DIGESTS,
        ignore_ambiguous_key_info=True,
        # Only the numbers are judged here; whether the certificate is valid now comes after.
        verification_time=certificate.not_valid_before_utc,
    )
    try:
        result = XMLVerifier().verify(utf8, x509_cert=certificate, parser=safe_parser(), expect_config=config)
    except (SignXMLException, etree.LxmlError, InvalidSignature, UnsupportedAlgorithm, ValueError):
        return None
    return None if isinstance(result, list) else result.signed_xml


def _without_indentation(utf8: bytes) -> bytes:
    return etree.tostring(etree.fromstring(utf8, safe_parser(keep_blank=False)), encoding="utf-8")


def _check_key(certificate: x509.Certificate) -> None:
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _Settled(SignatureState.WEAK) from error
    is_long_rsa = isinstance(key, rsa.RSAPublicKey) and key.key_size >= _LEAST_RSA_BITS
    if not is_long_rsa and not isinstance(key, ec.EllipticCurvePublicKey):
        raise _Settled(SignatureState.WEAK)


def _check_trust(certificate: x509.Certificate, trusted: list[x509.Certificate], now: datetime) -> None:
    vouchers = [pin for pin in trusted if certificate == pin or _is_issued_by(certificate, pin)]
    if not vouchers:
        raise _Settled(SignatureState.UNTRUSTED)
    if not _is_valid_at(certificate, now) or not any(_is_valid_at(voucher, now) for voucher in vouchers):
        raise _Settled(SignatureState.EXPIRED)


def _is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints)
        certificate.verify_directly_issued_by(issuer)
    except (x509.ExtensionNotFound, InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return constraints.value.ca


def _is_valid_at(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def check_certificate(pem: str) -> None:
    """Refuse what cannot be pinned, before an alert depends on it.

    Raises:
        Invalid: cap_pinned_certificate.
    """
    _pinned_certificate(pem.encode())


def _pinned_certificate(pem: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem)
    except (ValueError, x509.InvalidVersion) as error:
        raise Invalid("cap_pinned_certificate", reason=str(error)[:200]) from error
