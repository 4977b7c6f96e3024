"""The ledger of one instance while it is worked on: counted by place, decision and letter."""

from dataclasses import replace
from functools import lru_cache

from sharing.deid.ledger import Doubt, Entry, Kind
from sharing.deid.rules import Decision, Do, keyword


class Notes:
    """What was done so far, and what is doubtful."""

    __slots__ = ("_done", "doubts")

    def __init__(self) -> None:
        self._done: dict[tuple[str, Decision], int] = {}
        self.doubts: dict[tuple[Kind, str, str], None] = {}

    def did(self, prefix: str, decision: Decision) -> None:
        """Count what was done to an attribute below `prefix`."""
        key = prefix, decision
        self._done[key] = self._done.get(key, 0) + 1

    def doubt(self, kind: Kind, path: str, sentence: str) -> None:
        """Tell a reviewer once."""
        self.doubts[kind, path, sentence] = None

    def ledger(self) -> tuple[Entry, ...]:
        """Entries in the order in which they first came up."""
        return tuple(_entry(*key, count) for key, count in self._done.items())

    def all_doubts(self) -> tuple[Doubt, ...]:
        return tuple(Doubt(*key) for key in self.doubts)


def place(tag: int) -> str:
    """An attribute as ledgers name it."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


@lru_cache(maxsize=8192)
def _entry(prefix: str, decision: Decision, count: int) -> Entry:
    path = prefix + place(decision.tag)
    return Entry(path, decision.keyword, decision.letter, decision.reason, count)


@lru_cache(maxsize=4096)
def instead(decision: Decision, letter: str, reason: str) -> Decision:
    """The decision as it came out: another letter, another reason."""
    return replace(decision, letter=letter, reason=reason)


@lru_cache(maxsize=4096)
def at(decision: Decision, tag: int) -> Decision:
    """The decision for a rule of many tags, as of one of them."""
    return replace(decision, tag=tag)


@lru_cache(maxsize=8192)
def made(tag: int, letter: str, reason: str) -> Decision:
    """A decision that no rule named: what had to be done, X or D or C, and why."""
    do = {"X": Do.REMOVE, "C": Do.CLEAN}.get(letter, Do.REPLACE)
    return Decision(tag, do, letter, keyword(tag), reason)
