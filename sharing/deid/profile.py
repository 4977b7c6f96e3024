"""A profile: what a de-identification does, as a file that people read, with a reason for each rule.

The Basic Application Level Confidentiality Profile (PS3.15 E.2) is always the ground; a profile
chooses options (E.3) and may say otherwise for single attributes. Two profiles that say the same
have the same digest, however their files are laid out.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml
from pydicom.datadict import dictionary_description

from sharing.deid.table import METHODS, Action, Option, safe_private, table

FOLDER: Final = Path(__file__).parent / "profiles"
RULE_ACTIONS: Final = (
    Action.REMOVE,
    Action.EMPTY,
    Action.REPLACE,
    Action.KEEP,
    Action.CLEAN,
    Action.UID,
)
AGES_OVER: Final = 89
AT_RISK: Final = (
    "CR",
    "DX",
    "ES",
    "GM",
    "IO",
    "MG",
    "OT",
    "PX",
    "RF",
    "RG",
    "SC",
    "US",
    "XA",
    "XC",
)

_DONE: Final = {
    Action.REMOVE: "removed",
    Action.EMPTY: "emptied",
    Action.REPLACE: "replaced by a dummy value",
    Action.KEEP: "kept",
    Action.CLEAN: "cleaned",
    Action.UID: "given another UID",
    Action.EMPTY_OR_REPLACE: "emptied or replaced",
    Action.REMOVE_OR_EMPTY: "removed or emptied",
    Action.REMOVE_OR_REPLACE: "removed or replaced",
    Action.REMOVE_EMPTY_OR_REPLACE: "removed, emptied or replaced",
    Action.REMOVE_EMPTY_OR_UIDS: "removed, emptied or given other UIDs",
}
_LETS_THROUGH: Final = frozenset({Action.KEEP, Action.CLEAN})


@dataclass(frozen=True, slots=True)
class Private:
    """A private attribute, wherever its block is: group, creator, last byte of the element."""

    group: int
    creator: str
    element: int

    def __str__(self) -> str:
        return f"{self.group:04X},{self.creator},{self.element:02X}"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a profile does with one attribute, wherever in a data set it stands.

    Attributes
    ----------
    target
        Its tag, or the private attribute.
    action
        One of `RULE_ACTIONS`.
    reason
        A sentence for the ledger.
    value
        For `D` alone: what to write, the same for everybody; "" lets the engine choose.
    """

    target: int | Private
    action: Action
    reason: str
    value: str = ""

    @property
    def label(self) -> str:
        """The attribute in words: its name and tag, or the private attribute."""
        if isinstance(self.target, Private):
            return f"the private attribute {self.target}"
        return f"{_name(self.target)} {_tag(self.target)}"


@dataclass(frozen=True, slots=True)
class TextSettings:
    """How descriptors are cleaned.

    Attributes
    ----------
    words
        Words that the project needs and the vocabulary lacks, such as a trial's own terms.
    ages_over
        Ages in text above this many years are removed.
    """

    words: tuple[str, ...] = ()
    ages_over: int = AGES_OVER


@dataclass(frozen=True, slots=True)
class PixelSettings:
    """How pixels are cleaned where the option Clean Pixel Data is chosen.

    Attributes
    ----------
    modalities
        Those whose every frame is read for burned-in text.
    read
        Whether text is looked for at all, besides the regions that devices are known to write in.
    margin
        Pixels by which what is found is masked larger.
    """

    modalities: tuple[str, ...] = AT_RISK
    read: bool = True
    margin: int = 4


@dataclass(frozen=True)
class Profile:
    """A set of options and rules, each with its reason.

    Attributes
    ----------
    name
        By which commands and releases call it: small letters, digits, hyphens.
    title, about
        For people.
    version
        As its makers count.
    reasons
        Why each option is chosen.
    rules
        In order of their targets, one for a target.
    """

    name: str
    title: str
    version: str
    about: str = ""
    reasons: Mapping[Option, str] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    text: TextSettings = TextSettings()
    pixels: PixelSettings = PixelSettings()

    def __post_init__(self) -> None:
        ordered = dict(sorted(self.reasons.items()))
        object.__setattr__(self, "reasons", MappingProxyType(ordered))
        object.__setattr__(self, "rules", tuple(sorted(self.rules, key=_place)))

    def __hash__(self) -> int:
        return hash(self.digest)

    def __reduce__(self) -> tuple[Any, ...]:
        return load, (dump(self),)

    @cached_property
    def options(self) -> frozenset[Option]:
        """The options chosen (PS3.15 E.3)."""
        return frozenset(self.reasons)

    @cached_property
    def digest(self) -> str:
        """SHA-256 in hex of what the profile says, whatever its file looks like."""
        written = json.dumps(to_json(self), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(written.encode()).hexdigest()

    def deviations(self) -> list[str]:
        """Where the profile lets through what the standard's table, with these options, does not.

        A profile may do so; whoever publishes it has to know, and cannot call it conforming.
        """
        return [sentence for rule in self.rules if (sentence := self._deviation(rule))]

    def _deviation(self, rule: Rule) -> str:
        if rule.action not in _LETS_THROUGH:
            return ""
        standard, why = self._standard(rule.target)
        if standard is None or standard in (rule.action, Action.KEEP):
            return ""
        return (
            f"{_capital(rule.label)} is {_DONE[rule.action]}, though {why} has it "
            f"{_DONE[standard]}. The profile's reason: {rule.reason}"
        )

    def _standard(self, target: int | Private) -> tuple[Action | None, str]:
        if isinstance(target, Private):
            key = target.group, target.creator, target.element
            if Option.RETAIN_SAFE_PRIVATE in self.options and key in safe_private():
                return Action.KEEP, ""
            return table().private.basic, "the standard's profile"
        row = table().rows.get(target) or table().repeating.get(target)
        if row is None:
            return None, ""
        action, option = row.action(self.options)
        return action, METHODS[option][1] if option else "the standard's profile"


def _place(rule: Rule) -> tuple[int, str]:
    target = rule.target
    return (target.group << 16, str(target)) if isinstance(target, Private) else (target, "")


def _tag(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def _name(tag: int) -> str:
    try:
        return str(dictionary_description(tag))
    except KeyError:
        return "the attribute"


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


# --- as JSON and YAML -----------------------------------------------------------------------------


def to_json(profile: Profile) -> dict[str, Any]:
    """A profile as what JSON can carry; `options` maps each option to its reason."""
    return {
        "name": profile.name,
        "title": profile.title,
        "version": profile.version,
        "about": profile.about,
        "options": {option.value: reason for option, reason in profile.reasons.items()},
        "rules": [_rule_to_json(rule) for rule in profile.rules],
        "text": {**asdict(profile.text), "words": list(profile.text.words)},
        "pixels": {**asdict(profile.pixels), "modalities": list(profile.pixels.modalities)},
    }


def _rule_to_json(rule: Rule) -> dict[str, str]:
    target = rule.target
    attribute = str(target) if isinstance(target, Private) else f"{_tag(target)[1:-1]}"
    written = {"attribute": attribute, "action": rule.action.value, "reason": rule.reason}
    return {**written, "value": rule.value} if rule.value else written


def dump(profile: Profile) -> str:
    """A profile as the text of its file; `load` reads it back as the same profile."""
    written: dict[str, Any] = {key: value for key, value in to_json(profile).items() if value}
    for key, default in (("text", TextSettings()), ("pixels", PixelSettings())):
        if getattr(profile, key) == default:
            del written[key]
    return yaml.safe_dump(written, sort_keys=False, allow_unicode=True, width=100)


def load(text: str) -> Profile:
    """Read a profile from the text of its file.

    Raises
    ------
    ProfileError
        What is wrong in which line, and what to write instead; all of it at once.
    """
    from sharing.deid.reading import read

    return read(text)


def _bundled() -> Mapping[str, Profile]:
    found = [load(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.yaml"))]
    return MappingProxyType({profile.name: profile for profile in found})


# --- what changed ---------------------------------------------------------------------------------


def diff(old: Profile, new: Profile) -> list[str]:
    """What became different from one version of a profile to the next, a sentence each."""
    return [
        *_diff_facts(old, new),
        *_diff_options(old, new),
        *_diff_rules(old, new),
        *_diff_settings(old, new),
    ]


def _diff_facts(old: Profile, new: Profile) -> list[str]:
    words = {"name": "name", "title": "title", "version": "version", "about": "description"}
    return [
        f"The {word} is “{getattr(new, key)}”; it was “{getattr(old, key)}”."
        for key, word in words.items()
        if getattr(old, key) != getattr(new, key)
    ]


def _diff_options(old: Profile, new: Profile) -> list[str]:
    said = []
    for option in Option:
        title = METHODS[option][1]
        before, now = old.reasons.get(option), new.reasons.get(option)
        if before is None and now is not None:
            said.append(f"{title} is chosen now: {now}")
        elif before is not None and now is None:
            said.append(f"{title} is no longer chosen. It had been, because: {before}")
        elif before != now:
            said.append(f"{title} has another reason: {now}")
    return said


def _diff_rules(old: Profile, new: Profile) -> list[str]:
    before = {_place(rule): rule for rule in old.rules}
    now = {_place(rule): rule for rule in new.rules}
    return [
        _diff_rule(before.get(place), now.get(place))
        for place in sorted(before | now)
        if before.get(place) != now.get(place)
    ]


def _diff_rule(old: Rule | None, new: Rule | None) -> str:
    if old is None or new is None:
        rule = new or old
        assert rule is not None
        if new is None:
            return f"{_capital(rule.label)} has no rule any more; it was {_what(rule)}."
        return f"{_capital(rule.label)} is {_what(rule)} now: {rule.reason}"
    if (old.action, old.value) == (new.action, new.value):
        return f"{_capital(new.label)} has another reason: {new.reason}"
    return f"{_capital(new.label)} is {_what(new)}; it was {_what(old)}. {new.reason}"


def _what(rule: Rule) -> str:
    return f"replaced by “{rule.value}”" if rule.value else _DONE[rule.action]


def _diff_settings(old: Profile, new: Profile) -> list[str]:
    said = []
    if added := sorted(set(new.text.words) - set(old.text.words)):
        said.append(f"Words that are let through now: {', '.join(added)}.")
    if gone := sorted(set(old.text.words) - set(new.text.words)):
        said.append(f"Words that are no longer let through: {', '.join(gone)}.")
    if old.text.ages_over != new.text.ages_over:
        said.append(f"Ages over {new.text.ages_over} are removed; it was {old.text.ages_over}.")
    if set(old.pixels.modalities) != set(new.pixels.modalities):
        said.append(f"Pixels are read for text in {', '.join(new.pixels.modalities) or 'none'}.")
    if old.pixels.read != new.pixels.read:
        said.append(f"Pixels are {'' if new.pixels.read else 'no longer '}read for text.")
    if old.pixels.margin != new.pixels.margin:
        said.append(f"Masks are {new.pixels.margin} pixels larger; it was {old.pixels.margin}.")
    return said


BUNDLED: Final[Mapping[str, Profile]] = _bundled()
"""The profiles that come with the program, by name."""
