"""What identifies a patient, in each form in which it may stand somewhere else."""

import contextlib
import dataclasses
import datetime
import functools
import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator

from pydicom.datadict import tag_for_keyword

from sharing.deid.verify.reading import Attribute, Record, every_attribute
from sharing.deid.verify.table import Rules

SHORTEST = 4
NARRATIVE = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})

# Words that stand for nobody, and that the names of test images are made of.
NOBODY = frozenset(
    [
        "anonymous",
        "anonymized",
        "anonymised",
        "anonym",
        "unknown",
        "none",
        "null",
        "test",
        "name",
        "text",
        "observer",
        "patient",
        "firstname",
        "lastname",
        "removed",
        "deidentified",
        "nobody",
        "person",
    ]
)


def _tags(words: str) -> frozenset[int]:
    return frozenset(tag for word in words.split() if (tag := tag_for_keyword(word)) is not None)


_IDS = _tags(
    "PatientID OtherPatientIDs IssuerOfPatientID AccessionNumber AdmissionID ServiceEpisodeID "
    "PlacerOrderNumberImagingServiceRequest FillerOrderNumberImagingServiceRequest "
    "RequestedProcedureID MedicalRecordLocator ClinicalTrialSubjectID "
    "ClinicalTrialSubjectReadingID ScheduledProcedureStepID PerformedProcedureStepID"
)
_PHONES = _tags(
    "PatientTelephoneNumbers ReferringPhysicianTelephoneNumbers PersonTelephoneNumbers "
    "ConsultingPhysicianTelephoneNumbers OrderCallbackPhoneNumber PatientTelecomInformation "
    "PersonTelecomInformation OrderCallbackTelecomInformation"
)
_ADDRESSES = _tags("PatientAddress ReferringPhysicianAddress PersonAddress")
_BIRTHS = _tags("PatientBirthDate")
_INSTITUTION = _tags("InstitutionName InstitutionAddress")
_DEVICE = _tags("StationName DeviceSerialNumber StationAETitle")
_MAKERS = _tags("Manufacturer ManufacturerModelName")
_GATES = {"retain_institution_identity": _INSTITUTION, "retain_device_identity": _DEVICE}

_LETTERS = str.maketrans(
    {"ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "ı": "i", "ħ": "h"}
)
# Accents, points and voicing marks that stand as characters of their own after decomposition.
_MARKS = re.compile(
    "[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f"
    "\u0670\u06d6-\u06dc\u06df-\u06e4\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\u3099\u309a\ufe20-\ufe2f]+"
)
_UMLAUTS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"}
)
_WORD = re.compile(r"[\^=\s,;]+")
_SCHEMES = ("DCM", "SCT")
_WIDE = re.compile(rb"(?:[\x20-\x7e]\0){4,}")
_BETWEEN = r"[\s,;^=._/\-]{0,3}"
_EAST = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
    "november", "december",
)  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class Token:
    """One form of one thing that identifies: its kind, its plain text, and the pattern to find it."""

    kind: str
    plain: str
    pattern: str


@functools.lru_cache(maxsize=1 << 14)
def fold(text: str) -> str:
    """Text without accents, widths and cases, so that Müller, MULLER and Ｍüller are one."""
    if text.isascii():
        return text.casefold()
    return _MARKS.sub("", unicodedata.normalize("NFKD", text)).casefold().translate(_LETTERS)


# --- learning -------------------------------------------------------------------------------------


def tokens(record: Record, rules: Rules) -> set[Token]:
    """What identifies the patient and the people of one original, in every form."""
    found: set[Token] = set()
    for attribute in every_attribute(record.items):
        if not any(attribute.tag in tags for gate, tags in _GATES.items() if gate in rules.options):
            for value in attribute.values:
                found.update(_forms(attribute, value, rules))
    return {one for one in found if one.plain not in NOBODY}


def makers(record: Record) -> str:
    """Who made the machine, in folded words: a name that is also the maker's identifies nobody."""
    values = (one.text for one in every_attribute(record.items) if one.tag in _MAKERS)
    return fold(" ".join(values))


def _forms(attribute: Attribute, value: str, rules: Rules) -> Iterator[Token]:
    if not value or attribute.private:
        return
    if attribute.vr == "PN":
        yield from names(value)
    elif attribute.tag in _IDS:
        yield from _identifier("id", value)
    elif attribute.tag in _PHONES:
        yield from _phone(value)
    elif attribute.tag in _ADDRESSES | _INSTITUTION:
        yield from _phrase("address", value)
    elif attribute.tag in _DEVICE:
        yield from _identifier("device", value)
    elif attribute.vr in {"DA", "DT"}:
        yield from _dates("birth" if attribute.tag in _BIRTHS else "date", value, attribute, rules)


def names(value: str) -> Iterator[Token]:
    """Every form of a person's name: parts, both orders, joined, with initials, without accents."""
    spelled = {value, value.translate(_UMLAUTS)}
    for group in (group for one in spelled for group in one.split("=")):
        components = [[fold(w) for w in _WORD.split(part) if w] for part in group.split("^")]
        for word in itertools.chain.from_iterable(components):
            yield from _word(word, group)
        if len(components) > 1 and components[0]:
            yield from _joined(components[0], components[1])


def _word(word: str, group: str) -> Iterator[Token]:
    if _EAST.search(unicodedata.normalize("NFC", word)):
        if len(unicodedata.normalize("NFC", word)) >= 2:
            yield Token("name", word, re.escape(word))
        return
    for part in {word, *word.split("-")}:
        if len(part) >= SHORTEST and not part.isdigit():
            yield Token("name", part, _bounded(re.escape(part), len(part)))


def _joined(family: list[str], given: list[str]) -> Iterator[Token]:
    last, first = "".join(family), "".join(given[:1])
    if not last or not first or len(last + first) < 5:
        return
    east = _EAST.search(unicodedata.normalize("NFC", last + first))
    for one, other in ((last, first), (first, last)):
        body = re.escape(one) + _BETWEEN + re.escape(other)
        yield Token("name", f"{one} {other}", body if east else _bounded(body, 0))
    if not east and len(last) >= 3:
        initial = rf"{re.escape(first[0])}\.\s?{re.escape(last)}"
        yield Token("name", f"{first[0]}. {last}", _bounded(initial, 0))


def _bounded(body: str, length: int) -> str:
    """Short words stand alone; long ones are found inside others."""
    return body if length >= 8 else rf"(?<![^\W_]){body}(?![^\W_])"


def _identifier(kind: str, value: str) -> Iterator[Token]:
    plain = fold(value)
    if len(plain) < 5:
        return
    yield Token(
        kind,
        plain,
        _alone(plain)
        if re.fullmatch(r"[\d./-]+", plain)
        else _bounded(re.escape(plain), len(plain)),
    )
    bare = re.sub(r"[\W_]", "", plain)
    if len(bare) >= 6 and re.search(r"\d", bare) and re.search(r"[^\d]", plain):
        yield Token(kind, bare, _bounded(r"[\s._/-]?".join(map(re.escape, bare)), 0))


def _alone(plain: str) -> str:
    return rf"(?<![0-9a-z.]){re.escape(plain)}(?![0-9a-z]|\.[0-9])"


def _phone(value: str) -> Iterator[Token]:
    """A number by its last nine digits, however they are set apart, and what else stands there."""
    digits = re.sub(r"\D", "", value)
    if len(digits) >= 7:
        body = r"[\s().+/-]{0,2}".join(digits[-9:])
        yield Token("phone", digits, rf"{body}(?!\d)")
    for word in re.findall(r"[^\s:;<>,]+@[^\s:;<>,]+", fold(value)):
        yield Token("phone", word, re.escape(word))


def _phrase(kind: str, value: str) -> Iterator[Token]:
    for line in {value, *re.split(r"[\r\n^]+", value)}:
        plain = " ".join(fold(line).split())
        if len(plain) >= 5:
            body = r"\s+".join(map(re.escape, plain.split()))
            yield Token(kind, plain, _bounded(body, len(plain)))


def _dates(kind: str, value: str, attribute: Attribute, rules: Rules) -> Iterator[Token]:
    if kind == "date" and "retain_longitudinal_full_dates" in rules.options:
        return
    if kind == "date" and rules.of(attribute.tag) is None:
        return
    try:
        day = datetime.datetime.strptime(value[:8], "%Y%m%d").date()  # noqa: DTZ007 - a day
    except ValueError:
        return
    if day.year > 1900:
        yield from (Token(kind, one, pattern) for one, pattern in date_forms(day))


def date_forms(day: datetime.date) -> Iterator[tuple[str, str]]:
    """A date as people write it."""
    year, month, number = f"{day.year:04}", f"{day.month:02}", f"{day.day:02}"
    yield year + month + number, _alone(year + month + number)
    for mark in ".", "/", "-":
        for parts in ((year, month, number), (number, month, year), (month, number, year)):
            loose = re.escape(mark).join(rf"0?{int(p)}" if len(p) == 2 else p for p in parts)
            yield mark.join(parts), rf"(?<![0-9a-z.]){loose}(?![0-9a-z]|\.[0-9])"
    name = _MONTHS[day.month - 1]
    spelled = rf"(?:{name}|{name[:3]})\.?"
    yield f"{day.day} {name} {year}", rf"(?<!\d)0?{day.day}\.?[\s-]+{spelled}[\s,-]+{year}(?!\d)"
    yield f"{name} {day.day} {year}", rf"{spelled}[\s-]+0?{day.day}[\s,-]+{year}(?!\d)"


# --- finding --------------------------------------------------------------------------------------


class Finder:
    """Finds tokens in texts and bytes.

    Parameters
    ----------
    known
        The tokens of one patient.
    """

    def __init__(self, known: Iterable[Token]) -> None:
        self._known = sorted(set(known), key=lambda one: (-len(one.plain), one.plain))
        self._groups = [
            (kind, re.compile("|".join(one.pattern for one in group)))
            for kind, group in self._by_kind().items()
        ]

    def _by_kind(self) -> dict[str, list[Token]]:
        groups: dict[str, list[Token]] = {}
        for one in self._known:
            groups.setdefault(one.kind, []).append(one)
        return groups

    def find(self, text: str, *, without: frozenset[str] = frozenset()) -> set[tuple[str, str]]:
        """Kind and folded text of each hit."""
        folded = fold(text) if len(text) < 1 << 16 else fold.__wrapped__(text)
        return {
            (kind, hit.group(0).strip())
            for kind, pattern in self._groups
            if kind not in without
            for hit in pattern.finditer(folded)
        }

    def find_bytes(
        self, data: bytes, encodings: Iterable[str], *, shortest: int = 0
    ) -> set[tuple[str, str]]:
        """The same in bytes, read as each of some character sets."""
        texts = {data.decode("latin-1")}
        if not data.isascii():
            texts |= set(_texts(data, encodings))
        found: set[tuple[str, str]] = set()
        for text in texts:
            found |= self.find(text, without=frozenset({"date"}))
        return {one for one in found if len(one[1]) >= shortest}


def _texts(data: bytes, encodings: Iterable[str]) -> Iterator[str]:
    """Bytes in other sets than Latin 1; of UTF-16 the runs that are plain letters."""
    for encoding in dict.fromkeys(("utf-8", *encodings)):
        with contextlib.suppress(LookupError):
            yield data.decode(encoding, "replace")
    wide = b"\n".join(_WIDE.findall(data))
    if wide:
        yield wide.replace(b"\0", b"").decode("ascii")


@functools.cache
def ordinary() -> frozenset[str]:
    """Words of DICOM's own dictionary: HEAD in a coded string is a region even where Mrs Head came."""
    from pydicom._dicom_dict import DicomDictionary
    from pydicom._uid_dict import UID_dictionary
    from pydicom.sr.codedict import codes

    entries = [row[2] for row in DicomDictionary.values()]
    entries += [row[0] for row in UID_dictionary.values()]
    entries += [one for scheme in _SCHEMES for one in _spelled(dir(getattr(codes, scheme)))]
    return frozenset(fold(word) for entry in entries for word in re.findall(r"\w+", entry))


def _spelled(keywords: Iterable[str]) -> Iterator[str]:
    return (re.sub(r"(?<=[a-z])(?=[A-Z])", " ", one) for one in keywords if one[:1].isupper())
