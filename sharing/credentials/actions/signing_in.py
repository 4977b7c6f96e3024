"""A machine signs in: what it can show for a token (RFC 6749 section 4.4, RFC 7523, RFC 8705)."""

from typing import NamedTuple

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from sharing.audit.actions import record
from sharing.audit.rules import Act, Outcome
from sharing.credentials.models import MachineClient, MachineToken
from sharing.credentials.principal import machines
from sharing.credentials.rules.machines import MACHINE_PREFIX, SCOPES, TOKEN_LASTS
from sharing.credentials.work import assertions, certificates, limits
from sharing.credentials.work.proofs import ProofRefusedError, Verified
from sharing.kernel import ids, secrets, wall
from sharing.kernel.requests import Origin


class OAuthError(Exception):
    """An error of RFC 6749 section 5.2, by its name there."""

    def __init__(self, code: str, description: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.description = description


class Shown(NamedTuple):
    """What somebody shows to prove who they are; the certificate is the request's own."""

    assertion: str = ""
    client_id: str = ""


class Issued(NamedTuple):
    text: str
    scopes: list[str]


def issue_token(shown: Shown, scope: str, *, origin: Origin) -> Issued:
    """Five minutes for whoever shows who they are.

    Raises
    ------
    OAuthError
        `invalid_client`, which says no more to a stranger, or `invalid_scope`.
    TooOftenError
        It asked often within this minute; the assertion is not used up.
    """
    try:
        verified = _verified(shown, origin)
        limits.count_client("token", verified.client.pk)
        scopes = _scopes(scope, verified.client, origin)
        with wall.acting_for(verified.client.institution_id), transaction.atomic():
            assertions.use(verified)
            return _issue(verified, scopes, origin)
    except ProofRefusedError as error:
        note_refused(error, origin)
        raise OAuthError("invalid_client") from error


def authenticate(shown: Shown, *, origin: Origin) -> MachineClient | None:
    """The machine that shows who it is, whose assertion is used up by this; None for a stranger."""
    try:
        verified = _verified(shown, origin)
        limits.count_client("introspect", verified.client.pk)
        assertions.use(verified)
    except ProofRefusedError as error:
        note_refused(error, origin)
        return None
    return verified.client


def _verified(shown: Shown, origin: Origin) -> Verified:
    """By an assertion where there is one: of a request with both, the stronger counts."""
    if shown.assertion:
        return assertions.verify(shown.assertion, origin=origin)
    return certificates.verify(shown.client_id, origin)


def note_refused(error: ProofRefusedError, origin: Origin) -> None:
    """Write it down for the machine's institution; a name that nobody has is nobody's business."""
    if error.client is not None:
        record(
            Act.MACHINE_REFUSED,
            by=machines.known(error.client, origin),
            outcome=Outcome.REFUSED,
            reason=error.reason,
        )


def _scopes(scope: str, client: MachineClient, origin: Origin) -> list[str]:
    wanted = scope.split(" ") if scope else []
    if wanted and all(one in SCOPES and one in client.scopes for one in wanted):
        return sorted(set(wanted))
    note_refused(ProofRefusedError("It asked for more than it may.", client), origin)
    raise OAuthError("invalid_scope", f"This client may ask for: {' '.join(client.scopes)}")


def _issue(verified: Verified, scopes: list[str], origin: Origin) -> Issued:
    client, secret = verified.client, secrets.new_secret()
    # Locked, so that a machine that is being suspended gets none: what suspends waits, or was first.
    held = MachineClient.objects.select_for_update().get(pk=client.pk)
    if (held.state, held.proof) != (client.state, client.proof):
        raise ProofRefusedError("The machine was changed meanwhile.", client)
    now = timezone.now()
    token = MachineToken.objects.create(
        client=client,
        scopes=scopes,
        audience=settings.BASE_URL,
        certificate=verified.certificate,
        secret_digest=secrets.digest(secret),
        created_at=now,
        expires_at=now + TOKEN_LASTS,
    )
    MachineClient.objects.filter(pk=client.pk).update(last_used_at=now)
    record(
        Act.MACHINE_SIGNED_IN,
        by=machines.known(client, origin, credential_id=str(token.pk)),
        scopes=scopes,
        certificate=verified.certificate[:16],
    )
    return Issued(f"{MACHINE_PREFIX}_{ids.to_text(token.pk)}_{secret}", scopes)
