"""Whether an assertion counts: SMART Backend Services 2.2, RFC 7523, RFC 8725."""

import dataclasses
import datetime
import uuid
from typing import Any

import jwt
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from sharing.credentials.models import MachineClient, UsedAssertion
from sharing.credentials.rules.machines import (
    ALGORITHMS,
    ASSERTION_LASTS,
    LEEWAY,
    LONGEST_ASSERTION,
    LONGEST_JTI,
    MachineState,
    is_within,
)
from sharing.credentials.work.keys import key_of
from sharing.kernel import secrets

NEEDED = ["iss", "sub", "aud", "exp", "jti"]


class AssertionRefusedError(Exception):
    """It does not count. `reason` is for the administrators of `client`, never for who asks."""

    def __init__(self, reason: str, client: MachineClient | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.client = client


@dataclasses.dataclass(frozen=True, slots=True)
class Verified:
    """A machine that has shown who it is, by an assertion that is not used up yet."""

    client: MachineClient
    jti: str
    expires_at: datetime.datetime


def token_url() -> str:
    """The one audience of assertions."""
    return f"{settings.BASE_URL}/oauth/token"


def verify(assertion: str, *, address: str) -> Verified:
    """The machine that signed `assertion`; it is not used up by this.

    Raises
    ------
    AssertionRefusedError
        Anything about it is not as it has to be.
    """
    header, claims = _unverified(assertion)
    client = _client(claims)
    _check_client(client, address)
    checked = _checked(assertion, header, client)
    return Verified(client, checked["jti"], _end(checked))


def use(verified: Verified) -> None:
    """Use an assertion up, in the caller's transaction: of two at once, one is refused."""
    jti_digest = secrets.digest(verified.jti)
    try:
        with transaction.atomic():
            UsedAssertion.objects.create(
                client=verified.client,
                jti_digest=jti_digest,
                expires_at=verified.expires_at + LEEWAY,
            )
    except IntegrityError as error:
        raise AssertionRefusedError("This assertion was used before.", verified.client) from error


def _unverified(assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
    if len(assertion) > LONGEST_ASSERTION:
        raise AssertionRefusedError("The assertion is too long.")
    try:
        header = jwt.get_unverified_header(assertion)
        claims = jwt.decode(assertion, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise AssertionRefusedError("This is no assertion.") from error
    return header, claims


def _client(claims: dict[str, Any]) -> MachineClient:
    try:
        client_id = uuid.UUID(str(claims.get("iss")))
    except ValueError as error:
        raise AssertionRefusedError("Nobody is known by this client id.") from error
    found = MachineClient.objects.filter(pk=client_id)
    client = found.select_related("institution", "account").first()
    # Our own spelling alone: one machine, one name.
    if client is None or claims.get("iss") != str(client.pk):
        raise AssertionRefusedError("Nobody is known by this client id.")
    return client


def _check_client(client: MachineClient, address: str) -> None:
    if client.state != MachineState.ACTIVE:
        raise AssertionRefusedError("The machine is suspended or revoked.", client)
    if client.keys_end_at is not None and client.keys_end_at <= timezone.now():
        raise AssertionRefusedError("Its keys have ended.", client)
    if not is_within(address, client.networks):
        raise AssertionRefusedError("It came from another network.", client)


def _checked(assertion: str, header: dict[str, Any], client: MachineClient) -> dict[str, Any]:
    """The claims, once the signature and each of them is as it has to be."""
    kid = header.get("kid")
    if header.get("alg") not in ALGORITHMS or "crit" in header:
        raise AssertionRefusedError("Only RS384 and ES384 are taken.", client)
    if header.get("jku") not in (None, client.jwks_url or None):
        raise AssertionRefusedError("Its keys are registered at another address.", client)
    key = key_of(client, kid) if isinstance(kid, str) and kid else None
    if key is None or key.algorithm != header["alg"]:
        raise AssertionRefusedError("No key of that name and kind is known.", client)
    try:
        claims = jwt.decode(
            assertion,
            key.public,
            algorithms=[key.algorithm],  # the key's own, whatever the header says
            audience=token_url(),
            issuer=str(client.pk),
            leeway=LEEWAY,
            options={"require": NEEDED},
        )
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
        reason = REASONS.get(type(error), "The assertion is not as it has to be.")
        raise AssertionRefusedError(reason, client) from error
    _check_claims(claims, client)
    return claims


REASONS: dict[type[Exception], str] = {
    jwt.ExpiredSignatureError: "The assertion has expired.",
    jwt.ImmatureSignatureError: "The assertion is from the future.",
    jwt.InvalidAudienceError: "The assertion is for another address.",
    jwt.InvalidSignatureError: "The signature is not by the key that it names.",
    jwt.MissingRequiredClaimError: "The assertion leaves something out.",
}


def _check_claims(claims: dict[str, Any], client: MachineClient) -> None:
    """What the library does not look at."""
    jti = claims["jti"]
    if claims["aud"] not in (token_url(), [token_url()]):
        raise AssertionRefusedError("The assertion is for another address, too.", client)
    if claims["sub"] != claims["iss"]:
        raise AssertionRefusedError("The assertion is about somebody else.", client)
    if not isinstance(jti, str) or not 0 < len(jti) <= LONGEST_JTI or not jti.isprintable():
        raise AssertionRefusedError("The assertion's jti cannot be used.", client)
    if not isinstance(claims["exp"], int | float):
        raise AssertionRefusedError("The assertion's exp is no number.", client)
    if _end(claims) > timezone.now() + ASSERTION_LASTS + LEEWAY:
        raise AssertionRefusedError("The assertion lasts longer than five minutes.", client)


def _end(claims: dict[str, Any]) -> datetime.datetime:
    try:
        return datetime.datetime.fromtimestamp(claims["exp"], tz=datetime.UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise AssertionRefusedError("The assertion's exp is no time.") from error
