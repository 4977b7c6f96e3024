"""Lengths of time as people type them: 30m, 1h, 7d."""

import datetime
import re

UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
PATTERN = re.compile(r"([1-9][0-9]{0,4})\s*([mhdw])")


def parse(text: str) -> datetime.timedelta:
    """The length of time that `text` names; ValueError with a sentence for anything else."""
    found = PATTERN.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError(f"{text!r} is no length of time; write 30m, 1h, 7d or 2w.")
    return datetime.timedelta(**{UNITS[found[2]]: int(found[1])})


def words(length: datetime.timedelta) -> str:
    """A length of time in words, in its largest whole unit: "7 days"."""
    minutes = int(length.total_seconds() // 60)
    for size, name in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size and minutes % size == 0:
            count = minutes // size
            return f"{count} {name}{'s' if count > 1 else ''}"
    return "less than a minute"
