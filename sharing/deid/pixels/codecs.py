"""One frame in, one frame out, in the same transfer syntax; native code, so in a guarded child.

Values are handled as they are stored: no colours are converted, so that what is not masked comes
out of a lossless codec bit by bit as it went in. Of lossy codecs JPEG keeps its own quantisation
tables and sampling, with which blocks that were not touched quantise to what they were; JPEG-LS
and JPEG 2000 are written without a further loss, which their lossy transfer syntaxes allow
(PS3.5 A.4.3, A.4.4).
"""

import io
import struct
from collections.abc import Callable
from typing import Any

import gdcm
import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin
from pydicom.encaps import encapsulate
from pydicom.pixels import get_decoder, get_encoder

from sharing.deid.pixels import streams
from sharing.deid.pixels.children import NoEncoderError
from sharing.dicom import decoding
from sharing.dicom.details import Details
from sharing.dicom.render import Picture, UndecodableError

Values = NDArray[Any]
Rectangles = list[list[int]]

JPEG_BASELINE, JPEG_EXTENDED = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"
JPEG_LOSSLESS = ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70")
JPEG_LS = ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81")
J2K = ("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91")
RLE = "1.2.840.10008.1.2.5"
REWRITTEN = frozenset({JPEG_BASELINE, JPEG_EXTENDED, *JPEG_LOSSLESS, *JPEG_LS, *J2K, RLE})
"""Encapsulated transfer syntaxes for which there is an encoder; there is none for HTJ2K."""


def redrawn(frame: bytes, picture: Picture, boxes: Rectangles, dark: int) -> bytes:
    """A compressed frame with rectangles blackened.

    Parameters
    ----------
    frame
        One complete code stream.
    boxes
        x, y, width, height in pixels.
    dark
        The stored value that is shown black, for one sample a pixel.

    Raises
    ------
    UndecodableError
        No decoder takes the stream, or what it gives is not what the header says.
    NoEncoderError
        There is no encoder, or what it wrote is not what it was given.
    """
    if picture.transfer_syntax not in REWRITTEN or picture.bits_allocated not in (8, 16):
        raise NoEncoderError("Nothing here writes this kind of compressed picture.")
    if picture.transfer_syntax == JPEG_BASELINE or _is_eight_bit(frame, picture):
        return _jpeg(frame, boxes, dark, picture)
    values = stored(frame, picture).copy()
    blacken(values, boxes, _black(picture, dark))
    written = _encoder(picture)(values, picture)
    _check(written, values, picture)
    return written


def _is_eight_bit(frame: bytes, picture: Picture) -> bool:
    return picture.transfer_syntax == JPEG_EXTENDED and picture.bits_allocated == 8 and bool(frame)


def blacken(values: Values, boxes: Rectangles, black: int | tuple[int, ...]) -> None:
    """Fill rectangles of an array of (rows, columns) or (rows, columns, samples)."""
    for x, y, width, height in boxes:
        values[max(0, y) : max(0, y + height), max(0, x) : max(0, x + width)] = black


def stored(frame: bytes, picture: Picture) -> Values:
    """The stored values of one compressed frame, (rows, columns) or (rows, columns, 3)."""
    syntax = picture.transfer_syntax
    if syntax == JPEG_EXTENDED:
        return decoding.decode(frame, picture, Details())
    plugin = {
        **dict.fromkeys(JPEG_LOSSLESS, "gdcm"),
        **dict.fromkeys(JPEG_LS, "pyjpegls"),
        **dict.fromkeys(J2K, "pylibjpeg"),
        RLE: "pydicom",
    }[syntax]
    options = {**decoding.options(picture), "as_rgb": False, "raw": True}
    try:
        values, _ = get_decoder(syntax).as_array(
            encapsulate([frame], has_bot=False), index=0, decoding_plugin=plugin, **options
        )
    except MemoryError:
        raise
    except Exception as error:  # codecs raise what they like
        raise UndecodableError("The compressed image is damaged.") from error
    if values.shape[:2] != (picture.rows, picture.columns):
        raise UndecodableError("The compressed image is not as large as its header says.")
    return values


def _black(picture: Picture, dark: int) -> int | tuple[int, ...]:
    """What a masked pixel holds: black in the colours of the stored values."""
    if picture.samples_per_pixel == 1:
        return dark
    coded = picture.photometric.startswith("YBR_") and picture.transfer_syntax not in J2K
    half = 1 << (picture.bits_stored - 1)
    low = half >> 3 if "PARTIAL" in picture.photometric else 0
    return (low, half, half) if coded else (0, 0, 0)


def _check(written: bytes, values: Values, picture: Picture) -> None:
    """What comes out of the new stream is what went in; of lossy ones, about."""
    again = stored(written, picture)
    far = int(np.abs(again.astype(np.int64) - values.astype(np.int64)).max())
    lossy = picture.transfer_syntax == JPEG_EXTENDED
    most = max(4, (1 << picture.bits_stored) >> 7) if lossy else 0
    if again.shape != values.shape or far > most:
        raise NoEncoderError("The picture did not come out of its encoder as it went in.")


# --- encoders --------------------------------------------------------------------------------------


def _encoder(picture: Picture) -> Callable[[Values, Picture], bytes]:
    syntax = picture.transfer_syntax
    if syntax in JPEG_LS:
        return _jpeg_ls
    if syntax in J2K:
        return _jpeg_2000
    return _run_lengths if syntax == RLE else _by_gdcm


def _by_gdcm(values: Values, picture: Picture) -> bytes:
    """JPEG lossless, and JPEG with 12 bits at the finest quantisation."""
    writer = gdcm.ImageWriter()
    image = writer.GetImage()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((picture.columns, picture.rows, 1))
    # Colours are named RGB whatever they are: the stream then says that nothing is converted.
    name = "MONOCHROME2" if picture.samples_per_pixel == 1 else "RGB"
    kind = gdcm.PhotometricInterpretation.GetPIType(name)
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(kind))
    wide, bits = picture.bits_allocated, picture.bits_stored
    if picture.transfer_syntax == JPEG_EXTENDED:
        wide = bits = 12  # by this it takes the codec of 12 bits; the values lie in 16
    image.SetPixelFormat(
        gdcm.PixelFormat(
            picture.samples_per_pixel, wide, bits, bits - 1, picture.pixel_representation
        )
    )
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.ExplicitVRLittleEndian))
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetByteStringValue(np.ascontiguousarray(values).tobytes())
    image.SetDataElement(element)
    change = gdcm.ImageChangeTransferSyntax()
    change.SetInput(image)
    syntax = gdcm.TransferSyntax.GetTSType(picture.transfer_syntax)
    change.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    if not change.Change():
        raise NoEncoderError("The encoder does not take this picture.")
    fragments = change.GetOutput().GetDataElement().GetSequenceOfFragments()
    parts = [fragments.GetFragment(n) for n in range(fragments.GetNumberOfFragments())]
    # GDCM hands out char* as a string with surrogates.
    texts = [part.GetByteValue().GetBuffer() for part in parts]
    return b"".join(text.encode("utf-8", "surrogateescape") for text in texts)


def _encoded(values: Values, picture: Picture, syntax: str, plugin: str, **more: Any) -> bytes:
    try:
        return get_encoder(syntax).encode(
            np.ascontiguousarray(values),
            encoding_plugin=plugin,
            rows=picture.rows,
            columns=picture.columns,
            number_of_frames=1,
            samples_per_pixel=picture.samples_per_pixel,
            bits_allocated=picture.bits_allocated,
            bits_stored=picture.bits_stored,
            pixel_representation=picture.pixel_representation,
            planar_configuration=0,
            **{"photometric_interpretation": picture.photometric, **more},
        )
    except MemoryError:
        raise
    except Exception as error:  # encoders raise what they like
        raise NoEncoderError("The encoder does not take this picture.") from error


def _jpeg_ls(values: Values, picture: Picture) -> bytes:
    return _encoded(values, picture, JPEG_LS[0], "pyjpegls")


def _jpeg_2000(values: Values, picture: Picture) -> bytes:
    # A colour transform that loses nothing takes the place of one that rounds.
    coded = picture.photometric.startswith("YBR_")
    shade = "YBR_RCT" if coded else picture.photometric
    return _encoded(values, picture, J2K[0], "pylibjpeg", photometric_interpretation=shade)


def _run_lengths(values: Values, picture: Picture) -> bytes:
    shade = "MONOCHROME2" if picture.samples_per_pixel == 1 else "RGB"
    return _encoded(values, picture, RLE, "pydicom", photometric_interpretation=shade)


# --- JPEG ------------------------------------------------------------------------------------------


def _jpeg(frame: bytes, boxes: Rectangles, dark: int, picture: Picture) -> bytes:
    """A JPEG of 8 bits, its components as they are coded, its tables and sampling kept."""
    image = _components(frame, picture)
    tables = image.quantization
    sampling = JpegImagePlugin.get_sampling(image) if image.mode != "L" else 0
    values = np.array(image)
    black = dark if image.mode == "L" else (0, 0, 0) if image.mode == "RGB" else (0, 128, 128)
    blacken(values, boxes, black)
    written = _as_jpeg(values, tables, max(0, sampling))
    if _strays(written, values, boxes):
        written = _as_jpeg(values, {0: [1] * 64}, 0)
    return streams.with_applications_of(written, frame)


def _is_straight(image: JpegImagePlugin.JpegImageFile) -> bool:
    """Whether the components are red, green and blue, as a decoder tells by marker or names."""
    if "adobe_transform" in image.info:
        return bool(image.info["adobe_transform"] == 0)
    return "jfif" not in image.info and [layer[0] for layer in image.layer] == list(b"RGB")


def _as_jpeg(values: Values, tables: dict[int, list[int]], sampling: int) -> bytes:
    mode = "L" if values.ndim == 2 else "YCbCr"  # by that name nothing is converted
    target = io.BytesIO()
    image = Image.frombytes(mode, (values.shape[1], values.shape[0]), values.tobytes())
    image.save(target, "JPEG", qtables=tables, subsampling=sampling)
    return target.getvalue()


def _strays(written: bytes, values: Values, boxes: Rectangles) -> bool:
    """Whether its own tables, used again, change a picture beside its masks by more than a trace."""
    image = Image.open(io.BytesIO(written), formats=("JPEG",))
    image.draft("YCbCr", None)
    far = np.abs(np.asarray(image).astype(np.int16) - values).astype(np.float32)
    blacken(far, [[x - 16, y - 16, width + 32, height + 32] for x, y, width, height in boxes], 0)
    return float(far.mean()) > 0.2


def _components(frame: bytes, picture: Picture) -> JpegImagePlugin.JpegImageFile:
    try:
        image = Image.open(io.BytesIO(frame), formats=("JPEG",))
        assert isinstance(image, JpegImagePlugin.JpegImageFile)
        if image.size != (picture.columns, picture.rows) or image.mode not in ("L", "RGB"):
            raise UndecodableError("The compressed image is not as its header says.")
        if image.mode == "RGB" and not _is_straight(image):
            image.draft("YCbCr", None)
        image.load()
    except (OSError, ValueError, SyntaxError, struct.error) as error:
        raise UndecodableError("The compressed image is damaged.") from error
    return image
