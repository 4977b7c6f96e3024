"""What the pixels' cleaning needs of a header, read by walking its bytes."""

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from sharing.dicom.elements import Step, Walk, What, Window
from sharing.dicom.limits import LIMITS
from sharing.dicom.part10 import open_file
from sharing.dicom.scan import DataSet, Header, open_dataset, scan

_CONVERSION = 0x00080064
_REGIONS = 0x00186011
_CORNERS = (0x00186018, 0x0018601A, 0x0018601C, 0x0018601E)
_LOSSY = (0x00282110, 0x00282112, 0x00282114)
_PADDING = 0x00280120
_WANTED = frozenset((_CONVERSION, *_CORNERS, *_LOSSY, _PADDING))


@dataclass(frozen=True, slots=True)
class Facts:
    """What `triage` and the device rules ask of an image; texts as in the header, "" if absent."""

    sop_class: str = ""
    modality: str = ""
    manufacturer: str = ""
    model: str = ""
    image_type: tuple[str, ...] = ()
    burned_in: str = ""
    conversion: str = ""
    rows: int = 0
    columns: int = 0
    frames: int = 0


@dataclass(frozen=True, slots=True)
class Sight:
    """One file as it lies there.

    Attributes
    ----------
    regions
        Of the Sequence of Ultrasound Regions (PS3.3 C.8.5.5): left, top, right, bottom, the last
        pixel included.
    values
        Text of the top-level elements in `_WANTED`, by tag.
    """

    header: Header
    dataset: DataSet
    facts: Facts
    regions: tuple[tuple[int, int, int, int], ...] = ()
    values: dict[int, str] = field(default_factory=dict)
    padding: int | None = None


def facts(path: Path) -> Facts:
    """The facts of a file, for `clean(..., original=...)`: de-identification may change them."""
    with path.open("rb") as source:
        return see(source, path.stat().st_size).facts


def see(source: BinaryIO, size: int) -> Sight:
    """Walk through the header.

    Raises
    ------
    sharing.dicom.refusal.RefusedError
        If the file is none that the scan would take.
    """
    header = scan(source, size=size, identified=False)
    window = Window(source, size)
    dataset = open_dataset(source, open_file(window), window)
    values, regions, padding = _walk(dataset)
    a = header.attributes
    return Sight(
        header=header,
        dataset=dataset,
        facts=Facts(
            sop_class=header.sop_class_uid,
            modality=a.modality,
            manufacturer=a.manufacturer,
            model=a.model,
            image_type=a.image_type,
            burned_in=a.burned_in_annotation,
            conversion=values.get(_CONVERSION, ""),
            rows=a.rows or 0,
            columns=a.columns or 0,
            frames=a.number_of_frames,
        ),
        regions=tuple(regions),
        values=values,
        padding=padding,
    )


def _walk(
    dataset: DataSet,
) -> tuple[dict[int, str], list[tuple[int, int, int, int]], int | None]:
    values: dict[int, str] = {}
    items: list[dict[int, int]] = []
    padding: int | None = None
    path: list[int] = []
    for step in Walk(dataset.window, dataset.start, LIMITS, _WANTED).steps(dataset.form):
        if step.what is What.SEQUENCE:
            path.append(step.tag)
        elif step.what is What.SEQUENCE_END:
            path.pop()
        elif step.what is What.ITEM and path == [_REGIONS]:
            items.append({})
        elif step.what is What.VALUE and path == [_REGIONS] and items and step.tag in _CORNERS:
            items[-1][step.tag] = _unsigned(dataset, step)
        elif step.what is What.VALUE and not path and step.tag == _PADDING:
            padding = _unsigned(dataset, step)
        elif step.what is What.VALUE and not path and step.tag not in _CORNERS:
            raw = dataset.window.take(step.at, min(step.length, 256))
            values.setdefault(step.tag, raw.decode("latin_1").strip(" \0"))
    corners = [tuple(item[tag] for tag in _CORNERS) for item in items if len(item) == 4]
    return values, [(a, b, c, d) for a, b, c, d in corners], padding


def _unsigned(dataset: DataSet, step: Step) -> int:
    """A number of 2 or 4 bytes; 0 where it is none."""
    kind = {2: "H", 4: "L"}.get(step.length)
    if kind is None:
        return 0
    order = "<" if dataset.form.little else ">"
    number: int = struct.unpack(order + kind, dataset.window.take(step.at, step.length))[0]
    return number
