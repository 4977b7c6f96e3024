"""Masks in pixels that are not compressed, in the very bytes (PS3.5 section 8.1.1)."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharing.dicom.render import Picture

Box = tuple[int, int, int, int]


def masked(frame: bytes, picture: Picture, boxes: Iterable[Box], dark: int, *, swapped: bool,
           first_bit: int = 0) -> bytes:  # fmt: skip
    """One frame with rectangles blackened.

    Parameters
    ----------
    frame
        Its bytes; for pixels of single bits, the bytes that it lies in.
    boxes
        x, y, width, height.
    dark
        The stored value that is shown black, for one sample a pixel.
    swapped
        Whether the pixels are big endian; 8-bit pixels are then in words (OW).
    first_bit
        Of pixels of single bits, where the frame begins.
    """
    if picture.bits_allocated == 1:
        return _bits(frame, picture, boxes, dark, first_bit)
    if swapped and picture.bits_allocated == 8:
        even = frame + bytes(len(frame) % 2)
        turned = np.frombuffer(even, "u2").byteswap().tobytes()
        drawn = masked(turned, picture, boxes, dark, swapped=False)
        return np.frombuffer(drawn, "u2").byteswap().tobytes()[: len(frame)]
    changed = bytearray(frame)
    values = np.frombuffer(changed, _dtype(picture, swapped=swapped))
    if picture.photometric == "YBR_FULL_422" and picture.samples_per_pixel == 3:
        _pairs(values, picture, boxes)
    else:
        _whole(values, picture, boxes, dark)
    return bytes(changed)


def _dtype(picture: Picture, *, swapped: bool) -> np.dtype[Any]:
    order = ">" if swapped else "<"
    if not picture.bits_stored and picture.bits_allocated in (32, 64):
        return np.dtype(f"{order}f{picture.bits_allocated // 8}")
    return np.dtype(f"{order}u{picture.bits_allocated // 8}")


def _whole(values: NDArray[Any], picture: Picture, boxes: Iterable[Box], dark: int) -> None:
    rows, columns, samples = picture.rows, picture.columns, picture.samples_per_pixel
    used = values[: rows * columns * samples]
    planes = picture.planar_configuration == 1 and samples > 1
    shaped = used.reshape((samples, rows, columns) if planes else (rows, columns, samples))
    black = _black(picture, dark)
    for x, y, width, height in boxes:
        where = slice(max(0, y), y + height), slice(max(0, x), x + width)
        if planes:
            for number, value in enumerate(black):
                shaped[(number, *where)] = value
        else:
            shaped[where] = black


def _pairs(values: NDArray[Any], picture: Picture, boxes: Iterable[Box]) -> None:
    """Two pixels share their colours: Y Y Cb Cr (PS3.3 C.7.6.3.1.2); masks take both."""
    shaped = values[: picture.rows * picture.columns * 2].reshape(picture.rows, -1, 4)
    for x, y, width, height in boxes:
        left, right = max(0, x) // 2, -(-(x + width) // 2)
        shaped[max(0, y) : y + height, left:right] = (0, 0, 128, 128)


def _black(picture: Picture, dark: int) -> tuple[int, ...]:
    """Each sample of a black pixel, as an unsigned number of the stored width."""
    wrap = 1 << picture.bits_allocated
    if picture.samples_per_pixel == 1:
        return (dark % wrap,)
    half = 1 << ((picture.bits_stored or picture.bits_allocated) - 1)
    if picture.photometric.startswith("YBR_PARTIAL"):
        return half >> 3, half, half
    if picture.photometric.startswith("YBR_FULL"):
        return 0, half, half
    return (0,) * picture.samples_per_pixel


def _bits(frame: bytes, picture: Picture, boxes: Iterable[Box], dark: int, first_bit: int) -> bytes:
    bits = np.unpackbits(np.frombuffer(frame, np.uint8), bitorder="little")
    pixels = picture.rows * picture.columns
    shaped = bits[first_bit : first_bit + pixels].reshape(picture.rows, picture.columns)
    for x, y, width, height in boxes:
        shaped[max(0, y) : y + height, max(0, x) : x + width] = dark & 1
    return np.packbits(bits, bitorder="little").tobytes()
