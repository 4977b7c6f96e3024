"""Identifiers: UUID version 7 (RFC 9562) for rows, base64url for what stands in an address."""

import os
import re
import time
import uuid

from sharing.kernel import secrets

# The standard forbids leading zeros; scanners write them all the same, and their images count.
UID_PATTERN = re.compile(r"[0-9]+(\.[0-9]+)*")


def new_id() -> uuid.UUID:
    """A time-ordered UUID, so that indexes grow at their end (RFC 9562 section 5.7)."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds << 80) | int.from_bytes(os.urandom(10), "big")
    value = (value & ~(0xF << 76)) | (7 << 76)
    value = (value & ~(0x3 << 62)) | (2 << 62)
    return uuid.UUID(int=value)


def random_id() -> uuid.UUID:
    """128 random bits, for a locator that must not be guessable from its neighbours."""
    return uuid.UUID(bytes=os.urandom(16))


def to_text(value: uuid.UUID) -> str:
    """A UUID as the 22 characters of its base64url form."""
    return secrets.encode(value.bytes)


def from_text(text: str) -> uuid.UUID:
    """The UUID that `to_text` wrote; ValueError for anything else."""
    if len(text) != 22:
        raise ValueError("not an identifier")
    value = uuid.UUID(bytes=secrets.decode(text))
    if to_text(value) != text:
        raise ValueError("not an identifier")
    return value


def is_uid(text: str) -> bool:
    """Whether `text` is a DICOM UID (PS3.5 section 9.1): digits and dots, at most 64 characters."""
    return 0 < len(text) <= 64 and UID_PATTERN.fullmatch(text) is not None
