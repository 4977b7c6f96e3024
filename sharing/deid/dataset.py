"""One data set, element by element, in its bytes (PS3.15 E.1.1).

The walk is that of `sharing.dicom`, so the engine reads a file as the scan does that let it in.
What stays is kept as ranges of the source; a sequence is put together anew only if something in
it changes, and then as it was written: with its length, or with a delimiter.
"""

from dataclasses import dataclass, field
from typing import Final

from sharing.deid import values
from sharing.deid.acting import Actor, Made
from sharing.deid.content import CODE_SCHEME, CODE_VALUE, CONCEPT_NAME, VALUE_TYPE, Content, Item
from sharing.deid.facts import Begun
from sharing.deid.ledger import Kind
from sharing.deid.notes import at as at_tag
from sharing.deid.notes import instead, made, place
from sharing.deid.pieces import Pieces, delimiter, element, head, plain_vr, wrapped
from sharing.deid.rules import Decision, Do, Rules
from sharing.dicom.dictionary import (
    FLOAT_PIXEL_DATA,
    ITEM,
    ITEM_END,
    PIXEL_DATA,
    PIXELS,
    SEQUENCE_END,
    UNDEFINED,
)
from sharing.dicom.elements import Form, Step, What
from sharing.dicom.scan import DataSet

_CHARSET: Final = 0x00080005
_LONGEST: Final = 16 << 20
_SHORT: Final = 4  # a number of so many bytes holds no word
_PART, _OVERLAP = 1 << 20, 256
_WORDS: Final = values.TEXTS | {"CS", "SQ"}
_NUMBERS: Final = frozenset({"AS", "DA", "DS", "DT", "FD", "FL", "IS", "TM", "US"})
_STRONGER: Final = frozenset(
    {
        Do.REMOVE,
        Do.EMPTY,
        Do.UID,
        Do.REPLACE,
        Do.CODE,
        Do.PSEUDONYM,
        Do.CONTENT,
        Do.SHIFT,
        Do.RETAIN,
    }
)
_DUMMIED: Final = values.TEXTS | {"AS", "DA", "DT", "TM", "OB", "UN"}
_DRAWN: Final = frozenset({0x00700022, 0x00700273})
_TOO_LONG: Final = "A value is too long to be looked at; it was removed."
_TWICE: Final = "It stands here a second time."
_IN_DUMMY: Final = "The sequence around it is D."
_EMPTIED: Final = "Every item was removed."
_IN_PIXELS: Final = "An overlay may lie in unused bits of the pixels. Look what it shows."
_BIT_POSITION: Final = 0x0102
_END: Final = 1 << 32


@dataclass(slots=True)
class Level:
    """The data set, or an item, on the way.

    Attributes
    ----------
    place
        Tag of the sequence around it, shifted to the left by 32.
    out, into
        Its pieces, and where the next ones go: those of a private group are put together first.
    start
        Where it begins in the source, its header included.
    dummies
        Whether everything that could tell something is replaced in here.
    item
        The content item that this is, or that is around it.
    owner
        Whether it is that item itself.
    creators, used
        Of the private group under way: name and range by block, and which blocks stay.
    seen
        The tags that stood here.
    """

    place: int
    prefix: str
    charset: str
    out: Pieces
    into: Pieces
    start: int = 0
    dummies: bool = False
    item: Item | None = None
    owner: bool = False
    group: int = 0
    creators: dict[int, tuple[str, Step, int, int]] = field(default_factory=dict)
    used: set[int] = field(default_factory=set)
    scheme: str = ""
    code: str = ""
    seen: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Sequence:
    """A sequence on the way; `kept` counts the items that stay."""

    start: int
    step: Step
    level: Level
    out: Pieces
    prefix: str
    dummies: bool
    content: bool
    cleaning: bool
    kept: int = 0


class Transform:
    """De-identifies one data set.

    Parameters
    ----------
    rules
        What to do.
    actor
        Who does it, for this instance.
    added
        Elements to put in at the top level, by tag.
    form
        To be written in; without one everything stays in the form that it has.

    Attributes
    ----------
    pixels
        The pixel data's step, if it was met.
    """

    def __init__(
        self, rules: Rules, actor: Actor, added: dict[int, bytes], form: Form | None = None
    ) -> None:
        facts = actor.facts
        self.form = form
        self.rules, self.actor, self.notes = rules, actor, actor.notes
        self.decisions = rules.of(facts.sop_class)
        self.content = Content(rules.options, removing=not facts.points_at_items)
        self.added = sorted(added.items(), reverse=True)
        self.next = self.added[-1][0] if self.added else _END
        out = Pieces()
        self.level = self.top = Level(0, "", facts.charset, out, out)
        self.top.seen.update(added)
        self.sequences: list[Sequence] = []
        self.skipping = 0
        self.pixels: Step | None = None

    def run(self, begun: Begun, dataset: DataSet) -> None:
        """Walk to the end; what was made is in `top.out`.

        Raises
        ------
        RefusedError
            If the structure contradicts itself.
        """
        self.window = dataset.window
        stop = dataset.start
        handlers = (
            self._value,
            self._sequence,
            self._item,
            self._item_end,
            self._sequence_end,
            self._value,
        )
        for step, position in begun.all(dataset):
            start, stop = stop, position
            if self.skipping:
                self.skipping += (step.what is What.SEQUENCE) - (step.what is What.SEQUENCE_END)
            else:
                handlers[step[0]](step, start, stop)
        self._leave_group(self.top)
        self._add(_END)

    # --- elements

    def _value(self, step: Step, start: int, stop: int) -> None:
        level = self.level
        _, tag, vr, length, _, _ = step
        if tag in level.seen:
            self._again(level, tag)
            return
        level.seen.add(tag)
        decision = self._decide(level, step, start, stop)
        if decision is None:
            if length > _SHORT or (length and vr in _WORDS):
                self._keep(level, step, start, stop)
            else:
                self._stay(level.into, step, start, stop)
        elif decision is _SET_ASIDE:
            pass
        elif decision.do is Do.REMOVE:
            level.into.drop()
            self.notes.did(level.prefix, decision)
            if tag >> 24 == 0x60 and tag & 0xFFFF == _BIT_POSITION:
                self._doubt_bits(step)
        else:
            self._act(level, decision, step, start, stop)
        if tag >= FLOAT_PIXEL_DATA and tag in PIXELS and level is self.top:
            self.pixels = step

    def _again(self, level: Level, tag: int) -> None:
        """Leave out what stands here a second time; readers differ in which they believe."""
        level.into.drop()
        self.notes.did(level.prefix, made(tag, "X", _TWICE))

    def _doubt_bits(self, step: Step) -> None:
        """An overlay of old lies in bits of the pixels that no value uses (PS3.3 C.9.2)."""
        if step.length == 2 and any(self.window.take(step.at, 2)):
            self.notes.doubt(Kind.GRAPHICS, place(PIXEL_DATA), _IN_PIXELS)

    def _decide(self, level: Level, step: Step, start: int, stop: int) -> Decision | None:
        """What to do here; a private creator waits until something of its block stays."""
        tag = step.tag
        if tag >= self.next and level is self.top:
            self._add(tag)
        if level.group and tag >> 16 != level.group:
            self._leave_group(level)
        decision: Decision | None
        if tag >> 16 & 1 and self.rules.private:
            decision = self._private(level, step, start, stop)
        else:
            decision = self.decisions[level.place | tag]
        if level.item is not None:
            return self._in_content(level, level.item, step, decision)
        return self._as_dummy(step, decision) if level.dummies else decision

    def _keep(self, level: Level, step: Step, start: int, stop: int) -> None:
        tag, length = step.tag, step.length
        if tag in PIXELS:
            self._stay(level.into, step, start, stop)
            return
        if length > _LONGEST:
            self._keep_long(level, step, start, stop)
            return
        raw = self.window.take(step.at, length)
        if step.vr in _NUMBERS and not values.is_odd(step.vr, raw):
            self._stay(level.into, step, start, stop)
            return
        if tag == _CHARSET:
            level.charset = raw.decode("latin_1").strip(" \0")
        self._made(
            level, step, start, stop, self.actor.keep(step, raw, level.charset, level.prefix)
        )

    def _keep_long(self, level: Level, step: Step, start: int, stop: int) -> None:
        """What is too long for a text; numbers may be, and are looked through bit by bit."""
        words = step.vr in _WORDS or step.length == UNDEFINED
        places = range(0, 0 if words else step.length, _PART)
        if words or any(self._names_somebody(step, at) for at in places):
            self.notes.doubt(Kind.STRUCTURE, level.prefix + place(step.tag), _TOO_LONG)
            level.into.drop()
        else:
            self._stay(level.into, step, start, stop)

    def _names_somebody(self, step: Step, at: int) -> bool:
        count = min(_PART + _OVERLAP, step.length - at)
        return self.actor.texts.names_somebody(self.window.take(step.at + at, count))

    def _act(self, level: Level, decision: Decision, step: Step, start: int, stop: int) -> None:
        if step.length == UNDEFINED or (step.length > _LONGEST and decision.do is not Do.REPLACE):
            level.into.drop()
            self.notes.did(level.prefix, instead(decision, "X", _TOO_LONG))
            return
        raw = self.window.take(step.at, min(step.length, _LONGEST))
        if values.is_blank(raw):
            self._stay(level.into, step, start, stop)
            return
        result = self.actor.act(decision, step, raw, level.charset, level.prefix)
        self._made(level, step, start, stop, result)

    def _made(
        self,
        level: Level,
        step: Step,
        start: int,
        stop: int,
        result: Made,
    ) -> None:
        decision, value = result
        if decision is not None:
            self.notes.did(level.prefix, decision)
        if value is not None:
            vr = plain_vr(step.tag, step.vr)
            level.into.write(element(step.tag, vr, value, form=self.form or step.form))
        elif decision is not None and decision.letter == "X":
            level.into.drop()
        else:
            self._stay(level.into, step, start, stop)

    def _stay(self, into: Pieces, step: Step, start: int, stop: int) -> None:
        """Let an element stand as it is, under another head if the form changes."""
        if self.form is not None and step.form is not self.form:
            into.write(head(step.tag, step.vr, step.length, explicit=True, little=True))
            start = step.at
        into.keep(start, stop)

    def _add(self, before: int) -> None:
        """Put in what the output carries besides, in its place."""
        while self.added and self.added[-1][0] <= before:
            self._leave_group(self.top)
            self.top.out.write(self.added.pop()[1])
        self.next = self.added[-1][0] if self.added else _END

    # --- sequences

    def _sequence(self, step: Step, start: int, stop: int) -> None:
        level = self.level
        if step.tag in level.seen:
            self._again(level, step.tag)
            self.skipping = 1
            return
        level.seen.add(step.tag)
        decision = self._decide(level, step, start, stop)
        do = decision.do if decision is not None else Do.ENTER
        if decision is not None:
            self.notes.did(level.prefix, decision)
        if do is Do.REMOVE:
            level.into.drop()
            self.skipping = 1
        elif do is Do.EMPTY:
            level.into.write(self._opening(step, start) + bytes(4))
            self.skipping = 1
        else:
            self.sequences.append(
                Sequence(
                    start,
                    step,
                    level,
                    Pieces(),
                    f"{level.prefix}{place(step.tag)}[*].",
                    dummies=level.dummies or do is Do.REPLACE,
                    content=do is Do.CONTENT,
                    cleaning=decision is not None and decision.letter == "C",
                )
            )

    def _opening(self, step: Step, start: int) -> bytes:
        """A sequence's header without its length, in the form that the data set has here."""
        explicit = self.form is not None or step.at - start == 12
        return head(step.tag, step.vr, 0, explicit=explicit, little=step.form.little)[:-4]

    def _item(self, step: Step, start: int, stop: int) -> None:
        sequence = self.sequences[-1]
        around, out = sequence.level, Pieces()
        item = around.item
        if sequence.content:
            emptied = item is not None and item.emptied
            item = Item(sequence.cleaning, emptied)
        self.level = Level(
            step.tag << 32,
            sequence.prefix,
            around.charset,
            out,
            out,
            start,
            sequence.dummies,
            item,
            sequence.content,
        )

    def _item_end(self, step: Step, start: int, stop: int) -> None:
        level, sequence = self.level, self.sequences[-1]
        self._leave_group(level)
        self.level = sequence.level
        if step.tag == CONCEPT_NAME and self.level.owner and self.level.item:
            self.level.item.named(level.scheme, level.code)
        if level.owner and level.item:
            decision = self.content.settle(level.item)
            if decision is not None and decision.do is Do.REMOVE:
                sequence.out.drop()
                self.notes.did(sequence.level.prefix, decision)
                return
        sequence.kept += 1
        if level.out.changed or self.form is not None:
            little = step.form.little
            opening = delimiter(ITEM, little=little)[:4]
            sequence.out.append(wrapped(level.out, opening, step.length, ITEM_END, little=little))
        else:
            sequence.out.keep(level.start, stop)

    def _sequence_end(self, step: Step, start: int, stop: int) -> None:
        sequence = self.sequences.pop()
        into, step = sequence.level.into, sequence.step
        if not sequence.out.changed and self.form is None:
            into.keep(sequence.start, stop)
        elif sequence.kept or not sequence.content:
            little = step.form.little
            opening = self._opening(step, sequence.start)
            end = SEQUENCE_END
            into.append(wrapped(sequence.out, opening, step.length, end, little=little))
        else:
            into.drop()
            self.notes.did(sequence.level.prefix, made(step.tag, "X", _EMPTIED))

    # --- content items, dummies

    def _in_content(
        self, level: Level, item: Item, step: Step, decision: Decision | None
    ) -> Decision | None:
        tag = step.tag
        if tag == VALUE_TYPE and level.owner:
            item.value_type = self._plain(step)
        elif tag == CODE_VALUE and level.place == CONCEPT_NAME << 32:
            level.code = self._plain(step)
        elif tag == CODE_SCHEME and level.place == CONCEPT_NAME << 32:
            level.scheme = self._plain(step)
        if level.dummies:
            return self._as_dummy(step, decision)
        return self.content.value(item, tag, step.vr, decision, own=level.owner)

    def _plain(self, step: Step) -> str:
        return self.window.take(step.at, min(step.length, 64)).decode("latin_1").strip(" \0")

    def _as_dummy(self, step: Step, decision: Decision | None) -> Decision | None:
        if decision is not None and decision.do in _STRONGER:
            return decision
        if step.vr in _DUMMIED or step.tag in _DRAWN:
            return made(step.tag, "D", _IN_DUMMY)
        return None

    # --- private groups

    def _private(self, level: Level, step: Step, start: int, stop: int) -> Decision:
        """What to do with a private attribute; its creator says whose it is (PS3.5 7.8.1)."""
        tag = step.tag
        if not level.group:
            level.group, level.into = tag >> 16, Pieces()
        number = tag & 0xFFFF
        if 0x10 <= number <= 0xFF:
            if step.what is What.VALUE:
                level.creators[number] = (self._plain(step), step, start, stop)
            return _SET_ASIDE
        creator = level.creators.get(number >> 8)
        name = creator[0] if creator else ""
        decision = self.rules.private.get((tag >> 16, name, number & 0xFF))
        if decision is None:
            found = self.decisions[tag]
            assert found is not None
            return found
        if decision.do is not Do.REMOVE:
            level.used.add(number >> 8)
        return at_tag(decision, tag)

    def _leave_group(self, level: Level) -> None:
        """Behind a private group: its creators, as far as something of their block stays."""
        if not level.group:
            return
        for number, (_, step, start, stop) in sorted(level.creators.items()):
            if number in level.used:
                self._stay(level.out, step, start, stop)
            else:
                level.out.drop()
        level.out.append(level.into)
        level.group, level.into = 0, level.out
        level.creators.clear()
        level.used.clear()


_SET_ASIDE: Final = Decision(0, Do.REMOVE, "X", "", "The creator of a private block.")
