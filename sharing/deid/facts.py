"""What has to be known of an instance before its first byte is written: whose, of what kind."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

from sharing.deid.keys import patient_key
from sharing.dicom.charsets import NAME_BREAKS, decode
from sharing.dicom.elements import Step, Walk, What
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
_REMEMBERED: Final = 10_000


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


@dataclass(slots=True)
class Begun:
    """A walk that went as far as the facts needed it; who goes on need not begin again.

    Attributes
    ----------
    seen
        The steps so far, each with the position behind it.
    """

    walk: Walk
    steps: Iterator[Step]
    seen: list[tuple[Step, int]]

    def all(self, dataset: DataSet) -> Iterator[tuple[Step, int]]:
        """Every step of the data set, each with the position behind it."""
        walk, steps = self.walk, self.steps
        if len(self.seen) > _REMEMBERED:
            walk = Walk(dataset.window, dataset.start, LIMITS)
            steps = walk.steps(dataset.form)
            self.walk, self.seen = walk, []
        return chain(self.seen, ((step, walk.position) for step in steps))


def facts_of(opening: Opening, dataset: DataSet) -> tuple[Facts, Begun]:
    """Walk as far as what is asked for goes.

    Raises
    ------
    RefusedError
        If the structure contradicts itself.
    """
    raw: dict[str, bytes] = {}
    points, depth, window = False, 0, dataset.window
    walk = Walk(window, dataset.start, LIMITS)
    begun = Begun(walk, walk.steps(dataset.form), [])
    seen, forget = begun.seen, 0
    for step in begun.steps:
        what, tag, _, length, at, _ = step
        if forget <= _REMEMBERED:
            forget += 1
            seen.append((step, walk.position))
        if not depth and tag > _LAST:
            if what is What.SEQUENCE or what is What.VALUE or what is What.FRAGMENTS:
                break
        elif what is What.VALUE:
            if tag == REFERENCED_ITEM:
                points = True
            elif not depth and length and tag in _TEXTS:
                raw.setdefault(_TEXTS[tag], window.take(at, min(length, _LONGEST)))
        if what is What.SEQUENCE:
            depth += 1
        elif what is What.SEQUENCE_END:
            depth -= 1
    return _read(opening, raw, points), begun


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
