"""Synthetic DICOM for the tests: bytes out, the same for the same arguments.

The pictures of `sharing.dicom.synthetic`, and the kinds and encodings that a demo does not need.
"""

import io
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import (
    UID,
    ComprehensiveSRStorage,
    DeflatedExplicitVRLittleEndian,
    EncapsulatedPDFStorage,
    EnhancedCTImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
    SecondaryCaptureImageStorage,
    UltrasoundImageStorage,
    UltrasoundMultiFrameImageStorage,
)

from sharing.dicom import media, synthetic
from sharing.dicom.synthetic import CHEST_CR, CHEST_CT, HEAD_MR, Person, Study

PAT, NOOR, HIRO = synthetic.PAT, synthetic.NOOR, synthetic.HIRO

NATIVE_SYNTAXES = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)
LOSSLESS_SYNTAXES = (RLELossless, JPEGLSLossless, JPEG2000Lossless)
DEFLATED_FRAMES = UID("1.2.840.10008.1.2.8.1")


def study(seed: int = 1, person: Person = PAT, **changes: str) -> Study:
    """A study of its own for every seed."""
    facts = {"date": "20261102", "time": "101500", "description": "CT chest", **changes}
    return Study(person, f"T26-{seed:06}", **facts)


def ct_series(
    of: Study = CHEST_CT, *, slices: int = 3, size: int = 64, number: int = 2
) -> list[bytes]:
    return list(synthetic.ct_chest(of, number=number, slices=slices, size=size))


def mr_series(of: Study = HEAD_MR, *, slices: int = 3, size: int = 64) -> list[bytes]:
    return list(synthetic.mr_head(of, slices=slices, size=size))


def cr_image(of: Study = CHEST_CR, *, rows: int = 96, columns: int = 80) -> bytes:
    return synthetic.cr_chest(of, rows=rows, columns=columns)


def encoded(file: bytes, syntax: UID) -> bytes:
    """The same image in another transfer syntax, without loss."""
    dataset = pydicom.dcmread(io.BytesIO(file))
    if syntax == DEFLATED_FRAMES:
        return _with_deflated_frame(dataset)
    if syntax in LOSSLESS_SYNTAXES:
        dataset.compress(syntax, generate_instance_uid=False)
    elif syntax == ExplicitVRBigEndian:
        words = np.frombuffer(dataset.PixelData, "<u2")
        dataset.PixelData = words.byteswap().tobytes()
        dataset["PixelData"].VR = "OW"
        return _big_endian(dataset)
    return synthetic.part10(dataset, syntax)


def _big_endian(dataset: Dataset) -> bytes:
    plain = Dataset()
    for element in dataset:
        plain.add_new(element.tag, element.VR, element.value)
    return synthetic.part10(plain, ExplicitVRBigEndian)


def encoded_big_endian(file: bytes, pixels: bytes, vr: str) -> bytes:
    """The image in big endian with these very bytes as its pixels, declared as OB or OW."""
    dataset = pydicom.dcmread(io.BytesIO(file))
    del dataset.PixelData
    dataset.add_new("PixelData", vr, pixels)
    return _big_endian(dataset)


def _with_deflated_frame(dataset: Dataset) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    frame = packer.compress(dataset.PixelData) + packer.flush()
    dataset.PixelData = encapsulate([frame + b"\0" * (len(frame) % 2)])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, dataset)
    head = media.part10_head(
        sop_class_uid=dataset.SOPClassUID,
        sop_instance_uid=dataset.SOPInstanceUID,
        transfer_syntax=DEFLATED_FRAMES,
    )
    return head + buffer.getvalue()


def us_rgb(of: Study | None = None, *, rows: int = 48, columns: int = 64) -> bytes:
    """A colour ultrasound picture: red grows to the right, green downwards, blue is 40."""
    pixels = np.zeros((rows, columns, 3), np.uint8)
    pixels[..., 0] = np.linspace(0, 255, columns)
    pixels[..., 1] = np.linspace(0, 255, rows)[:, None]
    pixels[..., 2] = 40
    return picture(pixels, of=of, modality="US", sop_class=UltrasoundImageStorage, series=3)


def multiframe(
    of: Study | None = None, *, frames: int = 4, rows: int = 5, columns: int = 7
) -> bytes:
    """An ultrasound clip; frame n (from 1) has the value 20 × n everywhere."""
    values = np.arange(1, frames + 1, dtype=np.uint8) * 20
    pixels = np.broadcast_to(values[:, None, None], (frames, rows, columns))
    return picture(
        pixels,
        of=of,
        modality="US",
        sop_class=UltrasoundMultiFrameImageStorage,
        series=4,
        NumberOfFrames=frames,
        FrameTime="40",
    )


def enhanced(of: Study | None = None, *, frames: int = 3, size: int = 16) -> bytes:
    """An enhanced CT whose frame n has the value 100 × n, and n's own window of width 10."""
    values = np.arange(1, frames + 1, dtype=np.uint16) * 100
    pixels = np.broadcast_to(values[:, None, None], (frames, size, size))
    shared, own = Dataset(), []
    for value in values:
        voi, group = Dataset(), Dataset()
        voi.WindowCenter, voi.WindowWidth = str(int(value) * 2 + 5), "10"
        group.FrameVOILUTSequence = [voi]
        own.append(group)
    rescale = Dataset()
    rescale.RescaleIntercept, rescale.RescaleSlope, rescale.RescaleType = "0", "2", "HU"
    shared.PixelValueTransformationSequence = [rescale]
    return picture(
        pixels,
        of=of,
        modality="CT",
        sop_class=EnhancedCTImageStorage,
        series=5,
        NumberOfFrames=frames,
        SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=own,
    )


def picture(
    pixels: "np.ndarray[Any, Any]",
    *,
    of: Study | None = None,
    modality: str = "OT",
    sop_class: UID = SecondaryCaptureImageStorage,
    syntax: UID = ExplicitVRLittleEndian,
    series: int = 1,
    **changes: Any,
) -> bytes:
    """Any array as an image; colour where its last axis is 3. A change sets an attribute."""
    of = of or study()
    dataset = synthetic._image(of, modality, sop_class, series, 1, "Made for a test")
    color = pixels.ndim > 2 and pixels.shape[-1] == 3
    dataset.SamplesPerPixel = 3 if color else 1
    dataset.PhotometricInterpretation = "RGB" if color else "MONOCHROME2"
    if color:
        dataset.PlanarConfiguration = 0
    dataset.Rows, dataset.Columns = pixels.shape[-3:-1] if color else pixels.shape[-2:]
    bits = pixels.dtype.itemsize * 8
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit, dataset.PixelRepresentation = bits - 1, int(pixels.dtype.kind == "i")
    data = pixels.tobytes()
    dataset.add_new("PixelData", "OW" if bits > 8 else "OB", data + b"\0" * (len(data) % 2))
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    return synthetic.part10(dataset, syntax)


def sr(of: Study | None = None) -> bytes:
    """A short, finished report."""
    dataset = synthetic._image(of or study(), "SR", ComprehensiveSRStorage, 90, 1, "Report")
    title, text = _code("18748-4", "LN", "Diagnostic imaging report"), Dataset()
    text.RelationshipType, text.ValueType = "CONTAINS", "TEXT"
    text.ConceptNameCodeSequence = [_code("121071", "DCM", "Finding")]
    text.TextValue = "Nothing remarkable."
    dataset.ValueType, dataset.ContinuityOfContent = "CONTAINER", "SEPARATE"
    dataset.ConceptNameCodeSequence = [title]
    dataset.ContentSequence = [text]
    dataset.CompletionFlag, dataset.VerificationFlag = "COMPLETE", "UNVERIFIED"
    return synthetic.part10(dataset)


def encapsulated_pdf(of: Study | None = None) -> bytes:
    """A one-page PDF in a DICOM object."""
    dataset = synthetic._image(of or study(), "DOC", EncapsulatedPDFStorage, 91, 1, "Letter")
    dataset.DocumentTitle = "Letter"
    dataset.ConceptNameCodeSequence = []
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    dataset.EncapsulatedDocument = b"%PDF-1.4\n%%EOF\n "
    return synthetic.part10(dataset)


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def without_meta(file: bytes) -> bytes:
    """The bare data set, as some old systems export it."""
    length = int.from_bytes(file[140:144], "little")
    return file[144 + length :]


def mixed_study(of: Study | None = None) -> Iterator[bytes]:
    """What a real study holds: images, a clip, a report, a letter."""
    of = of or study()
    yield from ct_series(of)
    yield multiframe(of)
    yield us_rgb(of)
    yield sr(of)
    yield encapsulated_pdf(of)
