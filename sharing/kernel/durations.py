"""Lengths of time as people type them: 30m, 1h, 7d."""

import datetime
import re

UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
# How far the clocks of our own machines may differ. What began later than this from now has not
# begun: a clock that was set back does not bring to life what ended before it was set.
OUR_CLOCKS = datetime.timedelta(minutes=1)
PATTERN = re.compile(r"([1-9][0-9]{0,4})\s*([mhdw])")


def parse(text: str) -> datetime.timedelta:
    """The length of time that `text` names; ValueError with a sentence for anything else."""
    found = PATTERN.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError(f"{text!r} is no length of time; write 30m, 1h, 7d or 2w.")
    return datetime.timedelta(**{UNITS[found[2]]: int(found[1])})
