"""An output without its original: what must be a stand-in has to look like one."""

import re

from sharing.deid.verify.attributes import UID, WELL_KNOWN
from sharing.deid.verify.found import Found
from sharing.deid.verify.reading import Items, Record, dotted
from sharing.deid.verify.table import Rules

# Values that can identify nobody: pseudonyms as this project makes them, the words and numbers
# that stand for nothing, and the first day of a century.
STAND_IN = re.compile(
    r"P-[A-Z2-7]{10}|[A-Z]{1,2}-[A-Z2-7]{8,16}|(?:anonymi[sz]ed|anonymous|removed|unknown|none|dummy"
    r"|de-?identified|not applicable|unspecified|other|n/?a|o|x)[\^=\s]*|[0.:+\s]*|(?:19|20)000101\d*(?:\.0*)?"
    r"|(.)\1*",
    re.IGNORECASE,
)


def stand_ins(rules: Rules, new: Record, found: Found) -> None:
    """What had to be emptied or replaced is empty or a stand-in; UIDs are derived ones (2.25)."""
    _items(rules, new.items, "", found)


def _items(rules: Rules, items: Items, where: str, found: Found) -> None:
    for tag, one in items.items():
        place = where + dotted(tag)
        rule = rules.of(tag) if not one.private else None
        for number, item in enumerate(one.items or ()):
            _items(rules, item, f"{place}[{number}].", found)
        if rule is None or one.items is not None or rule.codes & {"K", "C"} or rule.only == "X":
            continue
        said = f"{rule}: {rule.name}"
        if "U" in rule.codes:
            for value in one.values:
                if value and not value.startswith(("2.25.", WELL_KNOWN)):
                    found.add(
                        "not_a_stand_in" if UID.fullmatch(value) else "uid_invalid",
                        place,
                        said,
                        value,
                    )
        elif (
            one.raw and one.vr not in {"OB", "UN"} and not all(map(STAND_IN.fullmatch, one.values))
        ):
            found.add("not_a_stand_in", place, said, one.text)
