"""Learn from a header who is behind an instance, nested sequences and what is removed included."""

from typing import Final

from pydicom.datadict import DicomDictionary

from sharing.deid.known import Known
from sharing.deid.table import table
from sharing.deid.values import TEXTS
from sharing.dicom.charsets import NAME_BREAKS, VALUE_BREAKS, decode
from sharing.dicom.dictionary import PIXELS, vr_of
from sharing.dicom.elements import Walk, What, Window
from sharing.dicom.limits import LIMITS
from sharing.dicom.scan import DataSet

_CHARSET: Final = 0x00080005
_MAKERS: Final = frozenset({0x00080070, 0x00081090})
_TELLING: Final = TEXTS | {"DA", "DT"}
_NAMES: Final = frozenset(tag for tag, row in DicomDictionary.items() if row[0] == "PN")
_LISTED: Final = frozenset(tag for tag in table().rows if vr_of(tag) in _TELLING | {"UN"})
_WANTED: Final = _LISTED | _NAMES | _MAKERS | {_CHARSET} | PIXELS
_LONGEST: Final = 4096


def learn_dataset(window: Window, dataset: DataSet, charset: str, known: Known) -> None:
    """Feed `known` with every value that may tell who somebody is.

    Raises
    ------
    RefusedError
        If the structure contradicts itself.
    """
    window = dataset.window
    charsets = [charset]
    for what, tag, vr, length, at, _ in Walk(window, dataset.start, LIMITS, _WANTED).steps(
        dataset.form
    ):
        if what is What.VALUE:
            if tag in PIXELS:
                if len(charsets) == 1:
                    return
            elif tag == _CHARSET:
                charsets[-1] = window.take(at, min(length, 256)).decode("latin_1").strip(" \0")
            elif 0 < length <= _LONGEST:
                _learn(known, tag, vr, window.take(at, length), charsets[-1])
        elif what is What.ITEM:
            charsets.append(charsets[-1])
        elif what is What.ITEM_END:
            charsets.pop()


def _learn(known: Known, tag: int, vr: str, raw: bytes, charset: str) -> None:
    vr = vr_of(tag) if vr == "UN" or vr not in _TELLING else vr
    breaks = NAME_BREAKS if vr == "PN" else VALUE_BREAKS
    known.learn(tag, vr, decode(raw, charset, breaks).strip(" \0"))
