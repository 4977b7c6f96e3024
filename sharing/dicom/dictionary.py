"""Value representations of the standard's elements (PS3.6), for implicit VR and for UN."""

from functools import lru_cache
from typing import Final

from pydicom.datadict import DicomDictionary, dictionary_VR

ITEM: Final = 0xFFFEE000
ITEM_END: Final = 0xFFFEE00D
SEQUENCE_END: Final = 0xFFFEE0DD
UNDEFINED: Final = 0xFFFFFFFF

PIXEL_DATA: Final = 0x7FE00010
FLOAT_PIXEL_DATA: Final = 0x7FE00008
DOUBLE_PIXEL_DATA: Final = 0x7FE00009
OFFSET_TABLE: Final = 0x7FE00001
OFFSET_LENGTHS: Final = 0x7FE00002
PIXELS: Final = frozenset({PIXEL_DATA, FLOAT_PIXEL_DATA, DOUBLE_PIXEL_DATA})

_VR_OF: Final[dict[int, str]] = {tag: entry[0] for tag, entry in DicomDictionary.items()}


def vr_of(tag: int) -> str:
    """The VR of a tag, `UN` if the standard has none; may be ambiguous, as `US or SS`.

    Examples
    --------
    >>> vr_of(0x00100010), vr_of(0x00091010), vr_of(0x00090010)
    ('PN', 'UN', 'LO')
    """
    return _VR_OF.get(tag) or _rare_vr(tag)


@lru_cache(maxsize=4096)
def _rare_vr(tag: int) -> str:
    group, element = tag >> 16, tag & 0xFFFF
    if element == 0:
        return "UL"
    if group & 1:
        return "LO" if 0x10 <= element <= 0xFF else "UN"
    try:
        return dictionary_VR(tag)  # the repeating groups 50xx and 60xx
    except KeyError:
        return "UN"
