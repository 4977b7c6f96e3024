"""Types of attributes by IOD, taken once from the tables that highdicom brings along.

`python -m tests.deid.standard` writes `sharing/deid/data/types.json` anew.
"""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import highdicom
from pydicom.datadict import tag_for_keyword

from sharing.deid.rules import BEYOND
from sharing.deid.table import DATA, Action, table
from sharing.deid.types import FILE

SOURCE = Path(highdicom.__file__).parent / "_standard"
SETTLED = frozenset({Action.REPLACE, Action.UID})  # they are done whatever the type
STRICT = ("1", "1C", "2", "2C", "3")


def types() -> dict[str, Any]:
    """Which types attributes have whose action depends on them, by module and place."""
    modules, iods, classes = (
        json.loads((SOURCE / f"{name}.json").read_text())
        for name in ("module_attribute_map", "iod_module_map", "sop_class_iod_map")
    )
    asked = {tag for tag, row in table().rows.items() if row.basic not in SETTLED} | set(BEYOND)
    places = {name: _places(attributes, asked) for name, attributes in modules.items()}
    used = {
        iod: [one["key"] for one in iods[iod] if places.get(one["key"])]
        for iod in set(classes.values())
    }
    return {
        "classes": classes,
        "iods": used,
        "modules": {name: places[name] for name in {name for one in used.values() for name in one}},
    }


def _places(attributes: list[dict[str, Any]], asked: set[int]) -> dict[str, str]:
    """`PARENT/TAG` or `/TAG` to type; of several the strictest, type 3 left out."""
    found: dict[str, set[str]] = defaultdict(set)
    for one in attributes:
        tag = tag_for_keyword(one["keyword"])
        parent = tag_for_keyword(one["path"][-1]) if one["path"] else None
        if tag in asked and one["type"] in STRICT[:-1]:
            found[f"{parent:08x}/{tag:08x}" if parent else f"/{tag:08x}"].add(one["type"])
    return {place: min(kinds, key=STRICT.index) for place, kinds in found.items()}


def text() -> str:
    return json.dumps(types(), indent=0, sort_keys=True) + "\n"


if __name__ == "__main__":
    (DATA / FILE).write_text(text())
