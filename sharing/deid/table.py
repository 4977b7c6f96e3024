"""DICOM PS3.15 Annex E as data: what to do with which attribute, and the options that change it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

DATA: Final = Path(__file__).parent / "data"
_TABLE: Final = "ps3.15_table_E.1-1_2026d.json"
_SAFE: Final = "ps3.15_table_E.3.10-1_safe_private_2026c.json"
_CONCEPTS: Final = "ps3.15_table_E.3.4-1_sr_concepts_2026c.json"
_PRIVATE: Final = "(gggg,eeee) where gggg is odd"
_SAFE_TAG: Final = re.compile(r"\(([0-9A-Fa-f]{4}),xx([0-9A-Fa-f]{2})\)")


class Action(StrEnum):
    """The codes of Table E.1-1a; compound ones are decided by the attribute's type in the IOD."""

    REMOVE = "X"
    EMPTY = "Z"
    REPLACE = "D"
    KEEP = "K"
    CLEAN = "C"
    UID = "U"
    EMPTY_OR_REPLACE = "Z/D"
    REMOVE_OR_EMPTY = "X/Z"
    REMOVE_OR_REPLACE = "X/D"
    REMOVE_EMPTY_OR_REPLACE = "X/Z/D"
    REMOVE_EMPTY_OR_UIDS = "X/Z/U*"


class Option(StrEnum):
    """The options of the Basic Application Level Confidentiality Profile (PS3.15 E.3)."""

    CLEAN_PIXEL_DATA = "clean_pixel_data"
    CLEAN_RECOGNIZABLE_VISUAL_FEATURES = "clean_recognizable_visual_features"
    CLEAN_GRAPHICS = "clean_graphics"
    CLEAN_STRUCTURED_CONTENT = "clean_structured_content"
    CLEAN_DESCRIPTORS = "clean_descriptors"
    RETAIN_LONGITUDINAL_FULL_DATES = "retain_longitudinal_full_dates"
    RETAIN_LONGITUDINAL_MODIFIED_DATES = "retain_longitudinal_modified_dates"
    RETAIN_PATIENT_CHARACTERISTICS = "retain_patient_characteristics"
    RETAIN_DEVICE_IDENTITY = "retain_device_identity"
    RETAIN_UIDS = "retain_uids"
    RETAIN_SAFE_PRIVATE = "retain_safe_private"
    RETAIN_INSTITUTION_IDENTITY = "retain_institution_identity"


DATES: Final = frozenset(
    {Option.RETAIN_LONGITUDINAL_FULL_DATES, Option.RETAIN_LONGITUDINAL_MODIFIED_DATES}
)
"""Only one of the two can be chosen (PS3.15 E.3.6)."""

BASIC_METHOD: Final = ("113100", "Basic Application Confidentiality Profile")
METHODS: Final[Mapping[Option, tuple[str, str]]] = MappingProxyType(
    {
        Option.CLEAN_PIXEL_DATA: ("113101", "Clean Pixel Data Option"),
        Option.CLEAN_RECOGNIZABLE_VISUAL_FEATURES: (
            "113102",
            "Clean Recognizable Visual Features Option",
        ),
        Option.CLEAN_GRAPHICS: ("113103", "Clean Graphics Option"),
        Option.CLEAN_STRUCTURED_CONTENT: ("113104", "Clean Structured Content Option"),
        Option.CLEAN_DESCRIPTORS: ("113105", "Clean Descriptors Option"),
        Option.RETAIN_LONGITUDINAL_FULL_DATES: (
            "113106",
            "Retain Longitudinal Temporal Information Full Dates Option",
        ),
        Option.RETAIN_LONGITUDINAL_MODIFIED_DATES: (
            "113107",
            "Retain Longitudinal Temporal Information Modified Dates Option",
        ),
        Option.RETAIN_PATIENT_CHARACTERISTICS: ("113108", "Retain Patient Characteristics Option"),
        Option.RETAIN_DEVICE_IDENTITY: ("113109", "Retain Device Identity Option"),
        Option.RETAIN_UIDS: ("113110", "Retain UIDs Option"),
        Option.RETAIN_SAFE_PRIVATE: ("113111", "Retain Safe Private Option"),
        Option.RETAIN_INSTITUTION_IDENTITY: ("113112", "Retain Institution Identity Option"),
    }
)
"""Code value and meaning of each option (CID 7050, coding scheme DCM)."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of Table E.1-1.

    Attributes
    ----------
    tag
        Of the attribute; for a repeating group (`50xx`, `60xx`) that of its first group.
    name
        As the standard writes it.
    basic
        What the profile does without options.
    options
        What options do instead.
    retired
        Whether the standard has taken the attribute back.
    """

    tag: int
    name: str
    basic: Action
    options: Mapping[Option, Action]
    retired: bool

    def action(self, chosen: frozenset[Option]) -> tuple[Action, Option | None]:
        """What to do under the options chosen, and which of them says so.

        Of several, one that keeps wins over one that cleans (PS3.15 E.3).
        """
        hits = sorted(
            ((action, option) for option, action in self.options.items() if option in chosen),
            key=lambda hit: hit[0] is not Action.KEEP,
        )
        return hits[0] if hits else (self.basic, None)


@dataclass(frozen=True, slots=True)
class Table:
    """Table E.1-1: rows by tag; curves and overlays by their first group; the row of private ones."""

    edition: str
    acknowledgement: str
    rows: Mapping[int, Row]
    repeating: Mapping[int, Row]
    curves: Row
    private: Row


@dataclass(frozen=True, slots=True)
class Concept:
    """One row of Table E.3.4-1: what to do with a content item of this name and value type."""

    meaning: str
    value: str
    scheme: str
    value_type: str
    basic: Action
    options: Mapping[Option, Action]

    def action(self, chosen: frozenset[Option]) -> tuple[Action, Option | None]:
        """What to do under the options chosen, and which of them says so."""
        hits = sorted(
            ((action, option) for option, action in self.options.items() if option in chosen),
            key=lambda hit: hit[0] is not Action.KEEP,
        )
        return hits[0] if hits else (self.basic, None)


@cache
def table() -> Table:
    """Table E.1-1 (PS3.15 Annex E)."""
    written = _read(_TABLE)
    rows: dict[int, Row] = {}
    repeating: dict[int, Row] = {}
    others: dict[str, Row] = {}
    for one in written["rows"]:
        tag = one["tag"].strip("()").replace(",", "")
        if one["tag"] == _PRIVATE or tag == "50xxxxxx":
            others[tag] = _row(one, 0)
        elif "xx" in tag:
            number = int(tag.replace("x", "0"), 16)
            repeating[number] = _row(one, number)
        else:
            rows[int(tag, 16)] = _row(one, int(tag, 16))
    private = next(row for tag, row in others.items() if tag != "50xxxxxx")
    return Table(
        edition=written["edition"],
        acknowledgement=written["acknowledgement"],
        rows=MappingProxyType(rows),
        repeating=MappingProxyType(repeating),
        curves=others["50xxxxxx"],
        private=private,
    )


def _row(written: Mapping[str, Any], tag: int) -> Row:
    options = {Option(name): Action(code) for name, code in written["options"].items()}
    return Row(
        tag=tag,
        name=written["name"],
        basic=Action(written["basic_profile"]),
        options=MappingProxyType(options),
        retired=written["retired"],
    )


@cache
def safe_private() -> frozenset[tuple[int, str, int]]:
    """Group, creator and last byte of the element of each safe private attribute (Table E.3.10-1)."""
    found = set()
    for one in _read(_SAFE)["rows"]:
        match = _SAFE_TAG.fullmatch(one["tag"])
        if match:
            found.add((int(match[1], 16), one["private_creator"].strip(), int(match[2], 16)))
    return frozenset(found)


# The columns of Table E.3.4-1 behind that of the basic profile.
_CONCEPT_OPTIONS: Final = (
    Option.RETAIN_UIDS,
    Option.RETAIN_DEVICE_IDENTITY,
    Option.RETAIN_INSTITUTION_IDENTITY,
    Option.RETAIN_PATIENT_CHARACTERISTICS,
    Option.RETAIN_LONGITUDINAL_FULL_DATES,
    Option.RETAIN_LONGITUDINAL_MODIFIED_DATES,
    Option.CLEAN_DESCRIPTORS,
)


@cache
def concepts() -> Mapping[tuple[str, str, str], Concept]:
    """Rows of Table E.3.4-1 by coding scheme, code value and value type."""
    found: dict[tuple[str, str, str], Concept] = {}
    for meaning, value, scheme, kind, _, _, basic, *codes in _read(_CONCEPTS)["rows"]:
        options = {
            option: Action(code)
            for option, code in zip(_CONCEPT_OPTIONS, codes, strict=True)
            if code
        }
        found[scheme, value, kind] = Concept(
            meaning, value, scheme, kind, Action(basic), MappingProxyType(options)
        )
    return MappingProxyType(found)


def _read(name: str) -> dict[str, Any]:
    written: dict[str, Any] = json.loads((DATA / name).read_text(encoding="utf-8"))
    return written
