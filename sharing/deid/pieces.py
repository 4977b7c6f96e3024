"""The output while it is put together: ranges of the source that stay, and bytes that are new."""

import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from sharing.dicom.dictionary import ITEM, ITEM_END, SEQUENCE_END, UNDEFINED, vr_of
from sharing.dicom.elements import STANDARD_VRS, Form

Piece = bytes | tuple[int, int]
"""New bytes, or where in the source bytes begin and end that stay."""

_PADDED_WITH_NUL: Final = frozenset({"UI", "OB", "UN"})
_LONGEST_SHORT: Final = 0xFFFE


class Pieces:
    """A data set, a sequence or an item, in order.

    Attributes
    ----------
    size
        In bytes.
    changed
        Whether it is anything but one range of the source.
    """

    __slots__ = ("changed", "parts", "size")

    def __init__(self) -> None:
        self.parts: list[Piece] = []
        self.size = 0
        self.changed = False

    def keep(self, start: int, stop: int) -> None:
        """Let a range of the source stand behind what is there."""
        parts = self.parts
        if parts:
            last = parts[-1]
            if type(last) is tuple and last[1] == start:
                parts[-1] = (last[0], stop)
                self.size += stop - start
                return
        if stop > start:
            parts.append((start, stop))
            self.size += stop - start

    def write(self, data: bytes) -> None:
        """Put new bytes behind what is there."""
        self.changed = True
        if data:
            self.parts.append(data)
            self.size += len(data)

    def drop(self) -> None:
        """Something of the source is left out here."""
        self.changed = True

    def append(self, other: "Pieces") -> None:
        """Put other pieces behind what is there."""
        for part in other.parts:
            if type(part) is tuple:
                self.keep(*part)
            else:
                self.write(part)  # type: ignore[arg-type]
        self.changed = self.changed or other.changed


@lru_cache(maxsize=8192)
def plain_vr(tag: int, vr: str) -> str:
    """The VR to write: as it was if it is the standard's, else the standard's for the tag."""
    if vr.encode() in STANDARD_VRS:
        return vr
    known = vr_of(tag).split(" ")[0]
    return known if known.encode() in STANDARD_VRS else "UN"


def head(tag: int, vr: str, length: int, *, explicit: bool, little: bool) -> bytes:
    """Header of an element (PS3.5 7.1)."""
    opening, width = _opening(tag, vr, explicit, little, length > _LONGEST_SHORT)
    return opening + length.to_bytes(width, "little" if little else "big")


@lru_cache(maxsize=8192)
def _opening(tag: int, vr: str, explicit: bool, little: bool, long: bool) -> tuple[bytes, int]:
    """A header without its length, and how many bytes that has."""
    order = "<" if little else ">"
    numbers = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
    if not explicit:
        return numbers, 4
    code = plain_vr(tag, vr).encode()
    if STANDARD_VRS[code][1]:
        return numbers + code + b"\0\0", 4
    return (numbers + b"UN\0\0", 4) if long else (numbers + code, 2)


def element(tag: int, vr: str, value: bytes, *, form: Form) -> bytes:
    """A whole element; its value is made even."""
    if len(value) & 1:
        value += b"\0" if vr in _PADDED_WITH_NUL else b" "
    return head(tag, vr, len(value), explicit=not form.implicit, little=form.little) + value


def delimiter(tag: int, length: int = 0, *, little: bool) -> bytes:
    """An item's header, or what ends an item or a sequence (PS3.5 7.5)."""
    return struct.pack("<HHL" if little else ">HHL", tag >> 16, tag & 0xFFFF, length)


def sequence(tag: int, items: Sequence[bytes], *, form: Form) -> bytes:
    """A sequence of items, all lengths given."""
    little = form.little
    body = b"".join(delimiter(ITEM, len(item), little=little) + item for item in items)
    return head(tag, "SQ", len(body), explicit=not form.implicit, little=little) + body


def wrapped(content: Pieces, opening: bytes, length: int, end: int, *, little: bool) -> Pieces:
    """Content in its item or sequence, written as it was: with its length, or with an end.

    Parameters
    ----------
    opening
        The header without its last four bytes, the length.
    length
        As it was in the source.
    end
        `ITEM_END` or `SEQUENCE_END`.
    """
    found = Pieces()
    undefined = length == UNDEFINED
    size = UNDEFINED if undefined else content.size
    found.write(opening + size.to_bytes(4, "little" if little else "big"))
    found.append(content)
    if undefined:
        found.write(delimiter(end, little=little))
    return found


__all__ = ["ITEM", "ITEM_END", "SEQUENCE_END", "Piece", "Pieces", "delimiter", "element", "head"]
