"""Write the output: hashed on its way, whole or not at all, in memory that does not grow with it."""

import contextlib
import hashlib
import os
import secrets
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final

from sharing.deid.pieces import Piece
from sharing.dicom.elements import Window

WHOLE: Final = 4 << 20
"""Up to this size a file is read at once."""
_CHUNK: Final = 1 << 20
_VECTORS: Final = 512


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
        self.path, self._durable = path, durable
        self.partial = path.with_name(f".{path.name[:80]}.{secrets.token_hex(6)}.part")

    def __enter__(self) -> "Target":
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self.descriptor = os.open(self.partial, flags, 0o600)
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
            self.partial.replace(self.path)
            if self._durable:
                _sync_folder(self.path.parent)
        except BaseException:
            self.drop()
            raise

    def drop(self) -> None:
        """Leave nothing."""
        with contextlib.suppress(FileNotFoundError):
            self.partial.unlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def chunks(parts: Iterable[Piece], window: Window) -> Iterator[bytes | memoryview]:
    """The bytes of pieces in order; ranges that are not in memory are read bit by bit."""
    held = memoryview(window.data) if window.base == 0 and window.stop == window.size else None
    for part in parts:
        if isinstance(part, bytes):
            yield part
        elif held is not None:
            yield held[part[0] : part[1]]
        else:
            yield from _read(window, *part)


def _read(window: Window, start: int, stop: int) -> Iterator[bytes]:
    window.source.seek(start)
    while start < stop:
        data = window.source.read(min(_CHUNK, stop - start))
        if not data:
            raise EOFError("the source became shorter while it was read")
        start += len(data)
        yield data


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
    waiting: list[bytes | memoryview] = []
    amount = 0
    for chunk in data:
        waiting.append(chunk)
        amount += len(chunk)
        if amount >= _CHUNK or len(waiting) >= _VECTORS:
            total += _flush(descriptor, waiting, digest.update)
            waiting, amount = [], 0
    total += _flush(descriptor, waiting, digest.update)
    return digest.hexdigest(), total


def digest(path: Path) -> tuple[str, int]:
    """SHA-256 in hex and size of a file, as `write` answers them."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
        return found, os.fstat(file.fileno()).st_size


def _flush(
    descriptor: int,
    waiting: list[bytes | memoryview],
    update: Callable[[bytes | memoryview], object],
) -> int:
    size = sum(map(len, waiting))
    small = [chunk for chunk in waiting if len(chunk) < _CHUNK // 16]
    if len(small) > 8:
        waiting = _joined(waiting)
    for chunk in waiting:
        update(chunk)
    written = os.writev(descriptor, waiting) if waiting else 0
    if written < size:  # a full disk says so at the next write
        _write_rest(descriptor, waiting, written)
    return size


def _joined(chunks_: list[bytes | memoryview]) -> list[bytes | memoryview]:
    """Short chunks made one, long ones left as they are."""
    found: list[bytes | memoryview] = []
    short: list[bytes | memoryview] = []
    for chunk in chunks_:
        if len(chunk) < _CHUNK // 16:
            short.append(chunk)
            continue
        if short:
            found.append(b"".join(short))
            short = []
        found.append(chunk)
    if short:
        found.append(b"".join(short))
    return found


def _write_rest(descriptor: int, waiting: list[bytes | memoryview], written: int) -> None:
    left = memoryview(b"".join(waiting))[written:]
    while left:
        left = left[os.write(descriptor, left) :]
