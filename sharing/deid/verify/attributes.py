"""Each attribute of an output held against its rule, and against the original's where there is one."""

import datetime
import re
from collections.abc import Iterator

from sharing.deid.verify.found import Found
from sharing.deid.verify.identity import NARRATIVE, Finder, ordinary
from sharing.deid.verify.reading import (
    PIXELS,
    Attribute,
    Items,
    dotted,
    every_attribute,
    keyword,
)
from sharing.deid.verify.table import Rule, Rules

UID = re.compile(r"(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*))+")
UID_LIKE = re.compile(r"\d[\d.]{11,63}")
WELL_KNOWN = "1.2.840.10008."

VALUE_TYPE, POINTER = 0x0040A040, 0x0040DB73
CONTENT, CONCEPT, SCHEME, CODE, MEANING = 0x0040A730, 0x0040A043, 0x00080102, 0x00080100, 0x00080104
_SIGNATURE = (0x0040A010, 0x0040A040, CODE, 0x00081150, 0x00620004, 0x30060084, 0x00700002)
_LEAVES = frozenset({"PN", "LT", "ST", "UT", "UC"})
_VALUES = (0x0040A160, 0x0040A123, 0x0040A124, 0x0040A120, 0x0040A121, 0x0040A122)
_REFERENCE = 0x00081155
# What the profile itself writes or that follows from what it does.
_OURS = frozenset(
    {0x00080005, 0x00120062, 0x00120063, 0x00120064, 0x00280301, 0x00280302, 0x00280303}
)
_NUMBERS = re.compile(r"[\d\s.+\-eE\\]*")
_CONTACT = re.compile(
    r"[\w.+-]+@[\w-]+\.[a-z]{2,}|https?://\S+|www\.\S+\.\S+"
    r"|(?<![\w.])\+\d{1,3}[\s().-]{0,2}(?:\d[\s().-]{0,2}){6,12}|\(\d{3}\)\s?\d{3}-\d{4}",
    re.IGNORECASE,
)


class Walk:
    """Looks at one output, attribute by attribute.

    Parameters
    ----------
    rules
        The table under the chosen options.
    finder
        What identifies the patient of the original.
    found
        Takes what is found.
    """

    def __init__(self, rules: Rules, finder: Finder, found: Found) -> None:
        self.rules, self.finder, self.found = rules, finder, found
        # Where items are named by their place in the tree, none can go: it is emptied instead.
        self._pointed = False
        self._structured = "clean_structured_content" in rules.options

    def document(self, old: Items | None, new: Items) -> None:
        """Look at a whole object."""
        self._pointed = any(one.tag == POINTER for one in every_attribute(new))
        self.items(old, new)

    def items(
        self, old: Items | None, new: Items, where: str = "", *, stands_in: bool = False
    ) -> None:
        """One data set or item of a sequence, with what stood there in the original.

        Inside what `stands_in` for a sequence, nothing has to be kept.
        """
        for attribute in new.values():
            place = where + dotted(attribute.tag)
            before = old.get(attribute.tag) if old is not None else None
            self.found.examined += 1
            if self._attribute(new, before, attribute, place):
                self._enter(before, attribute, place, stands_in=stands_in)
        if old is not None and not stands_in:
            self._gone(old, new, where)
            self._count(old, new)

    def _attribute(self, new: Items, old: Attribute | None, one: Attribute, where: str) -> bool:
        """Judge one attribute; is there a reason to look inside?"""
        if one.broken:
            self.found.add("broken_sequence", where)
        rule = None
        if one.private:
            self._private(new, one, where)
        elif one.tag >> 16 == 0x0004:
            self.found.add("group_0004", where)
        else:
            rule = self.rules.of(one.tag)
        if rule is not None:
            self._judge(rule, old, one, where)
        if one.items is None:
            self._text(new, rule, old, one, where)
        return rule is None or rule.only != "X"

    # --- inside sequences ---

    def _enter(self, old: Attribute | None, new: Attribute, where: str, *, stands_in: bool) -> None:
        if new.items is None:
            return
        rule = self.rules.of(new.tag)
        stands_in |= rule is not None and not rule.codes & {"K", "C", "U"}
        before = old.items if old is not None else None
        for number, (then, now) in enumerate(_aligned(before, new.items)):
            place = f"{where}[{number}]"
            if self._structured and new.tag == CONTENT:
                self._concept(then, now, place)
            self.items(then, now, place + ".", stands_in=stands_in)

    def _concept(self, old: Items | None, new: Items, where: str) -> None:
        """A content item by Table E.3.4-1."""
        kind = new[VALUE_TYPE].text if VALUE_TYPE in new else ""
        rule = self.rules.concepts.get((*_code(new), kind))
        if rule is None or rule.codes & {"K", "C"}:
            return
        said = f"{rule}: {rule.name}"
        if rule.only == "X" and not self._pointed:
            self.found.add("concept_kept", where, said)
            return
        for tag in _VALUES if old is not None else ():
            before, now = (old or {}).get(tag), new.get(tag)
            if (
                before is not None
                and now is not None
                and now.values == before.values
                and not now.empty
            ):
                self.found.add("concept_kept", where, said, now.text)

    # --- private attributes ---

    def _private(self, new: Items, one: Attribute, where: str) -> None:
        if not self.rules.private_allowed:
            self.found.add("private_retained", where, "X (basic profile): Private Attributes")
            return
        group, element = one.tag >> 16, one.tag & 0xFFFF
        if 0x10 <= element <= 0xFF:
            reserved = range(group << 16 | element << 8, (group << 16 | element << 8) + 0x100)
            if not any(tag in reserved for tag in new):
                self.found.add("private_unsafe", where, "a creator that reserves nothing", one.text)
        elif (group, one.creator, element & 0xFF) not in self.rules.safe:
            self.found.add("private_unsafe", where, "Table E.3.10-1", one.creator)

    # --- the rules ---

    def _judge(self, rule: Rule, old: Attribute | None, new: Attribute, where: str) -> None:
        said = f"{rule}: {rule.name}"
        if rule.only == "X":
            self.found.add(_removed(new.tag), where, said)
        elif "K" in rule.codes:
            changed = old is not None and old.items is None and old.values != new.values
            if changed and not ("C" in rule.codes and self._date(old, new, where, said)):
                self.found.add("kept_changed", where, said, new.text)
        elif "C" in rule.codes:
            if "retain_longitudinal_modified_dates" in rule.source:
                self._date(old, new, where, said)
        elif "U" in rule.codes and new.items is None:
            self._uid(old, new, where, said)
        elif new.empty:
            if old is not None and not old.empty and "D" in rule.codes and "Z" not in rule.codes:
                self.found.add("stand_in_empty", where, said)
        elif old is not None and not old.empty:
            self._replaced(rule, old, new, where)

    def _replaced(self, rule: Rule, old: Attribute, new: Attribute, where: str) -> None:
        said = f"{rule}: {rule.name}"
        if new.items is not None:
            if "U" not in rule.codes:
                self._content(rule, old, new, where)
        elif new.tag == 0x00420011:
            if new.values == old.values:
                self.found.add("document_kept", where, said)
        else:
            self.found.replaced.add((new.tag, new.text, old.text, where, said))
            shared = {one for one in old.values if len(one) >= 4} & set(new.values)
            if len(old.values) > 1 and shared and old.values != new.values:
                self.found.add("unchanged", where, said, new.text)

    def _content(self, rule: Rule, old: Attribute, new: Attribute, where: str) -> None:
        said = f"{rule}: {rule.name}"
        leaves = list(_leaves_kept(old.items or [], new.items or []))
        if same(old, new):
            if new.tag != CONTENT or leaves:  # codes and numbers of a report identify nobody
                self.found.add("unchanged", where, said)
        elif "D" in rule.codes:
            for text in leaves:
                self.found.add("content_kept", where, said, text)

    def _uid(self, old: Attribute | None, new: Attribute, where: str, said: str) -> None:
        for value in new.values:
            if new.tag == _REFERENCE:
                self.found.references.append((where, value))
        if old is None or len(old.values) != len(new.values):
            return
        for before, now in zip(old.values, new.values, strict=True):
            if not before or before.startswith(WELL_KNOWN):
                continue
            if before == now:
                self.found.add("uid_unchanged", where, said, now)
            elif len(now) > 64 or not UID.fullmatch(now):
                self.found.add("uid_invalid", where, said, now)
            else:
                self.found.uids.add((before, now))

    def _date(self, old: Attribute | None, new: Attribute, where: str, said: str) -> bool:
        """Was it shifted? Says so, and leaves it to the whole folder whether all by the same."""
        if old is None or old.empty or new.vr not in {"DA", "DT"}:
            return new.vr == "TM"
        if new.empty:
            self.found.add("date_removed", where, said)
            return True
        for before, now in zip(old.values, new.values, strict=False):
            if before and before[:8] == now[:8]:
                self.found.add("date_unshifted", where, said, now)
            days = _days(before, now)
            if days:
                self.found.dates.append((where, said, days))
        return True

    # --- texts ---

    def _text(
        self, items: Items, rule: Rule | None, old: Attribute | None, one: Attribute, where: str
    ) -> None:
        if one.tag in PIXELS:
            return
        if one.raw and one.vr in {"UN", "OB"}:
            return  # the bytes of the whole file are searched
        hits = self._hits(rule, one)
        self.found.seen |= {text for _, text in hits}
        self._uids_in(rule, old, one, where)
        if _of_a_scheme(items, one) or (rule is not None and rule.codes & {"K", "X"} == rule.codes):
            return
        if (
            rule is not None
            and old is not None
            and old.values == one.values
            and "C" not in rule.codes
        ):
            return  # told as unchanged, once every file was seen
        said = f"{rule}: {rule.name}" if rule is not None else keyword(one.tag)
        for kind, text in sorted(hits):
            self.found.add("date_in_text" if kind == "date" else "identity", where, said, text)
        if rule is not None and "clean_descriptors" in rule.source and _CONTACT.search(one.text):
            self.found.add("contact", where, said, one.text)

    def _hits(self, rule: Rule | None, one: Attribute) -> set[tuple[str, str]]:
        text = one.text
        if not text or (not one.raw and one.vr not in NARRATIVE):
            return set()
        dates = one.vr in NARRATIVE and (rule is None or "C" in rule.codes)
        hits = self.finder.find(text, without=frozenset() if dates else frozenset({"date"}))
        if one.vr in NARRATIVE:
            return hits
        self.found.seen |= {hit for _, hit in hits}
        if one.vr in {"DS", "IS"} and _NUMBERS.fullmatch(text):
            return set()  # a number that is one says nothing, even if somebody's is the same
        return {hit for hit in hits if hit[1] not in ordinary()}

    def _uids_in(
        self, rule: Rule | None, old: Attribute | None, one: Attribute, where: str
    ) -> None:
        """UIDs in texts, and in attributes that nobody replaces or that cannot be held against one."""
        if one.vr == "UI":
            judged = rule is not None and (
                rule.codes & {"K", "X"} or ("U" in rule.codes and old is not None)
            )
            if judged or keyword(one.tag).endswith("ClassUID"):
                self.found.seen |= set(one.values)
                return
        for value in UID_LIKE.findall(one.text):
            self.found.standing.setdefault(value.strip("."), where)

    # --- what is gone, what stayed ---

    def _gone(self, old: Items, new: Items, where: str) -> None:
        for attribute in old.values():
            if attribute.tag in new or attribute.private or attribute.empty:
                continue
            rule = self.rules.of(attribute.tag)
            if rule is None:
                continue
            place, said = where + dotted(attribute.tag), f"{rule}: {rule.name}"
            if "K" in rule.codes:
                self.found.add("kept_removed", place, said)
            elif "retain_longitudinal_modified_dates" in rule.source and attribute.vr in {
                "DA",
                "DT",
            }:
                self.found.add("date_removed", place, said)

    def _count(self, old: Items, new: Items) -> None:
        for tag, before in old.items():
            listed = before.private or tag in _OURS or self.rules.of(tag) is not None
            if listed or _follows(tag, new) or not tag & 0xFFFF or tag >> 16 == 0x0004:
                continue
            now = new.get(tag)
            kept = now is not None and (before.items is not None or now.values == before.values)
            if not kept and before.items is None and self.finder.find(before.text):
                continue  # whoever changed it had to
            self.found.unlisted += 1
            self.found.kept += kept
            if not kept:
                self.found.lost[keyword(tag)] += 1


# --- comparing ------------------------------------------------------------------------------------


def same(old: Attribute, new: Attribute) -> bool:
    """Do both hold the same, nested values included?"""
    if old.items is None or new.items is None:
        return old.values == new.values
    return len(old.items) == len(new.items) and all(
        before.keys() == now.keys() and all(same(before[tag], now[tag]) for tag in now)
        for before, now in zip(old.items, new.items, strict=True)
    )


def _leaves_kept(old: list[Items], new: list[Items]) -> Iterator[str]:
    """Texts and names that stand where they stood."""
    for before, now in _aligned(old, new):
        for attribute in now.values():
            then = before.get(attribute.tag) if before is not None else None
            if then is None:
                continue
            if attribute.items is not None:
                yield from _leaves_kept(then.items or [], attribute.items)
            elif attribute.vr in _LEAVES and not then.empty and then.values == attribute.values:
                yield attribute.text


def _aligned(old: list[Items] | None, new: list[Items]) -> Iterator[tuple[Items | None, Items]]:
    """Each new item with the original one that it was made of, as far as that can be told."""
    if old is None:
        yield from ((None, one) for one in new)
    elif len(old) == len(new):
        yield from zip(old, new, strict=True)
    else:
        rest = list(old)
        for one in new:
            mark = _signature(one)
            at = next((at for at, then in enumerate(rest) if _signature(then) == mark), None)
            yield (rest[at] if at is not None else None), one
            del rest[: at + 1 if at is not None else 0]


def _signature(item: Items) -> tuple[object, ...]:
    return (*(item[tag].text for tag in _SIGNATURE if tag in item), _code(item))


def _follows(tag: int, new: Items) -> bool:
    """Does it only describe what had to go: an overlay's plane, a document's length?"""
    if tag >> 24 in {0x50, 0x60}:
        return (tag & 0xFFFF0000) | 0x3000 not in new
    return tag == 0x00420015


def _code(item: Items) -> tuple[str, str]:
    """Code value and scheme of the concept name of a content item."""
    concept = item.get(CONCEPT)
    inner = concept.items[0] if concept is not None and concept.items else {}
    return tuple(inner[tag].text if tag in inner else "" for tag in (CODE, SCHEME))  # type: ignore[return-value]


def _of_a_scheme(items: Items, one: Attribute) -> bool:
    """Is this the meaning that a published coding scheme gives to its code?"""
    if one.tag != MEANING or SCHEME not in items:
        return False
    scheme = items[SCHEME].text
    return bool(scheme) and scheme != "L" and not scheme.startswith("99")


def _removed(tag: int) -> str:
    if tag >> 24 in {0x50, 0x60}:
        return "graphics_kept"
    return "icon_kept" if tag == 0x00880200 else "removed_present"


def _days(old: str, new: str) -> int:
    try:
        before, now = (
            datetime.datetime.strptime(one[:8], "%Y%m%d").date()  # noqa: DTZ007 - days
            for one in (old, new)
        )
    except ValueError:
        return 0
    return (now - before).days
