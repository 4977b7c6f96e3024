"""Documents inside instances (PS3.3 C.24.2): a PDF, a CDA text, a 3D model, given back as they were."""

from collections.abc import Iterator
from typing import BinaryIO, Final

from sharing.dicom.elements import Walk, Window
from sharing.dicom.limits import LIMITS, Limits
from sharing.dicom.part10 import Opening
from sharing.dicom.scan import open_dataset

_DOCUMENT: Final = 0x00420011
_PIECE: Final = 256 << 10


def enclosed(
    source: BinaryIO, size: int, opening: Opening, limits: Limits = LIMITS
) -> tuple[int, Iterator[bytes]] | None:
    """The Encapsulated Document (0042,0011) of an instance, found by a walk over its bytes.

    Parameters
    ----------
    source
        The file, seekable; it has to stay open while the pieces are taken.
    size
        Of the file, in bytes.
    opening
        What stands before the data set.

    Returns
    -------
    tuple of int and iterator of bytes, or None
        Length in bytes, and the document in pieces of at most 256 KiB; None where there is none.

    Raises
    ------
    RefusedError
        If the file is not what was scanned.
    """
    dataset = open_dataset(source, opening, Window(source, size), limits)
    walk = Walk(dataset.window, dataset.start, limits, frozenset({_DOCUMENT}))
    for step in walk.steps(dataset.form):
        if step.tag == _DOCUMENT:
            return step.length, _pieces(dataset.window, step.at, step.length)
    return None


def _pieces(window: Window, at: int, length: int) -> Iterator[bytes]:
    for begin in range(at, at + length, _PIECE):
        yield window.take(begin, min(_PIECE, at + length - begin))
