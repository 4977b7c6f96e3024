"""Free text cleaned for the option Clean Descriptors, and kept text searched for the patient.

`Cleaner.clean` keeps what it understands (PS3.15 E.3.5): words of the vocabulary, numbers, codes
of sequences. What the header knows of people goes, what looks like a name, a number, an address
goes, and so does every word that is in no list: unknown is removed. Days move with the patient's
other dates where the profile moves dates.

`Cleaner.scrub` leaves a text as it is but for what is known of the patient. It is for every text
that is kept for whatever reason: names stand in attributes of which no rule knows.

A name that is an ordinary word as well (a patient called Chest) goes like any other, and the result
carries a doubt, so that a person looks at what is left.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from sharing.deid import dates, vocabulary
from sharing.deid.folding import Token, fold, plain, runs
from sharing.deid.keys import Keys, is_well_known
from sharing.deid.known import Kind, Known, Span
from sharing.deid.matching import merged
from sharing.deid.profile import TextSettings
from sharing.deid.table import Option

MARK: Final = "***"
DOUBT_WORD: Final = (
    "A word of somebody's name is an ordinary word, too. It was taken out; look whether "
    "what is left makes sense and names nobody."
)
DOUBT_NAMES: Final = (
    "Two words stand side by side that are ordinary, but also names of people. They were left; "
    "look whether they name somebody."
)

_LONG_TEXT: Final = frozenset({"LT", "ST", "UT"})
_LARGEST: Final = {"SH": 16, "LO": 64, "CS": 16, "AE": 16}
_CACHED: Final = 4096
_DIGITS: Final = 4  # longer numbers are taken for identifiers
_CAMEL: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]")

_UID: Final = re.compile(r"(?<![\d.])\d+(?:\.\d+){4,}(?![\d.]*\d)")
_CLOCK: Final = re.compile(r"(?<![\d:])(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?(?:\.\d+)?(?![\d:])")
_AGE: Final = re.compile(
    r"(?<![\d.])(\d{2,3})\s?-?\s?(?:y(?:ears?|rs?)?(?:[ -]?olds?)?|y\.?/?o\.?|j(?:ahre?)?|jährig\w*|ans|años|anni|jaar|anos)"
    r"(?![^\W_])|\bag(?:e|ed)\W{1,2}(\d{2,3})(?!\d)",
    re.IGNORECASE,
)
_NAME: Final = r"[^\W\d_][\w'’.-]*"
_CAPITAL: Final = r"(?-i:[^\W\d_a-z])[\w'’.-]*"
# What looks like something that identifies; each is tried only where one of its signs stands.
_DETECTED: Final = (
    (Kind.MAIL, r"@", r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    (
        Kind.ADDRESS,
        r"://|www|\\",
        r"\b(?:https?|ftps?|file|dicom)://\S+|\bwww\.\S+|\\\\[\w.-]+\\\S+|\b[a-z]:\\\S+",
    ),
    (Kind.ADDRESS, r"/", r"(?<![\w/])/(?:[\w.~-]+/)+[\w.~-]*"),
    (
        Kind.ADDRESS,
        r"\d\D*(?:str|st\.|road|rd\.|av|bou|bl|lane|driv|squ|cres|terr)",
        (
            rf"\b\d{{1,5}}[a-z]?,?\s+(?:{_NAME}\s+){{1,3}}"
            r"(?:street|road|avenue|boulevard|lane|drive|st\.|rd\.|ave?\.|blvd\.?|square|crescent|terrace)"
        ),
    ),
    (
        Kind.ADDRESS,
        r"(?:str|gasse|weg|platz|allee|laan|straat)\D*\d",
        r"\b[\w.-]*(?:str\.|straße|strasse|gasse|weg|platz|allee|laan|straat)\s*\d{1,4}[a-z]?\b",
    ),
    (
        Kind.ADDRESS,
        r"(?:room|zimmer|ward|station|bed|bett|box)\W{0,2}\w?\d",
        r"\b(?:room|zimmer|ward|station|bed|bett|po box|p\.o\. box)\W{0,2}\w?\d+\w*",
    ),
    (
        Kind.PHONE,
        r"\d\D{0,3}\d\D{0,3}\d\D{0,3}\d\D{0,3}\d\D{0,3}\d",
        (
            r"(?<!\w)(?:\+|00)\d[\d\s()./-]{6,}\d|(?<![\w.])\(?0\d{1,5}\)?[\s/-]{1,3}\d[\d\s-]{4,}\d(?![\w.])"
            r"|(?<![\w.])\(?\d{3}\)?[\s.-]{1,2}\d{3}[\s.-]\d{4}(?![\w.])|(?<![\w.-])\d{3}[-.]\d{4}(?![\w.-])"
        ),
    ),
    (
        Kind.PHONE,
        r"(?:tel|phone|fon|mobil|cell|fax|call|pager|beeper|ext)",
        r"\b(?:tel(?:efon)?|phone|fon|mobile?|cell|fax|call|pager|beeper|ext)\b\W{0,3}\d[\d\s()./-]+",
    ),
    (Kind.NUMBER, r"\d[-/]\d", r"(?<![\w.])\d{1,6}(?:[-/]\d{1,8})+(?![\w.]*\d)"),
    (
        Kind.NUMBER,
        r"mrn|id|nr|no|acc|ssn|nhs|fall|dob|geb",
        (
            r"\b(?:mrn|pid|pat(?:ient)?[ _-]?(?:id|nr|no)|acc(?:ession)?(?:[ _-]?(?:no|nr|number|id))?|ssn"
            r"|nhs|svnr|fallnr|fall[ -]?nummer|dob|geb)\b[\W_]{0,3}\w*\d[\w./-]*"
        ),
    ),
    (
        Kind.NUMBER,
        r"\d{3}",
        r"(?:\b(?:id|no|nr|case|number|order)\b|#)[\W_]{0,3}[a-z]{0,4}-?\d{3,}[\w-]*",
    ),
    (
        Kind.NAME,
        r"mr|ms|miss|dr|prof|doctor|herr|frau|mme|sr|sig|dott|pr",
        (
            r"\b(?-i:Mr|Mrs|Ms|Miss|Dr|Prof|Doctor|Herrn?|Frau|Mme|Sra?|Sig|Dott|Pr|DR\.|MR\.|MRS\.)\b\.?\s*"
            rf"(?:(?-i:Dr|Prof|med)\.?\s*)*{_CAPITAL}(?:[ ,]+{_CAPITAL}){{0,2}}"
        ),
    ),
    (
        Kind.NAME,
        r"name|signed|dictated|reported|read|verified|referred|requested|performed",
        (
            r"\b(?:patient(?:'s)? name|name|signed|dictated|reported|read|verified|referred|requested|performed)"
            rf"(?:\s+by\s*:?|\s*:)\s*{_NAME}(?:[ ,]+{_CAPITAL}){{0,2}}"
        ),
    ),
)
_DETECTORS: Final = tuple(
    (kind, re.compile(signs, re.IGNORECASE), re.compile(text, re.IGNORECASE))
    for kind, signs, text in _DETECTED
)
_CARETS: Final = re.compile(r"[\w'’. -]+(?:\^[\w'’. -]*)+")
_MATRIX: Final = re.compile(r"\d{1,4}(?:x\d{1,4})+")
_HAS_DIGIT: Final = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What became of a text.

    Attributes
    ----------
    text
        What may be written; the very object that was given if nothing had to change.
    spans
        What went or was replaced, as places in the original.
    doubt
        A sentence for a reviewer, without a word of the text; "" if there is none.
    """

    text: str
    spans: tuple[Span, ...] = ()
    doubt: str = ""


class Cleaner:
    """Cleans the texts of one patient; equal texts are cleaned once.

    Parameters
    ----------
    known
        What the headers say of people; its options say what becomes of dates and UIDs.
    keys, patient
        By which dates and UIDs are replaced (`keys.patient_key`).
    settings
        Of the profile.
    """

    def __init__(
        self, known: Known, keys: Keys, patient: str, settings: TextSettings | None = None
    ) -> None:
        self.known, self.keys = known, keys
        self.settings = settings or TextSettings()
        self.days = keys.shift(patient)
        extra = {plain(word) for word in self.settings.words}
        self.words = vocabulary.words() | extra if extra else vocabulary.words()
        self.moves = Option.RETAIN_LONGITUDINAL_MODIFIED_DATES in known.options
        self.keeps = Option.RETAIN_LONGITUDINAL_FULL_DATES in known.options
        self._memory: dict[tuple[str, str], Cleaned] = {}
        self._version = known.version

    def clean(self, text: str, vr: str = "LO") -> Cleaned:
        """Keep what is understood and identifies nobody (action C of Clean Descriptors).

        Parameters
        ----------
        text
            A value, or several separated by a backslash.
        vr
            Of the element. In LT, ST and UT a mark stands where something was taken out.
        """
        return self._remembered("clean", text, vr, self._clean)

    def scrub(self, text: str, vr: str = "LO") -> Cleaned:
        """Take out what is known of the patient, and other people's UIDs; the rest stays."""
        return self._remembered("scrub", text, vr, self._scrub)

    def _remembered(
        self, what: str, text: str, vr: str, work: Callable[[str, str], Cleaned]
    ) -> Cleaned:
        if self._version != self.known.version or len(self._memory) >= _CACHED:
            self._memory.clear()
            self._version = self.known.version
        key = what + vr, text
        found = self._memory.get(key)
        if found is None:
            found = self._memory[key] = self._each(text, vr, work)
        return found

    def _each(self, text: str, vr: str, work: Callable[[str, str], Cleaned]) -> Cleaned:
        if vr in _LONG_TEXT or "\\" not in text:
            return work(text, vr)
        parts: list[str] = []
        spans: list[Span] = []
        doubts: list[str] = []
        at = 0
        for value in text.split("\\"):
            one = work(value, vr)
            parts.append(one.text)
            spans.extend(
                span._replace(start=span.start + at, end=span.end + at) for span in one.spans
            )
            doubts.append(one.doubt)
            at += len(value) + 1
        return (
            Cleaned("\\".join(parts), tuple(spans), max(doubts, key=len))
            if spans
            else Cleaned(text)
        )

    def _clean(self, text: str, vr: str) -> Cleaned:
        if not text.strip(" \0"):
            return Cleaned(text)
        days = {(found.start, found.end): found for found in dates.find(text, self.known.days)}
        spans = [span for span in self.known.find(text) if span.kind is not Kind.DATE]
        spans.extend(self._days(days))
        spans.extend(each for each in self._detected(text) if not _is_in_date(each, days))
        tokens = fold(text).tokens()
        spans.extend(self._unknown(text, tokens, spans))
        spans = merged(spans)
        spans = merged([*spans, *self._company(text, tokens, spans)])
        doubt = DOUBT_WORD if any(not span.sure for span in spans) else ""
        doubt = doubt or self._side_by_side(text, tokens, spans)
        return self._written(text, spans, days, vr, doubt)

    def _scrub(self, text: str, vr: str) -> Cleaned:
        spans = [*self.known.find(text), *self._uids(text)]
        if not spans:
            return Cleaned(text)
        spans = merged(spans)
        days = {(found.start, found.end): found for found in dates.find(text, self.known.days)}
        doubt = DOUBT_WORD if any(not span.sure for span in spans) else ""
        return self._written(text, spans, days, vr, doubt)

    # --- what goes

    def _days(self, days: dict[tuple[int, int], dates.Found]) -> Iterator[Span]:
        for (start, end), found in days.items():
            if found.day in self.known.births:
                yield Span(start, end, Kind.BIRTH)
            elif not self.keeps:
                yield Span(start, end, Kind.DATE)

    def _uids(self, text: str) -> Iterator[Span]:
        if Option.RETAIN_UIDS in self.known.options:
            return
        for match in _UID.finditer(text):
            if len(match[0]) >= 12 and not is_well_known(match[0]):
                yield Span(match.start(), match.end(), Kind.UID)

    def _detected(self, text: str) -> Iterator[Span]:
        for kind, signs, pattern in _DETECTORS:
            for match in pattern.finditer(text) if signs.search(text) else ():
                if kind is not Kind.NUMBER or _is_number(match[0]):
                    yield Span(match.start(), match.end(), kind)
        for match in _CARETS.finditer(text) if "^" in text else ():
            if not self._is_technical(match[0]):
                yield Span(match.start(), match.end(), Kind.NAME)
        if _HAS_DIGIT.search(text) is None:
            return
        yield from self._uids(text)
        for match in _AGE.finditer(text):
            if int(match[1] or match[2]) > self.settings.ages_over:
                yield Span(match.start(), match.end(), Kind.AGE)
        if not (self.keeps or self.moves):
            for match in _CLOCK.finditer(text):
                yield Span(match.start(), match.end(), Kind.DATE)

    def _unknown(self, text: str, tokens: list[Token], spans: Iterable[Span]) -> Iterator[Span]:
        taken = merged(spans)
        at = 0
        for token in tokens:
            while at < len(taken) and taken[at].end <= token.start:
                at += 1
            covered = at < len(taken) and taken[at].start < token.end
            if covered and not (taken[at].start <= token.start and token.end <= taken[at].end):
                yield Span(token.start, token.end, taken[at].kind)  # what is left of a word tells
            if not covered and not self._understood(text, token):
                yield Span(token.start, token.end, Kind.UNKNOWN)

    def _understood(self, text: str, token: Token) -> bool:
        word = token.text
        if word in self.words:
            return True
        if word.isdigit():
            return len(word) <= _DIGITS or _is_fraction(text, token)
        if not word.isascii():
            return word == "μ"
        if len(word) == 1 or (word[-1] == "s" and word[:-1] in self.words and len(word) > 3):
            return True
        return self._composed(word) or self._camel(text[token.start : token.end])

    def _is_technical(self, text: str) -> bool:
        """Whether carets part words of descriptions (Head^Routine), not those of a name."""
        return all(
            self._understood(text, token) and not vocabulary.is_namelike(token.text)
            for token in fold(text).tokens()
        )

    def _composed(self, word: str) -> bool:
        """Codes of sequences (T1w, b1000, tse2d1), and two words written as one."""
        pieces = runs(word)
        if len(pieces) > 1:
            return self._are_codes(pieces) or _MATRIX.fullmatch(word) is not None
        return any(
            word[:cut] in self.words
            and word[cut:] in self.words
            and not vocabulary.is_namelike(word[:cut])
            and not vocabulary.is_namelike(word[cut:])
            for cut in range(4, len(word) - 3)
        )

    def _camel(self, original: str) -> bool:
        pieces = [plain(piece) for piece in _CAMEL.findall(original)]
        return len(pieces) > 1 and self._are_codes(pieces)

    def _are_codes(self, pieces: list[str]) -> bool:
        digits = sum(len(piece) for piece in pieces if piece.isdigit())
        letters = [piece for piece in pieces if not piece.isdigit()]
        return digits <= _DIGITS and all(
            len(piece) == 1 or (piece in self.words and not vocabulary.is_namelike(piece))
            for piece in letters
        )

    def _company(self, text: str, tokens: list[Token], spans: list[Span]) -> Iterator[Span]:
        """Ordinary words and initials that a name beside them makes part of a name."""
        ends = {span.end for span in spans if _may_be_name(text, span)}
        starts = {span.start for span in spans if _may_be_name(text, span)}
        for token in tokens:
            if not _could_name(text, token):
                continue
            before = any(token.start - gap in ends for gap in (1, 2))
            after = any(token.end + gap in starts for gap in (1, 2))
            gaps = text[token.end : token.end + 2], text[max(0, token.start - 2) : token.start]
            if (after and not _divided(gaps[0])) or (before and not _divided(gaps[1])):
                yield Span(token.start, token.end, Kind.NAME)

    def _side_by_side(self, text: str, tokens: list[Token], spans: list[Span]) -> str:
        """Whether two words that are names, too, stand together: written as names are."""
        if text.isupper() or text.islower():
            return ""
        gone = {place for span in spans for place in range(span.start, span.end)}
        for one, two in pairwise(tokens):
            if one.start in gone or two.start in gone or two.start - one.end > 2:
                continue
            if all(
                _is_capital(text, each) and vocabulary.is_namelike(each.text) for each in (one, two)
            ):
                return DOUBT_NAMES
        return ""

    # --- what is written instead

    def _written(
        self,
        text: str,
        spans: list[Span],
        days: dict[tuple[int, int], dates.Found],
        vr: str,
        doubt: str,
    ) -> Cleaned:
        if not spans:
            return Cleaned(text, (), doubt)
        mark = MARK if vr in _LONG_TEXT else ""
        pieces, at = [], 0
        for span in spans:
            pieces.append(text[at : span.start])
            pieces.append(self._instead(text, span, days) or mark)
            at = span.end
        pieces.append(text[at:])
        return Cleaned(_fitted(_tidy("".join(pieces), mark), text, vr), tuple(spans), doubt)

    def _instead(self, text: str, span: Span, days: dict[tuple[int, int], dates.Found]) -> str:
        if span.kind is Kind.UID:
            return self.keys.uid(text[span.start : span.end])
        found = days.get((span.start, span.end))
        if span.kind is Kind.DATE and self.moves and found:
            return found.moved(self.days) or ""
        return ""


def clean(text: str, *, known: Known, keys: Keys, patient: str, kind: str = "LO") -> Cleaned:
    """Clean one text; for many of one patient keep a `Cleaner`."""
    return Cleaner(known, keys, patient).clean(text, kind)


def scrub(text: str, *, known: Known, keys: Keys, patient: str, kind: str = "LO") -> Cleaned:
    """Scrub one text; for many of one patient keep a `Cleaner`."""
    return Cleaner(known, keys, patient).scrub(text, kind)


def _is_in_date(span: Span, days: Iterable[tuple[int, int]]) -> bool:
    """Whether what looks like a number is (part of) one or more dates."""
    if span.kind not in (Kind.NUMBER, Kind.PHONE):
        return False
    return any(start < span.end and span.start < end for start, end in days)


def _is_number(text: str) -> bool:
    """Numbers with strokes between them: an identifier has many digits, a fraction few."""
    return not text[0].isdigit() or sum(map(str.isdigit, text)) >= 7


def _is_fraction(text: str, token: Token) -> bool:
    before = text[max(0, token.start - 2) : token.start]
    return len(before) == 2 and before[0].isdigit() and before[1] in ".," and len(token.text) <= 8


def _may_be_name(text: str, span: Span) -> bool:
    piece = text[span.start : span.end]
    if span.kind is Kind.NAME:
        return True
    return span.kind is Kind.UNKNOWN and piece.isalpha() and len(piece) > 1 and piece[0].isupper()


def _could_name(text: str, token: Token) -> bool:
    if len(token.text) == 1:
        return token.text.isalpha() and text[token.start].isupper()
    return _is_capital(text, token) and vocabulary.is_namelike(token.text)


def _is_capital(text: str, token: Token) -> bool:
    return text[token.start].isupper()


def _divided(gap: str) -> bool:
    return any(sign in gap for sign in ":;/()=+")


_EMPTY_BRACKETS: Final = re.compile(r"\([\s,;.:/-]*\)|\[[\s,;.:/-]*\]|\{[\s,;.:/-]*\}")
_SPACES: Final = re.compile(r"[ \t]{2,}")
_SIGNS: Final = re.compile(r"(?:[ \t]*[,;:_^|])+(?=[ \t]*(?:[,;:_^|]|$))")
_BEFORE_SIGN: Final = re.compile(r"[ \t]+([,.;:])(?=\s|$)")
_MARKS: Final = re.compile(rf"{re.escape(MARK)}(?:[\s,;_^-]*{re.escape(MARK)})+")


def _tidy(text: str, mark: str) -> str:
    """Close the gaps: marks that follow each other are one, brackets around nothing go."""
    if mark:
        text = _MARKS.sub(MARK, text)
        return _SPACES.sub(" ", text)
    text = _EMPTY_BRACKETS.sub("", text)
    text = _SIGNS.sub("", text)
    text = _BEFORE_SIGN.sub(r"\1", _SPACES.sub(" ", text))
    return text.strip(" \0,;:_^/|=-")


def _fitted(text: str, original: str, vr: str) -> str:
    """No longer than the VR allows, where the original was not (a month's name may be longer)."""
    most = max(_LARGEST.get(vr, len(text)), len(original))
    return text if len(text) <= most else text[:most].rsplit(" ", 1)[0]
