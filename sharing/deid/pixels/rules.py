"""Rules of data/risk.yaml and data/devices.yaml: what fits an image, and why."""

import functools
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sharing.deid.pixels.facts import Facts

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Risk:
    """Whether text may be in the picture, and the sentence of the rule that says so."""

    at_risk: bool
    reason: str


def triage(facts: Facts) -> Risk:
    """Whether an image's header leaves it possible that text is in the picture.

    The rules are data/risk.yaml; what none of them knows is at risk.
    """
    for rule in _rules("risk.yaml"):
        if fits(rule["when"], facts):
            return Risk(rule["at_risk"], rule["reason"])
    return Risk(True, "Nothing is known of such images, so they are looked at.")


@functools.cache
def _rules(name: str) -> tuple[dict[str, Any], ...]:
    return tuple(yaml.safe_load((DATA / name).read_text(encoding="utf-8"))["rules"])


def fits(when: dict[str, Any], facts: Facts) -> bool:
    """Whether all conditions of a rule hold."""
    return all(_holds(name, wanted, facts) for name, wanted in when.items())


def _holds(name: str, wanted: Any, facts: Facts) -> bool:
    among: list[Any] = wanted if isinstance(wanted, list) else [wanted]
    match name:
        case "sop_class":
            return any(_is_below(facts.sop_class, one) for one in among)
        case "image_type":
            return any(one.strip().upper() in _types(facts) for one in among)
        case "image_type_first":
            return (_types(facts) or [""])[0] in among
        case "manufacturer" | "model":
            text = str(getattr(facts, name)).casefold()
            return any(one.casefold() in text for one in among)
        case _:
            value = getattr(facts, name)
            return (value.strip().upper() if isinstance(value, str) else value) in among


def _types(facts: Facts) -> list[str]:
    return [value.strip().upper() for value in facts.image_type]


def _is_below(uid: str, root: str) -> bool:
    return uid == root or uid.startswith(root + ".")


def device_boxes(facts: Facts) -> list[tuple[int, int, int, int, str]]:
    """Rectangles that a machine is known to write in: x, y, width, height, reason.

    The rules are data/devices.yaml. Several may fit; all of them count.
    """
    found = []
    for rule in _rules("devices.yaml"):
        if fits(rule["when"], facts):
            for left, top, right, bottom in rule["mask"]:
                x, wide = _pixels(left, right, facts.columns)
                y, high = _pixels(top, bottom, facts.rows)
                found.append((x, y, wide, high, str(rule["reason"])))
    return found


def _pixels(begin: float, end: float, size: int) -> tuple[int, int]:
    """Begin and length in pixels; whole numbers are pixels, others parts of the size."""
    low, high = (max(0, min(size, _pixel(one, size))) for one in (begin, end))
    return low, max(0, high - low)


def _pixel(place: float, size: int) -> int:
    if isinstance(place, int):
        return place + size if place < 0 else place
    return round(place * size)


def outside(
    regions: tuple[tuple[int, int, int, int], ...], rows: int, columns: int
) -> list[tuple[int, int, int, int]]:
    """What lies outside of all ultrasound regions, as few rectangles: x, y, width, height.

    Empty where no region has a plausible size: then the sequence says nothing.
    """
    inside = [
        (max(0, a), max(0, b), min(columns, c + 1), min(rows, d + 1)) for a, b, c, d in regions
    ]
    inside = [(a, b, c, d) for a, b, c, d in inside if c - a > 8 and d - b > 8]
    if not inside:
        return []
    edges = sorted({0, rows, *(y for _, top, _, bottom in inside for y in (top, bottom))})
    found: list[tuple[int, int, int, int]] = []
    for top, bottom in itertools.pairwise(edges):
        across = sorted((a, c) for a, b, c, d in inside if b <= top and d >= bottom)
        found += [(x, top, end - x, bottom - top) for x, end in _gaps(across, columns)]
    return _stacked(found)


def _gaps(across: list[tuple[int, int]], columns: int) -> list[tuple[int, int]]:
    gaps, at = [], 0
    for begin, end in across:
        if begin > at:
            gaps.append((at, begin))
        at = max(at, end)
    if at < columns:
        gaps.append((at, columns))
    return gaps


def _stacked(boxes: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    """Boxes of the same width that stand on each other, as one."""
    joined: list[tuple[int, int, int, int]] = []
    for x, y, width, height in sorted(boxes):
        if joined:
            left, top, wide, high = joined[-1]
            if (left, wide, top + high) == (x, width, y):
                joined[-1] = left, top, wide, high + height
                continue
        joined.append((x, y, width, height))
    return joined
