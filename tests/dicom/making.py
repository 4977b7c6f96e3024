"""Small DICOM files, made in code as a scanner, a careless exporter or an attacker would."""

import io
import struct
from collections.abc import Iterator
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import dcmwrite, write_dataset

from sharing.dicom.refusal import RefusedError
from sharing.dicom.scan import Header, scan

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG = "1.2.840.10008.1.2.2"
JPEG = "1.2.840.10008.1.2.4.50"
JPEG2000 = "1.2.840.10008.1.2.4.90"
HTJ2K = "1.2.840.10008.1.2.4.201"
RLE = "1.2.840.10008.1.2.5"
H264 = "1.2.840.10008.1.2.4.102"
DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"

CT = "1.2.840.10008.5.1.4.1.1.2"
STUDY, SERIES, INSTANCE = "1.2.3.1", "1.2.3.1.1", "1.2.3.1.1.1"

SHIPPED = Path(pydicom.__file__).parent / "data"
"""Files that pydicom's wheel brings along; never fetched."""


def shipped_files() -> list[Path]:
    """Every DICOM file in pydicom's wheel, the malformed ones too."""
    return sorted(
        path
        for path in [*SHIPPED.rglob("*.dcm"), *(SHIPPED / "test_files/dicomdirtests").rglob("*")]
        if path.is_file()
    )


def ct(**changes: object) -> Dataset:
    """A CT image of 4 × 4 pixels; a change to None takes the attribute away."""
    image = Dataset()
    image.SpecificCharacterSet = "ISO_IR 192"
    image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    image.SOPClassUID, image.SOPInstanceUID = CT, INSTANCE
    image.StudyInstanceUID, image.SeriesInstanceUID = STUDY, SERIES
    image.StudyDate, image.StudyTime, image.AccessionNumber = "20240229", "101500", "A1"
    image.Modality, image.Manufacturer = "CT", "Invented"
    image.PatientName, image.PatientID, image.PatientBirthDate = "Probe^Petra", "P1", "19700101"
    image.SeriesNumber, image.InstanceNumber = 3, 12
    image.ImagePositionPatient, image.PixelSpacing = [-1, 2.5, 3e1], [0.5, 0.5]
    image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    image.WindowCenter, image.WindowWidth = [40, 300], [400, 1500]
    image.RescaleSlope, image.RescaleIntercept = 1, -1024
    image.Rows = image.Columns = 4
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 12, 11
    image.PixelRepresentation = 0
    image.PixelData = bytes(range(32))
    for name, value in changes.items():
        if value is None:
            delattr(image, name)
        else:
            setattr(image, name, value)
    return image


def saved(image: Dataset, syntax: str = EXPLICIT) -> bytes:
    """The image as a Part 10 file."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = image.get("SOPClassUID", CT)
    meta.MediaStorageSOPInstanceUID = image.get("SOPInstanceUID", INSTANCE)
    meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    image.file_meta = meta
    out = io.BytesIO()
    dcmwrite(out, image, enforce_file_format=True, overwrite=True)
    return out.getvalue()


def bare(image: Dataset, *, implicit: bool = False, little: bool = True) -> bytes:
    """The image's data set alone, without preamble and meta information."""
    out = DicomBytesIO()
    out.is_implicit_VR, out.is_little_endian = implicit, little
    write_dataset(out, image)
    return out.getvalue()


def item(payload: bytes) -> bytes:
    """One item of encapsulated pixel data."""
    return b"\xfe\xff\x00\xe0" + struct.pack("<L", len(payload)) + payload


END = b"\xfe\xff\xdd\xe0\0\0\0\0"


def compressed(
    fragments: list[bytes],
    *,
    frames: int = 1,
    table: bytes = b"",
    syntax: str = JPEG,
    end: bytes = END,
    extended: bytes = b"",
) -> bytes:
    """A file whose pixel data is these fragments, byte for byte, behind this offset table."""
    image = ct(PixelData=None, NumberOfFrames=frames)
    if extended:
        image.ExtendedOffsetTable = extended
        image.ExtendedOffsetTableLengths = extended
    pixels = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + item(table)
    head = saved(image, JPEG if syntax == DEFLATED_FRAMES else syntax)
    if syntax == DEFLATED_FRAMES:  # pydicom does not know it yet
        head = head.replace(JPEG.encode(), DEFLATED_FRAMES.encode() + b"\0")
    return head + pixels + b"".join(map(item, fragments)) + end


def scanned(raw: bytes, **options: object) -> Header:
    """What the scan says of a file."""
    return scan(io.BytesIO(raw), size=len(raw), **options)  # type: ignore[arg-type]


def shipped_images() -> Iterator[tuple[Path, bytes, Header]]:
    """Each file in pydicom's wheel that is taken and is no directory, with what the scan says."""
    for path in shipped_files():
        raw = path.read_bytes()
        try:
            header = scanned(raw)
        except RefusedError:
            continue
        if header.kind != "dicomdir":
            yield path, raw, header


def frame(raw: bytes, header: Header, number: int) -> bytes:
    """One frame by one range read, as storage answers it."""
    assert header.frames is not None
    start = header.frames.offsets[number]
    return header.frames.payload(raw[start : start + header.frames.lengths[number]])
