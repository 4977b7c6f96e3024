"""Small images with a line of text in them, in every way that pixels are stored."""

import io
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID

from sharing.deid.pixels import codecs
from sharing.dicom.render import Picture

ROWS, COLUMNS = 96, 256
TEXT = "DOE JANE 1964"
PLACE = (24, 34, 150, 26)
"""Where the text is, with some room: x, y, width, height."""

IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
DEFLATED, BIG = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"
RLE, DEFLATED_FRAME = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.8.1"
JPEG, JPEG_12 = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"
JPEG_14, JPEG_14_1 = "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"
JPEG_LS, NEAR_LS = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"
J2K, J2K_LOSSY = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"
NATIVE = (IMPLICIT, EXPLICIT, DEFLATED, BIG)

US, US_FRAMES = "1.2.840.10008.5.1.4.1.1.6.1", "1.2.840.10008.5.1.4.1.1.3.1"


def gray(text: str = TEXT, *, number: int = 0, size: int = 20) -> NDArray[np.uint8]:
    """Rounded shades of 40 to 120, which differ from frame to frame, and white text on them."""
    y, x = np.mgrid[0:ROWS, 0:COLUMNS]
    shades = 80 + 30 * np.sin(x / 23 + number) + 10 * np.cos(y / 11)
    image = Image.fromarray(shades.astype(np.uint8))
    if text:
        font = ImageFont.load_default(size)
        ImageDraw.Draw(image).text((30, 36), text, fill=250, font=font)
    return np.asarray(image)


def colours(number: int = 0, text: str = TEXT) -> NDArray[np.uint8]:
    """The same with a tinge, its text yellow."""
    shades = gray(text, number=number)
    blue = np.where(shades > 200, 30, shades // 2 + 60)
    return np.dstack((shades, (shades * 0.9).astype(np.uint8), blue.astype(np.uint8)))


def image(
    values: NDArray[Any], *, photometric: str = "MONOCHROME2", bits: int = 8, **changes: object
) -> Dataset:
    """An ultrasound image, or a clip if `values` has an axis more; its pixels are not yet in it."""
    planes = 3 if photometric.startswith(("RGB", "YBR")) else 1
    clip = values.ndim == (4 if planes == 3 else 3)
    made = Dataset()
    made.SpecificCharacterSet = "ISO_IR 192"
    made.ImageType = ["ORIGINAL", "PRIMARY"]
    made.SOPClassUID = US_FRAMES if clip else US
    made.SOPInstanceUID, made.StudyInstanceUID = "1.2.3.4.1", "1.2.3.4"
    made.SeriesInstanceUID = "1.2.3.4.2"
    made.Modality, made.Manufacturer = "US", "Invented"
    made.PatientName, made.PatientID = "P-1", "P-1"
    made.SamplesPerPixel, made.PhotometricInterpretation = planes, photometric
    if clip:
        made.NumberOfFrames = len(values)
    if planes == 3:
        made.PlanarConfiguration = 0
    made.Rows, made.Columns = values.shape[1:3] if clip else values.shape[:2]
    made.BitsAllocated = 1 if bits == 1 else 8 if bits <= 8 else 16
    made.BitsStored, made.HighBit = bits, bits - 1
    made.PixelRepresentation = 1 if values.dtype.kind == "i" else 0
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def saved(path: Path, made: Dataset, pixels: bytes, syntax: str, vr: str = "OW") -> Path:
    """The image with these pixels as a Part 10 file."""
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = UID(syntax)
    made.add_new(0x7FE00010, vr, pixels)
    if syntax not in NATIVE:
        made["PixelData"].VR = "OB"
        made["PixelData"].is_undefined_length = True
    if syntax == DEFLATED_FRAME:  # pydicom does not know it yet
        made.file_meta.TransferSyntaxUID = UID(J2K_LOSSY)
    target = io.BytesIO()
    dcmwrite(target, made, enforce_file_format=True)
    raw = target.getvalue()
    if syntax == DEFLATED_FRAME:
        raw = raw.replace(J2K_LOSSY.encode(), DEFLATED_FRAME.encode() + b"\0", 1)
    path.write_bytes(raw)
    return path


def native(path: Path, made: Dataset, values: NDArray[Any], syntax: str = EXPLICIT) -> Path:
    """Pixels as they are, in the order of bytes that the syntax asks for."""
    if syntax == BIG and values.dtype.itemsize == 2:
        values = values.astype(values.dtype.newbyteorder(">"))
    raw = values.tobytes()
    raw += bytes(len(raw) % 2)
    if syntax == BIG:
        return saved(path, made, raw, syntax, "OW" if values.dtype.itemsize == 2 else "OB")
    return saved(path, made, raw, syntax, "OW" if made.BitsAllocated > 8 else "OB")


def compressed(
    path: Path, made: Dataset, values: NDArray[Any], syntax: str, *, extended: bool = False
) -> Path:
    """Each frame compressed."""
    clip = "NumberOfFrames" in made
    frames = [encoded(one, made, syntax) for one in (values if clip else [values])]
    if extended:
        pixels, made.ExtendedOffsetTable, made.ExtendedOffsetTableLengths = encapsulate_extended(
            frames
        )
    else:
        pixels = encapsulate(frames, has_bot=clip)
    return saved(path, made, pixels, syntax, "OB")


def encoded(values: NDArray[Any], made: Dataset, syntax: str) -> bytes:
    """One frame as a code stream."""
    picture = Picture(
        syntax,
        made.Rows,
        made.Columns,
        made.PhotometricInterpretation,
        made.SamplesPerPixel,
        made.BitsAllocated,
        made.BitsStored,
        made.HighBit,
        made.PixelRepresentation,
    )
    if syntax == DEFLATED_FRAME:
        packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
        return packer.compress(values.tobytes()) + packer.flush()
    if syntax != JPEG:
        return codecs._encoder(picture)(values, picture)
    target = io.BytesIO()
    sampling = 1 if made.PhotometricInterpretation == "YBR_FULL_422" else 0
    Image.fromarray(values).save(target, "JPEG", quality=92, subsampling=sampling)
    return target.getvalue()
