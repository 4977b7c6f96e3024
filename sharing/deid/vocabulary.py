"""Words that a cleaned text may keep: of the standard's dictionary, of its codes, and our own.

A word is here because it tells of images and bodies, not of people; what is not here is removed
(`text`). Some are names of people as well (`is_namelike`): those are kept only in company that
makes them ordinary.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from sharing.deid.table import DATA

_OWN: Final = DATA / "words.txt"
_NAMES: Final = DATA / "names.txt"
_GATHERED: Final = DATA / "vocabulary.txt"
_WORD: Final = re.compile(r"[A-Za-z]{2,}")
# Whose codes are words of medicine; the others are mostly names of products, species and devices.
_SCHEMES: Final = ("SCT", "DCM", "RADLEX", "IBSI", "FMA", "NEU", "NCIt")
_NOT_OF_PEOPLE: Final = re.compile(
    r"breed|genus|species|organism|horse|dog|cattle|sheep|goat|swine|pig|religio|ethnic|language"
    r"|nationality|[A-Za-z]'s?\b|\b(?:19|20)\d\d\b",
    re.IGNORECASE,
)
_ENDINGS: Final = (
    "graphy", "gram", "scopy", "itis", "oma", "ectomy", "otomy", "ostomy", "plasty", "osis", "emia",
    "pathy", "lysis", "metry", "logy", "ization", "ation", "ative", "ular", "eal", "ium", "ine", "ide",
)  # fmt: skip


@cache
def names(kind: str) -> frozenset[str]:
    """Words of `data/names.txt` of one kind: `ordinary`, `given`, `particle` or `nobody`."""
    lines = (line.partition(": ") for line in _NAMES.read_text(encoding="utf-8").splitlines())
    return frozenset(word for key, _, rest in lines if key == kind for word in rest.split())


@cache
def words() -> frozenset[str]:
    """Every word that may be kept, in small letters without accents."""
    found = {*_read(_OWN), *_read(_GATHERED)}
    return frozenset(found - names("given"))


def is_namelike(word: str) -> bool:
    """Whether people are called so, though the vocabulary may have it."""
    return word in names("ordinary") or word in names("given")


def _read(path: Path) -> Iterator[str]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            yield from line.split()


def gather() -> list[str]:
    """The words of `data/vocabulary.txt`, from what pydicom knows of PS3.6 and PS3.16.

    Of the codes' meanings only what is written small somewhere counts, or what ends as terms of
    medicine do: a capital letter may begin a name (as in the names of scores and syndromes).
    """
    from pydicom.datadict import DicomDictionary
    from pydicom.sr._concepts_dict import concepts

    dictionary = {
        word.lower() for row in DicomDictionary.values() for word in _WORD.findall(row[2])
    }
    small: set[str] = set()
    large: set[str] = set()
    for scheme in _SCHEMES:
        coded: dict[str, Any] = concepts[scheme]
        for meaning, _ in (one for rows in coded.values() for one in rows.values()):
            if not _NOT_OF_PEOPLE.search(meaning):
                for word in _WORD.findall(meaning):
                    (small if word.islower() else large).add(word.lower())
    terms = {word for word in large if word.endswith(_ENDINGS)}
    kept = {word for word in dictionary | small | terms if len(word) > 2}
    return sorted(kept - set(_read(_OWN)) - names("ordinary") - names("given"))
