"""The certificates of machines: RFC 8705, by the thumbprint of one that an administrator gave."""

import datetime
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from django.db.models import QuerySet
from django.utils import timezone

from sharing.credentials.models import MachineCertificate, MachineClient
from sharing.credentials.rules.machines import LARGEST_PEM, LONGEST_SUBJECT, Proof, counts_at
from sharing.credentials.work.proofs import ProofRefusedError, Verified, check_open, named
from sharing.kernel import wall
from sharing.kernel.requests import Origin


class CertificateError(ValueError):
    """What was given is no certificate that can be used; the text says why."""


class Certificate(NamedTuple):
    thumbprint: str
    subject: str
    begins_at: datetime.datetime
    ends_at: datetime.datetime


def read(pem: str) -> Certificate:
    """The one certificate that `pem` holds.

    Raises
    ------
    CertificateError
        It is none, more than one, a private key, or over already.
    """
    if "PRIVATE KEY" in pem:
        raise CertificateError(
            "This holds a private key. Make a new one, keep it to yourself, and give the "
            "certificate alone."
        )
    try:
        (found,) = x509.load_pem_x509_certificates(pem[:LARGEST_PEM].encode())
        subject = found.subject.rfc4514_string()
    except (ValueError, TypeError) as error:
        raise CertificateError(
            "Give one certificate, from -----BEGIN CERTIFICATE----- to the end."
        ) from error
    if found.not_valid_after_utc <= timezone.now():
        raise CertificateError("This certificate has ended already.")
    return Certificate(
        found.fingerprint(SHA256()).hex(),
        subject[:LONGEST_SUBJECT],
        found.not_valid_before_utc,
        found.not_valid_after_utc,
    )


def live(client: MachineClient) -> QuerySet[MachineCertificate]:
    """Those of a machine that count now."""
    return client.certificates.filter(counts_at(timezone.now()))


def verify(client_id: str, origin: Origin) -> Verified:
    """The machine that came with a certificate of its own, and signs in by that alone.

    Raises
    ------
    ProofRefusedError
    """
    client = named(client_id)
    check_open(client, origin)
    if client.proof != Proof.CERTIFICATE:
        raise ProofRefusedError("It does not sign in by a certificate alone.", client)
    with wall.acting_for(client.institution_id):
        return Verified(client, bound_to(client, origin))


def bound_to(client: MachineClient, origin: Origin) -> str:
    """The thumbprint that a token for this request is bound to; nothing when to none.

    A machine with certificates that comes with another one is refused: it wants a token that
    only it can use, and would get one that anybody can.

    Raises
    ------
    ProofRefusedError
        It came without a certificate that it needs, or with one that is not its own.
    """
    shown = origin.certificate
    if shown and live(client).filter(thumbprint=shown).exists():
        return shown
    if client.proof != Proof.KEY and not shown:
        raise ProofRefusedError("It came without its certificate.", client)
    if shown and (client.proof != Proof.KEY or client.certificates.exists()):
        raise ProofRefusedError("The certificate is none of its own, or has ended.", client)
    return ""
