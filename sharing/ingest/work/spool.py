"""Where bytes wait while they arrive: one file per tus resource, appended to and fsynced.

A spooled file's length is the offset that has been acknowledged; there is no second truth.
"""

import contextlib
import errno
import fcntl
import hashlib
import mmap
import os
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import NamedTuple, Protocol

from django.conf import settings
from isal import isal_zlib

from sharing.kernel.errors import SharingError, UnavailableError
from sharing.storage.objects.folder import sync_folder
from sharing.storage.objects.threads import OwnThreads

CHUNK = 1 << 20
FULL = (errno.ENOSPC, errno.EDQUOT)
WRITERS = 8  # they wait for the disk side by side
FREE = 4  # blocks that are kept for the next requests
_writers = OwnThreads(WRITERS, "spool")


class Running(Protocol):
    """A hash that grows: hashlib's, or a CRC."""

    def update(self, chunk: bytes | memoryview, /) -> object: ...


class FileBusyError(SharingError):
    status = 423
    title = "This file is being sent already"
    code = "file-busy"

    def __init__(self) -> None:
        super().__init__("Another connection is sending this file now; go on when it has ended.")


class ChecksumMismatchError(SharingError):
    status = 460
    title = "The bytes changed on the way"
    code = "checksum-mismatch"

    def __init__(self) -> None:
        super().__init__("This piece does not match its checksum and was dropped; send it again.")


class SpoolFullError(UnavailableError):
    status = 507
    title = "No room left"
    code = "no-room"

    def __init__(self) -> None:
        super().__init__(
            "There is no room left for this file. What arrived is kept; "
            "tell your administrator, then go on."
        )


def folder(upload_id: uuid.UUID) -> Path:
    """The folder of an upload's bytes; it is made with its first file."""
    return Path(settings.SPOOL_DIR) / upload_id.hex


def path_of(upload_id: uuid.UUID, file_id: uuid.UUID) -> Path:
    return folder(upload_id) / file_id.hex


def _open(path: Path, flags: int) -> int:
    """Open a file for its owner alone, in a folder that is made where it is missing."""
    try:
        return os.open(path, flags | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.open(path, flags | os.O_CREAT | os.O_CLOEXEC, 0o600)


def offset(path: Path) -> int:
    """How many bytes have been kept; 0 for a file that has not begun."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


@contextlib.contextmanager
def held(path: Path) -> Iterator[int]:
    """The open file, for one writer at a time.

    Raises
    ------
    FileBusyError
        Somebody else is writing to it, or has just moved it into the store.
    """
    handle = _open(path, os.O_RDWR)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FileBusyError from error
        # Between opening and locking, whoever held it may have moved it: what is open would then
        # be the stored object, which nobody may write to any more.
        if not _is_at(handle, path):
            raise FileBusyError
        yield handle
    finally:
        os.close(handle)


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def append(handle: int, start: int, chunks: Iterable[bytes | memoryview], *hashes: Running) -> int:
    """Write `chunks` at `start` and return how many bytes there are now.

    When the sender's connection breaks, what came before is kept: the caller still calls `sync`.
    """
    position = start
    try:
        for chunk in chunks:
            view = memoryview(chunk)
            while view:
                written = os.pwrite(handle, view, position)
                position += written
                view = view[written:]
            for running in hashes:
                running.update(chunk)
    except OSError as error:
        if error.errno in FULL:
            raise SpoolFullError from error
        raise
    return position


class Room(NamedTuple):
    """A place in a block: `data` as long as the file, `pages` to the end of its last page."""

    data: memoryview
    pages: memoryview


class Block:
    """Memory of one request, where files lie at pages' beginnings: disks take them as they are."""

    SIZE = 8 << 20

    def __init__(self) -> None:
        self._all, self._used = memoryview(mmap.mmap(-1, self.SIZE)), 0

    def clear(self) -> None:
        """Begin anew; what was in the block may be overwritten."""
        self._used = 0

    def room(self, size: int) -> Room | None:
        """Room for a file behind the others, or None where the block is full."""
        start, end = self._used, self._used - (-size // mmap.PAGESIZE) * mmap.PAGESIZE
        if end > self.SIZE:
            return None
        self._used = end
        return Room(self._all[start : start + size], self._all[start:end])


_free: list[Block] = []


@contextlib.contextmanager
def block() -> Iterator[Block]:
    """A block for one request, empty. The last one that was given back is lent first.

    So there are as many as there are requests at a time, not as many as there are threads.
    """
    try:
        lent = _free.pop()
    except IndexError:
        lent = Block()
    lent.clear()
    try:
        yield lent
    finally:
        if len(_free) < FREE:
            _free.append(lent)


def write_beside(path: Path, room: Room) -> Future[None]:
    """Write a file that came at one go, durably, while its sender's next bytes are read.

    The room must stay as it is until the result is there.
    """
    return _writers.get().submit(_write, path, room)


@contextlib.contextmanager
def _told_when_full() -> Iterator[None]:
    """A disk may say that it is full when a file is made, written or synced (NFS, quotas)."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise SpoolFullError from error
        raise


@_told_when_full()
def _write(path: Path, room: Room) -> None:
    """To the disk past the page cache, where that is possible.

    Nothing is copied then, and what is looked at now keeps its place in memory.
    """
    handle = _open(path, os.O_WRONLY | os.O_EXCL)
    try:
        if not _write_past_cache(handle, room):
            append(handle, 0, [room.data])
        os.fsync(handle)
    except BaseException:
        drop(path)  # half a file is nobody's, and takes room where there may be none left
        raise
    finally:
        os.close(handle)


def _write_past_cache(handle: int, room: Room) -> bool:
    """Whether this system and this disk could do it; whole pages are written, and then cut."""
    if not hasattr(os, "O_DIRECT"):
        return False
    size = len(room.data)
    room.pages[size:] = bytes(len(room.pages) - size)
    flags = fcntl.fcntl(handle, fcntl.F_GETFL)
    try:
        fcntl.fcntl(handle, fcntl.F_SETFL, flags | os.O_DIRECT)
        written = os.pwrite(handle, room.pages, 0)
        os.ftruncate(handle, size)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that cannot
            raise
        written = 0
    fcntl.fcntl(handle, fcntl.F_SETFL, flags)
    return written == len(room.pages)


def keep_name(path: Path) -> None:
    """Let a synced file be found again after a power cut, too: its folder names it, and is named.

    Others are not in need of it: they go on to the store, or are asked for anew.
    """
    for folder in (path.parent, path.parent.parent):
        sync_folder(folder)


def sha256_of(path: Path) -> tuple[bytes, int]:
    """SHA-256 and CRC-32 of a file, read once in chunks."""
    running, crc = hashlib.sha256(), 0
    with path.open("rb") as source:
        while chunk := source.read(CHUNK):
            running.update(chunk)
            crc = isal_zlib.crc32(chunk, crc)
    return running.digest(), crc


def drop(path: Path) -> None:
    path.unlink(missing_ok=True)
