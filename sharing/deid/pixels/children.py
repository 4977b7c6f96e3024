"""What runs in a guarded child, as light functions: the codecs load where the work is done."""

from sharing.dicom import guard
from sharing.dicom.render import Picture
from sharing.kernel.errors import SharingError

MEGABYTE = 1 << 20
SECONDS = 60.0


class NoEncoderError(SharingError):
    """The frame cannot be written again in its own transfer syntax."""

    status = 422
    title = "This picture cannot be changed in its own format"
    code = "no-encoder"


def look(frame: bytes, head: bytes, picture: Picture, number: int) -> bytes:
    """`looking.look`."""
    from sharing.deid.pixels import looking

    return looking.look(frame, head, picture, number)


def redrawn(frame: bytes, picture: Picture, boxes: list[list[int]], dark: int) -> bytes:
    """`codecs.redrawn`."""
    from sharing.deid.pixels import codecs

    return codecs.redrawn(frame, picture, boxes, dark)


def looked(frame: bytes, head: bytes, picture: Picture, number: int) -> bytes:
    """`look` in a child."""
    memory = _memory(picture)
    return guard.guarded(look, frame, head, picture, number, seconds=SECONDS, memory=memory)


def redrawn_safely(frame: bytes, picture: Picture, boxes: list[list[int]], dark: int) -> bytes:
    """`redrawn` in a child.

    Raises
    ------
    sharing.kernel.errors.SharingError
        UndecodableError, NoEncoderError, or what the guard says.
    """
    memory = _memory(picture)
    return guard.guarded(redrawn, frame, picture, boxes, dark, seconds=SECONDS, memory=memory)


def _memory(picture: Picture) -> int:
    """Room for the codecs and some copies of a frame, as float too."""
    samples = picture.rows * picture.columns * picture.samples_per_pixel
    return min(3072 * MEGABYTE, 512 * MEGABYTE + 32 * samples)
