"""Give machines certificates, take them away, and say what a machine has to show."""

import uuid

from django.conf import settings
from django.db import IntegrityError, transaction

from sharing.access.principal import Principal
from sharing.audit.actions import record
from sharing.audit.rules import Act
from sharing.credentials.models import MachineCertificate, MachineClient, MachineToken
from sharing.credentials.queries.machines import own_machine
from sharing.credentials.rules.machines import MOST_CERTIFICATES, MachineState, Proof
from sharing.credentials.work import certificates
from sharing.kernel.errors import ConflictError, InvalidInputError, NotThereError


def change_certificates(
    client_id: uuid.UUID, *, by: Principal, pem: str = "", proof: Proof | None = None
) -> MachineClient:
    """Give a machine one more certificate, and say what it has to show from now on.

    A token that the new rule would not have given ends at once.

    Raises
    ------
    InvalidInputError
        `pem` cannot be used, or it would need a certificate or a key that it does not have.
    ConflictError
        It has this certificate already.
    """
    client = own_machine(client_id, by)
    if client.state == MachineState.REVOKED:
        raise ConflictError("This machine is revoked for good.")
    with transaction.atomic():
        if pem:
            add(client, pem, by=by)
        if proof is not None and proof != client.proof:
            _prove_by(client, proof, by)
    return client


def add(client: MachineClient, pem: str, *, by: Principal) -> MachineCertificate:
    """One more certificate, in the caller's transaction; the ones before go on."""
    try:
        found = certificates.read(pem)
    except certificates.CertificateError as error:
        raise InvalidInputError(str(error), fields={"pem": [str(error)]}) from error
    if client.certificates.count() >= MOST_CERTIFICATES:
        raise _wrong("pem", f"At most {MOST_CERTIFICATES}; take one away first.")
    try:
        with transaction.atomic():
            made = MachineCertificate.objects.create(client=client, **found._asdict())
    except IntegrityError as error:
        raise ConflictError("It has this certificate already.") from error
    _record(client, by, "certificate added", made)
    return made


def remove_certificate(certificate_id: uuid.UUID, client_id: uuid.UUID, *, by: Principal) -> None:
    """Take a certificate away: what is bound to it ends at once.

    Raises
    ------
    ConflictError
        It is the last one of a machine that needs one.
    """
    client = own_machine(client_id, by)
    with transaction.atomic():
        # Locked, so that of two who take one away each, the second sees what the first did.
        held = MachineClient.objects.select_for_update().get(pk=client.pk)
        found = held.certificates.filter(pk=certificate_id).first()
        if found is None:
            raise NotThereError
        if held.proof != Proof.KEY and held.certificates.count() == 1:
            raise ConflictError(
                "This is the only one, and the machine needs a certificate. Add another first."
            )
        found.delete()
        _record(client, by, "certificate removed", found)


def check_served(proof: Proof) -> None:
    """Nobody is asked to show what nobody here would see."""
    if proof != Proof.KEY and not settings.MTLS_URL:
        raise _wrong("proof", "This portal is not set up to see certificates.")


def _prove_by(client: MachineClient, proof: Proof, by: Principal) -> None:
    check_served(proof)
    if proof != Proof.KEY and not certificates.live(client).exists():
        raise _wrong("pem", "Give the certificate that it will show.")
    if proof != Proof.CERTIFICATE and not (client.jwks or client.jwks_url):
        raise _wrong("proof", "It has no keys. Give it some first.")
    MachineClient.objects.filter(pk=client.pk).update(proof=proof)
    MachineToken.objects.filter(client=client, certificate="").delete()
    client.proof = proof
    words = {Proof.KEY: "by key", Proof.BOTH: "by both", Proof.CERTIFICATE: "by certificate"}
    record(
        Act.MACHINE_CHANGED, by=by, what=words[proof], machine=client.name, client=str(client.pk)
    )


def _record(client: MachineClient, by: Principal, what: str, which: MachineCertificate) -> None:
    record(
        Act.MACHINE_CHANGED,
        by=by,
        what=what,
        machine=client.name,
        client=str(client.pk),
        certificate=which.thumbprint[:16],
    )


def _wrong(field: str, told: str) -> InvalidInputError:
    return InvalidInputError(told, fields={field: [told]})
