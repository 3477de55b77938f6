"""Certificates made here and the alerts signed with them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from lxml import etree
from signxml.algorithms import SignatureConstructionMethod
from signxml.signer import XMLSigner

NOW = datetime(2026, 7, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Centre:
    """A warning centre: its key and its certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)


def centre(name: str, issuer: Centre | None = None, *, is_authority: bool = False, days: int = 30) -> Centre:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(name)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .sign(issuer.key if issuer else key, hashes.SHA256())
    )
    return Centre(key, certificate)


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def signed(raw: bytes, by: Centre, *, reference: str | None = None, names_certificate: bool = True) -> bytes:
    """The message with an enveloped signature over it, or over the element of that id."""
    signer = XMLSigner(
        method=SignatureConstructionMethod.enveloped,
        signature_algorithm="ecdsa-sha256",
        c14n_algorithm="http://www.w3.org/2006/12/xml-c14n11",
    )
    root = signer.sign(
        etree.fromstring(raw),
        key=by.key,
        cert=[by.certificate],
        reference_uri=reference,
        exclude_c14n_transform_element=False,
    )
    if not names_certificate:
        for information in root.iter("{http://www.w3.org/2000/09/xmldsig#}KeyInfo"):
            information.getparent().remove(information)
    return bytes(etree.tostring(root))
