"""From the payload of one frame to its stored values, in every transfer syntax with still images.

Native code that trusts its input works here, so this belongs in a guarded child.
"""

import dataclasses
import warnings
import zlib
from typing import Any

import gdcm
import numpy as np
from numpy.typing import NDArray
from pydicom.encaps import encapsulate
from pydicom.pixels import get_decoder

from sharing.dicom.details import BIG_ENDIAN_PIXELS, Details
from sharing.dicom.part10 import BIG, EXPLICIT, NATIVE
from sharing.dicom.render import Picture, UndecodableError

DEFLATED_FRAME = "1.2.840.10008.1.2.8.1"
JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
RLE = "1.2.840.10008.1.2.5"

# Which decoder to trust first: the fast native ones, pydicom's own RLE only when GDCM gives up.
_JPEG = ("pillow", "gdcm")
_J2K = ("pylibjpeg", "pillow", "gdcm")
_PLUGINS = {
    "1.2.840.10008.1.2.4.50": _JPEG,
    JPEG_EXTENDED: ("gdcm", "pillow"),
    "1.2.840.10008.1.2.4.57": ("gdcm",),
    "1.2.840.10008.1.2.4.70": ("gdcm",),
    "1.2.840.10008.1.2.4.80": ("pyjpegls", "gdcm"),
    "1.2.840.10008.1.2.4.81": ("pyjpegls", "gdcm"),
    "1.2.840.10008.1.2.4.90": _J2K,
    "1.2.840.10008.1.2.4.91": _J2K,
    "1.2.840.10008.1.2.4.201": ("pylibjpeg",),
    "1.2.840.10008.1.2.4.202": ("pylibjpeg",),
    "1.2.840.10008.1.2.4.203": ("pylibjpeg",),
    RLE: ("gdcm", "pydicom"),
}
_FILMS = tuple(f"1.2.840.10008.1.2.4.10{n}" for n in range(10))

Pixels = NDArray[Any]


def decode(frame: bytes, picture: Picture, details: Details, frame_number: int = 1) -> Pixels:
    """The stored values of one frame; YBR becomes RGB, palette indices stay.

    Returns
    -------
    numpy.ndarray
        Of shape (rows, columns) or (rows, columns, 3).

    Raises
    ------
    UndecodableError
        Too little data, a code stream that no decoder takes, or a syntax without still images.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the codecs find odd but can decode is fine
        if picture.transfer_syntax in NATIVE:
            return _native(frame, picture, details, frame_number)
        if picture.transfer_syntax == DEFLATED_FRAME:
            return _native(_inflated(frame, picture), picture, details, 1)
        return _encapsulated(frame, picture)


def load() -> None:
    """Let pydicom look for its plugins now: a decoder asks about each of them when first used."""
    for syntax in (EXPLICIT, BIG, *_PLUGINS):
        get_decoder(syntax)


def frame_bytes(picture: Picture) -> int:
    """How many bytes one native frame takes (PS3.5 section 8.1.1)."""
    samples = picture.samples_per_pixel
    if picture.photometric == "YBR_FULL_422":
        samples = 2
    return (picture.rows * picture.columns * samples * picture.bits_allocated + 7) // 8


def _native(frame: bytes, picture: Picture, details: Details, frame_number: int) -> Pixels:
    if picture.bits_allocated == 1:
        return _bits(frame, picture, frame_number)
    if len(frame) < frame_bytes(picture):
        raise UndecodableError(
            f"The image is cut short: {len(frame)} of {frame_bytes(picture)} bytes are there."
        )
    big = picture.transfer_syntax in BIG_ENDIAN_PIXELS
    chosen = options(picture)
    chosen["view_only"] = True
    if big and picture.bits_allocated <= 8:
        chosen["pixel_vr"] = details.pixel_vr or "OW"
        chosen["be_swap_ow"] = details.pixel_vr != "OB"
        frame += b"\0" * (len(frame) % 2)  # an odd frame ends in the middle of a word
    return _as_array(BIG if big else EXPLICIT, frame, chosen)


def _bits(frame: bytes, picture: Picture, frame_number: int) -> Pixels:
    """1-bit frames follow each other without padding, so one may begin inside a byte."""
    pixels = picture.rows * picture.columns
    skip = 0
    if picture.transfer_syntax in NATIVE:
        skip = (frame_number - 1) * pixels % 8
    bits = np.unpackbits(np.frombuffer(frame, np.uint8), bitorder="little")[skip : skip + pixels]
    if bits.size < pixels:
        raise UndecodableError(f"The image is cut short: {bits.size} of {pixels} pixels are there.")
    return bits.reshape(picture.rows, picture.columns)


def _inflated(frame: bytes, picture: Picture) -> bytes:
    """The frame of Deflated Image Frame Compression (PS3.5 section 8.2.16), never more of it."""
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(frame, frame_bytes(picture))
    except zlib.error:
        raise UndecodableError("The compressed image is damaged.") from None


def _encapsulated(frame: bytes, picture: Picture) -> Pixels:
    syntax = picture.transfer_syntax
    if syntax.startswith(_FILMS):
        raise UndecodableError("This is a film; it can be downloaded, but not shown as a still.")
    if syntax not in _PLUGINS:
        raise UndecodableError("This image is compressed in a way that Handover does not know.")
    if picture.bits_allocated == 1 and syntax == RLE:
        return _compressed_bits(frame, picture)
    if syntax == JPEG_EXTENDED and picture.bits_stored > 8:
        return _twelve_bits(frame, picture)
    source = encapsulate([frame], has_bot=False)
    failures: list[str] = []
    for plugin in _PLUGINS[syntax]:
        try:
            return _as_array(syntax, source, options(picture), plugin)
        except UndecodableError as error:
            failures.append(f"{plugin} ({error.__cause__ and type(error.__cause__).__name__})")
    raise UndecodableError(
        f"The compressed image is damaged: no decoder could read it. Tried {', '.join(failures)}."
    )


def _compressed_bits(frame: bytes, picture: Picture) -> Pixels:
    """A 1-bit frame in RLE: its packed bits, which are coded like a row of 8-bit pixels."""
    packed = dataclasses.replace(
        picture, rows=1, columns=frame_bytes(picture), bits_allocated=8, bits_stored=8, high_bit=7
    )
    return _bits(_encapsulated(frame, packed).tobytes(), picture, 1)


def _twelve_bits(frame: bytes, picture: Picture) -> Pixels:
    """JPEG Extended with 12 bits, which GDCM decodes although pydicom does not ask it to."""
    fragment, fragments = gdcm.Fragment(), gdcm.SequenceOfFragments.New()
    fragment.SetByteStringValue(frame)
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((picture.columns, picture.rows, 1))
    image.SetDataElement(element)
    kind = gdcm.PhotometricInterpretation.GetPIType(picture.photometric)
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(kind))
    syntax = gdcm.TransferSyntax.GetTSType(JPEG_EXTENDED)
    image.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    bits = picture.bits_stored
    image.SetPixelFormat(gdcm.PixelFormat(1, 16, bits, bits - 1, picture.pixel_representation))
    # GDCM hands out char* as a string with surrogates.
    raw = image.GetBuffer().encode("utf-8", "surrogateescape")
    if picture.samples_per_pixel != 1 or len(raw) != 2 * picture.rows * picture.columns:
        raise UndecodableError("The compressed image is damaged: its decoder could not read it.")
    dtype = "<i2" if picture.pixel_representation else "<u2"
    return np.frombuffer(raw, dtype).reshape(picture.rows, picture.columns)


def options(picture: Picture) -> dict[str, Any]:
    """What pydicom's decoders want to know of one frame."""
    is_float = not picture.bits_stored and picture.bits_allocated in (32, 64)
    keyword = (
        {32: "FloatPixelData", 64: "DoubleFloatPixelData"}[picture.bits_allocated]
        if (is_float)
        else "PixelData"
    )
    return {
        "rows": picture.rows,
        "columns": picture.columns,
        "number_of_frames": 1,
        "samples_per_pixel": picture.samples_per_pixel,
        "photometric_interpretation": picture.photometric,
        "bits_allocated": picture.bits_allocated,
        "bits_stored": picture.bits_stored or picture.bits_allocated,
        "pixel_representation": picture.pixel_representation,
        "planar_configuration": picture.planar_configuration,
        "pixel_keyword": keyword,
        "as_rgb": True,
        "correct_unused_bits": True,
    }


def _as_array(syntax: str, source: bytes, options: dict[str, Any], plugin: str = "") -> Pixels:
    try:
        array, _ = get_decoder(syntax).as_array(source, index=0, decoding_plugin=plugin, **options)
    except MemoryError:
        raise
    except Exception as error:  # codecs raise what they like: RuntimeError, struct.error, KeyError
        raise UndecodableError("The image is not made as its own header says.") from error
    return array
