"""Instances of invented people with their names in every corner, made in code."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from sharing.deid.engine import Engine
from sharing.deid.keys import Keys
from sharing.deid.profile import Profile, Rule
from sharing.deid.table import Option

SECRET = bytes(range(32))
CT, GSPS, SR = (
    "1.2.840.10008.5.1.4.1.1.2",
    "1.2.840.10008.5.1.4.1.1.11.1",
    "1.2.840.10008.5.1.4.1.1.88.33",
)
ROOT = "1.2.826.0.1.3680043.10.999"
NAME, NUMBER, ACCESSION = "Holtzapfel^Wilhelmina", "HZ-4711-0815", "ACC-99120-X"
HOSPITAL, PHYSICIAN = "Nordlicht Klinikum", "Quasthoff^Leopold"


def profile(*options: Option, rules: tuple[Rule, ...] = ()) -> Profile:
    """A profile with these options."""
    reasons = dict.fromkeys(options, "It is tried.")
    return Profile("tried", "Tried", "1", reasons=reasons, rules=rules)


def engine(*options: Option, rules: tuple[Rule, ...] = (), **settings: Any) -> Engine:
    """An engine with the key of the tests."""
    return Engine(profile(*options, rules=rules), Keys(SECRET), durable=False, **settings)


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """An item of a code sequence."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def reference(sop_class: str, uid: str) -> Dataset:
    """An item that points at an instance."""
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, uid
    return item


def ct(**changes: object) -> Dataset:
    """A CT of Wilhelmina Holtzapfel; a change to None takes the attribute away."""
    image = Dataset()
    image.SpecificCharacterSet = "ISO_IR 100"
    image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    image.SOPClassUID, image.SOPInstanceUID = CT, f"{ROOT}.1.1.1"
    image.StudyDate = image.SeriesDate = image.AcquisitionDate = image.ContentDate = "20240229"
    image.StudyTime = image.ContentTime = "101500"
    image.AccessionNumber, image.Modality, image.Manufacturer = ACCESSION, "CT", "Invented"
    image.InstitutionName, image.ReferringPhysicianName = HOSPITAL, PHYSICIAN
    image.StudyDescription = "CT chest, Holtzapfel"
    image.SeriesDescription = "Chest 5.0"
    image.PatientName, image.PatientID = NAME, NUMBER
    image.PatientBirthDate, image.PatientSex, image.PatientAge = "19470811", "F", "076Y"
    image.BodyPartExamined, image.PatientPosition, image.KVP = "CHEST", "HFS", "120"
    image.DeviceSerialNumber = "SN-778899"
    image.StudyInstanceUID, image.SeriesInstanceUID = f"{ROOT}.1", f"{ROOT}.1.1"
    image.FrameOfReferenceUID = f"{ROOT}.1.9"
    image.StudyID, image.SeriesNumber, image.InstanceNumber = "S1", 3, 12
    image.ImagePositionPatient, image.ImageOrientationPatient = [0, 0, 5], [1, 0, 0, 0, 1, 0]
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.Rows = image.Columns = 4
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 12, 11
    image.PixelRepresentation, image.PixelSpacing = 0, [0.5, 0.5]
    image.RescaleIntercept, image.RescaleSlope = -1024, 1
    image.PixelData = bytes(range(32))
    return changed(image, changes)


def changed(image: Dataset, changes: dict[str, object]) -> Dataset:
    for name, value in changes.items():
        if value is None:
            delattr(image, name)
        else:
            setattr(image, name, value)
    return image


def report(*items: Dataset, **changes: object) -> Dataset:
    """A structured report about Wilhelmina Holtzapfel."""
    image = ct()
    for name in ("PixelData", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit"):
        delattr(image, name)
    for name in ("PixelRepresentation", "PixelSpacing", "SamplesPerPixel", "ImageType"):
        delattr(image, name)
    image.SOPClassUID, image.SOPInstanceUID = pydicom.uid.UID(SR), f"{ROOT}.1.2.1"
    image.Modality = "SR"
    image.SeriesInstanceUID = f"{ROOT}.1.2"
    image.ValueType, image.ContinuityOfContent = "CONTAINER", "SEPARATE"
    image.ConceptNameCodeSequence = [code("126000", "DCM", "Imaging Measurement Report")]
    image.ContentSequence = Sequence(items)
    return changed(image, changes)


def content(value_type: str, name: Dataset, **values: object) -> Dataset:
    """A content item."""
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", value_type
    item.ConceptNameCodeSequence = [name]
    return changed(item, values)


def saved(dataset: Dataset, path: Path, syntax: str = ExplicitVRLittleEndian) -> Path:
    """A data set as a Part 10 file."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    dataset.file_meta.PrivateInformationCreatorUID = pydicom.uid.UID(f"{ROOT}.5")
    dataset.file_meta.PrivateInformation = NAME.encode()
    dataset.preamble = NAME.encode().ljust(128, b"\0")
    target = io.BytesIO()
    dcmwrite(target, dataset, enforce_file_format=True)
    path.write_bytes(target.getvalue())
    return path


def done(source: Dataset, folder: Path, *options: Option, rules: tuple[Rule, ...] = ()) -> Dataset:
    """The de-identified copy, as an independent reader sees it."""
    original, copy = saved(source, folder / "original.dcm"), folder / "copy.dcm"
    engine(*options, rules=rules).deidentify(original, copy)
    return pydicom.dcmread(copy)


def texts(dataset: Dataset) -> Iterator[str]:
    """Every value of a data set as text, those of all sequences included."""
    for one in dataset.iterall():
        if one.VR != "SQ":
            yield str(one.value)


# None that a derived number or the time of day may hold by chance.
TOKENS = (
    "holtzapfel", "wilhelmina", "4711-0815", "47110815", "old-471", ".99.4711", "acc-99120", "nordlicht",
    "quasthoff", "leopold", "19470811", "778899", ROOT,
)  # fmt: skip


def told(path: Path) -> list[str]:
    """What of Wilhelmina's identities the bytes of a file still hold."""
    raw = path.read_bytes().lower()
    return [token for token in TOKENS if token.lower().encode() in raw]
