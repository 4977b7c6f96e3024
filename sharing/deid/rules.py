"""What a profile does with every attribute, compiled once (PS3.15 Table E.1-1 and E.3).

Compound codes are decided by what the IOD wants of the attribute (`types`), and so is a Z where the
IOD wants a value. An X is an X, even where the IOD wants the attribute (Responsible Person of an
animal): the table is normative. Presentation Creation Date and Time alone get a dummy value, since
no presentation state can be without.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from pydicom.datadict import keyword_for_tag

from sharing.deid.profile import Private, Profile
from sharing.deid.table import DATES, METHODS, Action, Option, Row, safe_private, table
from sharing.deid.types import Needed, needed
from sharing.dicom.dictionary import vr_of


class Do(IntEnum):
    """What the engine does with an attribute that is not simply kept."""

    REMOVE = 0
    EMPTY = 1
    REPLACE = 2
    UID = 3
    RETAIN = 4
    CLEAN = 5
    SHIFT = 6
    CODE = 7
    CONTENT = 8
    ENTER = 9
    PSEUDONYM = 10
    LOOK = 11


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """What to do with an attribute at a place.

    Attributes
    ----------
    letter
        For the ledger, as in Table E.1-1a.
    reason
        A sentence for the ledger.
    value
        What a profile's rule wants written.
    """

    tag: int
    do: Do
    letter: str
    keyword: str
    reason: str
    value: str = ""


CONTENT: Final = frozenset({0x0040A730, 0x00400555, 0x00400610, 0x0040B020})
"""Sequences of content items: content, acquisition context, specimen preparation, annotation."""

_ADDRESS: Final = "An address says where the original is kept."
_SIGNED: Final = "What was signed is no longer what it was."
_SEALED: Final = "What is inside cannot be looked at."
BEYOND: Final[Mapping[int, tuple[Action, str]]] = {
    0x00080407: (Action.REMOVE_EMPTY_OR_REPLACE, _ADDRESS),
    0x00080408: (Action.REMOVE_EMPTY_OR_REPLACE, _ADDRESS),
    0x00080409: (Action.REMOVE_EMPTY_OR_REPLACE, _ADDRESS),
    0x00081190: (Action.REMOVE_EMPTY_OR_REPLACE, _ADDRESS),
    0x00287FE0: (Action.REMOVE_EMPTY_OR_REPLACE, _ADDRESS),
    0x0040E010: (Action.REMOVE_EMPTY_OR_REPLACE, _ADDRESS),
    0x00404073: (Action.REMOVE_EMPTY_OR_REPLACE, _ADDRESS),
    0x0074100A: (Action.REMOVE_EMPTY_OR_REPLACE, _ADDRESS),
    0x00420015: (Action.REPLACE, "The document is another one."),
    0x04000500: (Action.REMOVE, _SEALED),
    0x00720008: (Action.EMPTY_OR_REPLACE, "It names a person."),
    0x4FFE0001: (Action.REMOVE, _SIGNED),
}
"""Attributes that the table leaves out and that say whose or where the original is all the same."""

# UIDs that name kinds of things, not somebody's: classes, schemes, groups, syntaxes.
_NAMES_A_KIND: Final = frozenset(
    {
        0x00080016, 0x0008001A, 0x0008001B, 0x00080062, 0x0008010C, 0x0008010D, 0x00080117,
        0x00080118, 0x0008040E, 0x00081150, 0x0008115A, 0x00083002, 0x00340003, 0x04000010,
        0x04000510, 0x30100052, 0x30100053,
    }
)  # fmt: skip
_DAYS: Final = frozenset({"DA", "DT"})
_BURNED_IN: Final = 0x00280301
_RECOGNIZABLE: Final = 0x00280302
MARKED: Final = frozenset({0x00120062, 0x00120063, 0x00120064, 0x00280303})
"""Attributes that say how an object was de-identified; every output has its own."""

CREATED: Final = (0x00080012, 0x00080013)
"""Instance Creation Date and Time: the copy is another instance, made now."""

_PRESENTED: Final = frozenset({0x00700082, 0x00700083})
_COMMANDS_FILES_DIRECTORIES: Final = frozenset({0x0000, 0x0002, 0x0004})
_PRIVATE_REASON: Final = "A private attribute that nobody vouches for."
_UNKNOWN_REASON: Final = "The standard does not know this attribute."
_NEEDS: Final = {
    Needed.NOT: "",
    Needed.PRESENT: "; the kind of object needs the attribute",
    Needed.VALUE: "; the kind of object needs a value",
}


_PLAIN: Final = {
    Action.REMOVE: Do.REMOVE,
    Action.EMPTY: Do.EMPTY,
    Action.REPLACE: Do.REPLACE,
    Action.KEEP: Do.RETAIN,
    Action.CLEAN: Do.CLEAN,
    Action.UID: Do.UID,
}
# What joins the images of a patient and of an order stays joined, under another name.
_DERIVED: Final = {
    0x00100010: Do.PSEUDONYM,
    0x00100020: Do.PSEUDONYM,
    0x00080050: Do.CODE,
}


class Decisions(dict[int, Decision | None]):
    """Decisions for one SOP class, by `parent << 32 | tag`; None is kept, its text scrubbed."""

    def __init__(self, rules: "Rules", sop_class: str) -> None:
        super().__init__()
        self._rules, self._sop_class = rules, sop_class

    def __missing__(self, place: int) -> Decision | None:
        decision = self._rules.decide(self._sop_class, place >> 32, place & 0xFFFFFFFF)
        self[place] = decision
        return decision


class Rules:
    """A profile, compiled.

    Attributes
    ----------
    options
        Those that the profile chooses.
    private
        Group, creator and last byte of the element of each private attribute that may stay, with
        what to do with it.
    """

    def __init__(self, profile: Profile) -> None:
        self.options = profile.options
        self._ruled = {r.target: r for r in profile.rules if isinstance(r.target, int)}
        self._classes: dict[str, Decisions] = {}
        self.private = self._private(profile)

    def of(self, sop_class: str) -> Decisions:
        """Decisions for instances of a SOP class."""
        found = self._classes.get(sop_class)
        if found is None:
            found = self._classes[sop_class] = Decisions(self, sop_class)
        return found

    def _private(self, profile: Profile) -> dict[tuple[int, str, int], Decision]:
        found = {}
        if Option.RETAIN_SAFE_PRIVATE in self.options:
            reason = "Table E.3.10-1 of PS3.15 lists this private attribute as safe."
            for group, creator, element in safe_private():
                tag = group << 16 | element
                kept = Decision(tag, Do.RETAIN, "K", creator, reason)
                found[group, creator, element] = kept
        for rule in profile.rules:
            if isinstance(rule.target, Private):
                target = rule.target
                made = Decision(
                    target.group << 16 | target.element,
                    _PLAIN[rule.action],
                    rule.action,
                    target.creator,
                    rule.reason,
                    rule.value,
                )
                found[target.group, target.creator, target.element] = made
        return found

    def decide(self, sop_class: str, parent: int, tag: int) -> Decision | None:
        """What to do with an attribute.

        Parameters
        ----------
        parent
            Tag of the sequence around it; 0 for none.
        """
        group = tag >> 16
        if group & 1:
            return Decision(tag, Do.REMOVE, "X", "", _PRIVATE_REASON)
        if not tag & 0xFFFF or group in _COMMANDS_FILES_DIRECTORIES:
            reason = "It says how the original was written, sent or filed."
            return Decision(tag, Do.REMOVE, "X", keyword(tag), reason)
        if not parent and self._is_anew(tag):
            return Decision(tag, Do.REMOVE, "D", keyword(tag), "It is written anew.")
        if tag in self._ruled:
            rule = self._ruled[tag]
            return Decision(
                tag, _PLAIN[rule.action], rule.action, keyword(tag), rule.reason, rule.value
            )
        if group >> 8 in (0x50, 0x60) and not group & 0xFF > 0x1E:
            return self._drawn(tag)
        row = table().rows.get(tag)
        if row is not None:
            return self._listed(row, sop_class, parent)
        return self._unlisted(sop_class, parent, tag)

    def _is_anew(self, tag: int) -> bool:
        if tag in CREATED:
            return not self.options & DATES
        if tag == _BURNED_IN:
            return Option.CLEAN_PIXEL_DATA in self.options
        if tag == _RECOGNIZABLE:
            return Option.CLEAN_RECOGNIZABLE_VISUAL_FEATURES in self.options
        return tag in MARKED

    def _drawn(self, tag: int) -> Decision | None:
        """Overlays and curves go or stay as whole groups: without its data a group is invalid."""
        kind = "overlay" if tag >> 24 == 0x60 else "curve"
        if Option.CLEAN_GRAPHICS not in self.options:
            reason = (
                f"Table E.1-1 of PS3.15: the data of an {kind} is X, and its group goes with it."
            )
            return Decision(
                tag, Do.REMOVE, "X", keyword(tag), reason.replace("an curve", "a curve")
            )
        if vr_of(tag) in ("LO", "SH", "ST", "LT", "UT"):
            reason = f"{METHODS[Option.CLEAN_GRAPHICS][1]}: C."
            return Decision(tag, Do.CLEAN, "C", keyword(tag), reason)
        if tag & 0xFFFF == 0x3000:
            reason = f"{METHODS[Option.CLEAN_GRAPHICS][1]}: kept for a person to look at."
            return Decision(tag, Do.LOOK, "K", keyword(tag), reason)
        return None

    def _listed(self, row: Row, sop_class: str, parent: int) -> Decision | None:
        action, option = row.action(self.options)
        why = METHODS[option][1] if option else "Table E.1-1 of PS3.15"
        wanted = needed(sop_class, parent, row.tag)
        if row.tag in _PRESENTED and action is Action.REMOVE:
            action = Action.REMOVE_OR_REPLACE
        do, letter = settled(action, wanted)
        if do is Do.CLEAN:
            do = _cleaning(row.tag, option)
        if row.tag in _DERIVED and do in (Do.EMPTY, Do.REPLACE):
            do, letter = _DERIVED[row.tag], "D"
        if row.tag in CONTENT and do in (Do.REPLACE, Do.CLEAN):
            do = Do.CONTENT
        because = _NEEDS[wanted] if letter != action else ""
        return Decision(row.tag, do, letter, keyword(row.tag), f"{why}: {action}{because}.")

    def _unlisted(self, sop_class: str, parent: int, tag: int) -> Decision | None:
        name, vr = keyword(tag), vr_of(tag)
        if tag in BEYOND:
            action, reason = BEYOND[tag]
            do, letter = settled(action, needed(sop_class, parent, tag))
            return Decision(tag, do, letter, name, reason)
        if vr == "UI" and tag not in _NAMES_A_KIND and Option.RETAIN_UIDS not in self.options:
            return Decision(
                tag, Do.UID, "U", name, "A UID that may name something of the original."
            )
        if vr == "PN":
            return Decision(
                tag, Do.REPLACE, "D", name, "A person's name that the table leaves out."
            )
        if vr in _DAYS:
            return self._date(tag, name)
        if vr == "UN" and not name:
            return Decision(tag, Do.REMOVE, "X", "", _UNKNOWN_REASON)
        return None

    def _date(self, tag: int, name: str) -> Decision | None:
        if Option.RETAIN_LONGITUDINAL_FULL_DATES in self.options:
            return None
        reason = "A date that the table leaves out."
        if Option.RETAIN_LONGITUDINAL_MODIFIED_DATES in self.options:
            return Decision(tag, Do.SHIFT, "C", name, reason)
        return Decision(tag, Do.REPLACE, "D", name, reason)


def keyword(tag: int) -> str:
    """Keyword of an attribute (PS3.6); that of the table's row for what is newer than our dictionary."""
    found = keyword_for_tag(tag)
    if found:
        return found
    row = table().rows.get(tag)
    return "".join(part for part in row.name.title() if part.isalnum()) if row else ""


def settled(action: Action, wanted: Needed) -> tuple[Do, str]:
    """What a code of Table E.1-1 comes to where the IOD wants this much of the attribute.

    Contained UIDs are always replaced (U), even where the sequence could go, so that
    segmentations and derived images keep pointing at their sources.
    """
    match action:
        case Action.EMPTY | Action.EMPTY_OR_REPLACE:
            return (Do.EMPTY, Do.EMPTY, Do.REPLACE)[wanted], "ZZD"[wanted]
        case Action.REMOVE_OR_EMPTY | Action.REMOVE_EMPTY_OR_REPLACE:
            return (Do.REMOVE, Do.EMPTY, Do.REPLACE)[wanted], "XZD"[wanted]
        case Action.REMOVE_OR_REPLACE:
            return (Do.REMOVE, Do.REPLACE, Do.REPLACE)[wanted], "XDD"[wanted]
        case Action.REMOVE_EMPTY_OR_UIDS:
            return Do.ENTER, "U"
    return _PLAIN[action], str(action)


def _cleaning(tag: int, option: Option | None) -> Do:
    """What cleaning is, for the option that asks for it (PS3.15 E.3)."""
    match option:
        case Option.RETAIN_LONGITUDINAL_MODIFIED_DATES:
            return Do.SHIFT
        case Option.RETAIN_DEVICE_IDENTITY:
            return Do.CODE
        case Option.CLEAN_GRAPHICS:
            return Do.ENTER
    return Do.CLEAN
