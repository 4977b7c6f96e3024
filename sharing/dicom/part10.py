"""How a file begins: preamble, file meta information (PS3.10 7.1), or neither."""

import re
from dataclasses import dataclass, field
from typing import Final, Literal

from sharing.dicom.dictionary import UNDEFINED
from sharing.dicom.elements import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_BIG,
    IMPLICIT_LITTLE,
    STANDARD_VRS,
    Form,
    Window,
)
from sharing.dicom.refusal import Reason, RefusedError

IMPLICIT: Final = "1.2.840.10008.1.2"
EXPLICIT: Final = "1.2.840.10008.1.2.1"
DEFLATED: Final = "1.2.840.10008.1.2.1.99"
BIG: Final = "1.2.840.10008.1.2.2"
GE_BIG_PIXELS: Final = "1.2.840.113619.5.2"
"""GE's private syntax: implicit VR little endian whose pixels are big endian."""

NATIVE: Final = frozenset({"", IMPLICIT, EXPLICIT, DEFLATED, BIG, GE_BIG_PIXELS})
"""Transfer syntaxes whose pixel data is not encapsulated."""

MEDIA_DIRECTORY: Final = "1.2.840.10008.1.3.10"
META_CLASS: Final = 0x00020002
META_INSTANCE: Final = 0x00020003
_META_LENGTH: Final = 0x00020000
_META_SYNTAX: Final = 0x00020010
_META_LIMIT: Final = 512
_UID: Final = re.compile(r"(?=.{1,64}\Z)[0-9]+(?:\.[0-9]+)*")

_FORM_OF: Final = {IMPLICIT: IMPLICIT_LITTLE, GE_BIG_PIXELS: IMPLICIT_LITTLE, BIG: EXPLICIT_BIG}
_SYNTAX_OF: Final = {
    (True, True): IMPLICIT,
    (True, False): IMPLICIT,
    (False, True): EXPLICIT,
    (False, False): BIG,
}


@dataclass(frozen=True, slots=True)
class Opening:
    """The begin of a file.

    Attributes
    ----------
    dataset_offset
        First byte behind the meta information.
    transfer_syntax
        As declared; "" if it is not.
    meta
        Short values of group 0002.
    """

    has_preamble: bool
    has_meta: bool
    dataset_offset: int
    transfer_syntax: str
    meta: dict[int, bytes] = field(default_factory=dict)


def open_file(window: Window) -> Opening:
    """Read what comes before the data set.

    Raises
    ------
    RefusedError
        If the file is empty, no DICOM, or ends within the meta information.
    """
    if window.size == 0:
        raise RefusedError(Reason.EMPTY)
    if window.size < 8:
        raise RefusedError(Reason.NOT_DICOM)
    head = window.take(0, min(144, window.size))
    preamble = head[128:132] == b"DICM"
    start = 132 if preamble else 4 if head[:4] == b"DICM" else 0
    meta, stop = _read_meta(window, start)
    declared = as_uid(meta.get(_META_SYNTAX, b""))
    if not is_uid(declared):
        declared = ""  # it stands in answers' headers and in JSON, so it is a UID or nothing
    return Opening(preamble, bool(meta), stop, declared, meta)


def is_uid(text: str) -> bool:
    """Whether `text` is digits and dots, at most 64; leading zeros are taken as scanners write them."""
    return _UID.fullmatch(text) is not None


def _read_meta(window: Window, start: int) -> tuple[dict[int, bytes], int]:
    meta: dict[int, bytes] = {}
    position, announced = start, -1
    while position + 8 <= window.size and len(meta) < _META_LIMIT:
        head = window.take(position, 8)
        if head[:2] != b"\x02\0" or _ends_here(position, announced, meta):
            break
        tag, _, length, at = EXPLICIT_LITTLE.head(window, position)
        if at + length > window.size:
            raise RefusedError(Reason.TRUNCATED)
        value = window.take(at, length) if length <= 128 else b""
        position = at + length
        meta[tag] = value
        if tag == _META_LENGTH:
            announced = position + int.from_bytes(value[:4], "little")
    return meta, position


def _ends_here(position: int, announced: int, meta: dict[int, bytes]) -> bool:
    """Whether the announced length is all there is; deflated bytes can look like group 0002."""
    return position == announced and as_uid(meta.get(_META_SYNTAX, b"")) == DEFLATED


def as_uid(raw: bytes) -> str:
    """A UID's text without padding; not checked."""
    return raw.decode("latin_1").strip(" \0")


def form_of(syntax: str, head: bytes, left: int) -> tuple[Form, str]:
    """How the data set is really written, and the transfer syntax that says so.

    Parameters
    ----------
    syntax
        Declared transfer syntax, "" if none.
    head
        First eight bytes of the data set.
    left
        Bytes from there to the end.

    Raises
    ------
    RefusedError
        If nothing is declared and this does not look like a data set.
    """
    declared = _FORM_OF.get(syntax, EXPLICIT_LITTLE)
    seen = _guess(head, left)
    if seen is None:
        if not syntax and len(head) == 8:
            raise RefusedError(Reason.NOT_DICOM)
        return declared, syntax or EXPLICIT
    if not syntax or (syntax in (IMPLICIT, EXPLICIT, BIG) and seen is not declared):
        return seen, _SYNTAX_OF[seen.implicit, seen.little]
    return seen, syntax


def _guess(head: bytes, left: int) -> Form | None:
    """The form that the first element seems to have; its group is small, its VR known or absent."""
    if len(head) < 8:
        return None
    little = int.from_bytes(head[:2], "little") <= int.from_bytes(head[:2], "big")
    order: Literal["little", "big"] = "little" if little else "big"
    if not 0 < int.from_bytes(head[:2], order) <= 0x7FE0:
        return None
    if head[4:6] in STANDARD_VRS:
        return EXPLICIT_LITTLE if little else EXPLICIT_BIG
    length = int.from_bytes(head[4:8], order)
    if length > left - 8 and length != UNDEFINED:
        return None
    return IMPLICIT_LITTLE if little else IMPLICIT_BIG
