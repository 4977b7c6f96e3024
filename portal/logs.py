"""What the log may say of a request: the place, never the address that was asked for.

An address carries study UIDs and what somebody searched for; its first word is the same for
everybody.
"""

import logging
import re
from typing import Any

# An address in the middle of a line, as it was sent: its first word stays.
ADDRESS = re.compile(r"(?:https?://[^\s/?'\"]+)?(?<![:/])(/[^\s/?'\"]*)[/?][^\s'\"]*")


class WithoutAddresses(logging.Filter):
    """Cuts the paths in Django's own messages to their first word: /dicom-web, /c, /api."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(_cut(value) for value in record.args)
        return True


class WithoutAddressesInLines(logging.Filter):
    """The same for the web server, which writes what it was asked for in the middle of a line."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = ADDRESS.sub(r"\1", record.getMessage()), None
        return True


def _cut(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("/"):
        return "/" + value[1:].partition("/")[0].partition("?")[0]
    return value
