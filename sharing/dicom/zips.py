"""ZIP archives whose size is known before their first byte (APPNOTE 6.3.10, sections 4.3 to 4.5).

Members are stored, not deflated: image data hardly shrinks, and with CRC-32 and size known from
ingest an archive streams as fast as its parts can be read, from any byte on. ZIP64 is used only
where a member or the archive needs it, so that old unpackers open the small ones.
"""

import bisect
import dataclasses
import datetime
import functools
import hashlib
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence

from sharing.kernel.errors import SharingError

try:
    from isal.isal_zlib import crc32
except ImportError:  # pragma: no cover - a machine that isal is not built for
    from zlib import crc32

_LOCAL = struct.Struct("<4sHHHHHLLLHH")
_CENTRAL = struct.Struct("<4sHHHHHHLLLHHHHHLL")
_END = struct.Struct("<4sHHHHLLH")
_END64 = struct.Struct("<4sQHHLLQQQQ")
_LOCATOR = struct.Struct("<4sLQL")

_UTF8 = 1 << 11
_UNIX_FILE = (0o100644 << 16, 3 << 8)  # external attributes, "made by" Unix
_SMALL, _LARGE = 20, 45  # version needed to extract: 2.0, and 4.5 for ZIP64
_MAX16, _MAX32 = 0xFFFF, 0xFFFFFFFF
EPOCH = datetime.datetime(1980, 1, 1)  # noqa: DTZ001 (a ZIP's times have no zone)

Opener = Callable[[int, int], Iterable[bytes]]


class BrokenArchiveError(SharingError):
    """A stored object is not what was recorded of it; the archive ends here, visibly incomplete."""

    status = 500
    title = "The download was stopped"
    code = "broken-archive"

    def __init__(self, name: str) -> None:
        super().__init__(
            "A stored file does not match its checksum, so the download was stopped rather than "
            "hand out a damaged image."
        )
        self.name = name


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """A file of the archive.

    Attributes
    ----------
    name
        Path with forward slashes, relative, without "..".
    size, crc32
        Of its bytes as they will be opened.
    modified
        Local time; ZIP knows the years 1980 to 2107 in steps of two seconds.
    """

    name: str
    size: int
    crc32: int
    modified: datetime.datetime = EPOCH

    def __post_init__(self) -> None:
        parts = self.name.split("/")
        if not self.name or "\\" in self.name or any(part in ("", ".", "..") for part in parts):
            raise ValueError("a member's name is a relative path")
        if len(self.name.encode()) > _MAX16 or self.size < 0:
            raise ValueError("a member's name or size is out of range")


class Plan:
    """An archive laid out to the byte before anything is read.

    Parameters
    ----------
    members
        In their order; names must differ.

    Attributes
    ----------
    size
        Bytes of the whole archive, for Content-Length.
    etag
        Digest over names, sizes, checksums and times: the same plan gives the same bytes, so a
        download can go on after a break.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = tuple(members)
        if len({member.name for member in self.members}) != len(self.members):
            raise ValueError("two members have the same name")
        self._starts: list[int] = []
        position = 0
        for member in self.members:
            self._starts.append(position)
            position += len(_local(member)) + member.size
        self._directory_start = position
        self._tail = self._directory()
        self.size = position + len(self._tail)

    @property
    def etag(self) -> str:
        whole = hashlib.sha256(self._tail)
        return whole.hexdigest()[:32]

    def stream(self, opener: Opener, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The archive's bytes from `start` up to, not including, `stop`.

        Parameters
        ----------
        opener
            Called with a member's number and the first byte wanted of it; returns its bytes from
            there to its end in pieces. It is called only once the member's turn has come.

        Raises
        ------
        BrokenArchiveError
            A member is longer or shorter than planned, or, if it was read whole, its CRC-32
            differs. What is already sent cannot be taken back, but the archive stays unreadable.
        """
        stop = self.size if stop is None else min(stop, self.size)
        position = start
        for piece in self._pieces(opener, start, stop):
            part = piece[: stop - position]
            if part:
                yield part
            position += len(part)
            if position >= stop:
                return

    def _pieces(self, opener: Opener, start: int, stop: int) -> Iterator[bytes]:
        if start < self._directory_start:
            first = max(0, bisect.bisect_right(self._starts, start) - 1)
            for number in range(first, len(self.members)):
                if self._starts[number] >= stop:
                    return
                yield from self._member(opener, number, max(0, start - self._starts[number]))
        yield self._tail[max(0, start - self._directory_start) :]

    def _member(self, opener: Opener, number: int, skip: int) -> Iterator[bytes]:
        member = self.members[number]
        header = _local(member)
        yield header[skip:]
        begin = max(0, skip - len(header))
        if begin >= member.size:
            return
        yield from _checked(member, opener(number, begin), begin)

    def _directory(self) -> bytes:
        entries = zip(self.members, self._starts, strict=True)
        records = b"".join(_central(member, start) for member, start in entries)
        return records + _end(len(self.members), len(records), self._directory_start)


def _checked(member: Member, chunks: Iterable[bytes], begin: int) -> Iterator[bytes]:
    """The member's bytes; the last of them only if the checksum over all is right."""
    left, checksum, held = member.size - begin, 0, b""
    for chunk in chunks:
        if held:
            yield held
        left -= len(chunk)
        if left < 0:
            raise BrokenArchiveError(member.name)
        checksum = crc32(chunk, checksum)
        held = chunk
    if left or (not begin and checksum != member.crc32):
        raise BrokenArchiveError(member.name)
    yield held


def _local(member: Member) -> bytes:
    name, (time, date) = member.name.encode(), _dos_time(member.modified)
    large = member.size >= _MAX32
    size = _MAX32 if large else member.size
    extra = struct.pack("<HHQQ", 1, 16, member.size, member.size) if large else b""
    fixed = _LOCAL.pack(
        b"PK\3\4", _LARGE if large else _SMALL, _UTF8, 0, time, date,
        member.crc32, size, size, len(name), len(extra),
    )  # fmt: skip
    return fixed + name + extra


def _central(member: Member, start: int) -> bytes:
    name, (time, date) = member.name.encode(), _dos_time(member.modified)
    size = min(member.size, _MAX32)
    numbers = [member.size] * 2 if member.size >= _MAX32 else []
    numbers += [start] if start >= _MAX32 else []
    extra = struct.pack(f"<HH{len(numbers)}Q", 1, 8 * len(numbers), *numbers) if numbers else b""
    version = _LARGE if numbers else _SMALL
    attributes, made_by = _UNIX_FILE
    fixed = _CENTRAL.pack(
        b"PK\1\2", made_by | version, version, _UTF8, 0, time, date, member.crc32, size, size,
        len(name), len(extra), 0, 0, 0, attributes, min(start, _MAX32),
    )  # fmt: skip
    return fixed + name + extra


def _end(count: int, length: int, start: int) -> bytes:
    large = b""
    if count >= _MAX16 or length >= _MAX32 or start >= _MAX32:
        made_by = _UNIX_FILE[1] | _LARGE
        large = _END64.pack(
            b"PK\6\6", _END64.size - 12, made_by, _LARGE, 0, 0, count, count, length, start
        ) + _LOCATOR.pack(b"PK\6\7", 0, start + length, 1)
    few = min(count, _MAX16)
    return large + _END.pack(b"PK\5\6", 0, 0, few, few, min(length, _MAX32), min(start, _MAX32), 0)


def _dos_time(moment: datetime.datetime) -> tuple[int, int]:
    if not 1980 <= moment.year <= 2107:
        moment = EPOCH
    time = moment.hour << 11 | moment.minute << 5 | moment.second // 2
    return time, (moment.year - 1980) << 9 | moment.month << 5 | moment.day


# --- checksums of what is sent, from checksums of what is stored --------------------------------


def combined_crc(first: int, second: int, second_size: int) -> int:
    """CRC-32 of two byte strings one after the other, from their own (zlib's crc32_combine)."""
    return _shifted(first, second_size) ^ second


def crc_without_head(whole: int, head: bytes, rest_size: int) -> int:
    """CRC-32 of what remains of `whole` bytes when their first ones, `head`, are cut off."""
    return whole ^ _shifted(zlib.crc32(head), rest_size)


def _shifted(crc: int, size: int) -> int:
    """The checksum's share after `size` more bytes: one matrix for each bit of `size`."""
    power = 0
    while size:
        if size & 1:
            crc = _times(_matrix(power), crc)
        size >>= 1
        power += 1
    return crc


@functools.cache
def _matrix(power: int) -> tuple[int, ...]:
    """What 2**power zero bytes do to each bit of a checksum, over GF(2)."""
    if power:
        half = _matrix(power - 1)
        return tuple(_times(half, row) for row in half)
    one_bit = (0xEDB88320, *(1 << bit for bit in range(31)))
    two = tuple(_times(one_bit, row) for row in one_bit)
    four = tuple(_times(two, row) for row in two)
    return tuple(_times(four, row) for row in four)


def _times(matrix: tuple[int, ...], vector: int) -> int:
    result = 0
    for row in matrix:
        if not vector:
            break
        if vector & 1:
            result ^= row
        vector >>= 1
    return result
