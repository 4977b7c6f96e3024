"""Answers that are kept for a day, closed with the key that the client alone has."""

import hashlib
import os

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from sharing.kernel.secrets import keyed_digest

NONCE = 12


def digest(*, asker: str, key: str) -> bytes:
    """What is kept of a client's key."""
    return keyed_digest(settings.SECRET_KEY, "idempotency key", asker, key)


def seal(body: bytes, *, asker: str, key: str) -> bytes:
    """`body` by AES-256-GCM, under a key that neither the table nor our own secret gives away."""
    nonce = os.urandom(NONCE)
    return nonce + AESGCM(_cipher_key(asker, key)).encrypt(nonce, body, asker.encode())


def unseal(sealed: bytes, *, asker: str, key: str) -> bytes:
    return AESGCM(_cipher_key(asker, key)).decrypt(sealed[:NONCE], sealed[NONCE:], asker.encode())


def _cipher_key(asker: str, key: str) -> bytes:
    return hashlib.sha256(
        keyed_digest(settings.SECRET_KEY, "idempotency answer", asker, key)
    ).digest()
