"""What every object store does, and how it fails."""

import datetime
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sharing.kernel.errors import SharingError, UnavailableError

CHUNK = 1024 * 1024
KEY_LENGTH = 512
# Each part begins with a letter or digit, so neither "..", nor a hidden file, nor the folders
# that a store makes for itself ("_ab", ".incoming") can be named by a key.
KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")


class StorageUnavailableError(UnavailableError):
    """The store does not answer, is full or refuses us. Nothing that was kept is lost."""

    title = "The image store does not answer"
    code = "storage-unavailable"

    def __init__(self, detail: str = "") -> None:
        super().__init__(
            detail
            or "The image store does not answer just now. Nothing that was received is "
            "lost. Please try again in a minute."
        )


class ObjectMissingError(SharingError):
    """The store answers, and has no object under this key."""

    status = 500
    title = "The image file is missing"
    code = "object-missing"

    def __init__(self, key: str) -> None:
        super().__init__(
            "The record of this image is here but its file is not in the image store. "
            "Please tell the institution that keeps it."
        )
        self.key = key


class ObjectDamagedError(SharingError):
    """What arrived in the store is not what was received; the object was not kept."""

    status = 500
    title = "The file changed on its way into the store"
    code = "object-damaged"

    def __init__(self, key: str) -> None:
        super().__init__(
            "The file changed between being received and being kept, so it was not kept. "
            "Please send it again."
        )
        self.key = key


@dataclass(frozen=True, slots=True)
class Put:
    """One file on its way into the store.

    Attributes
    ----------
    key : str
        The object's name, as `check_key` allows it.
    path : pathlib.Path
        The spooled file; gone when it is kept.
    sha256 : str
        SHA-256 of its bytes in lower-case hexadecimal, taken while they passed.
    is_synced : bool
        Whether whoever wrote the file has synced it to the disk.
    """

    key: str
    path: Path
    sha256: str
    is_synced: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """An object that is in the store, and since when it has been there under this key."""

    key: str
    since: datetime.datetime


class ObjectStore(Protocol):
    """The verbs of an object store.

    Objects are written once and read often; a second put under the same key replaces the object
    as a whole, and no reader ever sees a part of one. Every verb raises `StorageUnavailableError`
    when the store does not answer and `ValueError` for a key that `check_key` refuses.
    """

    def put_file(self, key: str, path: Path, *, sha256: str) -> None:
        """Keep a spooled file under `key`, durably, and remove it from the spool.

        Parameters
        ----------
        key : str
        path : pathlib.Path
            The spooled file, complete and closed. It is still there after any error.
        sha256 : str
            SHA-256 of its bytes, 64 lower-case hexadecimal digits.

        Raises
        ------
        ObjectDamagedError
            When the bytes that were read from the spool have another SHA-256.
        """

    def put_files(self, puts: Sequence[Put]) -> None:
        """Keep several files, as `put_file` keeps one, several at a time.

        After an error some may have been kept; putting all of them again is safe for those whose
        spooled file is still there.
        """

    def put_bytes(self, key: str, data: bytes) -> None:
        """Keep a small object that was made in memory, durably."""

    def read(self, key: str, start: int, length: int) -> bytes:
        """At most `length` bytes from byte `start` on; fewer only at the object's end.

        Raises
        ------
        ObjectMissingError
        """

    def stream(
        self, key: str, start: int = 0, end: int | None = None, chunk: int = CHUNK
    ) -> Iterator[bytes]:
        """The bytes from `start` up to, not including, `end`, in pieces of at most `chunk`.

        A missing object is told at the call, before the first piece is asked for.

        Raises
        ------
        ObjectMissingError
        """

    def size(self, key: str) -> int:
        """The object's size in bytes; ObjectMissingError when there is none."""

    def exists(self, key: str) -> bool: ...

    def delete(self, key: str) -> None:
        """Remove the object; nothing happens when there is none."""

    def move(self, key: str, to: str) -> None:
        """Give the object another key; what was there under that one is replaced.

        Another that is put under `key` meanwhile may go, never the one that is moved.

        Raises
        ------
        ObjectMissingError
        """

    def listed(self, prefix: str = "") -> Iterator["Listed"]:
        """Every object below `prefix`, the beginning of keys up to a slash; in no order."""

    def local_path(self, key: str) -> Path | None:
        """The object's file, for a server that sends files by itself; None in a bucket.

        The file is only to be read, and need not exist.
        """

    def check(self) -> None:
        """Write, read and remove a few bytes; StorageUnavailableError says why that failed."""


def check_key(key: str) -> str:
    """`key` if it names an object, else ValueError."""
    if len(key) > KEY_LENGTH or KEY.fullmatch(key) is None:
        raise ValueError(
            "an object's key is letters, digits, dots, dashes and underscores in parts between "
            "slashes, each beginning with a letter or digit"
        )
    return key
