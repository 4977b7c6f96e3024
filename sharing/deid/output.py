"""Write the output: hashed on its way, whole or not at all, in memory that does not grow with it."""

import contextlib
import hashlib
import os
import secrets
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Final

from sharing.deid.pieces import Piece
from sharing.dicom.elements import Window

_CHUNK: Final = 256 << 10
_SHORT: Final = 64 << 10


class Target:
    """A file that is there once everything went well, and otherwise not at all.

    Parameters
    ----------
    path
        Where; an existing file is replaced.
    durable
        Whether it has to survive a loss of power right away.
    """

    def __init__(self, path: Path, *, durable: bool) -> None:
        self._path, self._durable = str(path), durable
        folder, name = os.path.split(self._path)
        self._folder = folder or "."
        self._partial = f"{self._folder}/.{name[:80]}.{secrets.token_hex(6)}.part"

    @property
    def partial(self) -> Path:
        """Where it lies until it has its name."""
        return Path(self._partial)

    def __enter__(self) -> "Target":
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self.descriptor = os.open(self._partial, flags, 0o600)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None and self._durable:
                os.fsync(self.descriptor)
        finally:
            os.close(self.descriptor)
            if kind is not None:
                self.drop()

    def publish(self) -> None:
        """Give the file its name."""
        try:
            os.replace(self._partial, self._path)  # noqa: PTH105 a path object costs more than it
            if self._durable:
                _sync_folder(self._folder)
        except BaseException:
            self.drop()
            raise

    def drop(self) -> None:
        """Leave nothing."""
        with contextlib.suppress(FileNotFoundError):
            self.partial.unlink()


def _sync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Source:
    """Reads what stays, through one buffer that is used again and again.

    Parameters
    ----------
    window
        Over the data set; what it holds in memory is not read again.
    """

    def __init__(self, window: Window) -> None:
        self._window = window

    def chunks(self, parts: Iterable[Piece]) -> Iterator[bytes | memoryview]:
        """The bytes of pieces in order; a view is good until the next one is asked for."""
        window = self._window
        base, stop, held = window.base, window.stop, memoryview(window.data)
        for part in parts:
            if isinstance(part, bytes):
                yield part
            elif base <= part[0] and part[1] <= stop:
                yield held[part[0] - base : part[1] - base]
            else:
                yield from self._read(*part)

    def _read(self, start: int, stop: int) -> Iterator[memoryview]:
        source, buffer = self._window.source, _buffer()
        source.seek(start)
        into = getattr(source, "readinto", None)
        while start < stop:
            wanted = min(_CHUNK, stop - start)
            if into is not None:
                chunk = buffer[: into(buffer[:wanted])]
            else:
                chunk = memoryview(source.read(wanted))
            if not chunk:
                raise EOFError("the source became shorter while it was read")
            start += len(chunk)
            yield chunk


@cache
def _buffer() -> memoryview:
    """One for this process: memory that is new for each file costs more than its bytes."""
    return memoryview(bytearray(_CHUNK))


def deflated(data: Iterable[bytes | memoryview]) -> Iterator[bytes]:
    """A deflated stream (PS3.5 A.5), padded to an even length."""
    press, size = zlib.compressobj(wbits=-zlib.MAX_WBITS), 0
    for chunk in data:
        if made := press.compress(chunk):
            size += len(made)
            yield made
    made = press.flush()
    yield made + b"\0" * ((size + len(made)) & 1)


def write(descriptor: int, data: Iterable[bytes | memoryview]) -> tuple[str, int]:
    """Write and hash in one go.

    Returns
    -------
    tuple of str and int
        SHA-256 in hex, and how many bytes.
    """
    digest, total = hashlib.sha256(), 0
    waiting: list[bytes] = []
    for chunk in data:
        if len(chunk) < _SHORT:
            waiting.append(bytes(chunk))
            continue
        total += _put(descriptor, b"".join(waiting), digest.update)
        total += _put(descriptor, chunk, digest.update)
        waiting.clear()
    total += _put(descriptor, b"".join(waiting), digest.update)
    return digest.hexdigest(), total


def _put(
    descriptor: int, data: bytes | memoryview, update: Callable[[bytes | memoryview], object]
) -> int:
    update(data)
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
    return len(data)


def digest(path: Path) -> tuple[str, int]:
    """SHA-256 in hex and size of a file, as `write` answers them."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
        return found, os.fstat(file.fileno()).st_size
