"""The pictures: what every object carries, CT, MR, US, CR, and one with a name in every VR."""

import io
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_sequence_item
from pydicom.tag import Tag
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    CTImageStorage,
    MRImageStorage,
    SecondaryCaptureImageStorage,
    UltrasoundImageStorage,
)

from sharing.dicom.synthetic import uid
from tests.deid.phi.truth import Keep, Node, Plant

DATE, TIME = "20261103", "091544"


def uid_of(node: Node, *parts: object) -> str:
    return uid("phi", node.person.key, *parts)


def instance_uid(node: Node, name: str) -> str:
    return uid_of(node, f"{node.person.key}/{name}.dcm")


def common(node: Node) -> None:
    """Patient, study, series and equipment; planted where each of them belongs."""
    person, dataset = node.person, node.dataset
    dataset.SpecificCharacterSet = person.charset
    dataset.SOPInstanceUID = uid_of(node, node.file)
    dataset.StudyInstanceUID = uid_of(node, "study")
    dataset.SeriesInstanceUID = uid_of(node, "series", node.file)
    for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        node.plant("uid", keyword, dataset[keyword].value)
    node.plant("name", "PatientName", person.name, needle=person.family)
    node.plant("name", "ReferringPhysicianName", person.referring, needle=_family(person.referring))
    node.plant("name", "OperatorsName", f"Tech^{person.given}", needle=person.given)
    node.plant(
        "name", "OtherPatientNames", [f"{person.given}^{person.family}"], needle=person.family
    )
    node.plant("identifier", "PatientID", person.patient_id)
    node.plant("identifier", "AccessionNumber", person.accession)
    node.plant("identifier", "StudyID", f"S{person.accession[-4:]}")
    node.plant("date", "PatientBirthDate", person.birth)
    node.plant("date", "StudyDate", DATE).plant("date", "SeriesDate", DATE)
    node.plant("time", "StudyTime", TIME)
    node.plant("contact", "PatientTelephoneNumbers", person.phone)
    node.plant("contact", "PatientAddress", person.street)
    node.plant("institution", "InstitutionAddress", "Am Hedwigspark 4")
    node.plant("institution", "InstitutionName", person.hospital)
    node.plant("device", "StationName", "HEDWIGCT7").plant(
        "device", "DeviceSerialNumber", "SN-77120-X"
    )
    node.plant("text", "AdditionalPatientHistory", f"{person.given} {person.family}, Tel. {person.phone}",
               needle=person.family)  # fmt: skip
    node.plant(
        "text", "PatientComments", f"ID {person.patient_id}, {person.mail}", needle=person.mail
    )
    node.set(
        Manufacturer="Lumen", ManufacturerModelName="Aurora 64", SeriesNumber=1, InstanceNumber=1
    )
    node.set(PatientSex="O", Modality="OT", SOPClassUID=SecondaryCaptureImageStorage)
    _descriptors(node)
    _nested(node)


def _family(name: str) -> str:
    return name.split("^", maxsplit=1)[0]


def _descriptors(node: Node) -> None:
    person = node.person
    study = f"CT chest with contrast {person.family}"
    node.plant("text", "StudyDescription", study, needle=person.family)
    node.truth.keeps.append(_words(node, 0x00081030, "CT chest with contrast"))
    node.plant("text", "ImageComments", f"Pat. {person.given[0]}. {person.family} {person.birth}",
               needle=person.family)  # fmt: skip
    node.plant("unlisted text", "ContentDescription", f"KEY {person.family}", needle=person.family)
    written = person.name.split("=")[-1].split("^")[0]
    if written != person.family:
        node.plant("text", "RequestedProcedureComments", f"({written})", needle=written)
    node.keep("SeriesDescription", "axial lung", category="descriptor")


def _words(node: Node, tag: int, text: str) -> Keep:
    return Keep("descriptor", node.file, (*node.path, tag), text)


def _nested(node: Node) -> None:
    """Sequences that the table lists and that it does not, four deep."""
    person = node.person
    request = node.item("RequestAttributesSequence")
    request.plant(
        "nested", "RequestedProcedureDescription", f"CT of {person.family}", needle=person.family
    )
    request.plant("nested", "ScheduledProcedureStepID", f"SPS{person.accession[-4:]}99")
    deep = node.item("ProcedureCodeSequence").set(
        CodeValue="71260", CodingSchemeDesignator="C4", CodeMeaning="CT chest with contrast"
    )
    for _ in range(3):
        deep = deep.item("EquivalentCodeSequence").set(
            CodeValue="X1", CodingSchemeDesignator="99LOCAL", CodeMeaning="local chest"
        )
    deep.plant(
        "nested",
        "CodingSchemeURL",
        f"http://pacs.example.org/{person.patient_id}",
        needle=person.patient_id,
    )
    step = node.item("ReferencedPerformedProcedureStepSequence")
    step.plant("uid", "ReferencedSOPInstanceUID", uid_of(node, "step"))
    step.set(ReferencedSOPClassUID="1.2.840.10008.3.1.2.3.3")


def image(node: Node, modality: str, sop_class: str, pixels: Any, *, bits: int) -> None:
    node.set(Modality=modality, SOPClassUID=sop_class)
    node.keep("Rows", pixels.shape[0]).keep("Columns", pixels.shape[1])
    colour = pixels.ndim == 3
    node.set(
        SamplesPerPixel=3 if colour else 1, BitsAllocated=bits, BitsStored=bits, HighBit=bits - 1
    )
    node.keep("PhotometricInterpretation", "RGB" if colour else "MONOCHROME2")
    node.set(PixelRepresentation=0)
    if colour:
        node.set(PlanarConfiguration=0)
    node.dataset.add_new("PixelData", "OW" if bits == 16 else "OB", pixels.tobytes())


def ct(offset: int) -> Any:
    def making(node: Node) -> None:
        rng = np.random.default_rng(offset)
        bits, kind = (8, "u1") if "jpeg" in node.file else (16, "<u2")
        image(node, "CT", CTImageStorage, rng.integers(0, 200, (32, 32)).astype(kind), bits=bits)
        node.keep("KVP", "120").keep("SliceThickness", "1.5").keep("ConvolutionKernel", "B30f")
        node.keep("PatientPosition", "HFS").keep("BodyPartExamined", "CHEST")
        node.keep("ImagePositionPatient", [-16, -16, offset]).keep("PixelSpacing", [0.8, 0.8])
        node.plant("uid", "FrameOfReferenceUID", uid_of(node, "frame"))
        node.plant("date", "AcquisitionDateTime", f"{DATE}{TIME}.120000+0100", needle=DATE)
        _privates(node)
        _in_un(node)

    return making


def _privates(node: Node) -> None:
    person = node.person
    block = node.private(0x0009, "HEDWIG PRIVATE 1.0")
    block.plant("private unknown", 0x01, "LO", person.patient_id, needle=person.patient_id)
    block.plant("private unknown", 0x02, "PN", person.name, needle=person.family)
    block.plant("private unknown", 0x03, "UN", person.phone.encode(), needle=person.phone)
    known = node.private(0x0019, "SIEMENS MR HEADER").safe(0x0C, "IS", "1000")
    known.plant("private known", 0x20, "LT", f"seen by {person.family}", needle=person.family)
    node.private(0x7053, "Philips PET Private Group").safe(0x00, "DS", "0.25")
    inner = Dataset()
    inner.add_new(0x00100010, "PN", "Hidden^Inside")
    inner.add_new(0x00100020, "LO", person.patient_id)
    node.private(0x0029, "HEDWIG DEEP").plant(
        "private unknown", 0x10, "UN", _sequence_bytes(inner), needle=person.patient_id
    )


def _in_un(node: Node) -> None:
    """A sequence that some relay wrote as UN, with the patient inside."""
    inner = Dataset()
    inner.add_new(0x00100020, "LO", node.person.patient_id)
    inner.add_new(0x00080104, "LO", f"for {node.person.patient_id}")
    raw = _sequence_bytes(inner)
    tag = Tag(0x00400260)
    node.dataset[tag] = RawDataElement(tag, "UN", len(raw), raw, 0, False, True)
    node.truth.plants.append(
        Plant("sequence in UN", node.file, (0x00400260, 0x00100020), node.person.patient_id)
    )


def _sequence_bytes(inner: Dataset) -> bytes:
    target = DicomBytesIO()
    target.is_little_endian, target.is_implicit_VR = True, True
    write_sequence_item(target, inner, ["iso8859"])
    return target.getvalue()


def mr(node: Node) -> None:
    rng = np.random.default_rng(7)
    image(node, "MR", MRImageStorage, rng.integers(0, 900, (32, 32)).astype("<u2"), bits=16)
    node.keep("MagneticFieldStrength", "3").keep("EchoTime", "98").keep("RepetitionTime", "4200")
    node.keep("ScanningSequence", "SE").keep("SequenceVariant", "SK")
    source = node.item("SourceImageSequence")
    source.set(ReferencedSOPClassUID=CTImageStorage)
    source.plant("uid", "ReferencedSOPInstanceUID", instance_uid(node, "sr"))
    person = node.person
    icon = node.item("IconImageSequence")
    icon.plant("nested", "IssuerOfPatientID", person.patient_id)
    attributes = node.item("OriginalAttributesSequence").item("ModifiedAttributesSequence")
    attributes.plant("nested", "PatientName", person.name, needle=person.family)
    overlay = np.packbits(np.ones((32, 32), "u1")).tobytes()
    data = node.dataset
    for tag, vr, value in (
        (0x60000010, "US", 32), (0x60000011, "US", 32), (0x60000040, "CS", "G"), (0x60000050, "SS", [1, 1]),
        (0x60000100, "US", 1), (0x60000102, "US", 0),
    ):  # fmt: skip
        data.add_new(tag, vr, value)
    data.add_new(0x60003000, "OB", overlay)
    node.add(
        "overlay and curve", 0x60004000, "LT", f"drawn by {person.family}", needle=person.family
    )
    node.add("overlay and curve", 0x60001500, "LO", f"for {person.family}", needle=person.family)
    node.add("overlay and curve", 0x50002500, "LO", f"curve {person.family}", needle=person.family)


def us(node: Node) -> None:
    canvas = Image.new("RGB", (320, 240))
    draw = ImageDraw.Draw(canvas)
    draw.ellipse((90, 80, 230, 220), fill=(70, 70, 70))
    text = f"{node.person.patient_id}"
    font = ImageFont.load_default(20)
    box = tuple(int(edge) for edge in draw.textbbox((10, 8), text, font=font))
    draw.text((10, 8), text, fill=(255, 255, 255), font=font)
    image(node, "US", UltrasoundImageStorage, np.asarray(canvas), bits=8)
    node.set(BurnedInAnnotation="YES")
    node.truth.plants.append(Plant("pixels", node.file, (0x7FE00010,), text, box))  # type: ignore[arg-type]


def cr(node: Node) -> None:
    rng = np.random.default_rng(9)
    image(
        node,
        "CR",
        ComputedRadiographyImageStorage,
        rng.integers(0, 4000, (48, 40)).astype("<u2"),
        bits=16,
    )
    node.keep("ViewPosition", "PA").keep("ImagerPixelSpacing", [0.2, 0.2])
    person = node.person
    node.plant(
        "text",
        "AcquisitionDeviceProcessingDescription",
        f"for {person.family}",
        needle=person.family,
    )
    node.plant("text", "ProtocolName", f"chest {person.patient_id}", needle=person.patient_id)
    node.plant("text", "MedicalAlerts", f"{person.family}: latex", needle=person.family)
    node.plant(
        "text", "DerivationDescription", f"cropped {DATE} by {person.family}", needle=person.family
    )


def every_vr(node: Node) -> None:
    """The patient's number or name in every representation that can hold it, where no rule looks."""
    image(node, "OT", SecondaryCaptureImageStorage, np.zeros((8, 8), "u1"), bits=8)
    person = node.person
    name, number = person.family, person.patient_id
    for tag, vr, value, needle in (
        (0x00189810, "LO", f"{name} zero", name),         # Zero Velocity Pixel Value, in a text
        (0x00280006, "SH", number, number),
        (0x00189005, "SH", f"seq {number}"[:16], number),  # Pulse Sequence Name
        (0x0040A160, "UT", f"{name}, {person.phone}", name),
        (0x00700081, "LO", f"of {name}", name),
        (0x00420010, "ST", f"Letter on {name}", name),     # Document Title
        (0x00181800, "CS", number.upper()[:16], number),
        (0x00189073, "LT", f"{name} said", name),
        (0x00080119, "UC", f"code for {name}", name),
        (0x00080120, "UR", f"urn:example:{number}", number),
        (0x00181250, "SH", f"COIL {number}"[:16], number),
        (0x00281090, "UN", number.encode(), number),
        (0x00287FE0, "UT", f"http://example.org/{number}", number),
        (0x001A0005, "OB", number.encode().ljust(20, b"\0"), number),
    ):  # fmt: skip
        node.add("every VR", tag, vr, value, needle=needle)
    node.add("uid", 0x00081196, "UI", uid_of(node, "study"))
    alias = node.item("FrameAnatomySequence").item("AnatomicRegionSequence")
    alias.set(CodeValue="T-D3000", CodingSchemeDesignator="SRT", CodeMeaning="Chest")
    alias.add("every VR", 0x00100010, "PN", person.name, needle=name)


def padded(node: Node) -> None:
    if node.file.endswith("mr.dcm"):
        needle = node.person.patient_id
        node.add(
            "trailing padding", 0xFFFCFFFC, "OB", needle.encode().ljust(32, b"\0"), needle=needle
        )


def as_jpeg(dataset: Dataset) -> None:
    """The pixels of a grey image as JPEG, with the comment that is waiting, if any."""
    grey = np.frombuffer(dataset.PixelData, "u1").reshape(dataset.Rows, dataset.Columns)
    target = io.BytesIO()
    comment = getattr(dataset, "comment_to_write", b"")
    Image.fromarray(grey).save(target, "JPEG", quality=95, comment=comment)
    dataset.add_new("PixelData", "OB", encapsulate([target.getvalue()]))
    dataset["PixelData"].is_undefined_length = True
    dataset.LossyImageCompression = "01"


def commented(node: Node) -> None:
    image(node, "OT", SecondaryCaptureImageStorage, np.zeros((16, 16), "u1"), bits=8)
    needle = node.person.patient_id
    node.dataset.comment_to_write = f"patient {needle}".encode()
    node.truth.plants.append(Plant("bitstream", node.file, (), f"patient {needle}"))
