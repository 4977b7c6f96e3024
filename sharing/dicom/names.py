"""Names of people (PS3.5 6.2, VR PN): shown in one line, compared without marks and case."""

import re
import unicodedata
from typing import Final

_FAMILY, _GIVEN, _MIDDLE, _PREFIX, _SUFFIX = range(5)
_PARTS: Final = 5
_SPACES: Final = re.compile(r"[\s\x00-\x1f]+")
# Letters that compatibility decomposition leaves alone, as a person would type them.
_TYPED: Final = str.maketrans(
    {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"}
)


def groups(pn: str) -> tuple[str, str, str]:
    """The alphabetic, ideographic and phonetic writing of a name; "" where there is none.

    Examples
    --------
    >>> groups("Yamada^Tarou=山田^太郎")
    ('Yamada^Tarou', '山田^太郎', '')
    """
    found = [*pn.split("=", 2), "", "", ""][:3]
    return found[0].strip(" ^"), found[1].strip(" ^"), found[2].strip(" ^=")


def parts(group: str) -> tuple[str, str, str, str, str]:
    """Family, given, middle, prefix and suffix of one writing of a name."""
    found = [_SPACES.sub(" ", part).strip() for part in group.split("^")]
    found += [""] * _PARTS
    rest = " ".join(part for part in found[_PARTS:] if part)
    suffix = " ".join(part for part in (found[_SUFFIX], rest) if part)
    return found[0], found[1], found[2], found[3], suffix


def display(pn: str) -> str:
    """A name for a page: `Family, Given Middle`, its ideographic writing behind it.

    Examples
    --------
    >>> display("Adams^John Robert Quincy^^Rev.^B.A. M.Div.")
    'Adams, Rev. John Robert Quincy, B.A. M.Div.'
    >>> display("Yamada^Tarou=山田^太郎=やまだ^たろう")
    'Yamada, Tarou (山田 太郎)'
    """
    alphabetic, ideographic, phonetic = groups(pn)
    main = _western(alphabetic)
    native = " ".join(part for part in parts(ideographic) if part)
    if main and native:
        return f"{main} ({native})"
    return main or native or " ".join(part for part in parts(phonetic) if part)


def _western(group: str) -> str:
    family, given, middle, prefix, suffix = parts(group)
    called = " ".join(part for part in (prefix, given, middle) if part)
    return ", ".join(part for part in (family, called, suffix) if part)


def key(text: str) -> str:
    """Text as it is compared: case folded, marks removed, spaces single.

    Examples
    --------
    >>> key("  Müller-Łukasz ")
    'muller lukasz'
    """
    folded = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(c for c in folded if not unicodedata.combining(c)).translate(_TYPED)
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFC", plain)))


def search_key(pn: str) -> str:
    """What a worklist keeps beside a name to search in: the words of every writing.

    Examples
    --------
    >>> search_key("Wang^XiaoDong=王^小東")
    'wang xiaodong 王 小東'
    """
    return key(" ".join(groups(pn)))


def matches(pn: str, query: str) -> bool:
    """Whether every word asked for begins a word of the name, in any order and writing.

    Examples
    --------
    >>> matches("Müller^Anna", "anna mul"), matches("Müller^Anna", "lena")
    (True, False)
    """
    words = search_key(pn).split()
    return all(any(word.startswith(asked) for word in words) for asked in key(query).split())
