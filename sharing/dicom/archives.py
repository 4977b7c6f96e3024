"""ZIP files that somebody sent, read without trusting them.

Everything is judged from the central directory before the first byte is unpacked: how many
entries, how much they say they unpack to, and that no two of them share bytes (CVE-2024-0450).
An entry can then never give more bytes than it announced.
"""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, Final

from sharing.dicom.limits import GIB, MIB
from sharing.dicom.refusal import Reason, RefusedError

_LOCAL: Final = struct.Struct("<4s22xHH")
_END: Final = struct.Struct("<4s6xHLL")
_END64: Final = struct.Struct("<4s28xQQ")
_LOCATOR: Final = struct.Struct("<4s4xQ")
_LONGEST_COMMENT: Final = 0xFFFF
_ENCRYPTED: Final = 0x1 | 0x40 | 0x2000  # by password, strongly, and the directory itself
_KNOWN: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_FORBIDDEN: Final = re.compile(r'[\x00-\x1f\x7f<>:"|?*]')
_DAMAGED: Final = (zipfile.BadZipFile, zlib.error, EOFError, struct.error, ValueError, OSError)
_LONGEST_NAME: Final = 1024


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """How far an archive may go.

    Attributes
    ----------
    entries
        Files in it.
    directory_bytes
        Of its central directory, which is read at once.
    unpacked_bytes
        Of all entries together.
    free_bytes, ratio
        An archive may unpack to the first whatever its own size, beyond it only by the second.
    """

    entries: int = 200_000
    directory_bytes: int = 64 * MIB
    unpacked_bytes: int = 512 * GIB
    free_bytes: int = GIB
    ratio: int = 100


LIMITS: Final = ArchiveLimits()


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the archive.

    Attributes
    ----------
    name
        Relative path with forward slashes; never leads out of a folder it is joined to.
    size
        Bytes it unpacks to, as announced; `open` never gives more.
    """

    name: str
    size: int
    _archive: zipfile.ZipFile
    _info: zipfile.ZipInfo

    def open(self) -> BinaryIO:
        """The unpacked bytes; the caller closes it.

        Raises
        ------
        RefusedError
            From here or from `read`: the entry is damaged.
        """
        try:
            return io.BufferedReader(_Unpacked(self._archive.open(self._info)), 64 << 10)
        except (*_DAMAGED, NotImplementedError, RuntimeError) as error:
            raise RefusedError(Reason.ARCHIVE_DAMAGED) from error

    def is_archive(self) -> bool:
        """Whether this is a ZIP file itself; those are not opened, for they nest without end."""
        with self.open() as source:
            head = source.read(132)
        # A DICOM file may carry anything in its preamble, even the begin of a ZIP.
        return head.startswith(b"PK\3\4") and not head.endswith(b"DICM")


class _Unpacked(io.RawIOBase):
    """Reads an entry; what goes wrong on the way becomes a sentence."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, target: "bytearray | memoryview", /) -> int:  # type: ignore[override]
        try:
            piece = self._source.read(len(target))
        except _DAMAGED as error:
            raise RefusedError(Reason.ARCHIVE_DAMAGED) from error
        target[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self._source.close()
        super().close()


def entries(path: Path, limits: ArchiveLimits = LIMITS) -> Iterator[Entry]:
    """The files of a ZIP, one after the other; folders and the Finder's own files are left out.

    Raises
    ------
    RefusedError
        Before the first entry, if the archive is damaged, encrypted, hostile or too large.
    """
    with path.open("rb") as source:
        _check_end(source, limits)
        try:
            archive = zipfile.ZipFile(source)
        except (*_DAMAGED, NotImplementedError) as error:
            raise RefusedError(Reason.ARCHIVE_DAMAGED) from error
        with archive:
            infos = archive.infolist()
            _check(infos, path.stat().st_size, limits)
            _check_overlap(infos, source, archive.start_dir)
            yield from (
                Entry(safe_name(info.filename), info.file_size, archive, info)
                for info in infos
                if not info.is_dir() and not info.filename.startswith("__MACOSX/")
            )


def safe_name(name: str) -> str:
    """A name that stays where it is put: no drive, no root, no way up, no control characters.

    >>> safe_name("../../etc/passwd")
    'etc/passwd'
    >>> safe_name("C:\\\\CD\\\\IM1")
    'C_/CD/IM1'
    """
    parts = _FORBIDDEN.sub("_", name.replace("\\", "/")).split("/")
    kept = [part for part in parts if part.strip(". ")]
    return "/".join(kept)[-_LONGEST_NAME:].lstrip("/") or "unnamed"


def _check_end(source: BinaryIO, limits: ArchiveLimits) -> None:
    """Size up the central directory before anything reads it whole."""
    size = source.seek(0, io.SEEK_END)
    source.seek(max(0, size - _LONGEST_COMMENT - 22))
    tail = source.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or at + 20 > len(tail):
        raise RefusedError(Reason.ARCHIVE_DAMAGED)
    _, count, length, _ = _END.unpack_from(tail, at)
    if at >= 20 and tail[at - 20 : at - 16] == b"PK\6\7":
        source.seek(min(_LOCATOR.unpack_from(tail, at - 20)[1], size))
        end64 = source.read(_END64.size)
        if len(end64) == _END64.size and end64.startswith(b"PK\6\6"):
            _, count, length = _END64.unpack(end64)
    source.seek(0)
    if count > limits.entries or length > limits.directory_bytes:
        raise RefusedError(Reason.ARCHIVE_TOO_MANY)


def _check(infos: list[zipfile.ZipInfo], size: int, limits: ArchiveLimits) -> None:
    if any(info.flag_bits & _ENCRYPTED for info in infos):
        raise RefusedError(Reason.ARCHIVE_ENCRYPTED)
    if any(info.compress_type not in _KNOWN for info in infos):
        raise RefusedError(
            Reason.ARCHIVE_DAMAGED,
            "This ZIP file is compressed in an unusual way. Please unpack it and send the folder.",
        )
    if len(infos) > limits.entries:
        raise RefusedError(Reason.ARCHIVE_TOO_MANY)
    unpacked = sum(info.file_size for info in infos)
    allowed = max(limits.free_bytes, limits.ratio * size)
    if unpacked > min(allowed, limits.unpacked_bytes):
        raise RefusedError(Reason.ARCHIVE_TOO_LARGE)


def _check_overlap(infos: list[zipfile.ZipInfo], source: BinaryIO, directory: int) -> None:
    """Every entry ends before the next begins, the last before the directory."""
    ordered = sorted(infos, key=lambda info: info.header_offset)
    begins = [info.header_offset for info in ordered[1:]]
    for info, following in zip(ordered, [*begins, directory], strict=True):
        source.seek(info.header_offset)
        head = source.read(_LOCAL.size)
        if len(head) < _LOCAL.size or not head.startswith(b"PK\3\4"):
            raise RefusedError(Reason.ARCHIVE_DAMAGED)
        _, name, extra = _LOCAL.unpack(head)
        if info.header_offset + _LOCAL.size + name + extra + info.compress_size > following:
            raise RefusedError(Reason.ARCHIVE_OVERLAPS)
