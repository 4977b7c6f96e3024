"""Text inside of compressed frames: comments and application data are blanked where they stand.

Lengths stay, so that nothing has to be moved: the bytes become zeros. What a decoder needs to know
of the colours is kept: JFIF's header without its thumbnail, Adobe's and HP's colour transform.
"""

import struct
from collections.abc import Iterator
from typing import Final

Span = tuple[int, int]
"""Begin and end of bytes in a stream."""

_JPEG: Final = b"\xff\xd8"
_CODESTREAM: Final = b"\xff\x4f\xff\x51"
_BOXES: Final = b"\x00\x00\x00\x0cjP"
_COM, _J2K_COM, _SOS, _SOT, _SOD = 0xFE, 0x64, 0xDA, 0x90, 0x93
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
_MOST: Final = 4096  # segments in a header; real ones have a few


def texts(stream: bytes) -> list[Span]:
    """Where text stands that is no part of the picture."""
    if stream.startswith(_JPEG):
        return [span for span in _in_jpeg(stream) if any(stream[span[0] : span[1]])]
    if stream.startswith(_CODESTREAM):
        return [span for span in _in_codestream(stream, 0) if any(stream[span[0] : span[1]])]
    if stream.startswith(_BOXES):
        return [span for span in _in_boxes(stream) if any(stream[span[0] : span[1]])]
    return []


def without_texts(stream: bytes) -> tuple[bytes, int]:
    """The stream with its texts blanked, and how many there were."""
    spans = texts(stream)
    if not spans:
        return stream, 0
    changed = bytearray(stream)
    for begin, end in spans:
        changed[begin:end] = bytes(end - begin)
    return bytes(changed), len(spans)


def with_applications_of(stream: bytes, other: bytes) -> bytes:
    """A JPEG stream whose application segments are those of another, as far as colours need them."""
    kept = b"".join(
        other[begin:end]
        for marker, begin, end in _segments(other)
        if 0xE0 <= marker <= 0xEF and _kept(marker, other[begin + 4 : end]) > 0
    )
    kept, _ = without_texts(_JPEG + kept + b"\xff\xd9")
    parts, at = [kept[:-2]], 2
    for marker, begin, end in _segments(stream):
        if 0xE0 <= marker <= 0xEF:
            parts.append(stream[at:begin])
            at = end
    return b"".join((*parts, stream[at:]))


def _segments(stream: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, begin and end of each segment of a JPEG header, up to the first scan."""
    at = 2
    for _ in range(_MOST):
        if at + 4 > len(stream) or stream[at] != 0xFF:
            return
        marker = stream[at + 1]
        if marker == 0xFF or marker in _ALONE:
            at += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", stream, at + 2)
        if length < 2 or at + 2 + length > len(stream):
            return
        yield marker, at, at + 2 + length
        if marker == _SOS:
            return
        at += 2 + length


def _in_jpeg(stream: bytes) -> Iterator[Span]:
    """Comments and application data of JPEG and JPEG-LS, and what follows the image's end."""
    for marker, begin, end in _segments(stream):
        if marker == _COM:
            yield begin + 4, end
        elif 0xE0 <= marker <= 0xEF:
            kept = _kept(marker, stream[begin + 4 : end])
            yield begin + 4 + kept, end
    close = stream.rfind(b"\xff\xd9")
    if close >= 0:
        yield close + 2, len(stream)


def _kept(marker: int, payload: bytes) -> int:
    """How many bytes of an application segment a decoder needs."""
    if marker == 0xE0 and payload.startswith(b"JFIF\0"):
        return 14 if payload[12:14] == b"\0\0" else len(payload) if len(payload) == 14 else 12
    if marker == 0xEE and payload.startswith(b"Adobe"):
        return 12
    if marker == 0xE8 and payload.startswith(b"mrfx"):
        return len(payload) if len(payload) <= 64 else 5
    return 0


def _in_codestream(stream: bytes, start: int) -> Iterator[Span]:
    """Comments of a JPEG 2000 main header and of its tile-parts' (ISO/IEC 15444-1 A.9.2)."""
    at = start + 2
    tile_end = 0
    for _ in range(_MOST):
        if at + 4 > len(stream) or stream[at] != 0xFF:
            return
        marker = stream[at + 1]
        if marker == _SOD:
            at = tile_end
            if at <= start:
                return
            continue
        (length,) = struct.unpack_from(">H", stream, at + 2)
        if length < 2 or at + 2 + length > len(stream):
            return
        if marker == _SOT and length >= 10:
            size = int.from_bytes(stream[at + 6 : at + 10], "big")
            tile_end = at + size if size else 0
        if marker == _J2K_COM:
            yield at + 6, at + 2 + length
        at += 2 + length


def _in_boxes(stream: bytes) -> Iterator[Span]:
    """What stands around the code stream of a JPEG 2000 file: XML, UUIDs, rights."""
    at = 0
    for _ in range(_MOST):
        if at + 8 > len(stream):
            return
        length, kind = struct.unpack_from(">L4s", stream, at)
        end = len(stream) if length == 0 else at + length
        if end < at + 8 or end > len(stream):
            return
        if kind == b"jp2c":
            yield from _in_codestream(stream, at + 8)
        elif kind in (b"xml ", b"uuid", b"uinf", b"jp2i", b"free", b"asoc"):
            yield at + 8, end
        at = end
