"""A project's secret, and what is closed with it.

The secret itself is sealed with a key that follows from the portal's SECRET_KEY. What tells who a
patient was (ledgers, what is known of a study, pseudonyms) is sealed with the project's secret:
when that is destroyed, all of it is closed for ever.
"""

import hashlib
import os
import uuid

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from sharing.kernel.errors import ConflictError
from sharing.kernel.secrets import keyed_digest
from sharing.research.models import Project, Vault

NONCE = 12


class KeyDestroyedError(ConflictError):
    title = "The key of this project was destroyed"
    code = "key-destroyed"

    def __init__(self) -> None:
        super().__init__(
            "The key of this project was destroyed. Nothing more can be made in it, and nobody can "
            "be found again behind a pseudonym. Make a new project."
        )


def fill(project: Project, secret: bytes) -> Vault:
    """Put a new project's secret away."""
    return Vault.objects.create(
        project=project,
        sealed=_close(_portal_key(project.pk), secret, project.pk),
        commitment=commitment(project.pk, secret),
    )


def secret_of(vault: Vault) -> bytes:
    """The secret; KeyDestroyedError when there is none any more."""
    if vault.is_destroyed:
        raise KeyDestroyedError
    return _open(_portal_key(vault.project_id), bytes(vault.sealed), vault.project_id)


def commitment(project_id: uuid.UUID, secret: bytes) -> bytes:
    """What stays of a secret, and tells nothing of it."""
    return hashlib.sha256(b"handover project secret\0" + project_id.bytes + secret).digest()


def close(secret: bytes, data: bytes, *, about: uuid.UUID) -> bytes:
    """Seal `data` with a project's secret; it can be opened for the same `about` alone."""
    return _close(_data_key(secret), data, about)


def opened(secret: bytes, sealed: bytes, *, about: uuid.UUID) -> bytes:
    return _open(_data_key(secret), sealed, about)


def _portal_key(project_id: uuid.UUID) -> bytes:
    return keyed_digest(settings.SECRET_KEY, "research vault", str(project_id))


def _data_key(secret: bytes) -> bytes:
    return hashlib.sha256(b"handover project data\0" + secret).digest()


def _close(key: bytes, data: bytes, about: uuid.UUID) -> bytes:
    nonce = os.urandom(NONCE)
    return nonce + AESGCM(key).encrypt(nonce, data, about.bytes)


def _open(key: bytes, sealed: bytes, about: uuid.UUID) -> bytes:
    return AESGCM(key).decrypt(sealed[:NONCE], sealed[NONCE:], about.bytes)
