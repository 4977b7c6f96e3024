"""What the output carries besides: how it was de-identified, when it was made, its file meta."""

import datetime
from functools import lru_cache
from typing import Final

from sharing.deid.facts import Facts
from sharing.deid.ledger import Entry
from sharing.deid.pieces import element, sequence
from sharing.deid.profile import Profile
from sharing.deid.rules import CREATED, keyword
from sharing.deid.table import BASIC_METHOD, DATES, METHODS, Option
from sharing.dicom.elements import EXPLICIT_LITTLE, Form
from sharing.dicom.media import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION
from sharing.dicom.part10 import META_CLASS, META_INSTANCE

REMOVED: Final = 0x00120062
METHOD: Final = 0x00120063
METHOD_CODES: Final = 0x00120064
BURNED_IN: Final = 0x00280301
RECOGNIZABLE: Final = 0x00280302
LONGITUDINAL: Final = 0x00280303
_PREAMBLE: Final = bytes(128) + b"DICM"


def method(profile: Profile) -> str:
    """De-identification Method (0012,0063): which profile, in which version."""
    return f"Handover profile {profile.name} {profile.version}"[:64]


def longitudinal(options: frozenset[Option]) -> str:
    """Longitudinal Temporal Information Modified (0028,0303)."""
    if Option.RETAIN_LONGITUDINAL_FULL_DATES in options:
        return "UNMODIFIED"
    if Option.RETAIN_LONGITUDINAL_MODIFIED_DATES in options:
        return "MODIFIED"
    return "REMOVED"


class Marks:
    """What is put into every output of one profile.

    Parameters
    ----------
    profile
        Whose options are named by the codes of CID 7050.
    created
        When the outputs are made; given, so that a second run writes the same bytes.
    """

    def __init__(self, profile: Profile, created: datetime.datetime) -> None:
        self._profile, self._created = profile, created
        self._elements: dict[tuple[Form, bool], dict[int, bytes]] = {}

    def of(self, facts: Facts, form: Form) -> dict[int, bytes]:
        """Elements to put in at the top level of a data set, by tag."""
        dated = self._profile.options & DATES and facts.created
        found = self._elements.get((form, bool(dated)))
        if found is None:
            found = self._elements[form, bool(dated)] = self._make(form, dated=bool(dated))
        return found

    def _make(self, form: Form, *, dated: bool) -> dict[int, bytes]:
        options = self._profile.options
        texts = {
            REMOVED: ("CS", "YES"),
            METHOD: ("LO", method(self._profile)),
            LONGITUDINAL: ("CS", longitudinal(options)),
        }
        if not dated:
            day, time = self._created.strftime("%Y%m%d"), self._created.strftime("%H%M%S")
            texts |= {CREATED[0]: ("DA", day), CREATED[1]: ("TM", time)}
        if Option.CLEAN_PIXEL_DATA in options:
            texts[BURNED_IN] = ("CS", "NO")
        if Option.CLEAN_RECOGNIZABLE_VISUAL_FEATURES in options:
            texts[RECOGNIZABLE] = ("CS", "NO")
        made = {
            tag: element(tag, vr, text.encode("ascii", "replace"), form=form)
            for tag, (vr, text) in texts.items()
        }
        made[METHOD_CODES] = sequence(METHOD_CODES, self._codes(form), form=form)
        return made

    def _codes(self, form: Form) -> list[bytes]:
        chosen = [METHODS[option] for option in METHODS if option in self._profile.options]
        return [
            element(0x00080100, "SH", value.encode(), form=form)
            + element(0x00080102, "SH", b"DCM", form=form)
            + element(0x00080104, "LO", meaning.encode(), form=form)
            for value, meaning in (BASIC_METHOD, *chosen)
        ]


@lru_cache(maxsize=64)
def entries(tags: tuple[int, ...]) -> tuple[Entry, ...]:
    """What was put in, for the ledger."""
    reason = "It says what was done (PS3.15 E.1.1)."
    return tuple(
        Entry(f"({tag >> 16:04X},{tag & 0xFFFF:04X})", keyword(tag), "+", reason)
        for tag in sorted(tags)
    )


def file_meta(sop_class: str, instance: str, syntax: str) -> bytes:
    """An empty preamble and file meta information of our own (PS3.10 7.1)."""
    texts = (
        (META_CLASS, "UI", sop_class),
        (META_INSTANCE, "UI", instance),
        (0x00020010, "UI", syntax),
        (0x00020012, "UI", IMPLEMENTATION_CLASS_UID),
        (0x00020013, "SH", IMPLEMENTATION_VERSION),
    )
    form = EXPLICIT_LITTLE
    body = element(0x00020001, "OB", b"\0\1", form=form) + b"".join(
        element(tag, vr, text.encode("ascii", "replace"), form=form)
        for tag, vr, text in texts
        if text
    )
    length = element(0x00020000, "UL", len(body).to_bytes(4, "little"), form=form)
    return _PREAMBLE + length + body
