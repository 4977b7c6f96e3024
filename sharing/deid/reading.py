"""Reads a profile's file: each mistake with its line and what to write instead.

YAML is read as text alone (no types, no anchors), so that `1.10` stays a version and `no` a word.
"""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import yaml
from pydicom.datadict import DicomDictionary, keyword_dict

from sharing.deid.profile import (
    RULE_ACTIONS,
    PixelSettings,
    Private,
    Profile,
    Rule,
    TextSettings,
)
from sharing.deid.table import DATES, Action, Option
from sharing.kernel.errors import InvalidInputError

LARGEST: Final = 256 << 10

_TAG: Final = re.compile(r"\(?([0-9A-Fa-f]{4}),?([0-9A-Fa-f]{4})\)?")
_PRIVATE: Final = re.compile(r"([0-9A-Fa-f]{4}),([^,]{1,64}),([0-9A-Fa-f]{2})")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_KEYS: Final = ("name", "title", "version", "about", "options", "rules", "text", "pixels")
_RULE_KEYS: Final = ("attribute", "action", "reason", "value")
_YES_NO: Final = {"true": True, "yes": True, "false": False, "no": False}
# What the engine writes itself, or what says how the rest is to be read.
_OURS: Final = {
    0x00080005: "how text is encoded",
    0x00080016: "what kind of object it is",
    0x00120062: "that identity was removed",
    0x00120063: "how identity was removed",
    0x00120064: "how identity was removed",
    0x00280303: "what became of the dates",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: its line (from 1), what it is and what to do."""

    line: int
    sentence: str

    def __str__(self) -> str:
        return f"Line {self.line}: {self.sentence}"


class ProfileError(InvalidInputError):
    """A profile that cannot be used; `problems` are all its mistakes, in order of their lines."""

    title = "This profile cannot be used"
    code = "profile"

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(problems, key=lambda problem: problem.line)
        written = [str(problem) for problem in self.problems]
        super().__init__("\n".join(written), fields={"text": written})


class _Reader:
    """Goes through the nodes of one file and keeps what is wrong."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def wrong(self, node: yaml.Node, sentence: str) -> None:
        self.problems.append(Problem(node.start_mark.line + 1, sentence))

    def text(self, node: yaml.Node, what: str) -> str:
        if isinstance(node, yaml.ScalarNode):
            return " ".join(node.value.split())
        self.wrong(node, f"{what} is a text, not a list or a group. Write it in one line.")
        return ""

    def pairs(self, node: yaml.Node, what: str) -> Iterator[tuple[yaml.Node, str, yaml.Node]]:
        """Keys and values of a group; a key that comes twice is a mistake."""
        if not isinstance(node, yaml.MappingNode):
            if not _is_nothing(node):
                self.wrong(node, f"{what} has lines of the form `key: value`.")
            return
        seen: set[str] = set()
        for key, value in node.value:
            name = self.text(key, "A key")
            if name in seen:
                self.wrong(key, f"“{name}” stands here a second time. Keep one of the two.")
                continue
            seen.add(name)
            yield key, name, value

    def known(self, node: yaml.Node, what: str, allowed: tuple[str, ...]) -> dict[str, yaml.Node]:
        found = {}
        for key, name, value in self.pairs(node, what):
            if name in allowed:
                found[name] = value
            else:
                self.wrong(key, f"{what} has no “{name}”. {_meant(name, allowed)}")
        return found

    def items(self, node: yaml.Node, what: str) -> list[yaml.Node]:
        if isinstance(node, yaml.SequenceNode):
            return list(node.value)
        if not _is_nothing(node):
            self.wrong(node, f"{what} is a list: begin each of its lines with “- ”.")
        return []

    # --- parts of a profile

    def profile(self, root: yaml.Node) -> Profile | None:
        parts = self.known(root, "A profile", _KEYS)
        facts = {key: self.text(parts[key], key) for key in _KEYS[:4] if key in parts}
        for key in ("name", "title", "version"):
            if not facts.get(key):
                self.wrong(parts.get(key, root), f"The {key} is missing. Add a line `{key}: …`.")
        if (name := facts.get("name")) and not _NAME.fullmatch(name):
            self.wrong(parts["name"], "The name has small letters, digits and hyphens alone.")
        reasons = self.options(parts["options"]) if "options" in parts else {}
        rules = self.rules(parts["rules"]) if "rules" in parts else ()
        text = self.text_settings(parts["text"]) if "text" in parts else TextSettings()
        pixels = self.pixel_settings(parts["pixels"]) if "pixels" in parts else PixelSettings()
        if self.problems:
            return None
        return Profile(**facts, reasons=reasons, rules=rules, text=text, pixels=pixels)

    def options(self, node: yaml.Node) -> dict[Option, str]:
        found: dict[Option, str] = {}
        for key, name, value in self.pairs(node, "options"):
            if name not in {option.value for option in Option}:
                self.wrong(key, f"There is no option “{name}”. {_meant(name, tuple(Option))}")
                continue
            option = Option(name)
            if option in DATES and DATES & set(found):
                self.wrong(
                    key, "Dates are either kept or moved (PS3.15 E.3.6). Choose one of the two."
                )
            found[option] = self.reason(value, f"the option {name}")
        return found

    def reason(self, node: yaml.Node, of: str) -> str:
        reason = self.text(node, "A reason")
        if not reason:
            self.wrong(node, f"Say why: {of} needs a reason, a sentence for the ledger.")
        return reason

    def rules(self, node: yaml.Node) -> tuple[Rule, ...]:
        found: dict[int | Private, Rule] = {}
        for item in self.items(node, "rules"):
            rule = self.rule(item)
            if rule is None:
                continue
            if rule.target in found:
                self.wrong(item, f"There is a rule for {rule.label} already. Keep one of the two.")
            found[rule.target] = rule
        return tuple(found.values())

    def rule(self, node: yaml.Node) -> Rule | None:
        parts = self.known(node, "A rule", _RULE_KEYS)
        for key in ("attribute", "action", "reason"):
            if key not in parts and isinstance(node, yaml.MappingNode):
                self.wrong(node, f"This rule has no {key}. Add a line `{key}: …`.")
        if not {"attribute", "action", "reason"} <= parts.keys():
            return None
        target = self.target(parts["attribute"])
        action = self.action(parts["action"])
        reason = self.reason(parts["reason"], "a rule")
        value = self.text(parts["value"], "A value") if "value" in parts else ""
        if value and action is not Action.REPLACE:
            self.wrong(
                parts["value"], "A value is written by the action D alone. Remove this line."
            )
        if target is None or action is None:
            return None
        return Rule(target, action, reason, value)

    def action(self, node: yaml.Node) -> Action | None:
        written = self.text(node, "An action").upper()
        if written in {action.value for action in RULE_ACTIONS}:
            return Action(written)
        self.wrong(
            node,
            f"There is no action “{written}”. Write X (remove), Z (empty), D (replace), K (keep), "
            "C (clean) or U (another UID).",
        )
        return None

    def target(self, node: yaml.Node) -> int | Private | None:
        written = self.text(node, "An attribute")
        if private := _PRIVATE.fullmatch(written):
            return self.private(node, private)
        tag = _tag(written)
        if tag is None:
            self.wrong(
                node,
                f"“{written}” is no attribute. {_meant(written, tuple(keyword_dict))} A private one "
                "is written `gggg,CREATOR,ee`.",
            )
            return None
        return self.allowed(node, tag)

    def private(self, node: yaml.Node, match: "re.Match[str]") -> Private | None:
        group = int(match[1], 16)
        if group % 2 and group > 8:
            return Private(group, match[2].strip(), int(match[3], 16))
        self.wrong(node, f"The group {match[1]} is not a private one: those have odd numbers.")
        return None

    def allowed(self, node: yaml.Node, tag: int) -> int | None:
        if tag >> 16 in (0x0000, 0x0002, 0xFFFE) or tag in _OURS:
            what = _OURS.get(tag, "how the file is to be read")
            self.wrong(node, f"No rule can change this attribute: it says {what}. Remove the rule.")
            return None
        if (tag >> 16) % 2:
            self.wrong(node, "A private attribute is written `gggg,CREATOR,ee`, since blocks move.")
            return None
        return tag

    def text_settings(self, node: yaml.Node) -> TextSettings:
        parts = self.known(node, "text", ("words", "ages_over"))
        default = TextSettings()
        words = self.words(parts["words"]) if "words" in parts else default.words
        ages = (
            self.number(parts["ages_over"], 1, 150) if "ages_over" in parts else default.ages_over
        )
        return TextSettings(words=words, ages_over=ages)

    def words(self, node: yaml.Node) -> tuple[str, ...]:
        return tuple(sorted({self.text(item, "A word") for item in self.items(node, "words")}))

    def pixel_settings(self, node: yaml.Node) -> PixelSettings:
        parts = self.known(node, "pixels", ("modalities", "read", "margin"))
        default = PixelSettings()
        modalities = (
            tuple(word.upper() for word in self.words(parts["modalities"]))
            if "modalities" in parts
            else default.modalities
        )
        read = self.yes(parts["read"]) if "read" in parts else default.read
        margin = self.number(parts["margin"], 0, 100) if "margin" in parts else default.margin
        return PixelSettings(modalities=modalities, read=read, margin=margin)

    def number(self, node: yaml.Node, least: int, most: int) -> int:
        written = self.text(node, "A number")
        if written.isdecimal() and least <= int(written) <= most:
            return int(written)
        self.wrong(node, f"Write a whole number from {least} to {most} here.")
        return least

    def yes(self, node: yaml.Node) -> bool:
        written = self.text(node, "yes or no").lower()
        if written not in _YES_NO:
            self.wrong(node, "Write `true` or `false` here.")
        return _YES_NO.get(written, True)


def read(text: str) -> Profile:
    """A profile from the text of its file.

    Raises
    ------
    ProfileError
        If anything in it is wrong.
    """
    if len(text) > LARGEST:
        raise ProfileError([Problem(1, "This file is far larger than any profile.")])
    reader = _Reader()
    profile = reader.profile(_compose(text))
    if profile is None:
        raise ProfileError(reader.problems)
    return profile


def _compose(text: str) -> yaml.Node:
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                line = event.start_mark.line + 1 if event.start_mark else 1
                raise ProfileError([Problem(line, "Write it out here: `*` and `&` are not read.")])
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        sentence = f"The file cannot be read here ({error.problem}). Look at colons and indents."
        raise ProfileError([Problem(line, sentence)]) from None
    except (yaml.YAMLError, RecursionError):
        raise ProfileError([Problem(1, "This is no YAML file in UTF-8.")]) from None
    if node is None:
        raise ProfileError([Problem(1, "The file is empty. Begin with `name: …`.")])
    return node


def _is_nothing(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.value in ("", "~", "null")


def _tag(written: str) -> int | None:
    if match := _TAG.fullmatch(written):
        return int(match[1] + match[2], 16)
    tag = keyword_dict.get(written)
    if tag is None:
        name = written.casefold()
        tag = next((t for t, row in DicomDictionary.items() if row[2].casefold() == name), None)
    return tag


def _meant(written: str, allowed: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(written, allowed, n=1, cutoff=0.6)
    if close:
        return f"Did you mean “{close[0]}”?"
    return f"It can be: {', '.join(allowed)}." if len(allowed) < 15 else "Write its keyword or tag."
