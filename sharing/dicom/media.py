"""Discs and folders that any PACS can read: DICOMDIR (PS3.3 annex F, PS3.10) and file begins.

Written straight as bytes: a directory of ten thousand images takes a fraction of a second.
"""

import dataclasses
import hashlib
import itertools
import re
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from sharing.dicom.part10 import EXPLICIT, MEDIA_DIRECTORY, Opening

if TYPE_CHECKING:
    from sharing.dicom.scan import Header

IMPLEMENTATION_CLASS_UID: Final = "2.25.190236845209186533201438806240938204673"
IMPLEMENTATION_VERSION: Final = "HANDOVER"
PREAMBLE: Final = bytes(128)
FILE_SET_ID: Final = "HANDOVER"

# VRs whose explicit form has two bytes of nothing and a four-byte length (PS3.5 7.1.2).
_LONG_VRS: Final = frozenset({"OB", "OW", "SQ", "UN", "UT", "UC", "UR"})
_ITEM: Final = b"\xfe\xff\x00\xe0"
_IN_USE: Final = 0xFFFF
_NO_SUCH: Final = re.compile(r"[^A-Z0-9_]")

# Which record stands for which SOP class (PS3.3 F.4, table F.4-1); all others are images.
_STORAGE: Final = "1.2.840.10008.5.1.4.1.1."
_RECORD_TYPES: Final = (
    ("88.59", "KEY OBJECT DOC"),
    ("88.", "SR DOCUMENT"),
    ("104.", "ENCAP DOC"),
    ("481.2", "RT DOSE"),
    ("481.3", "RT STRUCTURE SET"),
    ("481.5", "RT PLAN"),
    ("481.8", "RT PLAN"),
    ("481.4", "RT TREAT RECORD"),
    ("481.6", "RT TREAT RECORD"),
    ("481.7", "RT TREAT RECORD"),
    ("481.9", "RT TREAT RECORD"),
    ("11.", "PRESENTATION"),
    ("9.", "WAVEFORM"),
    ("66.1", "REGISTRATION"),
    ("66.2", "FIDUCIAL"),
    ("66.3", "REGISTRATION"),
    ("66.5", "SURFACE"),
    ("66.6", "TRACT"),
    ("66.4", "IMAGE"),
    ("66.7", "IMAGE"),
    ("66.8", "IMAGE"),
    ("66", "RAW DATA"),
    ("67", "VALUE MAP"),
    ("4.2", "SPECTROSCOPY"),
)

# What a record must say beyond its instance number: tag, VR, and what stands in where the object
# itself is silent; None leaves the value empty, which these keys allow (type 2).
_CONTENT_TIME: Final = ((0x00080023, "DA", None), (0x00080033, "TM", None))
_LABEL: Final = (
    (0x00700080, "CS", "UNNAMED"),
    (0x00700081, "LO", None),
    (0x00700084, "PN", None),
)
_REPORT: Final = ("18748-4", "LN", "Diagnostic imaging report")
_KEYS: Final[Mapping[str, Sequence[tuple[int, str, Any]]]] = {
    "SR DOCUMENT": (
        (0x00080023, "DA", "19000101"),
        (0x00080033, "TM", "000000"),
        (0x0040A043, "SQ", _REPORT),
        (0x0040A491, "CS", "PARTIAL"),
        (0x0040A493, "CS", "UNVERIFIED"),
    ),
    "KEY OBJECT DOC": (
        (0x00080023, "DA", "19000101"),
        (0x00080033, "TM", "000000"),
        (0x0040A043, "SQ", ("113000", "DCM", "Of Interest")),
    ),
    "ENCAP DOC": (
        *_CONTENT_TIME,
        (0x0040A043, "SQ", None),
        (0x00420010, "ST", None),
        (0x00420012, "LO", "application/octet-stream"),
    ),
    "RT DOSE": ((0x3004000A, "CS", "PLAN"),),
    "RT STRUCTURE SET": (
        (0x30060002, "SH", "UNNAMED"),
        (0x30060008, "DA", None),
        (0x30060009, "TM", None),
    ),
    "RT PLAN": (
        (0x300A0002, "SH", "UNNAMED"),
        (0x300A0006, "DA", None),
        (0x300A0007, "TM", None),
    ),
    "RT TREAT RECORD": ((0x30080250, "DA", None), (0x30080251, "TM", None)),
    "PRESENTATION": (
        *_LABEL,
        (0x00700082, "DA", "19000101"),
        (0x00700083, "TM", "000000"),
    ),
    "WAVEFORM": ((0x00080023, "DA", "19000101"), (0x00080033, "TM", "000000")),
    "REGISTRATION": (*_CONTENT_TIME, *_LABEL),
    "FIDUCIAL": (*_CONTENT_TIME, *_LABEL),
    "SURFACE": (*_CONTENT_TIME, *_LABEL),
    "TRACT": (*_CONTENT_TIME, *_LABEL),
    "RAW DATA": _CONTENT_TIME,
    "VALUE MAP": (*_CONTENT_TIME, *_LABEL),
    "SPECTROSCOPY": (
        (0x00080008, "CS", "ORIGINAL\\PRIMARY"),
        *_CONTENT_TIME,
        (0x00280008, "IS", "1"),
        (0x00280010, "US", 1),
        (0x00280011, "US", 1),
    ),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """What the directory says of one file.

    Attributes
    ----------
    metadata
        DICOM JSON of the instance (PS3.18 F.2), for what records of other things than images
        must carry; may be left out for images.
    """

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax: str
    study_uid: str
    series_uid: str
    patient_name: str = ""
    patient_id: str = ""
    patient_birth_date: str = ""
    patient_sex: str = ""
    study_date: str = ""
    study_time: str = ""
    study_id: str = ""
    study_description: str = ""
    accession_number: str = ""
    modality: str = ""
    series_number: int | None = None
    series_description: str = ""
    instance_number: int | None = None
    metadata: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, header: "Header", metadata: "Mapping[str, Any] | None" = None) -> "Entry":
        """The entry of a scanned instance."""
        a = header.attributes
        names = {field.name for field in dataclasses.fields(cls)}
        shared = {name: getattr(a, name) for name in names if hasattr(a, name)}
        return cls(
            sop_class_uid=header.sop_class_uid,
            sop_instance_uid=header.sop_instance_uid,
            transfer_syntax=header.transfer_syntax,
            study_uid=header.study_uid,
            series_uid=header.series_uid,
            metadata=metadata or {},
            **shared,
        )

    @property
    def patient(self) -> tuple[str, str, str]:
        """What tells patients apart; without an ID the name and the birth date must do."""
        return self.patient_id, self.patient_name, self.patient_birth_date

    @property
    def order(self) -> tuple[Any, ...]:
        """Sorts a file-set as a person would: patient, study by date, series and image number."""
        last = 1 << 40
        return (
            *self.patient, self.study_date, self.study_time, self.study_uid,
            last if self.series_number is None else self.series_number, self.series_uid,
            last if self.instance_number is None else self.instance_number,
            self.sop_instance_uid,
        )  # fmt: skip


def beginning(opening: Opening, *, sop_class_uid: str, sop_instance_uid: str) -> tuple[bytes, int]:
    """What a stored file begins with when it is passed on, and from where its own bytes follow.

    A preamble is never passed on: it may hold another file, such as a program (PS3.10 7.1).
    """
    if opening.has_preamble and opening.has_meta:
        return PREAMBLE, len(PREAMBLE)
    head = part10_head(
        sop_class_uid=sop_class_uid,
        sop_instance_uid=sop_instance_uid,
        transfer_syntax=opening.transfer_syntax,
    )
    return head, opening.dataset_offset


def part10_head(*, sop_class_uid: str, sop_instance_uid: str, transfer_syntax: str) -> bytes:
    """Preamble and meta information for a data set that has none of its own (PS3.10 7.1).

    What follows it in the file is the data set in `transfer_syntax`.
    """
    elements = b"".join(
        (
            _element(0x00020001, "OB", b"\0\1"),
            _element(0x00020002, "UI", sop_class_uid),
            _element(0x00020003, "UI", sop_instance_uid),
            _element(0x00020010, "UI", transfer_syntax or EXPLICIT),
            _element(0x00020012, "UI", IMPLEMENTATION_CLASS_UID),
            _element(0x00020013, "SH", IMPLEMENTATION_VERSION),
        )
    )
    return PREAMBLE + b"DICM" + _element(0x00020000, "UL", len(elements)) + elements


def file_ids(entries: Sequence[Entry]) -> list[str]:
    """Where each file of a set lies: paths that every file system and the standard take.

    Returns
    -------
    list of str
        In the order of `entries`, like "DICOM/PT000001/ST000001/SE000001/IM000001": at most
        eight parts of at most eight capitals and digits (PS3.10 8.2, PS3.12).
    """
    ids = [""] * len(entries)
    patients: dict[Any, int] = {}
    studies: dict[Any, int] = {}
    series: dict[Any, int] = {}
    counts: dict[Any, int] = {}
    for number in sorted(range(len(entries)), key=lambda at: entries[at].order):
        entry = entries[number]
        study = (entry.patient, entry.study_uid)
        one = (*study, entry.series_uid)
        image = counts[one] = counts.get(one, 0) + 1
        place = (
            patients.setdefault(entry.patient, len(patients) + 1),
            studies.setdefault(study, len(studies) + 1),
            series.setdefault(one, len(series) + 1),
            image,
        )
        ids[number] = "DICOM/PT{:06}/ST{:06}/SE{:06}/IM{:06}".format(*place)
    return ids


def dicomdir(
    entries: Sequence[Entry], ids: Sequence[str], *, file_set_id: str = FILE_SET_ID
) -> bytes:
    """The directory of a file-set, to lie at its root under the name DICOMDIR.

    Parameters
    ----------
    entries, ids
        The files and their paths, as `file_ids` made them.
    file_set_id
        At most 16 capitals, digits and underscores.

    Returns
    -------
    bytes
        A Part 10 file of Media Storage Directory Storage.
    """
    head = part10_head(
        sop_class_uid=MEDIA_DIRECTORY,
        sop_instance_uid=_set_uid(entries),
        transfer_syntax=EXPLICIT,
    )
    roots = _tree(sorted(zip(entries, ids, strict=True), key=lambda pair: pair[0].order))
    name = _NO_SUCH.sub("_", file_set_id.upper())[:16]
    # Offsets count from the begin of the file to the item of a record; all sizes are known.
    start = len(head) + len(_set_elements(name, 0, 0)) + 12
    end = _placed(roots, start)
    last = roots[-1].offset if roots else 0
    first = roots[0].offset if roots else 0
    sequence = b"".join(_written(roots))
    elements = _set_elements(name, first, last)
    header = struct.pack("<HH2sHL", 0x0004, 0x1220, b"SQ", 0, end - start)
    return head + elements + header + sequence


# --- the tree of records -------------------------------------------------------------------------


@dataclasses.dataclass(slots=True)
class _Record:
    kind: str
    keys: bytes
    children: "list[_Record]" = dataclasses.field(default_factory=list)
    offset: int = 0

    @property
    def size(self) -> int:
        return len(self.item(0))

    def item(self, following: int) -> bytes:
        below = self.children[0].offset if self.children else 0
        body = (
            _element(0x00041400, "UL", following)
            + _element(0x00041410, "US", _IN_USE)
            + _element(0x00041420, "UL", below)
            + _element(0x00041430, "CS", self.kind)
            + self.keys
        )
        return _ITEM + struct.pack("<L", len(body)) + body


def _tree(pairs: Iterable[tuple[Entry, str]]) -> list[_Record]:
    """Sorted files as patients, their studies, those's series, and the objects in these."""
    return [
        _branch(
            "PATIENT", _patient, patient_files,
            lambda entry: entry.study_uid, "STUDY", _study,
            lambda entry: entry.series_uid, "SERIES", _series,
        )
        for patient_files in _grouped(pairs, lambda entry: entry.patient)
    ]  # fmt: skip


def _branch(kind: str, keys: Any, files: list[tuple[Entry, str]], *below: Any) -> _Record:
    record = _Record(kind, keys(files[0][0]))
    if not below:
        record.children = [_leaf(entry, file_id) for entry, file_id in files]
        return record
    key, next_kind, next_keys, *rest = below
    record.children = [
        _branch(next_kind, next_keys, group, *rest) for group in _grouped(files, key)
    ]
    return record


def _grouped(pairs: Iterable[tuple[Entry, str]], key: Any) -> Iterator[list[tuple[Entry, str]]]:
    """By key, in the order of first sight; equal keys need not stand together."""
    groups: dict[Any, list[tuple[Entry, str]]] = {}
    for pair in pairs:
        groups.setdefault(key(pair[0]), []).append(pair)
    yield from groups.values()


def _placed(records: list[_Record], start: int) -> int:
    """Give each record its offset: itself, then all below it; returns the end."""
    for record in records:
        record.offset = start
        start = _placed(record.children, start + record.size)
    return start


def _written(records: list[_Record]) -> Iterator[bytes]:
    for record, following in itertools.zip_longest(records, records[1:]):
        yield record.item(following.offset if following else 0)
        yield from _written(record.children)


# --- what each record says -----------------------------------------------------------------------


def _patient(entry: Entry) -> bytes:
    # An ID is required here although objects may lack one; two nameless patients stay apart.
    return _texts(
        (0x00100010, "PN", entry.patient_name),
        (0x00100020, "LO", entry.patient_id or "UNKNOWN"),
        (0x00100030, "DA", entry.patient_birth_date),
        (0x00100040, "CS", entry.patient_sex),
    )


def _study(entry: Entry) -> bytes:
    return _texts(
        (0x00080020, "DA", entry.study_date or "19000101"),
        (0x00080030, "TM", entry.study_time or "000000"),
        (0x00080050, "SH", entry.accession_number),
        (0x00081030, "LO", entry.study_description),
        (0x0020000D, "UI", entry.study_uid),
        (0x00200010, "SH", entry.study_id or "0"),
    )


def _series(entry: Entry) -> bytes:
    return _texts(
        (0x00080060, "CS", entry.modality or "OT"),
        (0x0008103E, "LO", entry.series_description),
        (0x0020000E, "UI", entry.series_uid),
        (0x00200011, "IS", str(entry.series_number or 0)),
    )


def _leaf(entry: Entry, file_id: str) -> _Record:
    kind = record_type(entry.sop_class_uid)
    keys = [(0x00200013, "IS", str(entry.instance_number or 0))]
    keys += [
        (tag, vr, _value(entry, tag, vr, stand_in)) for tag, vr, stand_in in _KEYS.get(kind, ())
    ]
    reference = (
        _element(0x00041500, "CS", file_id.replace("/", "\\"))
        + _element(0x00041510, "UI", entry.sop_class_uid)
        + _element(0x00041511, "UI", entry.sop_instance_uid)
        + _element(0x00041512, "UI", entry.transfer_syntax)
    )
    return _Record(kind, reference + _texts(*sorted(keys, key=lambda key: key[0])))


def record_type(sop_class_uid: str) -> str:
    """The directory record that stands for objects of a class."""
    rest = sop_class_uid.removeprefix(_STORAGE)
    if rest == sop_class_uid:
        return "IMAGE"
    for prefix, kind in _RECORD_TYPES:
        if rest == prefix or (rest.startswith(prefix) and prefix.endswith(".")):
            return kind
    return "IMAGE"


def _value(entry: Entry, tag: int, vr: str, stand_in: Any) -> Any:
    """An element of the object as its DICOM JSON tells it, else what stands in for it."""
    found = entry.metadata.get(f"{tag:08X}", {}).get("Value") or [None]
    if vr == "SQ":
        return _code_items(found[0], stand_in)
    if vr == "PN":
        return "=".join((found[0] or {}).values()) if found[0] else ""
    if found[0] is None:
        return "" if stand_in is None else stand_in
    return found[0] if vr == "US" else "\\".join(str(value) for value in found)


def _code_items(item: Any, stand_in: tuple[str, str, str] | None) -> bytes:
    """One code as a sequence's content; empty where nothing is known and nothing is needed."""
    tags = ("00080100", "00080102", "00080104")
    texts = [((item or {}).get(tag, {}).get("Value") or [""])[0] for tag in tags]
    if not all(texts):
        if stand_in is None:
            return b""
        texts = list(stand_in)
    code, scheme, meaning = texts
    body = _texts((0x00080100, "SH", code), (0x00080102, "SH", scheme), (0x00080104, "LO", meaning))
    return _ITEM + struct.pack("<L", len(body)) + body


# --- bytes ---------------------------------------------------------------------------------------


def _set_elements(name: str, first: int, last: int) -> bytes:
    return (
        _element(0x00041130, "CS", name)
        + _element(0x00041200, "UL", first)
        + _element(0x00041202, "UL", last)
        + _element(0x00041212, "US", 0)
    )


def _set_uid(entries: Sequence[Entry]) -> str:
    """The set's own UID (PS3.5 B.2): follows from what is in it, so that a resumed download fits."""
    digest = hashlib.sha256("\n".join(sorted(e.sop_instance_uid for e in entries)).encode())
    return f"2.25.{int.from_bytes(digest.digest()[:16], 'big')}"


def _texts(*elements: tuple[int, str, Any]) -> bytes:
    """Elements in the order of their tags, led by UTF-8 as character set where one needs it."""
    body = b"".join(_element(tag, vr, value) for tag, vr, value in elements)
    if all(isinstance(value, bytes | int) or str(value).isascii() for _, _, value in elements):
        return body
    return _element(0x00080005, "CS", "ISO_IR 192") + body


def _element(tag: int, vr: str, value: "bytes | str | int") -> bytes:
    if isinstance(value, int):
        raw = struct.pack("<H" if vr == "US" else "<L", value)
    elif isinstance(value, str):
        raw = _fitting(value, vr).encode()
        raw += (b"\0" if vr == "UI" else b" ") * (len(raw) % 2)
    else:
        raw = value
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    if vr in _LONG_VRS:
        return head + struct.pack("<HL", 0, len(raw)) + raw
    return head + struct.pack("<H", len(raw)) + raw


_LENGTHS: Final = {"CS": 16, "SH": 16, "LO": 64, "UI": 64, "DA": 8, "TM": 14, "IS": 12}


def _fitting(value: str, vr: str) -> str:
    """A text as its VR allows (PS3.5 6.2); a PN is cut by its groups of 64 characters."""
    if vr == "PN":
        return "=".join(group[:64] for group in value.split("=")[:3])
    if vr in ("LO", "SH"):
        value = value.replace("\\", "/")
    limit = _LENGTHS.get(vr)
    return value if limit is None else "\\".join(part[:limit] for part in value.split("\\"))
