"""What a decision makes of one value (PS3.15 Table E.1-1a)."""

from typing import Final

from sharing.deid import values
from sharing.deid.cleaning import Texts, Written
from sharing.deid.dates import shift
from sharing.deid.facts import Facts
from sharing.deid.keys import Keys, patient_key
from sharing.deid.ledger import Kind
from sharing.deid.notes import Notes, instead, made, place
from sharing.deid.pieces import plain_vr
from sharing.deid.rules import Decision, Do
from sharing.deid.table import Option
from sharing.dicom.dictionary import PIXELS, vr_of
from sharing.dicom.elements import Step

Made = tuple[Decision | None, bytes | None]
"""The decision as it came out, None for nothing to tell; the value to write, None to let it stand.

A decision whose letter is X takes the element away.
"""

KEPT: Final[Made] = (None, None)
_NUMBER: Final = 0x00100020
_DOCUMENT: Final = 0x00420011
_DOCUMENT_LENGTH: Final = 0x00420015
_IDENTIFIERS: Final = ("ID", "Identifier", "Number")
_CODED: Final = frozenset({"LO", "SH", "ST", "UC"})
_TEMPORAL: Final = frozenset({"AS", "DA", "DT", "TM"})
_SEARCHED: Final = frozenset({"OB", "UN"})
_UNCLEAR: Final = "The value is not what its attribute should hold, so it cannot be looked at."
_NO_DATE: Final = "No legal date, so it cannot be moved."
_HELD: Final = "It holds something that names the patient."
_NO_UID: Final = "A UID where none belongs."
_NO_WAY: Final = "It cannot be cleaned, only removed."
_MAY_NAME: Final = "The profile keeps this text; it may name the patient. Look at it."
_SCRUBBED: Final = "Something that is known of the patient was taken out of a text that stays."
_DRAWN: Final = "A drawing over the picture is kept. Look whether something is written in it."
_KIND_OF: Final = "A coded value is also a word of somebody's name. It was left; look at it."
# Coded values that only ever hold the standard's own terms.
_TERMS: Final = frozenset(
    {
        0x00080005, 0x00080060, 0x00080061, 0x00080064, 0x00080068, 0x00185100,
        0x00200060, 0x00200062, 0x0040A010, 0x0040A040, 0x0040A050, 0x0040A491, 0x0040A493,
    }
)  # fmt: skip


class Actor:
    """Acts on values of one instance.

    Parameters
    ----------
    keys, texts
        By which identities are replaced and texts cleaned.
    patient
        Who it is, to `keys`.
    document
        What takes the place of an encapsulated document.
    """

    def __init__(
        self,
        keys: Keys,
        texts: Texts,
        facts: Facts,
        notes: Notes,
        *,
        patient: str,
        document: bytes,
    ) -> None:
        self.keys, self.texts, self.facts, self.notes = keys, texts, facts, notes
        self.patient, self.document = patient, document
        self._retains_uids = Option.RETAIN_UIDS in texts.cleaner.known.options
        self.days = texts.cleaner.days

    def act(self, decision: Decision, step: Step, raw: bytes, charset: str, prefix: str) -> Made:
        """What becomes of a value that a decision is about.

        Parameters
        ----------
        raw
            The value.
        charset, prefix
            Of the data set or item around it.
        """
        match decision.do:
            case Do.RETAIN:
                return self._retain(decision, step, raw, charset, prefix)
            case Do.UID:
                return decision, self._uid(raw)
            case Do.EMPTY:
                return decision, b""
            case Do.SHIFT:
                return self._shift(decision, step, raw)
            case Do.CODE:
                return decision, self._code(decision.keyword, raw)
            case Do.PSEUDONYM:
                return decision, self._pseudonym(step.tag, raw, nested=bool(prefix))
            case Do.LOOK:
                if any(raw):
                    self.notes.doubt(Kind.GRAPHICS, prefix + place(step.tag), _DRAWN)
                return decision, None
            case Do.CLEAN:
                return self._clean(decision, step, raw, charset, prefix)
        return decision, self._dummy(decision, step, raw)

    def keep(self, step: Step, raw: bytes, charset: str, prefix: str) -> Made:
        """What becomes of a value that no rule names: it stays, but not what names the patient."""
        tag = step.tag
        vr = vr_of(tag) if step.vr == "UN" else step.vr
        if vr == "SQ":
            return made(tag, "X", _UNCLEAR), None
        if vr == "CS":
            return self._keep_coded(step, raw, charset, prefix)
        if vr in values.TEXTS:
            found = self.texts.scrub(raw, vr, charset, tag)
            return self._text(made(tag, "C", _SCRUBBED), found, prefix)
        if tag in PIXELS:
            return KEPT
        if vr in _SEARCHED or values.is_odd(vr, raw):
            return (made(tag, "X", _HELD), None) if self.texts.names_somebody(raw) else KEPT
        if vr == "UI" and vr_of(tag) != "UI" and not self._retains_uids:
            return made(tag, "U", _NO_UID), self._uid(raw)
        return KEPT

    def _keep_coded(self, step: Step, raw: bytes, charset: str, prefix: str) -> Made:
        if step.tag in _TERMS:
            return KEPT
        found = self.texts.scrub(raw, "CS", charset, step.tag)
        if found is None:
            return KEPT
        if found.doubt:
            self.notes.doubt(Kind.TEXT, prefix + place(step.tag), _KIND_OF)
            return KEPT
        return made(step.tag, "C", _SCRUBBED), values.dummy(step.tag, "CS", raw)

    def _dummy(self, decision: Decision, step: Step, raw: bytes) -> bytes:
        tag, vr = step.tag, plain_vr(step.tag, step.vr)
        if decision.value:
            return decision.value.encode("ascii", "replace")
        if tag == _DOCUMENT:
            return self.document
        if tag == _DOCUMENT_LENGTH:
            return len(self.document).to_bytes(4, "little" if step.form.little else "big")
        if vr == "UI":
            return self._uid(raw)
        if vr in _CODED and decision.keyword.endswith(_IDENTIFIERS):
            return self._code(decision.keyword, raw)
        return values.dummy(tag, vr_of(tag) if vr == "UN" else vr, raw)

    def _code(self, name: str, raw: bytes) -> bytes:
        text = raw.decode("latin_1").strip(" \0")
        return "\\".join(self.keys.code(name, one) for one in text.split("\\")).encode()

    def _pseudonym(self, tag: int, raw: bytes, *, nested: bool) -> bytes:
        """That of the patient; of another number, such as in a reference, its own."""
        number = raw.decode("latin_1").strip(" \0")
        if tag == _NUMBER and nested and number != self.facts.number:
            return self.keys.pseudonym(patient_key("", number)).encode()
        return self.keys.pseudonym(self.patient).encode()

    def _uid(self, raw: bytes) -> bytes:
        text = raw.decode("latin_1").strip(" \0")
        if "\\" not in text:
            return self.keys.uid(text).encode("ascii", "replace")
        return "\\".join(map(self.keys.uid, text.split("\\"))).encode("ascii", "replace")

    def _shift(self, decision: Decision, step: Step, raw: bytes) -> Made:
        vr = step.vr if step.vr in _TEMPORAL else vr_of(step.tag)
        if vr not in _TEMPORAL:
            if vr in ("SH", "LO"):  # an offset from UTC, a version: no day is in it
                return decision, None
            return instead(decision, "D", _NO_DATE), self._dummy(decision, step, raw)
        moved = shift(vr, raw.decode("latin_1"), self.days)
        if moved is None:
            return instead(decision, "D", _NO_DATE), values.dummy(step.tag, vr, raw)
        return decision, moved.encode("latin_1")

    def _retain(
        self, decision: Decision, step: Step, raw: bytes, charset: str, prefix: str
    ) -> Made:
        vr = vr_of(step.tag) if step.vr == "UN" else step.vr
        if vr in values.TEXTS:
            if self.texts.scrub(raw, vr, charset, step.tag):
                self.notes.doubt(Kind.TEXT, prefix + place(step.tag), _MAY_NAME)
        elif vr in _SEARCHED and self.texts.names_somebody(raw):
            return made(step.tag, "X", _HELD), None
        return decision, None

    def _clean(self, decision: Decision, step: Step, raw: bytes, charset: str, prefix: str) -> Made:
        vr = vr_of(step.tag) if step.vr == "UN" else step.vr
        if vr in _TEMPORAL:
            return self._shift(decision, step, raw)
        if vr == "UI":
            return decision, self._uid(raw)
        if vr in values.TEXTS or vr == "CS":
            return self._text(decision, self.texts.clean(raw, vr, charset, step.tag), prefix)
        return instead(decision, "X", _NO_WAY), None

    def _text(self, decision: Decision, found: Written | None, prefix: str) -> Made:
        if found is None:
            return KEPT
        if found.doubt:
            self.notes.doubt(Kind.TEXT, prefix + place(decision.tag), found.doubt)
        return decision, found.value
