"""A slice of CT with identities in all the places that a browser has to look at."""

import copy
import io

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from sharing.dicom import synthetic
from sharing.dicom.synthetic import uid


def planted() -> Dataset:
    """Nested and private, dates of every kind, texts that no rule knows, references."""
    first = next(iter(synthetic.ct_chest(synthetic.CHEST_CT, slices=1, size=16)))
    dataset = dcmread(io.BytesIO(first))
    _people(dataset)
    _dates(dataset)
    _nested(dataset)
    _private(dataset)
    dataset.add_new(0x60000010, "US", 1)
    dataset.add_new(0x60000011, "US", 16)
    dataset.add_new(0x60003000, "OW", bytes(2))
    return dataset


def _people(dataset: Dataset) -> None:
    dataset.PatientName = "Winter^Pat=冬^パット"
    dataset.IssuerOfPatientID = "General"
    dataset.OtherPatientIDs = ["OLD-4711", "OLD-4712"]
    dataset.PatientAge, dataset.PatientSize, dataset.PatientWeight = "059Y", "1.7", "70"
    dataset.OperatorsName = ["Berg^Ole", "Stone^Kim"]
    dataset.RequestingPhysician = "Winter^Rosa"
    dataset.StationName = "CTSCAN01"
    dataset.DeviceSerialNumber = "SN-90210"
    dataset.InstitutionAddress = "12 Elm Street, Springfield"
    dataset.PatientComments = "Pat Winter lives next door"
    dataset.ContentLabel = "OWN"
    dataset.ContentDescription = "seen at 1.2.826.0.1.3680043.10.1.99.4711.1"


def _dates(dataset: Dataset) -> None:
    dataset.AcquisitionDateTime = "20261102091500.123456+0100"
    dataset.DateOfLastCalibration = ["20260229", "20261001"]
    dataset.InstanceCreationDate, dataset.InstanceCreationTime = "20261102", "0915"
    dataset.TimezoneOffsetFromUTC = "+0100"
    dataset.PatientBirthDate = "19670314"


def _nested(dataset: Dataset) -> None:
    reference = Dataset()
    reference.ReferencedSOPClassUID = dataset.SOPClassUID
    reference.ReferencedSOPInstanceUID = uid("other", 1)
    named = copy.deepcopy(reference)
    named.PatientName, named.PatientID = "Winter^Pat", "OTHER-1"
    named.add_new(0x00090010, "LO", "MAKER")
    named.is_undefined_length_sequence_item = True
    dataset.ReferencedImageSequence = Sequence([reference, named])
    dataset["ReferencedImageSequence"].is_undefined_length = True
    request = Dataset()
    request.RequestedProcedureID, request.ScheduledProcedureStepID = "RP-1001", "SPS-1001"
    dataset.RequestAttributesSequence = Sequence([request])
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "T-D3000", "SRT", "Chest"
    dataset.AnatomicRegionSequence = Sequence([code])
    dataset.ReferencedStudySequence = Sequence([copy.deepcopy(reference)])
    dataset.ProcedureCodeSequence = Sequence([])


def _private(dataset: Dataset) -> None:
    dataset.add_new(0x00090010, "LO", "MAKER OF SCANNERS")
    dataset.add_new(0x00091001, "LO", "Winter^Pat")
    inner = Dataset()
    inner.PatientName = "Winter^Pat"
    dataset.add_new(0x00091002, "SQ", [inner])
    dataset["00091002"].is_undefined_length = True
