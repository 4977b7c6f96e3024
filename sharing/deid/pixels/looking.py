"""One frame as a person would see it, in 8 bits, to be read for text; belongs in a guarded child."""

import struct

import numpy as np
from numpy.typing import NDArray

from sharing.dicom import decoding, details, drawing
from sharing.dicom.details import Details
from sharing.dicom.render import Picture

Shown = NDArray[np.uint8]
HEAD = struct.Struct("<qIIB")  # the dark value, rows, columns, planes


def look(frame: bytes, head: bytes, picture: Picture, frame_number: int) -> bytes:
    """Decode one frame.

    Returns
    -------
    bytes
        What `opened` takes apart: the stored value that is shown black, and the picture. Grey
        comes as one plane, or as two where the whole range of values shows something else than
        the image's own window: what was burned in may lie outside of it.
    """
    found = details.read(head, picture, frame_number)
    values = decoding.decode(frame, picture, found, frame_number)
    shown = np.ascontiguousarray(drawing.shown(values, picture, found, None))
    planes = shown
    if shown.ndim == 2:
        whole = _whole_range(values, picture)
        differs = float(np.abs(whole.astype(np.int16) - shown).mean()) > 3
        planes = np.dstack((shown, whole)) if differs else shown
    depth = planes.shape[2] if planes.ndim == 3 else 1
    dark = _dark(values, picture, found) if values.ndim == 2 else 0
    return HEAD.pack(dark, *shown.shape[:2], depth) + np.ascontiguousarray(planes).tobytes()


def opened(answer: bytes) -> tuple[int, Shown]:
    """The dark value, and the picture: (rows, columns), or with 2 or 3 planes as third axis."""
    dark, rows, columns, depth = HEAD.unpack_from(answer)
    planes = np.frombuffer(answer, np.uint8, offset=HEAD.size)
    return dark, planes.reshape((rows, columns) if depth == 1 else (rows, columns, depth))


def _whole_range(values: decoding.Pixels, picture: Picture) -> Shown:
    low, high = float(values.min()), float(values.max())
    scaled = (values.astype(np.float32) - np.float32(low)) * np.float32(255 / max(high - low, 1e-6))
    shown = np.nan_to_num(scaled).clip(0, 255).astype(np.uint8)
    return np.invert(shown) if picture.photometric == "MONOCHROME1" else shown


def _dark(values: decoding.Pixels, picture: Picture, found: Details) -> int:
    """The value to fill a mask with: the image's padding, else the darkest that it has."""
    if found.padding is not None:
        return found.padding[0]
    if values.dtype.kind == "f":
        return 0
    if picture.photometric == "PALETTE COLOR":
        every = np.unique(values)
        colours = drawing.shown(every[None], picture, found, None)[0].astype(np.int32).sum(axis=1)
        return int(every[int(colours.argmin())])
    inverse = (picture.photometric == "MONOCHROME1") != found.inverted
    return int(values.max() if inverse else values.min())
