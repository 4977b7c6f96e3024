"""Pictures of single frames: what to draw, how, and what cannot be drawn.

This module is light, so that a web process can name a picture without loading a codec; the work
is in `decoding`, `grayscale` and `drawing`, which belong in a guarded child (`safely`).
"""

import dataclasses
from typing import TYPE_CHECKING

from sharing.dicom import guard
from sharing.dicom.part10 import BIG
from sharing.kernel.errors import SharingError

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    from sharing.dicom.scan import Header

LARGEST_VIEWPORT = 8192
MEDIA_TYPES = ("image/jpeg", "image/png")

# What stands in for a picture, by the SOP class's beginning (PS3.4 B.5).
_IN_WORDS = (
    ("1.2.840.10008.5.1.4.1.1.88.", "a written report"),
    ("1.2.840.10008.5.1.4.1.1.104.1", "a PDF document"),
    ("1.2.840.10008.5.1.4.1.1.104.", "an enclosed document"),
    ("1.2.840.10008.5.1.4.1.1.481.2", "a radiotherapy dose"),
    ("1.2.840.10008.5.1.4.1.1.481.3", "a set of radiotherapy outlines"),
    ("1.2.840.10008.5.1.4.1.1.481.", "a radiotherapy plan or record"),
    ("1.2.840.10008.5.1.4.1.1.9.", "a recorded curve, such as an ECG"),
    ("1.2.840.10008.5.1.4.1.1.11.", "a saved way of showing other images"),
    ("1.2.840.10008.5.1.4.1.1.66", "working data of the scanner or of a program"),
    ("1.2.840.10008.5.1.4.38.", "a hanging protocol"),
)


class NoPictureError(SharingError):
    """The object holds no image that could be shown."""

    status = 406
    title = "There is no image in this object"
    code = "no-picture"


class UndecodableError(SharingError):
    """There is an image, but it cannot be decoded; the object itself is kept as it came."""

    status = 422
    title = "This image cannot be shown"
    code = "undecodable"


class BadViewError(SharingError):
    """The window, viewport or media type that was asked for makes no sense."""

    status = 400
    title = "The image cannot be shown in that way"
    code = "bad-view"


@dataclasses.dataclass(frozen=True, slots=True)
class Window:
    """A VOI window (PS3.3 C.11.2.1.2).

    Attributes
    ----------
    center, width
        In the units that the rescale gives, HU for CT.
    function
        "linear", "linear-exact" or "sigmoid" as in PS3.18 section 8.3.5.1.4; the spellings of
        VOI LUT Function (0028,1056) are understood too.
    """

    center: float
    width: float
    function: str = "linear"

    def __post_init__(self) -> None:
        name = self.function.lower().replace("_", "-")
        object.__setattr__(self, "function", name)
        if name not in ("linear", "linear-exact", "sigmoid"):
            raise BadViewError("The window's function is linear, linear-exact or sigmoid.")
        # Not a number fails both comparisons, so it is refused too.
        if not (abs(self.center) < 1e12 and 0 < self.width < 1e12):
            raise BadViewError("A window needs a centre and a width greater than zero.")
        if name == "linear" and self.width < 1:
            raise BadViewError("A linear window is at least 1 wide.")


@dataclasses.dataclass(frozen=True, slots=True)
class Viewport:
    """Where to fit the picture (PS3.18 section 8.3.5.1.3).

    Attributes
    ----------
    width, height
        The box in pixels; the picture fills it as far as its own shape allows.
    region
        Left, top, width and height of the part of the frame to show, in its own pixels.
    """

    width: int
    height: int
    region: tuple[int, int, int, int] | None = None

    def __post_init__(self) -> None:
        if not (0 < self.width <= LARGEST_VIEWPORT and 0 < self.height <= LARGEST_VIEWPORT):
            raise BadViewError(f"A viewport is 1 to {LARGEST_VIEWPORT} pixels wide and high.")
        if self.region and (min(self.region[:2]) < 0 or min(self.region[2:]) < 1):
            raise BadViewError("The part to show must lie inside the image.")


@dataclasses.dataclass(frozen=True, slots=True)
class Picture:
    """What must be known of an image to draw one of its frames; the names are the standard's.

    `bits_stored` 0 with 32 or 64 bits allocated means floating point (PS3.3 C.7.6.24 has no
    Bits Stored).
    """

    transfer_syntax: str
    rows: int
    columns: int
    photometric: str = "MONOCHROME2"
    samples_per_pixel: int = 1
    bits_allocated: int = 16
    bits_stored: int = 16
    high_bit: int = 15
    pixel_representation: int = 0
    planar_configuration: int = 0
    number_of_frames: int = 1
    rescale_slope: float = 1.0
    rescale_intercept: float = 0.0
    window_center: tuple[float, ...] = ()
    window_width: tuple[float, ...] = ()
    pixel_spacing: tuple[float, ...] = ()
    sop_class_uid: str = ""

    @classmethod
    def of(cls, header: "Header") -> "Picture":
        """The picture of a scanned instance; NoPictureError where it has none."""
        a = header.attributes
        if header.pixel_offset is None or not (a.rows and a.columns):
            raise NoPictureError(_no_picture(header.sop_class_uid))
        return cls(
            transfer_syntax=header.transfer_syntax,
            rows=a.rows,
            columns=a.columns,
            photometric=a.photometric or ("RGB" if a.samples_per_pixel == 3 else "MONOCHROME2"),
            samples_per_pixel=a.samples_per_pixel or 1,
            bits_allocated=a.bits_allocated or 16,
            bits_stored=a.bits_stored or 0,
            high_bit=a.high_bit or max(0, (a.bits_stored or 1) - 1),
            pixel_representation=a.pixel_representation or 0,
            planar_configuration=a.planar_configuration or 0,
            number_of_frames=max(1, a.number_of_frames),
            rescale_slope=1.0 if a.rescale_slope is None else a.rescale_slope,
            rescale_intercept=a.rescale_intercept or 0.0,
            window_center=a.window_center,
            window_width=a.window_width,
            pixel_spacing=tuple(a.pixel_spacing or ()),
            sop_class_uid=header.sop_class_uid,
        )

    @property
    def wants_head(self) -> bool:
        """Whether drawing needs more: a palette, tables, windows of single frames, the pixels' VR."""
        return (
            self.photometric == "PALETTE COLOR"
            or (self.samples_per_pixel == 1 and not self.window_width)
            or self.number_of_frames > 1
            or (self.transfer_syntax == BIG and self.bits_allocated == 8)
        )


def render(
    frame: bytes,
    picture: Picture,
    head: bytes = b"",
    *,
    frame_number: int = 1,
    window: Window | None = None,
    viewport: Viewport | None = None,
    media_type: str = "image/jpeg",
    quality: int = 85,
) -> bytes:
    """One frame as a JPEG or PNG file.

    Parameters
    ----------
    frame
        The frame's payload: native pixels or one complete code stream, without item headers.
    picture
        What the header says about it.
    head
        The data set up to Pixel Data, for what `picture` does not carry (`Picture.wants_head`):
        palettes, modality and VOI tables, padding, the windows of an enhanced object's frames.
        For Deflated Explicit VR it is the deflated stream. Without it the picture is still
        drawn where that is possible.
    frame_number
        Counted from 1; chooses the functional groups, and the first bit of a 1-bit frame.
    window
        The window to apply; else the object's own, else one that fits the frame's values.
    viewport
        The box to fit the picture in; else its own size.
    media_type
        "image/jpeg" or "image/png".
    quality
        Of the JPEG, 1 to 100.

    Raises
    ------
    UndecodableError, BadViewError
    """
    # The codecs load with the work, so that a process which only names it stays small.
    from sharing.dicom import drawing

    return drawing.draw(frame, picture, head, frame_number, window, viewport, media_type, quality)


def decode(
    frame: bytes, picture: Picture, head: bytes = b"", *, frame_number: int = 1
) -> "NDArray[numpy.generic]":
    """The stored values of one frame, before rescale and window.

    Returns
    -------
    numpy.ndarray
        Of shape (rows, columns), or (rows, columns, 3) in RGB; palette indices stay as they are.

    Raises
    ------
    UndecodableError
    """
    from sharing.dicom import decoding, details

    return decoding.decode(frame, picture, details.read(head, picture, frame_number), frame_number)


def safely(
    frame: bytes,
    picture: Picture,
    head: bytes = b"",
    *,
    frame_number: int = 1,
    window: Window | None = None,
    viewport: Viewport | None = None,
    media_type: str = "image/jpeg",
    quality: int = 85,
    asker: str = "",
) -> bytes:
    """`render` in a guarded child: what every web and worker process calls.

    Raises
    ------
    UndecodableError, BadViewError
    sharing.dicom.places.BusyError
        Too much is drawn just now, all in all or for this asker.
    sharing.dicom.guard.GuardError
        The frame made the decoder run out of time or memory, or crash.
    """
    return guard.guarded(
        render,
        frame,
        picture,
        head,
        frame_number=frame_number,
        window=window,
        viewport=viewport,
        media_type=media_type,
        quality=quality,
        asker=asker,
    )


def _no_picture(sop_class_uid: str) -> str:
    for prefix, words in _IN_WORDS:
        if sop_class_uid.startswith(prefix):
            return f"This object is {words}, not an image."
    return "This object has no image in it."
