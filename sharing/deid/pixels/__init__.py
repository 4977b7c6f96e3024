"""Text that is burned into pixels: found, masked, looked for again (PS3.15 E.3.1).

`clean` works on a file in place and answers a `Cleaned`. What decodes or looks for text runs in a
child: frames are decoded and encoded in `dicom.guard`'s, text is found in `reader`'s own.
"""

from sharing.deid.pixels.cleaning import clean, forget, mask
from sharing.deid.pixels.facts import Facts, facts
from sharing.deid.pixels.findings import Box, Cleaned, Preview, Settings, Why
from sharing.deid.pixels.rules import Risk, triage

__all__ = [
    "Box",
    "Cleaned",
    "Facts",
    "Preview",
    "Risk",
    "Settings",
    "Why",
    "clean",
    "facts",
    "forget",
    "mask",
    "triage",
]
