"""What was done to one instance and why, and what a person has to look at.

Neither ever holds a value of the original: a ledger may be shown to those who get the release.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """One attribute that is not as it was.

    Attributes
    ----------
    path
        Where it is: `(gggg,eeee)`, inside of sequences `(gggg,eeee)[*].(gggg,eeee)`. The same
        action on the same attribute of several items is one entry.
    keyword
        Of the attribute (PS3.6); for a private one its creator, "" for an unknown one.
    action
        What was done, as one of the letters of PS3.15 Table E.1-1a: X removed, Z emptied,
        D replaced, C cleaned, U another UID, K kept though the profile would have it go;
        + for what was added.
    reason
        A sentence: the table's row, an option, or the reason that a profile's rule gives.
    count
        How many times.
    """

    path: str
    keyword: str
    action: str
    reason: str
    count: int = 1


class Kind(StrEnum):
    """What a doubt is about."""

    TEXT = "text"
    PIXELS = "pixels"
    GRAPHICS = "graphics"
    DOCUMENT = "document"
    FACE = "face"
    PRIVATE = "private"
    DATE = "date"
    STRUCTURE = "structure"


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something that rules alone cannot decide: it holds the instance for a person (DESIGN 4.10).

    Attributes
    ----------
    kind
        What it is about.
    path
        Where, as in `Entry`; "" for the whole instance.
    sentence
        What a reviewer should look at, without a value of the original.
    """

    kind: Kind
    path: str
    sentence: str


def to_json(ledger: Iterable[Entry], doubts: Iterable[Doubt]) -> dict[str, Any]:
    """Ledger and doubts as what JSON can carry."""
    return {
        "ledger": [asdict(entry) for entry in ledger],
        "doubts": [asdict(doubt) for doubt in doubts],
    }


def from_json(written: dict[str, Any]) -> tuple[list[Entry], list[Doubt]]:
    """What `to_json` made."""
    ledger = [Entry(**entry) for entry in written["ledger"]]
    doubts = [Doubt(**{**doubt, "kind": Kind(doubt["kind"])}) for doubt in written["doubts"]]
    return ledger, doubts
