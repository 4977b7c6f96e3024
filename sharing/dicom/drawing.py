"""Frames to JPEG and PNG files; belongs in a guarded child (`render.safely`)."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.pixels.processing import apply_color_lut

from sharing.dicom import decoding, details, grayscale
from sharing.dicom.details import Details
from sharing.dicom.part10 import EXPLICIT
from sharing.dicom.render import (
    MEDIA_TYPES,
    BadViewError,
    Picture,
    UndecodableError,
    Viewport,
    Window,
)


def draw(
    frame: bytes,
    picture: Picture,
    head: bytes,
    frame_number: int,
    window: Window | None,
    viewport: Viewport | None,
    media_type: str,
    quality: int,
) -> bytes:
    """See `render.render`."""
    if media_type not in MEDIA_TYPES:
        raise BadViewError(f"Pictures come as {' or '.join(MEDIA_TYPES)}.")
    found = details.read(head, picture, frame_number)
    values = decoding.decode(frame, picture, found, frame_number)
    image = Image.fromarray(np.ascontiguousarray(shown(values, picture, found, window)))
    return _encoded(_fitted(image, picture, found, viewport), media_type, quality)


def exercise() -> None:
    """Draw a tiny picture of our own, so that a fork server has loaded all that drawing needs."""
    tiny = Picture(EXPLICIT, 8, 8, bits_stored=12)
    for media_type in MEDIA_TYPES:
        draw(bytes(range(128)), tiny, b"\0" * 16, 1, None, Viewport(4, 4), media_type, 85)
    decoding.load()


def shown(
    values: NDArray[Any], picture: Picture, found: Details, window: Window | None
) -> NDArray[np.uint8]:
    """Stored values as they are seen: grey of (rows, columns), or RGB of (rows, columns, 3)."""
    if picture.photometric == "PALETTE COLOR":
        return _through_palette(values, found)
    if values.ndim == 3:
        return _eight_bits(values[..., :3], picture.bits_stored)
    return grayscale.gray(values, picture, found, window)


def _through_palette(values: NDArray[Any], found: Details) -> NDArray[np.uint8]:
    if found.dataset is None:
        raise UndecodableError("The image's colour table is missing.")
    try:
        colors = apply_color_lut(values, found.dataset)
        bits = int(found.dataset.RedPaletteColorLookupTableDescriptor[2])
    except (ValueError, KeyError, AttributeError, IndexError, TypeError) as error:
        raise UndecodableError("The image's colour table is damaged.") from error
    # A table said to have 16 bits may hold 8-bit entries; pydicom's array tells.
    return _eight_bits(colors, bits if colors.dtype.itemsize > 1 else 8)


def _eight_bits(colors: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    if colors.dtype.kind == "f":
        raise UndecodableError("Colours as fractions are not known to the standard.")
    if colors.dtype.itemsize == 1 and bits >= 8:
        return colors.view(np.uint8)
    top = (1 << max(1, min(bits, 8 * colors.dtype.itemsize))) - 1
    scaled = np.clip(colors, 0, top).astype(np.float32) * np.float32(255 / top)
    return (scaled + np.float32(0.5)).astype(np.uint8)


def _fitted(
    image: Image.Image, picture: Picture, found: Details, viewport: Viewport | None
) -> Image.Image:
    """The picture in its box, pixels made square; without a viewport in its own size."""
    if viewport is None:
        return image
    if viewport.region:
        left, top, width, height = viewport.region
        if left >= image.width or top >= image.height:
            raise BadViewError("The part to show must lie inside the image.")
        right, bottom = min(left + width, image.width), min(top + height, image.height)
        image = image.crop((left, top, right, bottom))
    tall = image.height * _aspect(picture, found)
    scale = min(viewport.width / image.width, viewport.height / tall)
    size = max(1, round(image.width * scale)), max(1, round(tall * scale))
    return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)


def _aspect(picture: Picture, found: Details) -> float:
    """Height of a pixel over its width; what no detector makes is a typing error: ignored."""
    aspect = found.aspect or 1.0
    if found.aspect is None and len(picture.pixel_spacing) == 2 and picture.pixel_spacing[1] > 0:
        aspect = picture.pixel_spacing[0] / picture.pixel_spacing[1]
    return aspect if 0.1 <= aspect <= 10 else 1.0


def _encoded(image: Image.Image, media_type: str, quality: int) -> bytes:
    target = io.BytesIO()
    if media_type == "image/png":
        image.save(target, "PNG", compress_level=2)
    elif max(image.size) > 65500:
        raise BadViewError("The image is too large for a JPEG; ask for a smaller viewport.")
    else:
        sampling = 0 if quality >= 90 else 2
        image.save(target, "JPEG", quality=min(max(quality, 1), 100), subsampling=sampling)
    return target.getvalue()
