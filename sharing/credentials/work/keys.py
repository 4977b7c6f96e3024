"""The public keys of a machine: which count, and when to ask for them again (RFC 7517)."""

import dataclasses
import datetime
import json
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from django.db.models import Q
from django.utils import timezone

from sharing.credentials.models import MachineClient
from sharing.credentials.rules.machines import ASK_AGAIN, KEYS_LAST, MOST_KEYS, SMALLEST_RSA
from sharing.credentials.work.fetching import FetchError, fetch

LARGEST_RSA = 8192
PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
KINDS = {"RSA": "RS384", "EC": "ES384"}  # which algorithm a key is for; a token has no say in it


class KeySetError(ValueError):
    """A key set that cannot be used; the text says why, for whoever gave it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Key:
    kid: str
    algorithm: str
    public: Any
    words: str  # what it is, for people


def read(data: bytes | str) -> dict[str, Any]:
    """A key set as it was uploaded or fetched, checked; unknown members are left out.

    Raises
    ------
    KeySetError
        It is no key set, holds a private key, or no key that counts.
    """
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise KeySetError("This is not JSON.") from error
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list) or not all(isinstance(one, dict) for one in keys):
        raise KeySetError('A key set looks like {"keys": […]}.')
    if any(PRIVATE & one.keys() for one in keys):
        raise KeySetError(
            "This holds a private key, or a shared secret. Make a new pair, keep the private key "
            "to yourself, and give the public one."
        )
    if len(keys) > MOST_KEYS:
        raise KeySetError(f"At most {MOST_KEYS} keys.")
    kept = {"keys": keys}
    if not usable(kept):
        raise KeySetError(
            f"No key here counts: RSA of at least {SMALLEST_RSA} bits for RS384, or EC P-384 for "
            "ES384, each with a kid."
        )
    return kept


def usable(jwks: dict[str, Any]) -> list[Key]:
    """The keys of a set that count."""
    found = (_key(one) for one in jwks.get("keys", ()))
    return [one for one in found if one is not None]


def _key(jwk: dict[str, Any]) -> Key | None:
    kid, algorithm = jwk.get("kid"), KINDS.get(str(jwk.get("kty")))
    if not isinstance(kid, str) or not kid or algorithm is None:
        return None
    if jwk.get("alg", algorithm) != algorithm or jwk.get("use", "sig") != "sig":
        return None
    try:
        public = jwt.PyJWK(jwk, algorithm=algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    words = _words(public)
    return Key(kid, algorithm, public, words) if words else None


def _words(public: Any) -> str:
    """What kind of key it is, or nothing for one that is too weak or of another kind."""
    if isinstance(public, RSAPublicKey) and SMALLEST_RSA <= public.key_size <= LARGEST_RSA:
        return f"RSA, {public.key_size} bits (RS384)"
    if isinstance(public, EllipticCurvePublicKey) and public.curve.name == "secp384r1":
        return "EC, P-384 (ES384)"
    return ""


def key_of(client: MachineClient, kid: str) -> Key | None:
    """The client's key of this name; asks the client's address again where that is due."""
    if client.jwks_url and _is_due(client, kid):
        refresh(client)
    if client.jwks_url and not _is_fresh(client):
        return None
    return _named(client, kid)


def _named(client: MachineClient, kid: str) -> Key | None:
    return next((one for one in usable(client.jwks) if one.kid == kid), None)


def _is_fresh(client: MachineClient) -> bool:
    fetched = client.keys_fetched_at
    return fetched is not None and timezone.now() - fetched < KEYS_LAST


def _is_due(client: MachineClient, kid: str) -> bool:
    """Whether to ask now: what is kept is old, or this name is new, and nobody asked just now."""
    asked_lately = timezone.now() - ASK_AGAIN
    if not _is_fresh(client):
        asked, fetched = client.keys_asked_at, client.keys_fetched_at
        failed = asked is not None and (fetched is None or fetched < asked)
        return not (failed and asked is not None and asked > asked_lately)
    if _named(client, kid) is not None:
        return False
    # Anybody can make a name up: of all who ask at once, one goes.
    waiting = Q(keys_asked_at=None) | Q(keys_asked_at__lt=asked_lately)
    mine = MachineClient.objects.filter(waiting, pk=client.pk)
    return bool(mine.update(keys_asked_at=timezone.now()))


def refresh(client: MachineClient) -> bool:
    """Fetch the client's keys anew; False, and what is kept stays, when that does not work."""
    try:
        found = read(fetch(client.jwks_url))
    except (FetchError, KeySetError):
        _note(client, keys_asked_at=timezone.now())
        return False
    _note(client, jwks=found, keys_fetched_at=timezone.now())
    return True


def _note(client: MachineClient, **changes: dict[str, Any] | datetime.datetime) -> None:
    # Only for this address: an administrator may have given another one meanwhile.
    MachineClient.objects.filter(pk=client.pk, jwks_url=client.jwks_url).update(**changes)
    for name, value in changes.items():
        setattr(client, name, value)
