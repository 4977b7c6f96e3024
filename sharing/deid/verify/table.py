"""The rules as the verifier reads them: Table E.1-1, the chosen options and the safe private ones.

Its own reading of the data files, on purpose: an engine that misreads a row is found out by this.
"""

import dataclasses
import functools
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parents[1] / "data"

# CID 7050 De-identification Method (PS3.16).
CODES = {
    "basic": "113100",
    "clean_pixel_data": "113101",
    "clean_recognizable_visual_features": "113102",
    "clean_graphics": "113103",
    "clean_structured_content": "113104",
    "clean_descriptors": "113105",
    "retain_longitudinal_full_dates": "113106",
    "retain_longitudinal_modified_dates": "113107",
    "retain_patient_characteristics": "113108",
    "retain_device_identity": "113109",
    "retain_uids": "113110",
    "retain_safe_private": "113111",
    "retain_institution_identity": "113112",
}
OPTIONS = frozenset(CODES) - {"basic"}

# The columns of Table E.3.4-1 after code meaning, code value, scheme, value type and two notes.
_CONCEPT_COLUMNS = (
    "retain_uids",
    "retain_device_identity",
    "retain_institution_identity",
    "retain_patient_characteristics",
    "retain_longitudinal_full_dates",
    "retain_longitudinal_modified_dates",
    "clean_descriptors",
)

# Type 1 in Presentation States, so that removing them makes an object that is none; the profile
# makes who de-identifies answerable for the IOD (PS3.15 E.1.1).
_TYPE_1 = {0x00700082, 0x00700083}


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    """What must become of an attribute: the codes that are allowed, and who says so.

    `codes` holds single letters (X, Z, D, U, K, C) of which any one may be applied, since the type
    of the attribute in its IOD, which a compound code depends on, is for an IOD checker to say.
    """

    codes: frozenset[str]
    name: str
    source: str

    def __str__(self) -> str:
        return f"{'/'.join(sorted(self.codes))} ({self.source})"

    @property
    def only(self) -> str:
        """The code, when there is but one."""
        return next(iter(self.codes)) if len(self.codes) == 1 else ""


class Rules:
    """Table E.1-1 under a set of options.

    Parameters
    ----------
    options
        Names of `OPTIONS`.
    private
        Private attributes that a profile declares safe besides Table E.3.10-1, each as
        ``"gggg,CREATOR,ee"``.
    overrides
        Codes that a profile sets for attributes (by tag), over those of the table.
    """

    def __init__(
        self,
        options: Iterable[str],
        *,
        private: Iterable[str] = (),
        overrides: Mapping[int, str] | None = None,
    ) -> None:
        self.options = frozenset(options)
        _refuse(self.options)
        self._exact: dict[int, Rule] = {}
        self._masked: list[tuple[re.Pattern[str], Rule]] = []
        self.private_allowed = "retain_safe_private" in self.options or bool(tuple(private))
        self.safe = _safe(private) if self.private_allowed else frozenset()
        for row in _load("ps3.15_table_E.1-1_*.json")["rows"]:
            self._take(row)
        for tag, code in (overrides or {}).items():
            self._exact[tag] = Rule(_codes(code), f"{tag:08x}", "profile")
        self.concepts = _concepts(self.options)

    def _take(self, row: dict[str, Any]) -> None:
        tag = re.sub(r"[^0-9a-fx]", "", row["tag"].lower()) if "odd" not in row["tag"] else ""
        chosen = {option: code for option, code in row["options"].items() if option in self.options}
        codes = frozenset(chosen.values()) or _codes(row["basic_profile"])
        rule = Rule(codes, row["name"], " + ".join(sorted(chosen)) or "basic profile")
        if "x" in tag:
            self._masked.append((re.compile(tag.replace("x", "[0-9a-f]")), rule))
        elif tag:
            if int(tag, 16) in _TYPE_1 and rule.only == "X":
                rule = dataclasses.replace(rule, codes=frozenset("XD"))
            self._exact[int(tag, 16)] = rule

    def of(self, tag: int) -> Rule | None:
        """The rule for a standard attribute, None where the table does not list it."""
        found = self._exact.get(tag)
        if found is None and _repeats(tag):
            text = f"{tag:08x}"
            return next((rule for mask, rule in self._masked if mask.fullmatch(text)), None)
        return found

    def needed_codes(self) -> set[str]:
        """What De-identification Method Code Sequence must name."""
        return {CODES["basic"], *(CODES[option] for option in self.options)}

    @property
    def longitudinal(self) -> str:
        """What (0028,0303) must say under these options (PS3.15 E.3.6)."""
        if "retain_longitudinal_full_dates" in self.options:
            return "UNMODIFIED"
        modified = "retain_longitudinal_modified_dates" in self.options
        return "MODIFIED" if modified else "REMOVED"


def _refuse(options: frozenset[str]) -> None:
    if options - OPTIONS:
        raise ValueError(f"Not options of PS3.15: {', '.join(sorted(options - OPTIONS))}.")
    if {"retain_longitudinal_full_dates", "retain_longitudinal_modified_dates"} <= options:
        raise ValueError("Dates are kept or modified, not both (PS3.15 E.3.6).")


def _codes(written: str) -> frozenset[str]:
    return frozenset(written.replace("*", "").split("/"))


def _repeats(tag: int) -> bool:
    """Is this of a repeating group of curves (50xx) or overlays (60xx)?"""
    return tag >> 24 in {0x50, 0x60} and not (tag >> 16) & 1 and (tag >> 16) & 0xFF <= 0x1E


@functools.cache
def _load(pattern: str) -> dict[str, Any]:
    (path,) = sorted(DATA.glob(pattern))
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def _safe(more: Iterable[str]) -> frozenset[tuple[int, str, int]]:
    """(group, creator, element) of private attributes that are known to identify nobody."""
    rows = _load("ps3.15_table_E.3.10-1_*.json")["rows"]
    written = [(row["tag"][1:5], row["private_creator"], row["tag"][-3:-1]) for row in rows]
    written += [tuple(one.split(",")) for one in more]  # type: ignore[misc]
    return frozenset((int(g, 16), creator.strip(), int(e, 16)) for g, creator, e in written)


def _concepts(options: frozenset[str]) -> dict[tuple[str, str, str], Rule]:
    """Table E.3.4-1 under the options: (code value, scheme, value type) to its rule."""
    found = {}
    for row in _load("ps3.15_table_E.3.4-1_*.json")["rows"]:
        columns = zip(_CONCEPT_COLUMNS, row[7:], strict=False)
        chosen = {option: code for option, code in columns if code and option in options}
        codes = frozenset(chosen.values()) or _codes(row[6])
        source = " + ".join(sorted(chosen)) or "clean_structured_content"
        found[row[1], row[2], row[3]] = Rule(codes, row[0], source)
    return found
