"""Text of elements: read in its character set, cleaned or scrubbed, written in the same set."""

import re
from typing import Final, NamedTuple

from sharing.deid.keys import is_well_known
from sharing.deid.table import Option
from sharing.deid.text import Cleaned, Cleaner
from sharing.deid.values import cut, dummy, encoded, is_blank
from sharing.dicom.charsets import NAME_BREAKS, VALUE_BREAKS, decode

_BINARY: Final = 4096  # from here on letters with marks are chance
_RUNS: Final = re.compile(rb"[\x20-\x7e\xa0-\xff]{5,}")
_PLAIN_RUNS: Final = re.compile(rb"[\x20-\x7e]{5,}")
_UID: Final = re.compile(r"(?<![\d.])[012]\.\d+(?:\.\d+){3,}")
_LONG: Final = 4096
_CACHED: Final = 1 << 14


class Written(NamedTuple):
    """Bytes to write instead, and a sentence where a person has to look."""

    value: bytes
    doubt: str


class Texts:
    """The texts of one patient's instances, by their bytes; equal ones are worked on once.

    Parameters
    ----------
    cleaner
        Knows the patient.
    """

    def __init__(self, cleaner: Cleaner) -> None:
        self.cleaner = cleaner
        self._memory: dict[tuple[str, bytes, str, str], Written | None] = {}
        self._version = cleaner.known.version

    def scrub(self, raw: bytes, vr: str, charset: str, tag: int) -> Written | None:
        """What to write in place of a text that is kept; None where it stays as it is."""
        if self._version != self.cleaner.known.version:
            self._forget()
        key = "scrub", raw, vr, charset
        try:
            return self._memory[key]
        except KeyError:
            text = _read(raw, vr, charset)
            made = _written(raw, tag, vr, charset, self.cleaner.scrub(text, vr))
            return self._keep(key, made)

    def clean(self, raw: bytes, vr: str, charset: str, tag: int) -> Written | None:
        """What to write in place of a text of the same meaning (action C)."""
        if self._version != self.cleaner.known.version:
            self._forget()
        key = "clean", raw, vr, charset
        try:
            return self._memory[key]
        except KeyError:
            text = _read(raw, vr, charset)
            made = _written(raw, tag, vr, charset, self.cleaner.clean(text, vr))
            return self._keep(key, made)

    def names_somebody(self, raw: bytes) -> bool:
        """Whether bytes of no known form hold what is known of the patient."""
        runs = (_RUNS if len(raw) < _BINARY else _PLAIN_RUNS).findall(raw)
        if not runs:
            return False
        text, known = b"\n".join(runs).decode("latin_1"), self.cleaner.known
        if any(span.end - span.start > 4 for span in known.find(text)):
            return True
        uids = () if Option.RETAIN_UIDS in known.options else _UID.findall(text)
        return not all(map(is_well_known, uids))

    def _keep(self, key: tuple[str, bytes, str, str], made: Written | None) -> Written | None:
        if len(self._memory) >= _CACHED:
            self._memory.clear()
        if len(key[1]) < _LONG:
            self._memory[key] = made
        return made

    def _forget(self) -> None:
        self._memory.clear()
        self._version = self.cleaner.known.version


def _read(raw: bytes, vr: str, charset: str) -> str:
    return decode(raw, charset, NAME_BREAKS if vr == "PN" else VALUE_BREAKS).strip(" \0")


def _written(raw: bytes, tag: int, vr: str, charset: str, cleaned: Cleaned) -> Written | None:
    if not cleaned.spans:
        return Written(raw, cleaned.doubt) if cleaned.doubt else None
    value = encoded(cut(cleaned.text, vr), charset)
    return Written(dummy(tag, vr, raw) if is_blank(value) else value, cleaned.doubt)
