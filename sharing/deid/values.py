"""Values that say nothing (action D), fit for their VR (PS3.5 6.2), and how text is written."""

import warnings
from typing import Final

from pydicom.charset import convert_encodings, encode_string

from sharing.dicom.charsets import codecs_of

REMOVED: Final = "REMOVED"
_OTHER: Final = "WITHHELD"  # where the source has the first one already
_DATE: Final = "19000101"
_DATE_OTHER: Final = "19010101"

TEXTS: Final = frozenset({"AE", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
"""VRs that hold words."""

LONG_TEXTS: Final = frozenset({"LT", "ST", "UT", "UR"})
"""Those among them in which a backslash is a character, not the end of a value."""

LONGEST: Final = {"AE": 16, "CS": 16, "LO": 64, "SH": 16, "PN": 64, "ST": 1024, "LT": 10240}
"""Characters of one value (PS3.5 Table 6.2-1)."""

_NUMBERS: Final = {
    "AT": 4, "FD": 8, "FL": 4, "OD": 8, "OF": 4, "OL": 4, "OV": 8, "OW": 2,
    "SL": 4, "SS": 2, "SV": 8, "UL": 4, "US": 2, "UV": 8,
}  # fmt: skip
_DIGITS: Final = b"0123456789\\ \0"
_CHARACTERS: Final = {
    "AS": _DIGITS + b"DWMY",
    "DA": _DIGITS + b".-",
    "DS": _DIGITS + b"+-.eE",
    "DT": _DIGITS + b"+-.",
    "IS": _DIGITS + b"+-.",
    "TM": _DIGITS + b":-.",
    "UI": _DIGITS + b".",
}
_DUMMIES: Final = {
    "AS": ("000Y", "001Y"),
    "DA": (_DATE, _DATE_OTHER),
    "DS": ("0", "1"),
    "DT": (_DATE + "000000", _DATE_OTHER + "000000"),
    "IS": ("0", "1"),
    "TM": ("000000", "010000"),
    "UR": ("urn:removed", "urn:withheld"),
}
_CODES: Final = {
    0x00080102: ("99REMOVED", "99WITHHELD"),
    0x00080104: ("Removed", "Withheld"),
    0x00080120: ("urn:removed", "urn:withheld"),
}


def dummy(tag: int, vr: str, original: bytes) -> bytes:
    """A value in place of another: the same for everybody, never the original itself."""
    if vr in _NUMBERS:
        size = max(len(original), _NUMBERS[vr])
        return bytes(size)
    if vr in ("OB", "UN"):
        return b"\0\0"
    first, second = _CODES.get(tag) or _DUMMIES.get(vr, (REMOVED, _OTHER))
    same = original.strip(b" \0") == first.encode()
    return (second if same else first).encode()


def is_odd(vr: str, raw: bytes) -> bool:
    """Whether a value of a VR that holds no words may hold some all the same."""
    plain = _CHARACTERS.get(vr)
    if plain is not None:
        return bool(raw.translate(None, plain))
    if len(raw) > 64:
        return True
    text = raw.strip(b" \0")
    return len(text) > 4 and text.isascii() and b"\0" not in text


def is_blank(raw: bytes) -> bool:
    """Whether a value is nothing but padding."""
    return not raw.strip(b" \0")


def encoded(text: str, charset: str) -> bytes:
    """Text in a Specific Character Set; what the set does not have becomes a question mark."""
    if text.isascii():
        return text.encode("ascii")
    terms = charset.split("\\")
    if len(terms) == 1 and not terms[0].startswith("ISO 2022"):
        return text.encode(codecs_of(charset)[0], "replace")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return bytes(encode_string(text, convert_encodings(terms)))


def cut(text: str, vr: str) -> str:
    """Text no longer than its VR takes, each value by itself."""
    most = LONGEST.get(vr)
    if most is None or len(text) <= most:
        return text
    if vr in LONG_TEXTS:
        return text[:most]
    return "\\".join(value[:most].rstrip() for value in text.split("\\"))
