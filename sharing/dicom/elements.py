"""Walk through the elements of a data set in its bytes, never holding more than a window.

Nothing here interprets values. The walk checks what a later full parse relies on: lengths that
add up, bounded depth and number of elements (PS3.5 section 7).
"""

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import Final, NamedTuple, Protocol

from sharing.dicom.dictionary import (
    ITEM,
    ITEM_END,
    PIXEL_DATA,
    PIXELS,
    SEQUENCE_END,
    UNDEFINED,
    vr_of,
)
from sharing.dicom.limits import LIMITS, Limits
from sharing.dicom.refusal import Reason, RefusedError

_FIRST_READ: Final = 16 << 10
_READ: Final = 64 << 10

_SHORT_VRS = "AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US"
_LONG_VRS = "OB OD OF OL OV OW SQ SV UC UN UR UT UV"
STANDARD_VRS: Final[dict[bytes, tuple[str, bool]]] = {
    **{vr.encode(): (vr, False) for vr in _SHORT_VRS.split()},
    **{vr.encode(): (vr, True) for vr in _LONG_VRS.split()},
}
_BLANK: Final = b"\0 \r\n\x1a"
_FRAGMENTED: Final = frozenset({"OB", "OW", "UN", "OB or OW"})


class Source(Protocol):
    """What a window needs of a file."""

    def seek(self, offset: int, /) -> int: ...

    def read(self, size: int, /) -> bytes: ...


class Window:
    """The part of a source that is in memory; it moves to where it is asked to look.

    Parameters
    ----------
    source
        Seekable; its position afterwards is undefined.
    size
        Bytes in the source.
    """

    __slots__ = ("_amount", "base", "data", "size", "source", "stop")

    def __init__(self, source: Source, size: int) -> None:
        self.source, self.size = source, size
        self.data, self.base, self.stop = b"", 0, 0
        self._amount = _FIRST_READ

    def reach(self, position: int, count: int) -> int:
        """Index in `data` from which at least `count` bytes of `position` are present."""
        index = position - self.base
        if index < 0 or position + count > self.stop:
            self._load(position, max(count, self._amount))
            self._amount = _READ
            index = 0
        if position + count > self.stop:
            raise RefusedError(Reason.TRUNCATED)
        return index

    def take(self, position: int, count: int) -> bytes:
        """The `count` bytes at `position`."""
        index = position - self.base
        if index < 0 or position + count > self.stop:
            index = self.reach(position, count)
        return self.data[index : index + count]

    def glance(self, position: int, count: int) -> bytes:
        """Like `take`, reading nothing around it: for headers between pixel data."""
        if position < self.base or position + count > self.stop:
            self._load(position, count)
        index = position - self.base
        return self.data[index : index + count]

    def _load(self, position: int, amount: int) -> None:
        self.source.seek(position)
        self.data = self.source.read(max(0, min(amount, self.size - position)))
        self.base, self.stop = position, position + len(self.data)


Head = tuple[int, str, int, int]
"""Tag, VR, length, position of the value."""


@dataclass(frozen=True, slots=True)
class Form:
    """How elements are written: order of bytes, and whether the VR is spelled out."""

    implicit: bool
    little: bool
    head: Callable[[Window, int], Head]


def _explicit(order: str) -> Callable[[Window, int], Head]:
    short_form, long_form = Struct(order + "HH2sH"), Struct(order + "L")

    def head(window: Window, position: int) -> Head:
        index = position - window.base
        if index < 0 or position + 12 > window.stop:
            index = window.reach(position, 8)
        group, element, code, length = short_form.unpack_from(window.data, index)
        known = STANDARD_VRS.get(code)
        if known is None:
            return _odd_head(window, position, order)
        if known[1]:
            if position + 12 > window.stop:
                index = window.reach(position, 12)
            length = long_form.unpack_from(window.data, index + 8)[0]
            return group << 16 | element, known[0], length, position + 12
        return group << 16 | element, known[0], length, position + 8

    return head


def _implicit(order: str) -> Callable[[Window, int], Head]:
    form = Struct(order + "HHL")

    def head(window: Window, position: int) -> Head:
        index = window.reach(position, 8)
        group, element, length = form.unpack_from(window.data, index)
        tag = group << 16 | element
        return tag, vr_of(tag), length, position + 8

    return head


def _odd_head(window: Window, position: int, order: str) -> Head:
    """Head of an explicit element whose VR is none of the standard's.

    Delimiters have none. Letters are a VR of another time: the standard gives those to come
    the long form (PS3.5 6.2), vendors use the short one; the one that fits is taken. Anything
    else is an implicit element among explicit ones, as some exporters write.
    """
    group, element, code, short, long = Struct(order + "HH2sHL").unpack_from(
        window.take(position, min(12, window.size - position)).ljust(12, b"\0")
    )
    tag, left = group << 16 | element, window.size - position
    plain = int.from_bytes(code + short.to_bytes(2, "little"), "little")
    if order == ">":
        plain = int.from_bytes(code + short.to_bytes(2, "big"), "big")
    if group == 0xFFFE:
        return tag, "", plain, position + 8
    if code.isalpha() and code.isupper():
        if short == 0 and 0 < long <= left - 12:
            return tag, "UN", long, position + 12
        return tag, "UN", short, position + 8
    if plain == UNDEFINED or plain <= left - 8:
        return tag, vr_of(tag), plain, position + 8
    return tag, vr_of(tag), short, position + 8


EXPLICIT_LITTLE: Final = Form(False, True, _explicit("<"))
EXPLICIT_BIG: Final = Form(False, False, _explicit(">"))
IMPLICIT_LITTLE: Final = Form(True, True, _implicit("<"))
IMPLICIT_BIG: Final = Form(True, False, _implicit(">"))


class Fragments(NamedTuple):
    """The items of encapsulated pixel data (PS3.5 A.4).

    Attributes
    ----------
    table
        Position and length of the Basic Offset Table's value.
    offsets, lengths
        Of the payload of every fragment, in bytes of the data set's stream.
    stop
        First byte behind the sequence.
    closed
        Whether a delimiter says that these are all; otherwise the file ended.
    """

    table: tuple[int, int]
    offsets: "array[int]"
    lengths: "array[int]"
    stop: int
    closed: bool


class What(IntEnum):
    """What a step of the walk met."""

    VALUE = 0
    SEQUENCE = 1
    ITEM = 2
    ITEM_END = 3
    SEQUENCE_END = 4
    FRAGMENTS = 5


class Step(NamedTuple):
    """One step of the walk; `length` and `at` say where a value's bytes are."""

    what: What
    tag: int
    vr: str
    length: int
    at: int
    form: Form


class Walk:
    """A walk over one data set.

    Parameters
    ----------
    window
        Where the bytes are.
    position
        First byte of the data set; moves on as the walk goes.
    limits
        Bounds of depth and number.
    wanted
        Tags whose plain values are worth a step; None for all. The others are checked silently.

    Attributes
    ----------
    fragments
        Those of the last encapsulated element met.
    """

    def __init__(
        self,
        window: Window,
        position: int,
        limits: Limits = LIMITS,
        wanted: frozenset[int] | None = None,
    ) -> None:
        self.window, self.position, self.limits, self.wanted = window, position, limits, wanted
        self.count = 0
        self.fragments: Fragments | None = None

    def steps(self, form: Form) -> Iterator[Step]:
        """Every step from here to the end of the source.

        Yields
        ------
        Step
            In order of the bytes. A few blanks at the end are padding.

        Raises
        ------
        RefusedError
            If lengths contradict each other or a bound is passed.
        """
        yield from self._dataset(form, self.window.size, 0)
        left = min(self.window.size - self.position, 8)
        if left > 0 and self.window.take(self.position, left).strip(_BLANK):
            raise RefusedError(Reason.TRUNCATED)

    def _dataset(self, form: Form, end: int, depth: int) -> Iterator[Step]:
        head, window, value = form.head, self.window, What.VALUE
        most, wanted = self.limits.elements, self.wanted
        new = tuple.__new__  # the constructor of a named tuple takes twice as long
        while self.position + 8 <= end:
            tag, vr, length, at = head(window, self.position)
            self.count += 1
            if self.count > most:
                raise RefusedError(Reason.TOO_MANY_ELEMENTS)
            if not tag and not depth:
                return  # padding: no element of a data set has this tag
            if depth and tag >> 16 == 0xFFFE:
                if tag != ITEM_END:
                    raise RefusedError(Reason.BAD_STRUCTURE)
                self.position = at
                return
            if vr == "SQ" or length == UNDEFINED or (vr == "UN" and vr_of(tag) == "SQ"):
                yield from self._nested(Step(value, tag, vr, length, at, form), end, depth)
                continue
            if at + length > end:
                raise _overrun(tag, at + length > window.size)
            self.position = at + length
            if wanted is None or tag in wanted:
                yield new(Step, (value, tag, vr, length, at, form))
        self.position = end if depth else self.position

    def _nested(self, step: Step, end: int, depth: int) -> Iterator[Step]:
        """Steps of an element that has items: a sequence or encapsulated pixel data."""
        undefined = step.length == UNDEFINED
        stop = end if undefined else step.at + step.length
        if stop > end:
            raise _overrun(step.tag, stop > self.window.size)
        form = IMPLICIT_LITTLE if step.vr == "UN" and not step.form.implicit else step.form
        if undefined and self._holds_fragments(step):
            self.fragments = walk_fragments(self.window, step.at, stop, step.form, self.limits)
            self.position = self.fragments.stop
            yield step._replace(what=What.FRAGMENTS)
        elif not undefined and not self._begins_with_item(step, form):
            self.position = stop
            yield step._replace(vr="UN")
        else:
            yield from self._sequence(step._replace(form=form), stop, undefined, depth + 1)

    def _holds_fragments(self, step: Step) -> bool:
        if step.tag in PIXELS:
            return True
        return step.vr in _FRAGMENTED and step.vr != "UN" and not step.form.implicit

    def _begins_with_item(self, step: Step, form: Form) -> bool:
        if step.length < 8:
            return step.length == 0
        return form.head(self.window, step.at)[0] in (ITEM, SEQUENCE_END)

    def _sequence(self, step: Step, end: int, undefined: bool, depth: int) -> Iterator[Step]:
        if depth > self.limits.depth:
            raise RefusedError(Reason.TOO_DEEP)
        self.position = step.at
        yield step._replace(what=What.SEQUENCE)
        while self.position + 8 <= end:
            at, length = self._item(step.form, end)
            if length < 0:
                break
            yield Step(What.ITEM, step.tag, "", length, at, step.form)
            inner = self._form_of_item(step.form, at, end)
            yield from self._dataset(inner, end if length == UNDEFINED else at + length, depth)
            yield Step(What.ITEM_END, step.tag, "", length, at, step.form)
        if not undefined:
            self.position = end
        yield step._replace(what=What.SEQUENCE_END)

    def _item(self, form: Form, end: int) -> tuple[int, int]:
        """Position and length of the next item's content; a length of -1 at the end."""
        tag, _, length, at = _ITEM_HEADS[form.little](self.window, self.position)
        self.count += 1
        if self.count > self.limits.elements:
            raise RefusedError(Reason.TOO_MANY_ELEMENTS)
        self.position = at
        if tag == SEQUENCE_END:
            return at, -1
        if tag != ITEM or (length != UNDEFINED and at + length > end):
            raise RefusedError(Reason.BAD_STRUCTURE)
        return at, length

    def _form_of_item(self, form: Form, at: int, end: int) -> Form:
        """The form of an item; some exporters switch to implicit VR inside sequences."""
        if form.implicit or at + 8 > end:
            return form
        code = self.window.take(at, 8)[4:6]
        if code in STANDARD_VRS or code.isalpha() or code == b"\0\0":
            return form
        return IMPLICIT_LITTLE if form.little else IMPLICIT_BIG


_ITEM_HEADS: Final = {True: IMPLICIT_LITTLE.head, False: IMPLICIT_BIG.head}


def _overrun(tag: int, past_the_end: bool) -> RefusedError:
    if past_the_end:
        pixels = tag in PIXELS
        return RefusedError(Reason.TRUNCATED_PIXELS if pixels else Reason.TRUNCATED)
    return RefusedError(Reason.BAD_STRUCTURE)


def walk_fragments(window: Window, at: int, end: int, form: Form, limits: Limits) -> Fragments:
    """Find the fragments of encapsulated pixel data, reading only the items' headers.

    A sequence that ends with the file instead of a delimiter is reported as not closed; one that
    ends inside a fragment is refused.
    """
    item = Struct("<LL" if form.little else ">LL")
    offsets, lengths = array("Q"), array("Q")
    position, table = at, (at, 0)
    first = True
    while position + 8 <= end:
        tag, length = _item_head(item, window.glance(position, 8), form.little)
        position += 8
        if tag in (SEQUENCE_END, ITEM_END):
            return Fragments(table, offsets, lengths, position, True)
        if tag != ITEM:
            raise RefusedError(Reason.BAD_STRUCTURE)
        if position + length > end:
            raise _overrun(PIXEL_DATA, True)
        if first:
            table, first = (position, length), False
        else:
            offsets.append(position)
            lengths.append(length)
            if len(offsets) > limits.fragments:
                raise RefusedError(Reason.TOO_MANY_FRAMES)
        position += length
    return Fragments(table, offsets, lengths, end, False)


def _item_head(item: Struct, raw: bytes, little: bool) -> tuple[int, int]:
    if len(raw) < 8:
        raise RefusedError(Reason.TRUNCATED_PIXELS)
    tag, length = item.unpack(raw)
    return (tag << 16 & 0xFFFFFFFF | tag >> 16 if little else tag), length
