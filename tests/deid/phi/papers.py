"""What is no picture: reports, presentation states, segmentations, contours, documents."""

import zlib

import numpy as np
from pydicom.uid import (
    BasicTextSRStorage,
    CTImageStorage,
    EncapsulatedCDAStorage,
    EncapsulatedPDFStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
    RTStructureSetStorage,
    SegmentationStorage,
)

from tests.deid.phi.images import DATE, TIME, image, instance_uid, uid_of
from tests.deid.phi.truth import Node


def sr(node: Node) -> None:
    person = node.person
    node.set(SOPClassUID=BasicTextSRStorage, Modality="SR", ValueType="CONTAINER")
    node.set(ContinuityOfContent="SEPARATE", CompletionFlag="COMPLETE", VerificationFlag="VERIFIED")
    node.set(ContentDate=DATE, ContentTime=TIME)
    node.code("ConceptNameCodeSequence", "18748-4", "LN", "Diagnostic imaging report")
    observer = node.item("VerifyingObserverSequence")
    observer.plant(
        "report", "VerifyingObserverName", person.referring, needle=person.referring.split("^")[0]
    )
    observer.plant("report", "VerifyingOrganization", person.hospital)
    observer.set(VerificationDateTime=DATE + TIME)
    _content(node)
    evidence = node.item("CurrentRequestedProcedureEvidenceSequence")
    evidence.plant("uid", "StudyInstanceUID", uid_of(node, "study"))
    _reference(evidence.item("ReferencedSeriesSequence"), node, "ReferencedSOPSequence", "cr")


def _content(node: Node) -> None:
    person = node.person
    name = _entry(node, "HAS OBS CONTEXT", "PNAME", "121008", "DCM", "Person Observer Name")
    name.plant("report", "PersonName", person.referring, needle=person.referring.split("^")[0])
    subject = _entry(node, "HAS OBS CONTEXT", "PNAME", "121029", "DCM", "Subject Name")
    subject.plant("report", "PersonName", person.name, needle=person.family)
    number = _entry(node, "HAS OBS CONTEXT", "TEXT", "121030", "DCM", "Subject ID")
    number.plant("report", "TextValue", person.patient_id)
    section = _entry(node, "CONTAINS", "CONTAINER", "121070", "DCM", "Findings")
    section.set(ContinuityOfContent="SEPARATE")
    finding = _entry(section, "CONTAINS", "TEXT", "121071", "DCM", "Finding")
    finding.plant("report", "TextValue", f"{person.given} {person.family} has a nodule, seen on "
                  f"{DATE[6:]}.{DATE[4:6]}.{DATE[:4]}, call {person.phone}", needle=person.family)  # fmt: skip
    when = _entry(section, "CONTAINS", "DATE", "121139", "DCM", "Birth Date")
    when.plant("date", "Date", person.birth)
    length = _entry(section, "CONTAINS", "NUM", "410668003", "SCT", "Length")
    measured = length.item("MeasuredValueSequence")
    measured.set(NumericValue="8.5")
    measured.code("MeasurementUnitsCodeSequence", "mm", "UCUM", "mm")
    uid = _entry(section, "CONTAINS", "UIDREF", "112040", "DCM", "Tracking Unique Identifier")
    uid.plant("uid", "UID", uid_of(node, "tracking"))
    picture = _entry(section, "CONTAINS", "IMAGE", "121112", "DCM", "Source of Measurement")
    _reference(picture, node, "ReferencedSOPSequence", "cr")


def _entry(node: Node, relation: str, kind: str, value: str, scheme: str, meaning: str) -> Node:
    entry = node.item("ContentSequence").set(RelationshipType=relation, ValueType=kind)
    return entry.code("ConceptNameCodeSequence", value, scheme, meaning)


def _reference(inside: Node, node: Node, keyword: str, name: str) -> None:
    """Leads to another object of the same patient."""
    one = inside.item(keyword).set(ReferencedSOPClassUID=CTImageStorage)
    one.plant("uid", "ReferencedSOPInstanceUID", instance_uid(node, name))


def gsps(node: Node) -> None:
    person = node.person
    node.set(SOPClassUID=GrayscaleSoftcopyPresentationStateStorage, Modality="PR")
    node.set(PresentationCreationDate=DATE, PresentationCreationTime=TIME, ContentLabel="LABEL")
    node.plant(
        "presentation",
        "ContentCreatorName",
        person.referring,
        needle=person.referring.split("^")[0],
    )
    annotation = node.item("GraphicAnnotationSequence").set(GraphicLayer="LAYER1")
    text = annotation.item("TextObjectSequence").set(AnchorPointVisibility="N")
    text.plant(
        "presentation",
        "UnformattedTextValue",
        f"{person.family} {person.birth}",
        needle=person.family,
    )
    layer = node.item("GraphicLayerSequence").set(GraphicLayer="LAYER1", GraphicLayerOrder=1)
    layer.plant(
        "presentation", "GraphicLayerDescription", f"marks on {person.family}", needle=person.family
    )
    series = node.item("ReferencedSeriesSequence")
    series.plant("uid", "SeriesInstanceUID", uid_of(node, "series", f"{person.key}/cr.dcm"))
    _reference(series, node, "ReferencedImageSequence", "cr")


def seg(node: Node) -> None:
    person = node.person
    image(node, "SEG", SegmentationStorage, np.zeros((16, 16), "u1"), bits=8)
    node.set(ContentLabel="SEGMENT", SegmentationType="FRACTIONAL", MaximumFractionalValue=255)
    node.plant(
        "segmentation",
        "ContentCreatorName",
        person.referring,
        needle=person.referring.split("^")[0],
    )
    segment = node.item("SegmentSequence").set(SegmentNumber=1, SegmentAlgorithmType="MANUAL")
    segment.plant(
        "segmentation", "SegmentLabel", f"lesion of {person.family}", needle=person.family
    )
    segment.plant(
        "segmentation",
        "SegmentDescription",
        f"{person.patient_id} lesion",
        needle=person.patient_id,
    )
    segment.plant("uid", "TrackingUID", uid_of(node, "tracking"))
    segment.plant("segmentation", "TrackingID", f"{person.family} 1", needle=person.family)
    segment.code("SegmentedPropertyTypeCodeSequence", "4147007", "SCT", "Mass")
    series = node.item("ReferencedSeriesSequence")
    series.plant("uid", "SeriesInstanceUID", uid_of(node, "series", f"{person.key}/cr.dcm"))
    _reference(series, node, "ReferencedInstanceSequence", "cr")


def rtstruct(node: Node) -> None:
    person = node.person
    node.set(SOPClassUID=RTStructureSetStorage, Modality="RTSTRUCT")
    node.plant("contours", "StructureSetLabel", f"{person.patient_id}"[:16])
    node.plant("contours", "StructureSetName", f"plan of {person.family}", needle=person.family)
    node.plant(
        "contours",
        "StructureSetDescription",
        f"{person.family}, {person.street}",
        needle=person.family,
    )
    node.set(StructureSetDate=DATE, StructureSetTime=TIME)
    frame = node.item("ReferencedFrameOfReferenceSequence")
    frame.plant("uid", "FrameOfReferenceUID", uid_of(node, "frame"))
    study = frame.item("RTReferencedStudySequence").set(
        ReferencedSOPClassUID="1.2.840.10008.3.1.2.3.1"
    )
    study.plant("uid", "ReferencedSOPInstanceUID", uid_of(node, "study"))
    series = study.item("RTReferencedSeriesSequence")
    series.plant("uid", "SeriesInstanceUID", uid_of(node, "series", f"{person.key}/cr.dcm"))
    _reference(series, node, "ContourImageSequence", "cr")
    roi = node.item("StructureSetROISequence").set(ROINumber=1, ROIGenerationAlgorithm="MANUAL")
    roi.plant("contours", "ROIName", f"GTV {person.family}", needle=person.family)
    roi.plant(
        "contours",
        "ROIDescription",
        f"by {person.referring}",
        needle=person.referring.split("^")[0],
    )
    observation = node.item("RTROIObservationsSequence").set(
        ObservationNumber=1, ReferencedROINumber=1
    )
    observation.plant(
        "contours", "ROIInterpreter", person.referring, needle=person.referring.split("^")[0]
    )
    contour = node.item("ROIContourSequence").set(ReferencedROINumber=1).item("ContourSequence")
    contour.keep("ContourGeometricType", "POINT").keep("ContourData", [1.0, 2.0, 3.0])
    contour.keep("NumberOfContourPoints", 1)


def kos(node: Node) -> None:
    person = node.person
    node.set(SOPClassUID=KeyObjectSelectionDocumentStorage, Modality="KO", ValueType="CONTAINER")
    node.set(ContinuityOfContent="SEPARATE", ContentDate=DATE, ContentTime=TIME)
    node.code("ConceptNameCodeSequence", "113000", "DCM", "Of Interest")
    text = _entry(node, "CONTAINS", "TEXT", "113012", "DCM", "Key Object Description")
    text.plant("key objects", "TextValue", f"for {person.family}'s board", needle=person.family)
    picture = node.item("ContentSequence").set(RelationshipType="CONTAINS", ValueType="IMAGE")
    _reference(picture, node, "ReferencedSOPSequence", "cr")
    evidence = node.item("CurrentRequestedProcedureEvidenceSequence")
    evidence.plant("uid", "StudyInstanceUID", uid_of(node, "study"))
    series = evidence.item("ReferencedSeriesSequence")
    series.plant("uid", "SeriesInstanceUID", uid_of(node, "series", f"{person.key}/cr.dcm"))
    _reference(series, node, "ReferencedSOPSequence", "cr")


def pdf(node: Node) -> None:
    person = node.person
    page = f"BT (Letter on {person.patient_id}, {person.phone}) Tj ET".encode()
    packed = zlib.compress(page)
    body = b"%%PDF-1.4\n1 0 obj<</Title(%s)>>endobj\n2 0 obj<</Filter/FlateDecode/Length %d>>stream\n%s\nendstream endobj\n%%%%EOF"
    document = body % (person.patient_id.encode(), len(packed), packed)
    _document(node, EncapsulatedPDFStorage, "application/pdf", document)


def cda(node: Node) -> None:
    person = node.person
    text = f"<ClinicalDocument><recordTarget><id extension='{person.patient_id}'/></recordTarget></ClinicalDocument>"
    _document(node, EncapsulatedCDAStorage, "text/XML", text.encode())


def _document(node: Node, sop_class: str, kind: str, document: bytes) -> None:
    person = node.person
    node.set(SOPClassUID=sop_class, Modality="DOC", MIMETypeOfEncapsulatedDocument=kind)
    node.set(BurnedInAnnotation="YES", ContentDate=DATE, ContentTime=TIME)
    node.plant("document", "DocumentTitle", f"Letter: {person.family}", needle=person.family)
    node.plant(
        "document", "HL7InstanceIdentifier", f"1.2.3^{person.patient_id}", needle=person.patient_id
    )
    padded = document + b" " * (len(document) % 2)
    node.plant("document", "EncapsulatedDocument", padded, needle=person.patient_id)
    node.set(EncapsulatedDocumentLength=len(document))
