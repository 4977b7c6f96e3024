"""What has to be known of an instance before its first byte is written: whose, of what kind."""

from dataclasses import dataclass
from typing import Final

from sharing.deid.keys import patient_key
from sharing.dicom.charsets import NAME_BREAKS, decode
from sharing.dicom.dictionary import PIXEL_DATA
from sharing.dicom.elements import Walk, What, Window
from sharing.dicom.limits import LIMITS
from sharing.dicom.part10 import META_CLASS, Opening, as_uid
from sharing.dicom.scan import DataSet

CHARSET: Final = 0x00080005
SOP_CLASS: Final = 0x00080016
INSTANCE: Final = 0x00080018
REFERENCED_ITEM: Final = 0x0040DB73
_LAST: Final = 0x00420012
_LONGEST: Final = 1024

_TEXTS: Final = {
    CHARSET: "charset",
    0x00080008: "image_type",
    0x00080012: "created",
    SOP_CLASS: "sop_class",
    INSTANCE: "instance",
    0x00080060: "modality",
    0x00100010: "name",
    0x00100020: "number",
    0x00100021: "issuer",
    0x00100030: "birth_date",
    0x00180015: "body_part",
    0x0020000D: "study",
    0x0020000E: "series",
    0x00280301: "burned_in",
    0x00280302: "recognizable",
    0x00420012: "mime",
}
_READ_AS_TEXT: Final = frozenset({"name", "number", "issuer"})
_WANTED: Final = frozenset(_TEXTS) | {REFERENCED_ITEM}


@dataclass(frozen=True, slots=True)
class Facts:
    """Plain values of one data set; "" for what is not there."""

    charset: str = ""
    image_type: str = ""
    created: str = ""
    sop_class: str = ""
    instance: str = ""
    modality: str = ""
    name: str = ""
    number: str = ""
    issuer: str = ""
    birth_date: str = ""
    body_part: str = ""
    study: str = ""
    series: str = ""
    burned_in: str = ""
    recognizable: str = ""
    mime: str = ""
    points_at_items: bool = False
    anatomy: str = ""

    @property
    def patient(self) -> str:
        """Who the patient is to `Keys`."""
        return patient_key(
            self.issuer,
            self.number,
            name=self.name,
            birth_date=self.birth_date,
            study=self.study or self.instance,
        )


def facts_of(opening: Opening, dataset: DataSet, window: Window) -> Facts:
    """Walk as far as what is asked for goes.

    Raises
    ------
    RefusedError
        If the structure contradicts itself.
    """
    raw: dict[str, bytes] = {}
    points, depth = False, 0
    walk = Walk(window, dataset.start, LIMITS, _WANTED)
    for what, tag, _, length, at, _ in walk.steps(dataset.form):
        if what is What.SEQUENCE:
            if not depth and tag > _LAST:
                break
            depth += 1
        elif what is What.SEQUENCE_END:
            depth -= 1
        elif what is What.FRAGMENTS:
            break
        elif what is What.VALUE:
            if tag == REFERENCED_ITEM:
                points = True
            elif not depth and length:
                raw.setdefault(_TEXTS[tag], window.take(at, min(length, _LONGEST)))
    return _read(opening, raw, points)


def _read(opening: Opening, raw: dict[str, bytes], points: bool) -> Facts:
    charset = as_uid(raw.get("charset", b""))
    values = {
        name: decode(value, charset, NAME_BREAKS).strip(" \0")
        if name in _READ_AS_TEXT
        else as_uid(value)
        for name, value in raw.items()
    }
    values.setdefault("sop_class", as_uid(opening.meta.get(META_CLASS, b"")))
    return Facts(**values, points_at_items=points)


__all__ = ["PIXEL_DATA", "Facts", "facts_of"]
