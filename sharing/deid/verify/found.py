"""What the look at one file found, as plain data that goes from the child to its parent."""

import dataclasses
from collections import Counter
from typing import Any

MOST = 100  # violations of one category in one file; more are counted, not told


@dataclasses.dataclass(slots=True)
class Found:
    """Violations of one file, and what can only be judged when every file was seen.

    Attributes
    ----------
    violations
        (category, where, rule, value) each.
    uids
        (original, new) each.
    standing
        UID-like texts where nobody replaces UIDs, and where each stands.
    references
        UIDs by which this object leads to others, (where, UID) each.
    dates
        (where, rule, shift in days) each.
    replaced
        (tag, new value, original value, where, rule) each: a constant stand-in is no leak.
    patient
        Patient ID of the original, and the new one.
    """

    violations: list[tuple[str, str, str, str]] = dataclasses.field(default_factory=list)
    uids: set[tuple[str, str]] = dataclasses.field(default_factory=set)
    standing: dict[str, str] = dataclasses.field(default_factory=dict)
    references: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    dates: list[tuple[str, str, int]] = dataclasses.field(default_factory=list)
    replaced: set[tuple[int, str, str, str, str]] = dataclasses.field(default_factory=set)
    patient: tuple[str, str] = ("", "")
    examined: int = 0
    kept: int = 0
    unlisted: int = 0
    left_off: int = 0
    lost: Counter[str] = dataclasses.field(default_factory=Counter)
    counts: Counter[str] = dataclasses.field(default_factory=Counter)
    seen: set[str] = dataclasses.field(default_factory=set)

    def add(self, category: str, where: str = "", rule: object = "", value: str = "") -> None:
        self.counts[category] += 1
        if self.counts[category] > MOST:
            self.left_off += 1
        else:
            self.violations.append((category, where, str(rule), value[:200]))

    def as_json(self) -> dict[str, Any]:
        return {
            "violations": self.violations,
            "uids": sorted(self.uids),
            "standing": self.standing,
            "references": self.references,
            "dates": self.dates,
            "replaced": sorted(self.replaced),
            "patient": self.patient,
            "examined": self.examined,
            "kept": self.kept,
            "unlisted": self.unlisted,
            "left_off": self.left_off,
            "lost": self.lost,
        }
