"""The file anew, with masks in its frames; what is neither frame nor table stays byte by byte."""

import contextlib
import os
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from sharing.deid.pixels.facts import Sight
from sharing.dicom import dictionary as tags
from sharing.dicom.elements import Walk, What
from sharing.dicom.limits import LIMITS

Redraw = Callable[[int, bytes], bytes]
"""Makes of a frame's number, from 1, and its bytes what is to stand there."""

_ITEM = struct.Struct("<HHL")
_END = _ITEM.pack(0xFFFE, 0xE0DD, 0)
_TABLE, _LENGTHS = tags.OFFSET_TABLE, tags.OFFSET_LENGTHS
_BLOCK = 1 << 20


def frame(source: BinaryIO, sight: Sight, number: int) -> bytes:
    """The bytes of one frame, counted from 1; a compressed one without its items' headers."""
    index = sight.header.frames
    assert index is not None
    source.seek(index.offsets[number - 1])
    return index.payload(source.read(index.lengths[number - 1]))


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[BinaryIO]:
    """A new file beside `path` that takes its place at the end, or is gone if anything fails."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    target = Path(name)
    try:
        with os.fdopen(handle, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(path, target)
        target.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def rewrite_native(path: Path, sight: Sight, numbers: list[int], redraw: Redraw) -> None:
    """Frames of a native file in place: not another byte of it changes."""
    index = sight.header.frames
    assert index is not None
    with path.open("rb") as source, replaced(path) as target:
        shutil.copyfileobj(source, target, _BLOCK)
        for number in numbers:
            offset, length = index.offsets[number - 1], index.lengths[number - 1]
            target.seek(offset)
            drawn = redraw(number, target.read(length))
            assert len(drawn) == length
            target.seek(offset)
            target.write(drawn)


def rewrite_compressed(
    path: Path, sight: Sight, redraw: Redraw, edits: Callable[[int], dict[int, bytes]]
) -> None:
    """All frames of an encapsulated file, one fragment each, with tables that are right.

    Parameters
    ----------
    redraw
        Gets every frame; one that stays is given back as it came.
    edits
        Gets the compressed size, answers elements of the header that change: whole, by tag.
    """
    assert sight.header.frames is not None
    assert sight.header.pixel_offset is not None
    count = len(sight.header.frames)
    at = sight.header.pixel_offset
    with path.open("rb") as source, tempfile.TemporaryFile(dir=path.parent) as body:
        offsets, lengths = _write_frames(source, sight, body, redraw)
        changed = edits(body.tell() - 8 * count)
        elements = _top_level(sight)
        if any(tag == _TABLE for tag, *_ in elements):
            changed |= _extended(offsets, lengths)
            table = b""
        else:
            table = _basic(offsets) if _had_table(sight) or count > 1 else b""
        with replaced(path) as target:
            _write_head(source, target, elements, changed, at)
            target.write(_ITEM.pack(0xFFFE, 0xE000, len(table)) + table)
            body.seek(0)
            shutil.copyfileobj(body, target, _BLOCK)
            target.write(_END)
            source.seek(_stop(sight))
            shutil.copyfileobj(source, target, _BLOCK)


def _write_frames(
    source: BinaryIO, sight: Sight, body: BinaryIO, redraw: Redraw
) -> tuple[list[int], list[int]]:
    offsets, lengths = [], []
    assert sight.header.frames is not None
    for number in range(1, len(sight.header.frames) + 1):
        drawn = redraw(number, frame(source, sight, number))
        offsets.append(body.tell())
        lengths.append(len(drawn))
        even = drawn + bytes(len(drawn) % 2)
        body.write(_ITEM.pack(0xFFFE, 0xE000, len(even)) + even)
    return offsets, lengths


def _basic(offsets: list[int]) -> bytes:
    """The Basic Offset Table (PS3.5 A.4), empty where its 32 bits do not reach."""
    return struct.pack(f"<{len(offsets)}L", *offsets) if offsets[-1] < 1 << 32 else b""


def _extended(offsets: list[int], lengths: list[int]) -> dict[int, bytes]:
    """Both elements of the Extended Offset Table (PS3.3 C.7.6.3)."""
    form = struct.Struct(f"<{len(offsets)}Q")
    return {
        _TABLE: element(_TABLE, "OV", form.pack(*offsets)),
        _LENGTHS: element(_LENGTHS, "OV", form.pack(*lengths)),
    }


def element(tag: int, vr: str, value: bytes) -> bytes:
    """One element, explicit VR little endian."""
    value += (b"\0" if vr in ("UI", "OB") else b" ") * (len(value) % 2)
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    if vr in ("OV", "OB", "OW", "UN", "UT", "SQ"):
        return head + struct.pack("<HL", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value


def _had_table(sight: Sight) -> bool:
    walk = _walked(sight)
    return walk.fragments is not None and walk.fragments.table[1] > 0


def _stop(sight: Sight) -> int:
    fragments = _walked(sight).fragments
    assert fragments is not None
    return fragments.stop


def _walked(sight: Sight) -> Walk:
    dataset = sight.dataset
    walk = Walk(dataset.window, dataset.start, LIMITS, frozenset())
    for step in walk.steps(dataset.form):
        if step.what is What.FRAGMENTS and step.at == sight.header.pixel_offset:
            break
    return walk


def _top_level(sight: Sight) -> list[tuple[int, int, int]]:
    """Tag, begin and end of every element before the pixels, sequences whole."""
    dataset, found = sight.dataset, []
    depth, begin = 0, dataset.start
    walk = Walk(dataset.window, dataset.start, LIMITS)
    for step in walk.steps(dataset.form):
        if step.what is What.FRAGMENTS and not depth:
            break
        if step.what is What.SEQUENCE:
            depth += 1
        elif step.what is What.SEQUENCE_END:
            depth -= 1
        if not depth and step.what in (What.VALUE, What.SEQUENCE_END, What.FRAGMENTS):
            found.append((step.tag, begin, walk.position))
            begin = walk.position
    return found


def _write_head(
    source: BinaryIO,
    target: BinaryIO,
    elements: list[tuple[int, int, int]],
    changed: dict[int, bytes],
    pixels_at: int,
) -> None:
    """Everything before the pixels' items; changed elements take their place in the order."""
    left = dict(sorted(changed.items()))
    at = 0
    for tag, begin, end in elements:
        for new in [one for one in left if one <= tag]:
            _copy(source, target, at, begin)
            target.write(left.pop(new))
            at = end if new == tag else begin
    if left:
        last = elements[-1][2] if elements else pixels_at - 12
        _copy(source, target, at, last)
        target.writelines(left.values())
        at = last
    _copy(source, target, at, pixels_at)


def _copy(source: BinaryIO, target: BinaryIO, begin: int, end: int) -> None:
    source.seek(begin)
    while begin < end:
        piece = source.read(min(_BLOCK, end - begin))
        if not piece:
            raise EOFError
        target.write(piece)
        begin += len(piece)
