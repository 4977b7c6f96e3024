"""What a study's headers say of its patient and its people, to be looked for in every text.

The header knows who it is: names in every form, numbers, days, telephones, addresses, institutions
and devices. `Known` gathers them (`learn`) and finds them again (`find`), however they are written.
"""

import datetime
import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cache
from typing import Any, Final, NamedTuple

from pydicom.datadict import dictionary_VR

from sharing.deid import dates
from sharing.deid.table import Option, table
from sharing.deid.vocabulary import names


class Kind(StrEnum):
    """What a found piece of text tells."""

    NAME = "name"
    NUMBER = "number"
    BIRTH = "birth"
    DATE = "date"
    PHONE = "phone"
    PLACE = "place"
    DEVICE = "device"
    MAIL = "mail"
    ADDRESS = "address"
    AGE = "age"
    UID = "uid"
    UNKNOWN = "unknown"


class Span(NamedTuple):
    """A piece of text that tells who it is.

    Attributes
    ----------
    start, end
        Indices into the text.
    kind
        What it tells.
    sure
        False for a word that the header has in a name, but that is an ordinary word of
        descriptions as well (a patient called Chest): it goes, and a person is told.
    """

    start: int
    end: int
    kind: Kind
    sure: bool = True


_PHONES: Final = re.compile(r"tele(?:phone|com)|phone number", re.IGNORECASE)
_DEVICES: Final = re.compile(
    r"station (?:ae|name)|ae title|\bae\b|serial|network id|device (?:id|label|alternate|identifier)"
    r"|(?:cassette|plate|gantry|generator|detector|source) id|machine name|originator",
    re.IGNORECASE,
)
_PLACES: Final = re.compile(
    r"address|institution|organi[sz]ation|location|residence|center name|site name|issuer"
    r"|requesting service|committee name|sponsor name",
    re.IGNORECASE,
)
_NUMBERS: Final = re.compile(
    r"\bids?\b|identifier|locator|order number|accession|insurance|approval number|barcode",
    re.IGNORECASE,
)
_NAMES: Final = re.compile(r"author|owner name|person name", re.IGNORECASE)
_TEXTS: Final = frozenset({"AE", "LO", "LT", "SH", "ST", "UC", "UR", "UT"})
_BIRTHS: Final = re.compile(r"birth|death", re.IGNORECASE)
_MAKERS: Final = frozenset({0x00080070, 0x00081090})


_SPARED: Final[Mapping[Option, Kind]] = {
    Option.RETAIN_INSTITUTION_IDENTITY: Kind.PLACE,
    Option.RETAIN_DEVICE_IDENTITY: Kind.DEVICE,
    Option.RETAIN_LONGITUDINAL_FULL_DATES: Kind.DATE,
}


@cache
def told_by() -> dict[int, Kind]:
    """What the attributes of Table E.1-1 tell, as far as it is worth looking for."""
    found: dict[int, Kind] = {}
    for tag, row in table().rows.items():
        vr = _vr(tag)
        if vr in ("DA", "DT"):
            found[tag] = Kind.BIRTH if _BIRTHS.search(row.name) else Kind.DATE
        elif vr == "PN":
            found[tag] = Kind.NAME
        elif vr in _TEXTS and Option.CLEAN_DESCRIPTORS not in row.options:
            kind = _told(row.name)
            if kind:
                found[tag] = kind
    return found


def _told(name: str) -> Kind | None:
    tests = (
        (Kind.PHONE, _PHONES),
        (Kind.DEVICE, _DEVICES),
        (Kind.PLACE, _PLACES),
        (Kind.NUMBER, _NUMBERS),
        (Kind.NAME, _NAMES),
    )
    return next((kind for kind, test in tests if test.search(name)), None)


def _vr(tag: int) -> str:
    try:
        return str(dictionary_VR(tag))
    except KeyError:
        return ""


def spared(options: frozenset[Option]) -> set[Kind]:
    """What identifies nobody, because options retain it."""
    return {kind for option, kind in _SPARED.items() if option in options}


class Known:
    """What is known of the people of one patient's studies.

    Parameters
    ----------
    options
        Of the profile: what they retain (institutions, devices, full dates) is not looked for.

    Examples
    --------
    >>> known = Known()
    >>> known.learn(0x00100010, "PN", "Müller^Anna Maria")
    >>> [text[a:b] for text in ("CT of A. MUELLER, chest",) for a, b, *_ in known.find(text)]
    ['A. MUELLER']
    """

    def __init__(self, options: Iterable[Option] = ()) -> None:
        self.options = frozenset(options)
        self.facts: dict[Kind, set[str]] = {}
        self.makers: set[str] = set()
        self.version = 0
        self._seen: set[tuple[int, str]] = set()
        self._search: tuple[int, Any] = (-1, None)

    def learn(self, tag: int, vr: str, text: str) -> None:
        """Take in one value of a header, of any data set or item; what tells nothing is passed by.

        Parameters
        ----------
        tag, vr
            Of the element.
        text
            Its value as text, several values separated by a backslash.
        """
        if not text or (tag, text) in self._seen:
            return
        kind = Kind.NAME if vr == "PN" else told_by().get(tag)
        if tag in _MAKERS:
            self._keep_maker(text)
        elif kind:
            self._seen.add((tag, text))
            whole = [text] if vr in ("ST", "LT", "UT", "UR") else text.split("\\")
            for value in whole:
                self._keep(kind, value.strip(" \0"))

    def _keep(self, kind: Kind, value: str) -> None:
        found = self.facts.setdefault(kind, set())
        if value and value not in found and value.strip("^= ").casefold() not in names("nobody"):
            found.add(value)
            self.version += 1

    def _keep_maker(self, text: str) -> None:
        if text not in self.makers:
            self.makers.add(text)
            self.version += 1

    def merge(self, other: "Known") -> None:
        """Take in what another one knows of the same patient."""
        for kind, values in other.facts.items():
            for value in values:
                self._keep(kind, value)
        for maker in other.makers:
            self._keep_maker(maker)

    @property
    def days(self) -> frozenset[datetime.date]:
        """Every day that the headers name, to read 03/04/2026 by."""
        values = self.facts.get(Kind.DATE, set()) | self.facts.get(Kind.BIRTH, set())
        return frozenset().union(*(dates.days_in(value) for value in values))

    @property
    def births(self) -> frozenset[datetime.date]:
        """The days among them on which somebody was born, or died."""
        return frozenset().union(*map(dates.days_in, self.facts.get(Kind.BIRTH, ())))

    def looked_for(self) -> dict[Kind, set[str]]:
        """The facts that identify under the profile's options."""
        unsought = spared(self.options)
        return {kind: values for kind, values in self.facts.items() if kind not in unsought}

    def find(self, text: str) -> list[Span]:
        """Where the text tells something of what is known: in order, without overlaps."""
        from sharing.deid.matching import Search

        version, search = self._search
        if version != self.version:
            search = Search(self)
            self._search = self.version, search
        return search.find(text)

    def to_json(self) -> dict[str, Any]:
        """What is known, for another worker. It names the patient: keep it as the images are kept."""
        return {
            "options": sorted(self.options),
            "facts": {kind.value: sorted(values) for kind, values in sorted(self.facts.items())},
            "makers": sorted(self.makers),
        }

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> "Known":
        """What `to_json` made."""
        known = cls(Option(option) for option in written["options"])
        for kind, values in written["facts"].items():
            for value in values:
                known._keep(Kind(kind), value)
        for maker in written["makers"]:
            known._keep_maker(maker)
        return known
