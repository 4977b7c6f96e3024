"""What drawing needs from a data set beyond the scanned attributes: palettes, tables, windows.

Parses with pydicom, so it belongs in a guarded child.
"""

import dataclasses
import io
import struct
import warnings
import zlib
from typing import Any

from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag, Tag

from sharing.dicom.part10 import BIG, DEFLATED, GE_BIG_PIXELS, IMPLICIT
from sharing.dicom.render import Picture

BIG_ENDIAN_PIXELS = frozenset({BIG, GE_BIG_PIXELS})
LARGEST_HEAD = 64 << 20

_KEYWORDS = (
    "SpecificCharacterSet",
    "PixelRepresentation",
    "BitsStored",
    "SmallestImagePixelValue",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "PixelAspectRatio",
    "PresentationLUTShape",
    "WindowCenter",
    "WindowWidth",
    "VOILUTFunction",
    "VOILUTSequence",
    "RescaleSlope",
    "RescaleIntercept",
    "ModalityLUTSequence",
    "RedPaletteColorLookupTableDescriptor",
    "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor",
    "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData",
    "SegmentedRedPaletteColorLookupTableData",
    "SegmentedGreenPaletteColorLookupTableData",
    "SegmentedBluePaletteColorLookupTableData",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
)
_WANTED: list[BaseTag | int] = [Tag(keyword) for keyword in _KEYWORDS]
_PIXEL_GROUP = 0x7FE0
# What pydicom raises over a header that breaks the rules.
_UNREADABLE = (
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    OSError,
    EOFError,
    AttributeError,
    NotImplementedError,
    struct.error,
    zlib.error,
)


@dataclasses.dataclass(frozen=True, slots=True)
class Details:
    """Found in the data set, for one frame; None where it says nothing.

    Attributes
    ----------
    rescale
        Slope and intercept of this frame.
    window
        Centre, width and function of this frame.
    padding
        Lowest and highest stored value that mean "no image here".
    aspect
        Height of a pixel over its width.
    inverted
        Presentation LUT Shape is INVERSE.
    pixel_vr
        "OB" or "OW" where big endian makes it matter, else "".
    dataset
        The few elements read, for pydicom's own table look-ups.
    """

    rescale: tuple[float, float] | None = None
    window: tuple[float, float, str] | None = None
    padding: tuple[int, int] | None = None
    aspect: float | None = None
    inverted: bool = False
    pixel_vr: str = ""
    dataset: Dataset | None = None


def read(head: bytes, picture: Picture, frame_number: int) -> Details:
    """The details of one frame from the data set up to Pixel Data; none from an empty head.

    A head that does not parse gives no details either: the scanned attributes still draw it.
    """
    if not head:
        return Details()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the scan has already judged the header
        try:
            dataset = _parsed(head, picture.transfer_syntax)
            return _found(dataset, frame_number, _pixel_vr(head))
        except _UNREADABLE:
            return Details()


def _parsed(head: bytes, syntax: str) -> Dataset:
    if syntax == DEFLATED:
        head = zlib.decompressobj(-zlib.MAX_WBITS).decompress(head, LARGEST_HEAD)
    return read_dataset(
        io.BytesIO(head),
        is_implicit_VR=syntax in (IMPLICIT, GE_BIG_PIXELS),
        is_little_endian=syntax != BIG,
        stop_when=lambda tag, vr, length: tag.group >= _PIXEL_GROUP,
        specific_tags=_WANTED,
    )


def _pixel_vr(head: bytes) -> str:
    """The VR in a big-endian Pixel Data header, which is where such a head ends."""
    end = head[-12:]
    return end[4:6].decode("ascii", "replace") if end[:4] == b"\x7f\xe0\x00\x10" else ""


def _found(dataset: Dataset, frame_number: int, pixel_vr: str) -> Details:
    groups = _groups(dataset, frame_number)
    pixels = _first(groups, "PixelValueTransformationSequence") or dataset
    voi = _first(groups, "FrameVOILUTSequence") or dataset
    return Details(
        rescale=_rescale(pixels),
        window=_window(voi),
        padding=_padding(dataset),
        aspect=_aspect(dataset),
        inverted=dataset.get("PresentationLUTShape", "") == "INVERSE",
        pixel_vr=pixel_vr,
        dataset=dataset,
    )


def _groups(dataset: Dataset, frame_number: int) -> list[Dataset]:
    """This frame's functional groups, its own before the shared ones (PS3.3 C.7.6.16)."""
    own = dataset.get("PerFrameFunctionalGroupsSequence") or []
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    found = [own[frame_number - 1]] if 0 < frame_number <= len(own) else []
    return [*found, *shared[:1]]


def _first(groups: list[Dataset], keyword: str) -> Dataset | None:
    for group in groups:
        if sequence := group.get(keyword):
            item: Dataset = sequence[0]
            return item
    return None


def _number(dataset: Dataset, keyword: str) -> float | None:
    value: Any = dataset.get(keyword)
    if value is None or value == "":
        return None
    first = value[0] if hasattr(value, "__getitem__") and not isinstance(value, str) else value
    return float(first)


def _rescale(dataset: Dataset) -> tuple[float, float] | None:
    slope = _number(dataset, "RescaleSlope")
    if slope is None:
        return None
    return slope, _number(dataset, "RescaleIntercept") or 0.0


def _window(dataset: Dataset) -> tuple[float, float, str] | None:
    center, width = _number(dataset, "WindowCenter"), _number(dataset, "WindowWidth")
    if center is None or width is None:
        return None
    return center, width, str(dataset.get("VOILUTFunction") or "LINEAR")


def _padding(dataset: Dataset) -> tuple[int, int] | None:
    value = _number(dataset, "PixelPaddingValue")
    if value is None:
        return None
    limit = _number(dataset, "PixelPaddingRangeLimit")
    other = value if limit is None else limit
    return int(min(value, other)), int(max(value, other))


def _aspect(dataset: Dataset) -> float | None:
    ratio = dataset.get("PixelAspectRatio")
    if not ratio or len(ratio) != 2 or not int(ratio[1]):
        return None
    return int(ratio[0]) / int(ratio[1])
