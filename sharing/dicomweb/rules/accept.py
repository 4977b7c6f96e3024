"""Which of the forms that we can give is the one that was asked for (PS3.18 section 8.7)."""

import dataclasses
import re
from collections.abc import Iterator

JSON = "application/dicom+json"
OCTETS = "application/octet-stream"
PART10 = "application/dicom"
PICTURES = ("image/jpeg", "image/png")

_4 = "1.2.840.10008.1.2.4."
_FRAME_TYPES: dict[str, frozenset[str]] = {
    "image/jpeg": frozenset({_4 + "50", _4 + "51", _4 + "57", _4 + "70"}),
    "image/jls": frozenset({_4 + "80", _4 + "81"}),
    "image/jp2": frozenset({_4 + "90", _4 + "91"}),
    "image/jphc": frozenset({_4 + "201", _4 + "202", _4 + "203"}),
    "image/dicom-rle": frozenset({"1.2.840.10008.1.2.5"}),
}
_LIST = re.compile(r'((?:[^,"]|"[^"]*")+)')
_PARTS = re.compile(r'((?:[^;"]|"[^"]*")+)')


@dataclasses.dataclass(frozen=True, slots=True)
class Wish:
    """One entry of an Accept header.

    `inside` is the type of the parts where a multipart answer is wished, else the type itself.
    """

    media_type: str
    inside: str
    syntax: str
    quality: float

    @property
    def multipart(self) -> bool:
        return self.media_type == "multipart/related"

    @property
    def anything(self) -> bool:
        return self.media_type == "*/*"


@dataclasses.dataclass(frozen=True, slots=True)
class Form:
    """How an answer is given."""

    media_type: str
    multipart: bool = False


def wishes(header: str) -> list[Wish]:
    """The entries of an Accept header, the dearest first; an empty header wishes anything."""
    found = [_wish(entry) for entry in _LIST.findall(header or "*/*")]
    return sorted((wish for wish in found if wish.quality > 0), key=lambda wish: -wish.quality)


def _wish(entry: str) -> Wish:
    media_type, *rest = (part.strip() for part in _PARTS.findall(entry))
    given = dict(_parameters(rest))
    media_type = media_type.lower()
    inside = given.get("type", "*/*").lower() if media_type == "multipart/related" else media_type
    return Wish(media_type, inside, given.get("transfer-syntax", ""), _quality(given.get("q", "1")))


def _parameters(parts: list[str]) -> Iterator[tuple[str, str]]:
    for part in parts:
        name, _, value = part.partition("=")
        yield name.strip().lower(), value.strip().strip('"')


def _quality(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0


def frame_form(header: str, syntax: str) -> Form | None:
    """How frames encoded in `syntax` are given; None if they cannot be as wished."""
    for wish in wishes(header):
        if wish.anything:
            return Form(OCTETS, multipart=True)
        if _suits(wish, syntax):
            return Form(OCTETS if wish.inside == "*/*" else wish.inside, wish.multipart)
    return None


def _suits(wish: Wish, syntax: str) -> bool:
    if wish.syntax not in ("", "*", syntax):
        return False
    if wish.inside in (OCTETS, "application/*"):
        return True
    if wish.multipart and wish.inside == "*/*":
        return True
    return syntax in _FRAME_TYPES.get(wish.inside, ())


def file_form(header: str, syntax: str) -> Form | None:
    """How a Part 10 file is given."""
    for wish in wishes(header):
        if wish.syntax not in ("", "*", syntax):
            continue
        if wish.anything or (wish.multipart and wish.inside in (PART10, "*/*")):
            return Form(PART10, multipart=True)
        if wish.inside in (PART10, "application/*"):
            return Form(PART10)
    return None


def picture_type(header: str) -> str | None:
    """JPEG unless PNG is wished more."""
    for wish in wishes(header):
        if wish.anything or wish.media_type == "image/*":
            return PICTURES[0]
        if wish.media_type in PICTURES:
            return wish.media_type
    return None


def wants_json(header: str) -> bool:
    known = (JSON, "application/json", "application/*", "*/*")
    return any(wish.media_type in known for wish in wishes(header))


def wants(header: str, media_type: str) -> bool:
    return any(wish.media_type == media_type for wish in wishes(header))
