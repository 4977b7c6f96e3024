"""How much of what was planted is gone, and how much of what should stay has stayed."""

import dataclasses
import functools
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.charset import convert_encodings, decode_bytes
from pydicom.dataset import Dataset

from tests.deid.phi.truth import Keep, Plant, Truth


@dataclasses.dataclass(slots=True)
class Score:
    """Of one category: planted and gone, to keep and kept, and examples of what went wrong."""

    planted: int = 0
    gone: int = 0
    to_keep: int = 0
    kept: int = 0
    wrong: list[str] = dataclasses.field(default_factory=list)

    @property
    def recall(self) -> float:
        return self.gone / self.planted if self.planted else 1.0

    @property
    def precision(self) -> float:
        return self.kept / self.to_keep if self.to_keep else 1.0


def score(truth: Truth, outputs: Path, *, options: Iterable[str] = ()) -> dict[str, Score]:
    """Score a folder of outputs under a set of options.

    What an option keeps on purpose is not counted as planted, and what is only kept by an option
    not as to keep.
    """
    chosen = frozenset(options)
    scores: dict[str, Score] = defaultdict(Score)
    read = functools.lru_cache(maxsize=4)(lambda file: _read(outputs / file))
    for plant in truth.plants:
        if (outputs / plant.file).exists() and plant.category not in _allowed(chosen):
            one = scores[plant.category]
            one.planted += 1
            gone = _is_gone(plant, *read(plant.file), chosen)
            one.gone += gone
            if not gone:
                one.wrong.append(f"{plant.file} {_dotted(plant.path)}")
    for keep in truth.keeps:
        if (outputs / keep.file).exists() and _asked(keep, chosen):
            one = scores[keep.category]
            one.to_keep += 1
            stays = _stays(keep, read(keep.file)[0])
            one.kept += stays
            if not stays:
                one.wrong.append(f"{keep.file} {_dotted(keep.path)} lost")
    return dict(scores)


def table(scores: dict[str, Score]) -> str:
    """The scores as a table in Markdown."""
    lines = [
        "| category | planted | gone | recall | to keep | kept | precision |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, one in sorted(scores.items()):
        recall = f"{one.recall:.1%}" if one.planted else "–"
        precision = f"{one.precision:.1%}" if one.to_keep else "–"
        lines.append(
            f"| {name} | {one.planted} | {one.gone} | {recall} | {one.to_keep} | {one.kept} | {precision} |"
        )
    return "\n".join(lines)


def _allowed(options: frozenset[str]) -> set[str]:
    """Categories that an option keeps on purpose."""
    gates = {
        "retain_uids": "uid", "retain_institution_identity": "institution",
        "retain_device_identity": "device", "retain_longitudinal_full_dates": "date",
    }  # fmt: skip
    kept = {category for option, category in gates.items() if option in options}
    if "clean_pixel_data" not in options:
        kept.add("pixels")
    if any("longitudinal" in option for option in options):
        kept.add("time")  # of the day; days are moved or kept
    return kept


def _asked(keep: Keep, options: frozenset[str]) -> bool:
    if keep.category == "descriptor":
        return "clean_descriptors" in options
    return keep.category != "safe private" or "retain_safe_private" in options


def _read(path: Path) -> tuple[Dataset, bytes]:
    data = path.read_bytes()
    dataset = pydicom.dcmread(path)
    return dataset, data


def _is_gone(plant: Plant, dataset: Dataset, data: bytes, options: frozenset[str]) -> bool:
    if plant.box is not None:
        left, top, right, bottom = plant.box
        return bool(np.ptp(dataset.pixel_array[top:bottom, left:right]) < 8)
    if not plant.path:
        return plant.needle.encode() not in data
    if plant.path[-1] == 0x0008010C and "retain_uids" in options:
        return True
    needle = _fold(plant.needle)
    return not any(needle in _fold(text) for text in _texts(dataset, plant.path))


def _stays(keep: Keep, dataset: Dataset) -> bool:
    wanted = _fold(keep.value)
    found = [_fold(text) for text in _texts(dataset, keep.path)]
    if keep.category == "descriptor":
        words = set(wanted.split())
        return any(words <= set(re.findall(r"\w+", text)) for text in found)
    return any(_equal(wanted, text) for text in found)


def _equal(one: str, other: str) -> bool:
    try:
        return [float(x) for x in one.split("\\")] == [float(x) for x in other.split("\\")]
    except ValueError:
        return one == other


def _texts(dataset: Dataset, path: tuple[int, ...]) -> Iterator[str]:
    """The values at a path of tags, in any item."""
    tag, *rest = path
    if tag not in dataset:
        return
    try:
        element = dataset[tag]
    except Exception:  # noqa: BLE001 - a value that is none in its representation
        raw: Any = dataset.get_item(tag)
        yield from _decoded(raw.value, dataset)
        return
    if rest:
        for item in element.value if element.VR == "SQ" else ():
            yield from _texts(item, tuple(rest))
    elif isinstance(element.value, bytes):
        yield from _decoded(element.value, dataset)
    elif element.VR == "SQ":
        yield str(element)
    else:
        value = element.value
        many = isinstance(value, list | pydicom.multival.MultiValue)
        yield "\\".join(map(str, value)) if many else str(value)


def _decoded(value: bytes, dataset: Dataset) -> Iterator[str]:
    """Bytes of unknown meaning as each text that they may be."""
    yield value.decode("utf-8", "replace")
    yield value.decode("latin-1")
    sets = dataset.get("SpecificCharacterSet", "")
    names = [sets] if isinstance(sets, str) else list(sets)
    yield decode_bytes(value, convert_encodings(names), {0x5C, 0x5E, 0x3D})


def _fold(text: str) -> str:
    bare = unicodedata.normalize("NFKD", text)
    return "".join(c for c in bare if not unicodedata.combining(c)).casefold().strip("\0 ")


def _dotted(path: tuple[int, ...]) -> str:
    return ".".join(f"({tag >> 16:04X},{tag & 0xFFFF:04X})" for tag in path)
