"""Secrets: made here, shown once, kept as digests only."""

import base64
import hashlib
import hmac
import secrets

# Without 0/O, 1/I/L, so that a passcode survives the telephone.
PASSCODE_ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
PASSCODE_LENGTH = 8


def new_secret(bits: int = 256) -> str:
    """A random secret as unpadded base64url (RFC 4648 section 5)."""
    return encode(secrets.token_bytes(bits // 8))


def encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def decode(value: str) -> bytes:
    """The bytes of an unpadded base64url text; ValueError when it is none."""
    return base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)


def new_passcode() -> str:
    """Eight characters that are easy to read out, 39 bits; tries are limited where it is used."""
    return "".join(secrets.choice(PASSCODE_ALPHABET) for _ in range(PASSCODE_LENGTH))


def new_code(digits: int = 8) -> str:
    """A one-time code of digits, for a mailbox."""
    return f"{secrets.randbelow(10**digits):0{digits}d}"


def tidy_passcode(typed: str) -> str:
    """What a person typed, as it was meant: no blanks or dashes, capitals."""
    return "".join(letter for letter in typed.upper() if letter.isalnum())


def digest(secret: str) -> bytes:
    """SHA-256 of a secret that is random enough to need no salt or stretching."""
    return hashlib.sha256(secret.encode()).digest()


def keyed_digest(key: str, purpose: str, *parts: str) -> bytes:
    """HMAC-SHA-256 of `parts`, for short secrets and for references that must not be guessable.

    `purpose` separates the uses of one key; each part is length-prefixed, so that no two lists
    of parts give the same message.
    """
    message = b"".join(
        len(part).to_bytes(4, "big") + part for part in (p.encode() for p in (purpose, *parts))
    )
    return hmac.new(key.encode(), message, hashlib.sha256).digest()


def same(one: bytes, other: bytes) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(one, other)
