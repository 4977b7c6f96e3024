"""Whether an assertion counts: SMART Backend Services 2.2, RFC 7523, RFC 8725."""

import datetime
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
    Proof,
)
from sharing.credentials.work import certificates
from sharing.credentials.work.keys import key_of
from sharing.credentials.work.proofs import ProofRefusedError, Verified, check_open, named
from sharing.kernel import secrets, wall
from sharing.kernel.requests import Origin

NEEDED = ["iss", "sub", "aud", "exp", "jti"]


def token_url() -> str:
    """The one audience of assertions."""
    return f"{settings.BASE_URL}/oauth/token"


def verify(assertion: str, *, origin: Origin) -> Verified:
    """The machine that signed `assertion`; it is not used up by this.

    Raises
    ------
    ProofRefusedError
        Anything about it is not as it has to be.
    """
    header, claims = _unverified(assertion)
    client = named(claims.get("iss"))
    check_open(client, origin)
    _check_keys(client)
    with wall.acting_for(client.institution_id):
        certificate = certificates.bound_to(client, origin)
        checked = _checked(assertion, header, client)
    return Verified(client, certificate, checked["jti"], _end(checked))


def use(verified: Verified) -> None:
    """Use an assertion up, in the caller's transaction: of two at once, one is refused."""
    if verified.expires_at is None:
        return  # it signed in without one
    jti_digest = secrets.digest(verified.jti)
    try:
        with wall.acting_for(verified.client.institution_id), transaction.atomic():
            UsedAssertion.objects.create(
                client=verified.client,
                jti_digest=jti_digest,
                expires_at=verified.expires_at + LEEWAY,
            )
    except IntegrityError as error:
        raise ProofRefusedError("This assertion was used before.", verified.client) from error


def _unverified(assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
    if len(assertion) > LONGEST_ASSERTION:
        raise ProofRefusedError("The assertion is too long.")
    try:
        header = jwt.get_unverified_header(assertion)
        claims = jwt.decode(assertion, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise ProofRefusedError("This is no assertion.") from error
    return header, claims


def _check_keys(client: MachineClient) -> None:
    if client.proof == Proof.CERTIFICATE:
        raise ProofRefusedError("It signs in by its certificate alone.", client)
    if client.keys_end_at is not None and client.keys_end_at <= timezone.now():
        raise ProofRefusedError("Its keys have ended.", client)


def _checked(assertion: str, header: dict[str, Any], client: MachineClient) -> dict[str, Any]:
    """The claims, once the signature and each of them is as it has to be."""
    kid = header.get("kid")
    if header.get("alg") not in ALGORITHMS or "crit" in header:
        raise ProofRefusedError("Only RS384 and ES384 are taken.", client)
    if header.get("jku") not in (None, client.jwks_url or None):
        raise ProofRefusedError("Its keys are registered at another address.", client)
    key = key_of(client, kid) if isinstance(kid, str) and kid else None
    if key is None or key.algorithm != header["alg"]:
        raise ProofRefusedError("No key of that name and kind is known.", client)
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
        raise ProofRefusedError(reason, client) from error
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
        raise ProofRefusedError("The assertion is for another address, too.", client)
    if claims["sub"] != claims["iss"]:
        raise ProofRefusedError("The assertion is about somebody else.", client)
    if not isinstance(jti, str) or not 0 < len(jti) <= LONGEST_JTI or not jti.isprintable():
        raise ProofRefusedError("The assertion's jti cannot be used.", client)
    if not isinstance(claims["exp"], int | float):
        raise ProofRefusedError("The assertion's exp is no number.", client)
    if _end(claims) > timezone.now() + ASSERTION_LASTS + LEEWAY:
        raise ProofRefusedError("The assertion lasts longer than five minutes.", client)


def _end(claims: dict[str, Any]) -> datetime.datetime:
    try:
        return datetime.datetime.fromtimestamp(claims["exp"], tz=datetime.UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise ProofRefusedError("The assertion's exp is no time.") from error
