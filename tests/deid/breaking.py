"""Ways to break a correct output, one rule at a time, each with the category that must be named."""

import dataclasses
import io
from collections.abc import Callable
from typing import Any

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

BASIC: frozenset[str] = frozenset()
RESEARCH = frozenset({
    "retain_longitudinal_modified_dates", "clean_descriptors", "retain_safe_private",
    "retain_patient_characteristics", "retain_device_identity", "retain_institution_identity",
    "clean_structured_content", "clean_graphics",
})  # fmt: skip
DATED = frozenset({"retain_longitudinal_full_dates", "retain_uids", "clean_pixel_data"})

Change = Callable[[Dataset, Dataset], None]  # the output, and its original


@dataclasses.dataclass(frozen=True, slots=True)
class Break:
    """A change that breaks one rule of an output."""

    name: str
    category: str
    change: Change
    file: str = "ct-explicit"
    options: frozenset[str] = BASIC


@dataclasses.dataclass(frozen=True, slots=True)
class BreakBytes:
    """A change to the bytes of an output."""

    name: str
    category: str
    change: Callable[[bytes, Dataset], bytes]
    file: str = "ct-explicit"
    options: frozenset[str] = BASIC


def put(keyword: str, value: object) -> Change:
    return lambda new, old: setattr(new, keyword, value)


def back(*path: str | int) -> Change:
    """The original's value, at a path of keywords and item numbers."""

    def change(new: Any, old: Any) -> None:
        for step in path[:-1]:
            new, old = new[step], old[step]
        new[path[-1]] = old[path[-1]]

    return change


def drop(keyword: str) -> Change:
    return lambda new, old: delattr(new, keyword)


def add(tag: int, vr: str, value: object) -> Change:
    return lambda new, old: new.add_new(tag, vr, value)


def raw(tag: int, vr: str, value: bytes) -> Change:
    """Bytes that are no value of their representation."""
    element = RawDataElement(Tag(tag), vr, len(value), value, 0, False, True)
    return lambda new, old: new.__setitem__(Tag(tag), element)


def text(keyword: str, make: Callable[[Dataset], str]) -> Change:
    """A text with something of the original in it."""
    return lambda new, old: setattr(new, keyword, make(old))


def _private(group: int, creator: str, element: int, vr: str, value: object) -> Change:
    return lambda new, old: new.private_block(group, creator, create=True).add_new(
        element, vr, value
    )


def _nested(new: Dataset, old: Dataset) -> None:
    new.ProcedureCodeSequence[0].PatientName = "X^Y"


def _deep_text(new: Dataset, old: Dataset) -> None:
    new.ProcedureCodeSequence[0].EquivalentCodeSequence[0].CodingSchemeName = f"of {family(old)}"


def _in_un(new: Dataset, old: Dataset) -> None:
    value = f"id {old.PatientID}".encode()
    new.add_new(0x001A0007, "UN", value + b" " * (len(value) % 2))


def _meta(keyword: str, value: object = None) -> Change:
    return lambda new, old: setattr(
        new.file_meta, keyword, value or getattr(old.file_meta, keyword)
    )


def _preamble(new: Dataset, old: Dataset) -> None:
    new.preamble = b"II*\0".ljust(128, b"\0")


def _code(new: Dataset, old: Dataset) -> None:
    new.DeidentificationMethodCodeSequence = Sequence(
        list(new.DeidentificationMethodCodeSequence)[:-1]
    )


def _no_method(new: Dataset, old: Dataset) -> None:
    del new.DeidentificationMethodCodeSequence
    del new.DeidentificationMethod


def _pixel(new: Dataset, old: Dataset) -> None:
    data = bytearray(new.PixelData)
    data[5] ^= 0xFF
    new.PixelData = bytes(data)


def _leaf(new: Dataset, old: Dataset) -> None:
    new.ContentSequence = old.ContentSequence[:1]


def _part_of_content(new: Dataset, old: Dataset) -> None:
    kept = Dataset()
    kept.TextValue = old.ContentSequence[2].TextValue
    new.ContentSequence = [Dataset(), Dataset(), kept, Dataset()]


def _other_day(new: Dataset, old: Dataset) -> None:
    new.SeriesDate = f"{int(new.SeriesDate[:4]) - 1}{new.SeriesDate[4:]}"


def _concept(new: Dataset, old: Dataset) -> None:
    kept = Dataset()
    kept.ValueType, kept.TextValue = "TEXT", "somebody"
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = (
        "121022",
        "DCM",
        "Accession Number",
    )
    kept.ConceptNameCodeSequence = [code]
    new.ContentSequence.append(kept)


def _astray(new: Dataset, old: Dataset) -> None:
    new.ReferencedSeriesSequence[0].ReferencedInstanceSequence[
        0
    ].ReferencedSOPInstanceUID = "2.25.77"


def _dangling(new: Dataset, old: Dataset) -> None:
    one = Dataset()
    one.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.128"
    one.ReferencedSOPInstanceUID = "2.25.78"
    new.ReferencedSeriesSequence[0].ReferencedInstanceSequence.append(one)


def family(old: Dataset) -> str:
    return str(old.PatientName.family_name)


def given(old: Dataset) -> str:
    return str(old.PatientName.given_name)


def plain(name: str) -> str:
    import unicodedata

    return "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))


DESCRIPTION = "ContentDescription"  # no rule of the table looks at it

BREAKS: list[Break | BreakBytes] = [
    # what must be gone
    Break("a removed text is back", "removed_present", back("AdditionalPatientHistory")),
    Break("a removed attribute is there, empty", "removed_present", put("PatientAddress", "")),
    Break("a removed attribute is nested", "removed_present", put("OtherPatientIDs", "1")),
    Break("a removed sequence is back", "removed_present", back("RequestAttributesSequence")),
    Break("original attributes are back", "removed_present", back("OriginalAttributesSequence"), "mr"),
    Break("an icon is back", "icon_kept", back("IconImageSequence"), "mr"),
    Break("a time zone is there", "removed_present", put("TimezoneOffsetFromUTC", "+0100")),
    Break("padding is an attribute", "removed_present", add(0xFFFCFFFC, "OB", bytes(8)), "mr"),
    Break("an overlay is back", "graphics_kept", add(0x60003000, "OB", bytes(128)), "mr"),
    Break("a comment on an overlay is back", "graphics_kept", add(0x60024000, "LT", "x"), "mr"),
    Break("a curve is back", "graphics_kept", add(0x50023000, "OW", bytes(8)), "mr"),
    # what must be another value
    Break("the name is the original's", "unchanged", back("PatientName")),
    Break("the number is the original's", "unchanged", back("PatientID")),
    Break("the date of the study is the original's", "unchanged", back("StudyDate")),
    Break("the accession number is the original's", "unchanged", back("AccessionNumber")),
    Break("the name with one mark more", "identity", lambda n, o: setattr(n, "PatientName", f"{o.PatientName}^")),
    Break("a part of the name stays", "identity", text("PatientName", lambda o: f"{family(o)}^X")),
    Break("the number is inside the new one", "identity", text("PatientID", lambda o: f"X{o.PatientID}")),
    Break("a stand-in is empty", "stand_in_empty", put("VerifyingObserverSequence", []), "sr"),
    Break("the observers are the original's", "unchanged", back("VerifyingObserverSequence"), "sr"),
    Break("the report is the original's", "unchanged", back("ContentSequence"), "sr"),
    Break("a text of the report stays", "content_kept", _part_of_content, "sr"),
    Break("the notes on a picture stay", "unchanged", back("GraphicAnnotationSequence"), "gsps"),
    Break("the document is the original's", "document_kept", back("EncapsulatedDocument"), "pdf"),
    Break("the title of the document stays", "identity", back("DocumentTitle"), "pdf"),
    # UIDs
    Break("the instance is the original's", "uid_unchanged", back("SOPInstanceUID")),
    Break("the study is the original's", "uid_unchanged", back("StudyInstanceUID")),
    Break("a frame of reference is the original's", "uid_unchanged", back("FrameOfReferenceUID")),
    Break("a UID is a word", "uid_invalid", put("StudyInstanceUID", "study-1")),
    Break("a UID has a leading zero", "uid_invalid", put("SeriesInstanceUID", "2.25.01")),
    Break("a UID is in a text", "uid_leak", text(DESCRIPTION, lambda o: f"see {o.StudyInstanceUID}")),
    Break("a UID is where none belongs", "uid_leak",
          lambda n, o: n.add_new(0x00081196, "UI", o.StudyInstanceUID)),
    Break("a UID is in bytes", "uid_leak",
          lambda n, o: n.add_new(0x001A0007, "OB", o.StudyInstanceUID.encode().ljust(64, b"\0"))),
    Break("a reference leads to another", "uid_inconsistent", _astray, "seg"),
    Break("a reference leads nowhere", "reference_broken", _dangling, "seg"),
    # private attributes
    Break("a private attribute stays", "private_retained", _private(0x0009, "ANY", 1, "LO", "x")),
    Break("a private creator stays", "private_retained", add(0x00090010, "LO", "ANY")),
    BreakBytes("a private group length stays", "private_retained",
               lambda data, old: data.replace(b"\x10\0\x10\0PN", b"\x09\0\0\0UL\x04\0\0\0\0\0\x10\0\x10\0PN", 1)),
    Break("an unsafe private attribute stays", "private_unsafe",
          _private(0x0009, "ANY", 1, "LO", "x"), options=RESEARCH),
    Break("a safe one under another creator", "private_unsafe",
          _private(0x0019, "NOT SIEMENS", 0x0C, "IS", "1"), options=RESEARCH),
    Break("a creator reserves nothing", "private_unsafe", add(0x000B0010, "LO", "ANY"), options=RESEARCH),
    Break("a safe private attribute holds a name", "identity",
          lambda n, o: n.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0C, "LO", family(o)),
          options=RESEARCH),
    Break("a directory's attribute", "group_0004", add(0x00041500, "CS", "IMAGES")),
    # the patient, in every form
    Break("the name in a text", "identity", text(DESCRIPTION, lambda o: f"for {family(o)}")),
    Break("the given name in a text", "identity", text(DESCRIPTION, lambda o: f"{given(o)}'s")),
    Break("the name without accents", "identity", text(DESCRIPTION, lambda o: plain(family(o)))),
    Break("the name spelled out", "identity", put(DESCRIPTION, "MUELLERBACH")),
    Break("the name in capitals", "identity", text(DESCRIPTION, lambda o: plain(family(o)).upper())),
    Break("the names joined", "identity", text(DESCRIPTION, lambda o: f"{given(o)}{family(o)}")),
    Break("the names with a mark between", "identity",
          text(DESCRIPTION, lambda o: f"x_{family(o)}_{given(o)}")),
    Break("the referring physician", "identity", put(DESCRIPTION, "Dr. Weißenfels")),
    Break("the number in a text", "identity", text(DESCRIPTION, lambda o: f"no {o.PatientID}")),
    Break("the number written otherwise", "identity",
          text(DESCRIPTION, lambda o: str(o.PatientID).replace("-", " "))),
    Break("the accession number in a text", "identity", text(DESCRIPTION, lambda o: o.AccessionNumber)),
    Break("the telephone in a text", "identity", put(DESCRIPTION, "call 0171/5550-1234")),
    Break("the address in a text", "identity", text(DESCRIPTION, lambda o: o.PatientAddress)),
    Break("the birthday in a text", "identity", put(DESCRIPTION, "born 14.03.1957")),
    Break("the birthday in words", "identity", put(DESCRIPTION, "born March 14, 1957")),
    Break("the day of the study in a text", "date_in_text", put(DESCRIPTION, "seen 2026-11-03")),
    Break("the hospital in a text", "identity", text(DESCRIPTION, lambda o: o.InstitutionName)),
    Break("the name in a code's meaning", "identity", _deep_text),
    Break("the number in unknown bytes", "identity_bytes", _in_un),
    Break("the name in a coded string", "identity", put("ScanningSequence", "MULLERBACH")),
    Break("the number in a number", "identity", raw(0x00180050, "DS", b"GEN-482137")),
    Break("the name in a rule's text", "identity",
          text("SeriesDescription", lambda o: f"of {family(o)}"), options=RESEARCH),
    Break("a mail address in a description", "contact",
          put("SeriesDescription", "ask someone@example.net"), options=RESEARCH),
    # dates
    Break("a date was not shifted", "date_unshifted", back("StudyDate"), options=RESEARCH),
    Break("a date and time was not shifted", "date_unshifted", back("AcquisitionDateTime"), options=RESEARCH),
    Break("a date was shifted otherwise", "date_inconsistent", _other_day, options=RESEARCH),
    Break("a date to shift is gone", "date_removed", drop("StudyDate"), options=RESEARCH),
    Break("a date to shift is empty", "date_removed", put("SeriesDate", ""), options=RESEARCH),
    Break("a date to keep was changed", "kept_changed", put("StudyDate", "20200101"), options=DATED),
    Break("a date to keep is gone", "kept_removed", drop("StudyDate"), options=DATED),
    # what options keep
    Break("the sex to keep was changed", "kept_changed", put("PatientSex", "F"), options=RESEARCH),
    Break("the station to keep is gone", "kept_removed", drop("StationName"), options=RESEARCH),
    Break("the institution to keep is gone", "kept_removed", drop("InstitutionName"), options=RESEARCH),
    Break("a UID to keep was changed", "kept_changed", put("SeriesInstanceUID", "2.25.5"), options=DATED),
    Break("a concept to remove stays", "concept_kept", _concept, "sr", RESEARCH),
    # what the object says of itself
    Break("it does not say that it was done", "no_identity_removed", drop("PatientIdentityRemoved")),
    Break("it says NO", "no_identity_removed", put("PatientIdentityRemoved", "NO")),
    Break("it does not say how", "no_method", _no_method),
    Break("it names no codes", "method_codes", drop("DeidentificationMethodCodeSequence")),
    Break("it leaves an option out", "method_codes", _code, options=RESEARCH),
    Break("it says nothing of dates", "no_longitudinal_flag", drop("LongitudinalTemporalInformationModified")),
    Break("it says that dates are as they were", "no_longitudinal_flag",
          put("LongitudinalTemporalInformationModified", "UNMODIFIED")),
    Break("it does not say that pixels are clean", "no_pixel_flag", drop("BurnedInAnnotation"), options=DATED),
    Break("it says that pixels are clean, and nobody cleaned", "false_pixel_flag",
          put("BurnedInAnnotation", "NO"), "us"),
    # the file
    Break("the preamble is another format's", "preamble_kept", _preamble),
    Break("the sender is in the header", "meta_kept", _meta("SourceApplicationEntityTitle")),
    Break("private information is in the header", "meta_kept", _meta("PrivateInformation")),
    Break("the writer is the original's", "meta_kept", _meta("ImplementationVersionName")),
    Break("the pixels were changed", "pixels_changed", _pixel),
    Break("the pixels are gone", "pixels_gone", drop("PixelData")),
    Break("pixels of another size", "pixels_changed", put("Rows", 31), options=DATED),
    Break("it is of another class", "class_changed", put("SOPClassUID", "1.2.840.10008.5.1.4.1.1.4")),
    BreakBytes("bytes follow", "trailing_bytes", lambda data, old: data + b"abc"),
    BreakBytes("the number follows", "identity_bytes",
               lambda data, old: data + str(old.PatientID).encode().ljust(12)),
    BreakBytes("an attribute stands twice", "not_in_order",
               lambda data, old: data + b"\x10\0\x20\0LO\x04\0ABCD"),
    BreakBytes("the instance in the header is another", "meta_instance",
               lambda data, old: data.replace(_instance(data), _instance(data)[:-1] + b"7", 1)),
    BreakBytes("the header's length is wrong", "meta_length",
               lambda data, old: data[:140] + b"\x10\0\0\0" + data[144:]),
    BreakBytes("it is cut", "unreadable", lambda data, old: data[:150]),
    BreakBytes("it is empty", "unreadable", lambda data, old: b""),
    BreakBytes("it is no DICOM", "unreadable", lambda data, old: b"<html></html>" * 40),
]  # fmt: skip


def _instance(data: bytes) -> bytes:
    uid = pydicom.dcmread(io.BytesIO(data)).SOPInstanceUID.encode()
    return uid + b"\0" * (len(uid) % 2) if uid + b"\0" in data and len(uid) % 2 else uid
