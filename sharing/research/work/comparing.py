"""A file before and after, side by side: every attribute that is not the same, and the picture."""

import contextlib
import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
from pydicom.datadict import dictionary_description

from sharing.deid.ledger import Entry
from sharing.dicom import json as dicom_json
from sharing.dicom import render
from sharing.dicom.details import LARGEST_HEAD
from sharing.dicom.refusal import RefusedError
from sharing.dicom.render import NoPictureError, Picture, Viewport
from sharing.dicom.scan import Header, scan

MOST_ROWS = 3000
LONGEST = 200
ITEM = re.compile(r"\[\d+\]")
SIDE = 1024  # pixels of a picture's longer side, at most
WORDS = {
    "X": "removed",
    "Z": "emptied",
    "D": "replaced",
    "C": "cleaned",
    "U": "another UID",
    "K": "kept",
    "+": "added",
}
Flat = dict[str, tuple[str, str]]


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One attribute: what it was and what it is; empty where there is none."""

    path: str
    name: str
    before: str
    after: str
    action: str = ""
    reason: str = ""

    @property
    def is_changed(self) -> bool:
        return self.before != self.after

    @property
    def word(self) -> str:
        if self.action:
            return WORDS.get(self.action, self.action)
        return "" if not self.is_changed else "removed" if not self.after else "changed"


def rows(before: Path, after: Path, ledger: Iterable[Entry]) -> list[Row]:
    """Every attribute of two files, in the order of their tags; the first 3,000."""
    done = {ITEM.sub("[*]", entry.path): entry for entry in ledger}
    old, new = _flat(before), _flat(after)
    found = []
    for path in sorted(old.keys() | new.keys())[:MOST_ROWS]:
        entry = done.get(ITEM.sub("[*]", path))
        name = (old.get(path) or new[path])[0]
        was, now = (side.get(path, ("", ""))[1] for side in (old, new))
        what = (entry.action, entry.reason) if entry else ("", "")
        found.append(Row(path, name, was, now, *map(str, what)))
    return found


def _flat(path: Path) -> Flat:
    """Every attribute by where it stands, with its name and its value in words."""
    with path.open("rb") as source:
        header = scan(source, size=path.stat().st_size)
        found: dict[str, Any] = orjson.loads(dicom_json.metadata(source, header))
    return dict(_walk(found, ""))


def _walk(dataset: Mapping[str, Any], above: str) -> Iterator[tuple[str, tuple[str, str]]]:
    for tag, element in dataset.items():
        path = f"{above}({tag[:4]},{tag[4:]})"
        values = element.get("Value", [])
        if element.get("vr") == "SQ":
            yield path, (_name(tag), _count(len(values)))
            for number, item in enumerate(values, start=1):
                yield from _walk(item or {}, f"{path}[{number}].")
        else:
            yield path, (_name(tag), _text(element))


def _count(items: int) -> str:
    return f"{items} item{'' if items == 1 else 's'}"


def _name(tag: str) -> str:
    with contextlib.suppress(KeyError):
        return str(dictionary_description(int(tag, 16)))
    return "Private" if int(tag[3], 16) % 2 else "Unknown"


def _text(element: Mapping[str, Any]) -> str:
    if "InlineBinary" in element:
        return "binary data"
    if "BulkDataURI" in element:
        return "binary data, large"
    words = "\\".join(_value(one) for one in element.get("Value", []))
    return words if len(words) <= LONGEST else f"{words[:LONGEST]}…"


def _value(one: Any) -> str:
    if isinstance(one, dict):
        return "=".join(str(part) for part in one.values())
    return "" if one is None else str(one)


# ---- The picture -------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Shape:
    """The size of a file's frames, and how many there are; none where there is no picture."""

    rows: int = 0
    columns: int = 0
    frames: int = 0


def shape(path: Path) -> Shape:
    try:
        found = _scanned(path)
        picture = Picture.of(found)
    except (NoPictureError, RefusedError):
        return Shape()
    drawable = len(found.frames) if found.frames and not found.frames.inflated else 0
    return Shape(picture.rows, picture.columns, drawable)


def drawn(path: Path, number: int, *, asker: str) -> bytes:
    """Frame `number` (from 1) as a JPEG, drawn in a guarded child."""
    header = _scanned(path)
    picture, index = Picture.of(header), header.frames
    if index is None or index.inflated or not 1 <= number <= len(index):
        raise NoPictureError("This object has no image that can be shown here.")
    with path.open("rb") as source:
        source.seek(index.offsets[number - 1])
        frame = index.payload(source.read(index.lengths[number - 1]))
        source.seek(header.dataset_offset)
        length = min(index.offsets[0] - header.dataset_offset, LARGEST_HEAD)
        head = source.read(length) if picture.wants_head else b""
    return render.safely(
        frame,
        picture,
        head,
        frame_number=number,
        viewport=Viewport(SIDE, SIDE),
        media_type="image/jpeg",
        asker=asker,
    )


def _scanned(path: Path) -> Header:
    with path.open("rb") as source:
        return scan(source, size=path.stat().st_size)
