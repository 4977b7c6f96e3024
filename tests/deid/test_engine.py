"""Dora gives away copies of Wilhelmina Holtzapfel's images, and nothing in them says whose they are."""

import datetime
import hashlib
import json
from pathlib import Path

import pydicom
import pydicom.encaps
import pytest
from pydicom.dataset import Dataset

from sharing.deid.profile import Private, Rule
from sharing.deid.refusal import DeidError
from sharing.deid.table import Action, Option
from tests.deid.making import (
    CT,
    GSPS,
    NAME,
    NUMBER,
    ROOT,
    ct,
    done,
    engine,
    reference,
    saved,
    told,
)

SYNTAXES = {
    "explicit": "1.2.840.10008.1.2.1",
    "implicit": "1.2.840.10008.1.2",
    "big-endian": "1.2.840.10008.1.2.2",
    "deflated": "1.2.840.10008.1.2.1.99",
}


def nested() -> Dataset:
    """A CT with identities three sequences deep, in private blocks, overlays, and behind its end."""
    image = ct()
    deep = Dataset()
    deep.PersonName, deep.PatientID = NAME, NUMBER
    deep.ReferencedSOPSequence = [reference(CT, f"{ROOT}.1.1.7")]
    middle = Dataset()
    middle.ContentSequence = [deep]
    middle.ReferencedPatientSequence = [deep]
    image.ReferencedImageEvidenceSequence = [middle]
    image.add_new(0x00190010, "LO", "INVENTED")
    image.add_new(0x00191001, "LO", NAME)
    image.add_new(0x60000010, "US", 4)
    image.add_new(0x60000040, "CS", "G")
    image.add_new(0x60003000, "OW", b"\xff\xff")
    image.add_new(0xFFFCFFFC, "OB", NAME.encode() + b"\0")
    return image


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_no_identity_is_left_in_any_byte(syntax: str, tmp_path: Path) -> None:
    original = saved(nested(), tmp_path / "original.dcm", SYNTAXES[syntax])
    if syntax != "deflated":
        assert len(told(original)) >= 9
    copy = tmp_path / "copy.dcm"
    outcome = engine().deidentify(original, copy)
    assert outcome.syntax == SYNTAXES[syntax]
    read = pydicom.dcmread(copy)
    assert read.PixelData == bytes(range(32))
    plain = saved(read, tmp_path / "plain.dcm", SYNTAXES["explicit"])
    read_again = pydicom.dcmread(plain)
    read_again.file_meta.clear()
    assert not [token for token in told(copy) if syntax != "deflated"]
    assert NAME not in str(read_again)
    assert read.Rows == 4
    assert read.RescaleIntercept == -1024


def test_the_copy_says_what_was_done(tmp_path: Path) -> None:
    read = done(ct(), tmp_path)
    assert read.PatientIdentityRemoved == "YES"
    assert read.DeidentificationMethod == "Handover profile tried 1"
    assert read.LongitudinalTemporalInformationModified == "REMOVED"
    (method,) = read.DeidentificationMethodCodeSequence
    assert (method.CodeValue, method.CodingSchemeDesignator) == ("113100", "DCM")
    assert read.file_meta.MediaStorageSOPInstanceUID == read.SOPInstanceUID
    assert read.preamble == bytes(128)


def test_each_option_adds_its_code(tmp_path: Path) -> None:
    options = (Option.RETAIN_UIDS, Option.RETAIN_LONGITUDINAL_FULL_DATES, Option.CLEAN_GRAPHICS)
    read = done(ct(), tmp_path, *options)
    found = [item.CodeValue for item in read.DeidentificationMethodCodeSequence]
    assert found == ["113100", "113103", "113106", "113110"]
    assert read.LongitudinalTemporalInformationModified == "UNMODIFIED"
    assert read.StudyInstanceUID == f"{ROOT}.1"
    assert read.StudyDate == "20240229"


def test_the_answer_is_what_lies_there(tmp_path: Path) -> None:
    copy = tmp_path / "copy.dcm"
    outcome = engine().deidentify(saved(ct(), tmp_path / "original.dcm"), copy)
    read = pydicom.dcmread(copy)
    assert outcome.sha256 == hashlib.sha256(copy.read_bytes()).hexdigest()
    assert outcome.size == copy.stat().st_size
    assert outcome.instance_uid == read.SOPInstanceUID
    assert (outcome.study_uid, outcome.series_uid) == (
        read.StudyInstanceUID,
        read.SeriesInstanceUID,
    )


def test_two_machines_with_one_key_write_the_same_bytes(tmp_path: Path) -> None:
    original = saved(nested(), tmp_path / "original.dcm")
    created = datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC)
    first, second = (
        engine(created=created).deidentify(original, tmp_path / name) for name in ("a", "b")
    )
    assert first == second


def test_the_ledger_names_attributes_and_reasons_and_no_value(tmp_path: Path) -> None:
    original = saved(nested(), tmp_path / "original.dcm")
    outcome = engine().deidentify(original, tmp_path / "copy.dcm")
    by_path = {entry.path: entry for entry in outcome.ledger}
    assert by_path["(0008,0080)"].action == "X"
    assert "Table E.1-1" in by_path["(0008,0080)"].reason
    assert by_path["(0010,0010)"].action == "D"
    assert by_path["(0012,0062)"].action == "+"
    assert "(0008,9092)[*].(0040,A730)" in by_path
    written = json.dumps([str(entry) for entry in outcome.ledger]).lower()
    assert "holtzapfel" not in written


def test_an_overlay_goes_as_a_whole_group(tmp_path: Path) -> None:
    read = done(nested(), tmp_path)
    assert not [element for element in read if element.tag.group == 0x6000]


def test_a_kept_overlay_is_for_a_person_to_look_at(tmp_path: Path) -> None:
    original = saved(nested(), tmp_path / "original.dcm")
    outcome = engine(Option.CLEAN_GRAPHICS).deidentify(original, tmp_path / "copy.dcm")
    assert [doubt.path for doubt in outcome.doubts] == ["(6000,3000)"]
    assert pydicom.dcmread(tmp_path / "copy.dcm")[0x60003000].value == b"\xff\xff"


def test_a_presentation_state_keeps_the_date_that_it_must_have(tmp_path: Path) -> None:
    state = ct(SOPClassUID=GSPS, Modality="PR", PixelData=None)
    state.PresentationCreationDate, state.PresentationCreationTime = "20240301", "101501"
    read = done(state, tmp_path)
    assert read.PresentationCreationDate not in ("", "20240301")


def test_references_meet_the_instances_they_name(tmp_path: Path) -> None:
    state = ct(SOPClassUID=GSPS, SOPInstanceUID=f"{ROOT}.1.4.1", Modality="PR", PixelData=None)
    series = Dataset()
    series.SeriesInstanceUID = f"{ROOT}.1.1"
    series.ReferencedImageSequence = [reference(CT, f"{ROOT}.1.1.1")]
    state.ReferencedSeriesSequence = [series]
    image, read = done(ct(), tmp_path), done(state, tmp_path)
    (series,) = read.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == image.SeriesInstanceUID
    assert series.ReferencedImageSequence[0].ReferencedSOPInstanceUID == image.SOPInstanceUID
    assert series.ReferencedImageSequence[0].ReferencedSOPClassUID == CT


def test_moved_dates_keep_their_distances(tmp_path: Path) -> None:
    option = Option.RETAIN_LONGITUDINAL_MODIFIED_DATES
    first = done(ct(), tmp_path, option)
    later = done(ct(StudyDate="20240330", AcquisitionDateTime="20240330101500.5"), tmp_path, option)

    def day(text: str) -> datetime.date:
        return datetime.datetime.strptime(text[:8], "%Y%m%d").replace(tzinfo=datetime.UTC).date()

    assert first.StudyDate != "20240229"
    assert day(later.StudyDate) - day(first.StudyDate) == datetime.timedelta(30)
    assert later.AcquisitionDateTime[8:] == "101500.5"
    assert first.StudyTime == "101500"
    assert first.LongitudinalTemporalInformationModified == "MODIFIED"


def test_a_date_that_is_none_is_replaced(tmp_path: Path) -> None:
    image = ct()
    image.add_new(0x00080022, "DA", "20240230")
    read = done(image, tmp_path, Option.RETAIN_LONGITUDINAL_MODIFIED_DATES)
    assert read.AcquisitionDate == "19000101"


def test_a_name_in_an_attribute_that_no_rule_names_goes(tmp_path: Path) -> None:
    read = done(ct(ContentDescription="seen by Holtzapfel, W."), tmp_path)
    assert "Holtzapfel" not in read.ContentDescription
    assert "seen" in read.ContentDescription


def test_a_cleaned_description_keeps_what_is_understood(tmp_path: Path) -> None:
    read = done(ct(), tmp_path, Option.CLEAN_DESCRIPTORS)
    assert read.StudyDescription == "CT chest"
    assert read.SeriesDescription == "Chest 5.0"


def test_safe_private_attributes_stay_with_their_creators(tmp_path: Path) -> None:
    image = ct()
    image.add_new(0x70530010, "LO", "Philips PET Private Group")
    image.add_new(0x70530011, "LO", "INVENTED")
    image.add_new(0x70531000, "DS", "1.5")
    image.add_new(0x70531001, "LO", NAME)
    image.add_new(0x70531101, "LO", NAME)
    read = done(image, tmp_path, Option.RETAIN_SAFE_PRIVATE)
    private = [int(element.tag) for element in read if element.tag.is_private]
    assert private == [0x70530010, 0x70531000]
    assert read[0x70531000].value == "1.5"


def test_a_profile_may_keep_a_private_attribute_of_its_own(tmp_path: Path) -> None:
    image = ct()
    image.add_new(0x00190010, "LO", "INVENTED")
    image.add_new(0x00191001, "DS", "7")
    image.add_new(0x00191002, "DS", "8")
    rule = Rule(Private(0x0019, "INVENTED", 0x01), Action.KEEP, "The dose of this device.")
    read = done(image, tmp_path, rules=(rule,))
    assert [int(one.tag) for one in read if one.tag.is_private] == [0x00190010, 0x00191001]


def test_an_encapsulated_document_becomes_an_empty_one(tmp_path: Path) -> None:
    document = ct(SOPClassUID="1.2.840.10008.5.1.4.1.1.104.1", Modality="DOC", PixelData=None)
    document.DocumentTitle = f"Letter about {NAME}"
    document.MIMETypeOfEncapsulatedDocument = "application/pdf"
    document.EncapsulatedDocument = b"%PDF-1.7 " + NAME.encode()
    document.EncapsulatedDocumentLength = 30
    read = done(document, tmp_path)
    assert read.EncapsulatedDocument.startswith(b"%PDF-1.4")
    assert b"%%EOF" in read.EncapsulatedDocument
    assert read.EncapsulatedDocumentLength == len(read.EncapsulatedDocument)
    assert not told(tmp_path / "copy.dcm")


def test_what_is_written_fits_the_character_set(tmp_path: Path) -> None:
    image = ct(SpecificCharacterSet="ISO_IR 100", PatientName="Bärenklau^Jörg")
    image.StudyDescription = "Schädel, Bärenklau, Rücken"
    read = done(image, tmp_path, Option.CLEAN_DESCRIPTORS)
    assert read.SpecificCharacterSet == "ISO_IR 100"
    assert "renklau" not in read.StudyDescription


def test_a_head_is_refused_where_faces_should_be_cleaned(tmp_path: Path) -> None:
    option = Option.CLEAN_RECOGNIZABLE_VISUAL_FEATURES
    with pytest.raises(DeidError, match="face"):
        done(ct(BodyPartExamined="HEAD"), tmp_path, option)
    assert [path.name for path in tmp_path.iterdir()] == ["original.dcm"]
    assert done(ct(), tmp_path, option).RecognizableVisualFeatures == "NO"


def test_a_damaged_file_leaves_nothing(tmp_path: Path) -> None:
    original = saved(ct(), tmp_path / "original.dcm")
    original.write_bytes(original.read_bytes()[:-20])
    with pytest.raises(DeidError, match="damaged"):
        engine().deidentify(original, tmp_path / "copy.dcm")
    assert [path.name for path in tmp_path.iterdir()] == ["original.dcm"]


def test_the_index_of_a_disc_is_refused(tmp_path: Path) -> None:
    index = ct()
    original = saved(index, tmp_path / "DICOMDIR")
    raw = original.read_bytes().replace(CT.encode() + b"\0", b"1.2.840.10008.1.3.10\0\0\0\0\0\0")
    original.write_bytes(raw)
    with pytest.raises(DeidError, match="index"):
        engine().deidentify(original, tmp_path / "copy.dcm")


def test_what_has_to_be_explicit_is_made_so(tmp_path: Path) -> None:
    image = nested()
    image.PixelData = pydicom.encaps.encapsulate([b"\xff\xd8\xff\xd9"])
    image["PixelData"].is_undefined_length = True
    image["PixelData"].VR = "OB"
    original = saved(image, tmp_path / "original.dcm", SYNTAXES["implicit"])
    raw, jpeg = original.read_bytes(), "1.2.840.10008.1.2.4.50"
    at = raw.index(b"\x02\0\x10\0UI")
    old = raw[at : at + 8 + raw[at + 6]]
    new = old[:6] + bytes([22, 0]) + jpeg.encode()
    length = int.from_bytes(raw[140:144], "little") + len(new) - len(old)
    original.write_bytes((raw[:140] + length.to_bytes(4, "little") + raw[144:]).replace(old, new))
    engine().deidentify(original, tmp_path / "copy.dcm")
    read = pydicom.dcmread(tmp_path / "copy.dcm")
    assert not read.original_encoding[0]
    assert read.PixelData == image.PixelData
    assert read.ReferencedImageEvidenceSequence[0].ContentSequence
    assert not told(tmp_path / "copy.dcm")


@pytest.mark.parametrize("kilobytes", [1, 20, 63, 70, 1024, 2500])
def test_what_stays_is_the_same_however_large(kilobytes: int, tmp_path: Path) -> None:
    pixels = bytes(hashlib.shake_128(b"pixels").digest(kilobytes << 10))
    image = ct(PixelData=pixels)
    image.add_new(0x00281201, "OW", bytes(hashlib.shake_128(b"red").digest(60 << 10)))
    image.add_new(0x00283006, "OW", bytes(hashlib.shake_128(b"lut").digest(30 << 10)))
    image.add_new(0x60000010, "US", 4)
    image.add_new(0x60003000, "OW", bytes(100 << 10))
    read = done(image, tmp_path)
    assert read.PixelData == pixels
    assert read.RedPaletteColorLookupTableData == image.RedPaletteColorLookupTableData
    assert read.LUTData == image.LUTData
    assert not told(tmp_path / "copy.dcm")
