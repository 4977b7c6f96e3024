"""Types of attributes (PS3.5 7.4) by SOP class, as far as an action of PS3.15 Table E.1-1 needs them.

The data file holds facts of PS3.3: for each module the places at which an attribute of the table is
of type 1, 1C, 2 or 2C (a place is the sequence around the attribute, or none, and the attribute),
and which modules an IOD has.
"""

import json
from collections.abc import Mapping
from enum import IntEnum
from functools import cache
from typing import Any, Final

from sharing.deid.table import DATA

FILE: Final = "types.json"


class Needed(IntEnum):
    """What an IOD wants of an attribute: nothing, to be there, or a value."""

    NOT = 0
    PRESENT = 1
    VALUE = 2


_NEEDED: Final = {
    "1": Needed.VALUE,
    "1C": Needed.VALUE,
    "2": Needed.PRESENT,
    "2C": Needed.PRESENT,
}


def needed(sop_class: str, parent: int, tag: int) -> Needed:
    """What the IOD of a SOP class wants of an attribute that an instance has.

    A conditional attribute that is there counts as if its condition held. For a SOP class that
    is not known, whatever any IOD wants at that place.

    Parameters
    ----------
    parent
        Tag of the sequence around the attribute; 0 for none.
    """
    place = f"{parent:08x}/{tag:08x}" if parent else f"/{tag:08x}"
    places = _places(_file()["classes"].get(sop_class, ""))
    return _NEEDED[places[place]] if place in places else Needed.NOT


@cache
def _file() -> dict[str, Any]:
    written: dict[str, Any] = json.loads((DATA / FILE).read_text(encoding="utf-8"))
    return written


@cache
def _places(iod: str) -> Mapping[str, str]:
    """Places of an IOD, of all IODs for ""; of several types the strictest, which sorts first."""
    modules = _file()["modules"]
    found: dict[str, str] = {}
    for name in _file()["iods"].get(iod, modules):
        for place, kind in modules[name].items():
            found[place] = min(kind, found.get(place, "3"))
    return found
