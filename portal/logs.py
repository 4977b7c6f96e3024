"""What the log may say of a request: the place, never the address that was asked for.

An address carries study UIDs and what somebody searched for; its first word is the same for
everybody.
"""

import logging
from typing import Any


class WithoutAddresses(logging.Filter):
    """Cuts the paths in Django's own messages to their first word: /dicom-web, /c, /api."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(_cut(value) for value in record.args)
        return True


def _cut(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("/"):
        return "/" + value[1:].partition("/")[0].partition("?")[0]
    return value
