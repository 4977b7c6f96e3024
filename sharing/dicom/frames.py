"""Where every frame of an instance is, so that any of them is one range read.

Native pixel data is uniform. Encapsulated pixel data (PS3.5 A.4) is mapped from its fragments,
which were walked one by one; offset tables only say which of them belong together, and are
believed only if they point at fragments.
"""

import struct
import sys
import zlib
from array import array
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from sharing.dicom.elements import Fragments, Window
from sharing.dicom.limits import Limits
from sharing.dicom.refusal import Reason, RefusedError

_STARTS: Final = (
    b"\xff\xd8\xff",  # JPEG and JPEG-LS: start of image
    b"\xff\x4f\xff\x51",  # JPEG 2000 and HTJ2K: start of codestream
    b"\x00\x00\x00\x0cjP",  # JPEG 2000 in a file of its own
    b"\xff\x0a",  # JPEG XL: codestream
    b"\x00\x00\x00\x0cJXL",  # JPEG XL in a file of its own
)
_VIDEO: Final = tuple(f"1.2.840.10008.1.2.4.{number}" for number in range(100, 109))
_HEAD: Final = struct.Struct("<BBQ")
_UNIFORM: Final = struct.Struct("<QQQ")
_FRAGMENTED, _INFLATED, _IS_UNIFORM = 1, 2, 4


def _zeros() -> "array[int]":
    return array("Q")


@dataclass(frozen=True, slots=True)
class FrameIndex:
    """Offset and length of every frame.

    Attributes
    ----------
    offsets, lengths
        In bytes from the start of the file, or of the inflated data set if `inflated`. A video
        (MPEG-2, H.264, H.265) is one entry, whatever the number of its frames. Frames of
        one-bit pixels that do not fill whole bytes share the byte between them: frame `n`
        (from 0) begins at bit `n * rows * columns * samples % 8` of its range.
    fragmented
        Whether ranges begin at the item header of a frame's first fragment and still hold the
        headers in between; `payload` takes them out. Otherwise a range is exactly the frame.
    inflated
        Whether offsets count in the inflated stream of a deflated data set.
    """

    offsets: "array[int]" = field(default_factory=_zeros)
    lengths: "array[int]" = field(default_factory=_zeros)
    fragmented: bool = False
    inflated: bool = False

    def __len__(self) -> int:
        return len(self.offsets)

    def payload(self, raw: bytes) -> bytes:
        """The frame in the bytes of its range.

        Raises
        ------
        RefusedError
            If the bytes are not those that were indexed.
        """
        if not self.fragmented:
            return raw
        parts, position = [], 0
        while position + 8 <= len(raw):
            length = int.from_bytes(raw[position + 4 : position + 8], "little")
            if raw[position : position + 4] != b"\xfe\xff\x00\xe0" or position + 8 + length > len(
                raw
            ):
                raise RefusedError(Reason.BAD_STRUCTURE)
            parts.append(raw[position + 8 : position + 8 + length])
            position += 8 + length
        return b"".join(parts)

    def to_bytes(self) -> bytes:
        """Compact form for a database cell: 34 bytes for any number of uniform frames."""
        count = len(self.offsets)
        flags = self.fragmented * _FRAGMENTED | self.inflated * _INFLATED
        stride = self.offsets[1] - self.offsets[0] if count > 1 else 0
        if count and self._is_uniform(stride):
            head = _HEAD.pack(1, flags | _IS_UNIFORM, count)
            return head + _UNIFORM.pack(self.offsets[0], stride, self.lengths[0])
        table = self.offsets + self.lengths
        if sys.byteorder == "big":
            table.byteswap()
        return _HEAD.pack(1, flags, count) + zlib.compress(table.tobytes(), 1)

    def _is_uniform(self, stride: int) -> bool:
        first, count = self.offsets[0], len(self.offsets)
        return all(length == self.lengths[0] for length in self.lengths) and all(
            self.offsets[n] == first + n * stride for n in range(count)
        )

    @classmethod
    def from_bytes(cls, raw: bytes) -> "FrameIndex":
        """The index that `to_bytes` wrote."""
        version, flags, count = _HEAD.unpack_from(raw)
        if version != 1:
            raise ValueError(f"frame index of an unknown version: {version}")
        bits = bool(flags & _FRAGMENTED), bool(flags & _INFLATED)
        if flags & _IS_UNIFORM:
            first, stride, length = _UNIFORM.unpack_from(raw, _HEAD.size)
            return cls(*_spread(first, stride, length, count), *bits)
        table = array("Q", zlib.decompress(raw[_HEAD.size :]))
        if sys.byteorder == "big":
            table.byteswap()
        return cls(table[:count], table[count:], *bits)


def _spread(first: int, stride: int, length: int, count: int) -> "tuple[array[int], array[int]]":
    offsets = array("Q", range(first, first + stride * count, stride)) if stride else None
    return offsets or array("Q", [first]) * count, array("Q", [length]) * count


@dataclass(frozen=True, slots=True)
class Shape:
    """What the header says of the pixels, as far as their bytes follow from it."""

    rows: int
    columns: int
    samples: int
    bits_allocated: int
    frames: int
    photometric: str
    transfer_syntax: str

    @property
    def frame_bits(self) -> int:
        """Bits of one decoded frame, 0 if the header does not say."""
        samples = 2 if self.photometric == "YBR_FULL_422" and self.samples == 3 else self.samples
        return self.rows * self.columns * samples * self.bits_allocated

    def check(self, limits: Limits) -> None:
        """Refuse pictures and numbers of frames beyond the limits."""
        samples = max(self.samples, 1)
        bits = self.rows * self.columns * samples * max(self.bits_allocated, 8)
        if bits > limits.frame_bytes * 8:
            raise RefusedError(Reason.IMAGE_TOO_LARGE)
        if self.frames > limits.frames:
            raise RefusedError(Reason.TOO_MANY_FRAMES)


def native(shape: Shape, offset: int, length: int, *, inflated: bool) -> FrameIndex | None:
    """Index of frames that lie side by side; None if there is no picture.

    Raises
    ------
    RefusedError
        If there are fewer bytes than the header announces.
    """
    bits = shape.frame_bits
    if length == 0:
        if bits:
            raise RefusedError(Reason.SHORT_PIXELS)
        return None
    if not bits:
        if shape.frames > 1:
            raise RefusedError(Reason.UNCLEAR_FRAMES)
        return FrameIndex(array("Q", [offset]), array("Q", [length]), inflated=inflated)
    if (bits * shape.frames + 7) // 8 > length:
        raise RefusedError(Reason.SHORT_PIXELS)
    if bits % 8:
        return _packed(bits, shape.frames, offset, inflated)
    size = bits // 8
    return FrameIndex(*_spread(offset, size, size, shape.frames), inflated=inflated)


def _packed(bits: int, frames: int, offset: int, inflated: bool) -> FrameIndex:
    """Frames of single bits, which begin and end inside bytes."""
    starts = array("Q", (offset + n * bits // 8 for n in range(frames)))
    ends = (offset + ((n + 1) * bits + 7) // 8 for n in range(frames))
    lengths = array("Q", (end - start for start, end in zip(starts, ends, strict=True)))
    return FrameIndex(starts, lengths, inflated=inflated)


def encapsulated(
    shape: Shape,
    fragments: Fragments,
    window: Window,
    extended: "array[int] | None" = None,
) -> FrameIndex | None:
    """Index of compressed frames; None if there are no fragments and no picture.

    Parameters
    ----------
    extended
        The Extended Offset Table (7FE0,0001), if there is one.

    Raises
    ------
    RefusedError
        If there are fewer frames than announced, or where they begin is unclear.
    """
    count, frames = len(fragments.offsets), shape.frames
    if not count:
        if shape.rows and shape.columns:
            raise RefusedError(Reason.SHORT_PIXELS)
        return None
    if not fragments.closed and count != frames:
        raise RefusedError(Reason.TRUNCATED_PIXELS)
    if frames == 1 or shape.transfer_syntax.startswith(_VIDEO):
        return _grouped(fragments, [0])
    if count == frames:
        return FrameIndex(fragments.offsets, fragments.lengths)
    if count < frames:
        raise RefusedError(Reason.MISSING_FRAMES)
    return _grouped(fragments, _starts(shape, fragments, window, extended))


def _starts(
    shape: Shape, fragments: Fragments, window: Window, extended: "array[int] | None"
) -> list[int]:
    """Numbers of the fragments that begin a frame, where there are more fragments than frames."""
    for table in (extended, _basic_table(fragments, window)):
        if table is not None and len(table) == shape.frames:
            starts = _by_table(table, fragments)
            if starts:
                return starts
    starts = _by_first_bytes(fragments, window)
    if len(starts) == shape.frames and starts[0] == 0:
        return starts
    filled = [n for n, length in enumerate(fragments.lengths) if length]
    if len(filled) == shape.frames:
        return filled
    raise RefusedError(Reason.UNCLEAR_FRAMES)


def _basic_table(fragments: Fragments, window: Window) -> "array[int]":
    position, length = fragments.table
    return read_table(window, position, length, "<L")


def read_table(window: Window, position: int, length: int, kind: str) -> "array[int]":
    """An offset table of 32-bit (`<L`) or 64-bit (`<Q`) numbers; a broken last one is left out."""
    width = struct.calcsize(kind)
    raw = window.take(position, length - length % width)
    return array("Q", struct.unpack(f"<{len(raw) // width}{kind[1]}", raw))


def _by_table(table: "array[int]", fragments: Fragments) -> list[int]:
    """Fragments that a table points at; none if it points elsewhere or out of order."""
    first = fragments.offsets[0]
    number_at = {offset - first: number for number, offset in enumerate(fragments.offsets)}
    starts = [number_at.get(offset, -1) for offset in table]
    ordered = all(a < b for a, b in pairwise(starts))
    return starts if starts[0] == 0 and ordered else []


def _by_first_bytes(fragments: Fragments, window: Window) -> list[int]:
    pieces = zip(fragments.offsets, fragments.lengths, strict=True)
    return [
        number
        for number, (offset, length) in enumerate(pieces)
        if length >= 8 and window.glance(offset, 8).startswith(_STARTS)
    ]


def _grouped(fragments: Fragments, starts: list[int]) -> FrameIndex:
    offsets, lengths = fragments.offsets, fragments.lengths
    ends = [*starts[1:], len(offsets)]
    if all(end - start == 1 for start, end in zip(starts, ends, strict=True)):
        return FrameIndex(
            array("Q", (offsets[n] for n in starts)), array("Q", (lengths[n] for n in starts))
        )
    begins = array("Q", (offsets[n] - 8 for n in starts))
    stops = (offsets[n - 1] + lengths[n - 1] for n in ends)
    sizes = array("Q", (stop - begin for begin, stop in zip(begins, stops, strict=True)))
    return FrameIndex(begins, sizes, fragmented=True)
