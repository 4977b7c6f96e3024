"""Content items of structured reports and what looks like them (PS3.15 E.3.4, PS3.3 C.17.3).

Under the profile alone a content tree keeps its shape, numbers and codes, and loses its words,
names, days and everything that Table E.3.4-1 has removed or replaced. Clean Structured Content
takes items away as the table says, cleans text, and keeps what options retain. Where items are
named by their place in the tree (by-reference relationships), none is taken away: it is emptied.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from sharing.deid.rules import Decision, Do, keyword
from sharing.deid.table import METHODS, Action, Option, concepts

VALUE_TYPE: Final = 0x0040A040
CONCEPT_NAME: Final = 0x0040A043
CODE_VALUE: Final = 0x00080100
CODE_SCHEME: Final = 0x00080102
CODE_MEANING: Final = 0x00080104

TEXT_VALUE: Final = 0x0040A160
_VALUES: Final = {
    "CODE": frozenset({0x0040A168}),
    "DATE": frozenset({0x0040A121}),
    "DATETIME": frozenset({0x0040A120}),
    "NUM": frozenset({0x0040A300}),
    "PNAME": frozenset({0x0040A123}),
    "TEXT": frozenset({TEXT_VALUE}),
    "TIME": frozenset({0x0040A122}),
    "UIDREF": frozenset({0x0040A124}),
}
ALL_VALUES: Final = frozenset(tag for tags in _VALUES.values() for tag in tags)
_NARRATIVE: Final = frozenset({"LT", "ST", "UC", "UT"})
_REFERENCES: Final = frozenset({"COMPOSITE", "IMAGE", "WAVEFORM", "UIDREF"})


@dataclass(slots=True)
class Item:
    """A content item on the way: its type and name come before its value."""

    cleaning: bool
    emptied: bool = False
    value_type: str = ""
    scheme: str = ""
    code: str = ""
    meant: bool = False

    def named(self, scheme: str, code: str) -> None:
        self.scheme, self.code, self.meant = scheme, code, True

    def inner(self) -> "Item":
        """An item below this one."""
        return Item(self.cleaning, self.emptied)


class Content:
    """What becomes of content items under a profile's options.

    Parameters
    ----------
    options
        Of the profile.
    removing
        Whether items may go; not where others are named by their place.
    """

    def __init__(self, options: frozenset[Option], *, removing: bool) -> None:
        self.options, self.removing = options, removing

    def settle(self, item: Item) -> Decision | None:
        """What Table E.3.4-1 says of an item, once its type and name are known.

        Returns
        -------
        Decision or None
            `REMOVE` takes the whole item away; None leaves it to its value's own rules.
        """
        decision = _of_concept(self.options, item.cleaning, item.scheme, item.code, item.value_type)
        if decision and decision.do is Do.REMOVE and not (item.cleaning and self.removing):
            decision = _in_place(decision)
        if decision and decision.do is Do.REPLACE and item.value_type in ("CONTAINER", ""):
            item.emptied = True
        return decision

    def value(
        self, item: Item, tag: int, vr: str, usual: Decision | None, *, own: bool
    ) -> Decision | None:
        """What to do with an attribute inside of a content item.

        Parameters
        ----------
        usual
            What Table E.1-1 has done with it.
        own
            Whether it is the item's own, not that of a sequence in it.
        """
        if usual and usual.do is Do.REMOVE:
            return usual
        if own and tag in ALL_VALUES:
            decision = self.settle(item)
            if item.emptied:
                return _emptied(tag)
            if decision and tag in _VALUES.get(item.value_type, ALL_VALUES):
                return _for_value(decision, tag)
        if usual is None and vr in _NARRATIVE:
            return _cleaned(tag) if item.cleaning else _blanked(tag)
        return usual


@lru_cache(maxsize=4096)
def _of_concept(
    options: frozenset[Option], cleaning: bool, scheme: str, code: str, value_type: str
) -> Decision | None:
    row = concepts().get((scheme, code, value_type))
    if row is None or (value_type in _REFERENCES and not cleaning):
        return None  # references stay joined: their UIDs are replaced by Table E.1-1
    action, option = row.action(options) if cleaning else (row.basic, None)
    why = METHODS[option][1] if option else "Table E.3.4-1 of PS3.15"
    do = {
        Action.REMOVE: Do.REMOVE,
        Action.REPLACE: Do.REPLACE,
        Action.REMOVE_OR_REPLACE: Do.REPLACE,
        Action.KEEP: Do.RETAIN,
        Action.CLEAN: Do.CLEAN,
    }[action]
    letter = "D" if do is Do.REPLACE else str(action)
    return Decision(0x0040A730, do, letter, "ContentSequence", f"{why}, {row.meaning}: {action}.")


@lru_cache(maxsize=4096)
def _in_place(decision: Decision) -> Decision:
    return replace(decision, do=Do.REPLACE, letter="D")


@lru_cache(maxsize=4096)
def _for_value(decision: Decision, tag: int) -> Decision:
    do = decision.do
    if do is Do.CLEAN and tag != TEXT_VALUE:
        do = Do.SHIFT
    if do in (Do.REPLACE, Do.REMOVE) and tag == 0x0040A300:
        do = Do.EMPTY  # a measurement may have no value (Type 2)
    if tag == 0x0040A124:
        do = Do.UID  # U in Table E.1-1 under every option, whatever its concept
    if do is Do.REMOVE:
        do = Do.REPLACE
    return replace(decision, tag=tag, do=do, keyword=keyword(tag))


@lru_cache(maxsize=64)
def _emptied(tag: int) -> Decision:
    made = Decision(tag, Do.REPLACE, "D", keyword(tag), "What it stands in is removed.")
    return _for_value(made, tag)


@lru_cache(maxsize=256)
def _blanked(tag: int) -> Decision:
    reason = "Table E.1-1 of PS3.15: the words of content are D."
    return Decision(tag, Do.REPLACE, "D", keyword(tag), reason)


@lru_cache(maxsize=256)
def _cleaned(tag: int) -> Decision:
    reason = f"{METHODS[Option.CLEAN_STRUCTURED_CONTENT][1]}: C."
    return Decision(tag, Do.CLEAN, "C", keyword(tag), reason)
