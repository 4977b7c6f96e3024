"""Reports about Wilhelmina keep their measurements and codes, and lose what names her."""

from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from sharing.deid.table import Option
from tests.deid.making import CT, NAME, ROOT, code, content, done, reference, report, texts, told

CLEAN = Option.CLEAN_STRUCTURED_CONTENT
FINDING = ("121071", "DCM", "Finding")


def measurement(value: str = "12.5") -> Dataset:
    number = Dataset()
    number.NumericValue = value
    number.MeasurementUnitsCodeSequence = [code("mm", "UCUM", "millimeter")]
    return content("NUM", code("103340004", "SCT", "Short Axis"), MeasuredValueSequence=[number])


def items() -> list[Dataset]:
    image = content("IMAGE", code("121112", "DCM", "Source of Measurement"))
    image.ReferencedSOPSequence = [reference(CT, f"{ROOT}.1.1.1")]
    inner = content("TEXT", code(*FINDING), TextValue=f"nodule, 12 mm, in the chest; {NAME}")
    group = content("CONTAINER", code("125007", "DCM", "Measurement Group"))
    group.ContentSequence = [inner, measurement(), image]
    return [
        content("PNAME", code("121008", "DCM", "Person Observer Name"), PersonName=NAME),
        content("TEXT", code("121022", "DCM", "Accession Number"), TextValue="ACC-99120-X"),
        content("UIDREF", code("112040", "DCM", "Tracking Unique Identifier"), UID=f"{ROOT}.7"),
        content("DATE", code("121031", "DCM", "Subject Birth Date"), Date="19470811"),
        group,
    ]


def by_name(read: Dataset) -> dict[str, Dataset]:
    found = {}
    for item in read.ContentSequence:
        found[item.ConceptNameCodeSequence[0].CodeMeaning] = item
        if "ContentSequence" in item:
            found |= by_name(item)
    return found


@pytest.mark.parametrize("options", [(), (CLEAN,), (CLEAN, Option.CLEAN_DESCRIPTORS)], ids=len)
def test_no_item_names_her(options: tuple[Option, ...], tmp_path: Path) -> None:
    read = done(report(*items()), tmp_path, *options)
    assert not told(tmp_path / "copy.dcm")
    assert not [text for text in texts(read) if "Holtzapfel" in text]


def test_the_tree_keeps_its_shape_and_numbers_under_the_profile_alone(tmp_path: Path) -> None:
    read = done(report(*items()), tmp_path)
    found = by_name(read)
    assert len(found) == 8
    assert found["Finding"].TextValue == "REMOVED"
    assert found["Short Axis"].MeasuredValueSequence[0].NumericValue == 12.5
    assert found["Subject Birth Date"].Date == "19000101"


def test_cleaned_content_takes_items_away_and_keeps_what_is_understood(tmp_path: Path) -> None:
    read = done(report(*items()), tmp_path, CLEAN, Option.CLEAN_DESCRIPTORS)
    found = by_name(read)
    assert "Accession Number" not in found
    assert "Subject Birth Date" not in found
    assert "12 mm" in found["Finding"].TextValue
    assert "nodule" in found["Finding"].TextValue


def test_no_item_goes_where_others_are_named_by_their_place(tmp_path: Path) -> None:
    pointing = content("NUM", code("103340004", "SCT", "Short Axis"))
    pointing.ReferencedContentItemIdentifier = [1, 5, 2]
    read = done(report(*items(), pointing), tmp_path, CLEAN)
    found = by_name(read)
    assert found["Accession Number"].TextValue == "REMOVED"
    assert len(read.ContentSequence) == 6


def test_an_age_is_no_number_to_keep(tmp_path: Path) -> None:
    number = Dataset()
    number.NumericValue = "76"
    number.MeasurementUnitsCodeSequence = [code("a", "UCUM", "year")]
    age = content("NUM", code("121033", "DCM", "Subject Age"), MeasuredValueSequence=[number])
    read = done(report(age, measurement()), tmp_path)
    assert not by_name(read)["Subject Age"].MeasuredValueSequence
    kept = done(report(age, measurement()), tmp_path, CLEAN, Option.RETAIN_PATIENT_CHARACTERISTICS)
    assert by_name(kept)["Subject Age"].MeasuredValueSequence[0].NumericValue == 76


def test_references_in_a_report_meet_their_images(tmp_path: Path) -> None:
    from tests.deid.making import ct

    image, read = done(ct(), tmp_path), done(report(*items()), tmp_path)
    (pointer,) = by_name(read)["Source of Measurement"].ReferencedSOPSequence
    assert pointer.ReferencedSOPInstanceUID == image.SOPInstanceUID
