"""A machine signs in: an assertion for a token (RFC 6749 section 4.4, RFC 7523)."""

from typing import NamedTuple

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from sharing.audit.actions import record
from sharing.audit.rules import Act, Outcome
from sharing.credentials.models import MachineClient, MachineToken
from sharing.credentials.principal import machines
from sharing.credentials.rules.machines import MACHINE_PREFIX, SCOPES, TOKEN_LASTS
from sharing.credentials.work import assertions, limits
from sharing.credentials.work.assertions import AssertionRefusedError
from sharing.kernel import ids, secrets
from sharing.kernel.requests import Origin


class OAuthError(Exception):
    """An error of RFC 6749 section 5.2, by its name there."""

    def __init__(self, code: str, description: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.description = description


class Issued(NamedTuple):
    text: str
    scopes: list[str]


def issue_token(assertion: str, scope: str, *, origin: Origin) -> Issued:
    """Five minutes for whoever signed `assertion`.

    Raises
    ------
    OAuthError
        `invalid_client`, which says no more to a stranger, or `invalid_scope`.
    TooOftenError
        It asked often within this minute; the assertion is not used up.
    """
    try:
        verified = assertions.verify(assertion, address=origin.address)
        limits.count_client("token", verified.client.pk)
        scopes = _scopes(scope, verified.client, origin)
        with transaction.atomic():
            assertions.use(verified)
            return _issue(verified.client, scopes, origin)
    except AssertionRefusedError as error:
        note_refused(error, origin)
        raise OAuthError("invalid_client") from error


def authenticate(assertion: str, *, origin: Origin) -> MachineClient | None:
    """The machine that signed, whose assertion is used up by this; None for a stranger."""
    try:
        verified = assertions.verify(assertion, address=origin.address)
        limits.count_client("introspect", verified.client.pk)
        assertions.use(verified)
    except AssertionRefusedError as error:
        note_refused(error, origin)
        return None
    return verified.client


def note_refused(error: AssertionRefusedError, origin: Origin) -> None:
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
    note_refused(AssertionRefusedError("It asked for more than it may.", client), origin)
    raise OAuthError("invalid_scope", f"This client may ask for: {' '.join(client.scopes)}")


def _issue(client: MachineClient, scopes: list[str], origin: Origin) -> Issued:
    secret = secrets.new_secret()
    # Locked, so that a machine that is being suspended gets none: what suspends waits, or was first.
    held = MachineClient.objects.select_for_update().get(pk=client.pk)
    if held.state != client.state:
        raise AssertionRefusedError("The machine is suspended or revoked.", client)
    now = timezone.now()
    token = MachineToken.objects.create(
        client=client,
        scopes=scopes,
        audience=settings.BASE_URL,
        secret_digest=secrets.digest(secret),
        created_at=now,
        expires_at=now + TOKEN_LASTS,
    )
    MachineClient.objects.filter(pk=client.pk).update(last_used_at=now)
    record(
        Act.MACHINE_SIGNED_IN,
        by=machines.known(client, origin, credential_id=str(token.pk)),
        scopes=scopes,
    )
    return Issued(f"{MACHINE_PREFIX}_{ids.to_text(token.pk)}_{secret}", scopes)
