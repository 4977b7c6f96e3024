"""From a stored instance to one frame, as it is stored or as a picture."""

import array
import contextlib
import functools
import io
import zlib
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import orjson

from sharing.access.principal import Principal
from sharing.dicom import guard, render
from sharing.dicom.attributes import Attributes
from sharing.dicom.details import LARGEST_HEAD
from sharing.dicom.frames import FrameIndex
from sharing.dicom.inflate import Inflated
from sharing.dicom.part10 import BIG, EXPLICIT, GE_BIG_PIXELS, NATIVE
from sharing.dicom.render import NoPictureError, Picture, Viewport, Window
from sharing.dicomweb.work.objects import opened
from sharing.kernel.errors import NotThereError, SharingError
from sharing.storage.objects import store
from sharing.studies.models import Instance

if TYPE_CHECKING:
    from sharing.dicom.scan import Header


Read = Callable[[int, int], bytes]


class NotAFrameError(SharingError):
    """The frame shares bytes with its neighbours, or is one of a video."""

    status = 406
    title = "This frame cannot be given alone"
    code = "not-a-frame"

    def __init__(self) -> None:
        super().__init__("This frame cannot be cut out of the file; ask for it as a picture.")


def index_of(instance: Instance) -> FrameIndex:
    """Where the frames of `instance` are; NoPictureError where there are none."""
    if instance.header.frames is None:
        raise NoPictureError("This object has no image in it.")
    return FrameIndex.from_bytes(bytes(instance.header.frames))


def attributes_of(instance: Instance) -> Attributes:
    """The attributes that were read when the instance arrived."""
    stored: dict[str, Any] = orjson.loads(zlib.decompress(bytes(instance.header.attributes)))
    lists = {name: tuple(value) for name, value in stored.items() if isinstance(value, list)}
    found: dict[str, Any] = stored | lists
    return Attributes(**found)


def picture_of(instance: Instance) -> Picture:
    header = SimpleNamespace(
        attributes=attributes_of(instance),
        pixel_offset=0 if instance.header.frames is not None else None,
        transfer_syntax=instance.transfer_syntax_uid,
        sop_class_uid=instance.sop_class_uid,
    )
    return Picture.of(cast("Header", header))


# ---- As stored ---------------------------------------------------------------------------------


def syntax_given(instance: Instance) -> str:
    """The transfer syntax of the frames that we give: native ones are always little endian."""
    stored = instance.transfer_syntax_uid
    return EXPLICIT if stored in NATIVE else stored


def stored_frames(instance: Instance, numbers: Iterable[int], *, by: Principal) -> Iterator[bytes]:
    """The frames `numbers` (from 1) in the encoding of `syntax_given`."""
    index, picture = index_of(instance), picture_of(instance)
    with _ranges(instance, index, by) as read:
        for number in numbers:
            _check_cut(index, picture, number)
            yield _swapped(instance, index, picture, _payload(index, number, read))


def _check_cut(index: FrameIndex, picture: Picture, number: int) -> None:
    shares_bytes = picture.bits_allocated == 1 and picture.number_of_frames > 1
    if shares_bytes or (number > len(index) and number <= picture.number_of_frames):
        raise NotAFrameError


def _payload(index: FrameIndex, number: int, read: Read) -> bytes:
    """The bytes of one frame: one range read."""
    if not 1 <= number <= len(index):
        raise NotThereError
    return index.payload(read(index.offsets[number - 1], index.lengths[number - 1]))


@contextlib.contextmanager
def _ranges(instance: Instance, index: FrameIndex, by: Principal) -> Iterator[Read]:
    """How to read a range, given by its offset and length, of what `index` counts in.

    A deflated data set is inflated from its begin, at most as far as was measured against our
    limits on arrival. That takes a while, so it takes one of the asker's places; and whoever goes
    from frame to frame goes on from where the last one ended.
    """
    if not index.inflated:
        yield functools.partial(store().read, instance.key)
        return
    with opened(instance) as source:
        stream = io.BufferedReader(Inflated(source, instance.dataset_offset))

        def read(offset: int, length: int) -> bytes:
            with guard.place(by.asker):
                stream.seek(offset)
                return stream.read(length)

        yield read


def _swapped(instance: Instance, index: FrameIndex, picture: Picture, frame: bytes) -> bytes:
    """Big endian pixels as little endian ones; 8-bit pixels in OW were swapped in pairs."""
    if instance.transfer_syntax_uid not in (BIG, GE_BIG_PIXELS):
        return frame
    size = picture.bits_allocated // 8
    if size == 1:
        element = store().read(instance.key, index.offsets[0] - 12, 6)
        size = 2 if element[4:] == b"OW" and len(frame) % 2 == 0 else 1
    kind = next((code for code in "BHILQ" if array.array(code).itemsize == size), "B")
    values = array.array(kind, frame)
    values.byteswap()
    return values.tobytes()


# ---- As a picture ------------------------------------------------------------------------------


def drawn(
    instance: Instance,
    number: int,
    *,
    window: Window | None = None,
    viewport: Viewport | None = None,
    media_type: str = "image/jpeg",
    quality: int = 85,
    by: Principal,
) -> bytes:
    """Frame `number` (from 1) as a JPEG or PNG, drawn in a guarded child."""
    picture, index = picture_of(instance), index_of(instance)
    with _ranges(instance, index, by) as read:
        frame = _payload(index, number, read)
    return render.safely(
        frame,
        picture,
        _head(instance, index) if picture.wants_head else b"",
        frame_number=number,
        window=window,
        viewport=viewport,
        media_type=media_type,
        quality=quality,
        asker=by.asker,
    )


def _head(instance: Instance, index: FrameIndex) -> bytes:
    """The data set up to the pixels; of a deflated one the whole stream, as far as that goes."""
    end = instance.size if index.inflated else index.offsets[0]
    length = min(end - instance.dataset_offset, LARGEST_HEAD)
    return store().read(instance.key, instance.dataset_offset, length)
