"""What was planted and what must survive, written down while the objects are made."""

import dataclasses
from typing import Any

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from tests.deid.phi.people import Person

Path = tuple[int, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Plant:
    """Something that identifies: `needle` must not stand at `path` of `file` afterwards.

    An empty path means the bytes of the file; `box` is left, top, right, bottom of drawn text.
    """

    category: str
    file: str
    path: Path
    needle: str
    box: tuple[int, int, int, int] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Keep:
    """A value that says something of the picture and of nobody.

    Of a `descriptor`, the words must survive where descriptors are cleaned; elsewhere the value.
    """

    category: str
    file: str
    path: Path
    value: str


@dataclasses.dataclass(slots=True)
class Truth:
    plants: list[Plant] = dataclasses.field(default_factory=list)
    keeps: list[Keep] = dataclasses.field(default_factory=list)


class Node:
    """A data set under construction that writes down what is planted in it."""

    def __init__(
        self, truth: Truth, file: str, person: Person, dataset: Dataset, path: Path = ()
    ) -> None:
        self.truth, self.file, self.person = truth, file, person
        self.dataset, self.path = dataset, path

    def set(self, **values: Any) -> "Node":
        """Set what identifies nobody, and is of no interest."""
        for keyword, value in values.items():
            setattr(self.dataset, keyword, value)
        return self

    def plant(self, category: str, keyword: str, value: Any, *, needle: str = "") -> "Node":
        setattr(self.dataset, keyword, value)
        return self._written(category, _tag(keyword), needle or str(value))

    def add(self, category: str, tag: int, vr: str, value: Any, *, needle: str = "") -> "Node":
        """Plant under a tag, in a representation of one's choice."""
        self.dataset.add_new(tag, vr, value)
        return self._written(category, tag, needle or str(value))

    def _written(self, category: str, tag: int, needle: str) -> "Node":
        self.truth.plants.append(Plant(category, self.file, (*self.path, tag), needle))
        return self

    def keep(self, keyword: str, value: Any, *, category: str = "unlisted") -> "Node":
        setattr(self.dataset, keyword, value)
        path = (*self.path, _tag(keyword))
        text = "\\".join(map(str, value)) if isinstance(value, list) else str(value)
        self.truth.keeps.append(Keep(category, self.file, path, text))
        return self

    def item(self, keyword: str | int) -> "Node":
        """One more item of a sequence."""
        tag = _tag(keyword) if isinstance(keyword, str) else keyword
        if tag not in self.dataset:
            self.dataset.add_new(tag, "SQ", Sequence())
        inside = Dataset()
        self.dataset[tag].value.append(inside)
        return Node(self.truth, self.file, self.person, inside, (*self.path, tag))

    def code(self, keyword: str, value: str, scheme: str, meaning: str) -> "Node":
        self.item(keyword).set(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)
        return self

    def private(self, group: int, creator: str) -> "Private":
        return Private(self, group, creator)


class Private:
    """A private block that writes down what is planted in it."""

    def __init__(self, node: Node, group: int, creator: str) -> None:
        self.node = node
        self.block = node.dataset.private_block(group, creator, create=True)

    def plant(self, category: str, element: int, vr: str, value: Any, *, needle: str) -> "Private":
        self.block.add_new(element, vr, value)
        self.node._written(category, self.block.get_tag(element), needle)
        return self

    def safe(self, element: int, vr: str, value: Any) -> "Private":
        """One of Table E.3.10-1: stays where safe private attributes may."""
        self.block.add_new(element, vr, value)
        path = (*self.node.path, int(self.block.get_tag(element)))
        self.node.truth.keeps.append(Keep("safe private", self.node.file, path, str(value)))
        return self


def _tag(keyword: str) -> int:
    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword
    return int(tag)
