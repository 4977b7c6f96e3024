"""Stored values to shades of grey: modality rescale, VOI window, padding (PS3.3 C.11)."""

import dataclasses
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharing.dicom.details import Details
from sharing.dicom.render import BadViewError, Picture, Window

Gray = NDArray[np.uint8]
Values = NDArray[Any]

ANGIOGRAPHY = "1.2.840.10008.5.1.4.1.1.12."
LOWEST, HIGHEST = 0.5, 99.5  # percentiles of the values, where the object names no window
SAMPLE = 1 << 16  # so many pixels tell the percentiles well enough


def gray(values: Values, picture: Picture, details: Details, window: Window | None) -> Gray:
    """Draw the stored values of a monochrome frame.

    Parameters
    ----------
    values
        Stored values, (rows, columns).
    window
        What the viewer asked for; else the frame's own window or VOI table, else a window that
        spans the values without their outliers.

    Returns
    -------
    numpy.ndarray
        uint8 of the same shape; MONOCHROME1 is turned so that 0 is black. Padding is black.
    """
    padding = _is_padding(values, details)
    values, slope, intercept = _modality(values, picture, details)
    table = _voi_table(picture, details) if window is None else None
    if table is not None:
        drawn = _through(values, table)
    else:
        chosen = window or _own_window(values, picture, details, slope, intercept)
        if chosen is None:
            chosen = _fitting(values, padding, picture, slope, intercept)
        drawn = _mapped(values, slope, intercept, chosen)
    if (picture.photometric == "MONOCHROME1") != details.inverted:
        drawn = np.invert(drawn)
    if padding is not None:
        drawn[padding] = 0
    return drawn


def shade(values: NDArray[np.float32], window: Window) -> Gray:
    """The windowed values in 256 shades (PS3.3 C.11.2.1.2.1, .2 and .3)."""
    match window.function:
        case "sigmoid":
            power = np.clip((values - window.center) * (-4.0 / window.width), -80.0, 80.0)
            scaled = 1.0 / (1.0 + np.exp(power))
        case "linear-exact":
            scaled = (values - window.center) / window.width + 0.5
        case _:
            # A width of 1 is a threshold at the centre minus one half.
            scaled = (values - (window.center - 0.5)) / max(window.width - 1.0, 1e-6) + 0.5
    return np.asarray(np.clip(scaled, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)


def _modality(values: Values, picture: Picture, details: Details) -> tuple[Values, float, float]:
    # The table of an angiogram leads back to X-ray intensities, not to the picture (C.8.7.1.1.2).
    if not picture.sop_class_uid.startswith(ANGIOGRAPHY):
        table = _table(details, "ModalityLUTSequence")
        if table is not None:
            return table.look_up(values), 1.0, 0.0
    slope, intercept = details.rescale or (picture.rescale_slope, picture.rescale_intercept)
    usable = np.isfinite(slope) and np.isfinite(intercept) and slope != 0
    return (values, slope, intercept) if usable else (values, 1.0, 0.0)


def _mapped(values: Values, slope: float, intercept: float, window: Window) -> Gray:
    """Shade every value; 8 and 16-bit ones through a table, which is several times faster."""
    if values.dtype.kind == "f" or values.dtype.itemsize > 2 or values.size < SAMPLE:
        return shade(_rescaled(values, slope, intercept), window)
    native = values.astype(values.dtype.newbyteorder("="), copy=False)
    index = native.view(f"u{native.dtype.itemsize}")
    every = np.arange(1 << (8 * native.dtype.itemsize), dtype=index.dtype).view(native.dtype)
    table = shade(_rescaled(every, slope, intercept), window)
    return table.take(index)


def _rescaled(values: Values, slope: float, intercept: float) -> NDArray[np.float32]:
    scaled = np.asarray(values, dtype=np.float32)
    if (slope, intercept) != (1.0, 0.0):
        scaled = scaled * np.float32(slope) + np.float32(intercept)
    return (
        np.nan_to_num(scaled, nan=0.0, posinf=3e38, neginf=-3e38)
        if (values.dtype.kind == "f")
        else scaled
    )


def _own_window(
    values: Values, picture: Picture, details: Details, slope: float, intercept: float
) -> Window | None:
    """The object's own window, unless it is unusable or shows nothing of this frame."""
    named = details.window
    if named is None and picture.window_center and picture.window_width:
        named = (picture.window_center[0], picture.window_width[0], "LINEAR")
    if named is None:
        return None
    try:
        window = Window(named[0], named[1], named[2].strip() or "LINEAR")
    except BadViewError:
        return None
    ends = sorted(float(end) * slope + intercept for end in (values.min(), values.max()))
    low, high = window.center - window.width / 2, window.center + window.width / 2
    return window if ends[0] < high and ends[1] > low else None


def _fitting(
    values: Values,
    padding: NDArray[np.bool_] | None,
    picture: Picture,
    slope: float,
    intercept: float,
) -> Window:
    if picture.bits_stored == 1 or picture.bits_allocated == 1:
        return Window(0.5, 1.0, "linear-exact")
    shown = values.ravel() if padding is None else values[~padding]
    sample = _rescaled(shown[:: max(1, shown.size // SAMPLE)], slope, intercept)
    if not sample.size:
        return Window(0.5, 1.0, "linear-exact")
    low, high = (float(end) for end in np.percentile(sample, (LOWEST, HIGHEST)))
    if high <= low:
        low, high = float(sample.min()), float(sample.max())
    width = high - low
    return (
        Window((low + high) / 2, width, "linear-exact")
        if 0 < width < 1e12
        else Window(min(max(low, -1e11), 1e11) + 0.5, 1.0, "linear-exact")
    )


def _is_padding(values: Values, details: Details) -> NDArray[np.bool_] | None:
    if details.padding is None or values.dtype.kind == "f":
        return None
    low, high = details.padding
    found: NDArray[np.bool_] = (values >= low) & (values <= high)
    return found if found.any() else None


@dataclasses.dataclass(frozen=True, slots=True)
class _Table:
    """A look-up table (PS3.3 C.11.1.1): what stands at `first`, and so on."""

    entries: Values
    first: int
    bits: int

    def look_up(self, values: Values) -> Values:
        index = np.clip(values.astype(np.int64) - self.first, 0, self.entries.size - 1)
        return self.entries.take(index)


def _table(details: Details, keyword: str) -> _Table | None:
    """The first table of a sequence; none if it is broken, then the values speak for themselves."""
    dataset = details.dataset
    if dataset is None or not dataset.get(keyword):
        return None
    item = dataset[keyword].value[0]
    try:
        count, first, bits = (int(number) for number in item.LUTDescriptor)
        entries = _entries(item.LUTData, count or 1 << 16)
    except (AttributeError, ValueError, TypeError, struct.error, OverflowError):
        return None
    if not entries.size or not 1 <= bits <= 16:
        return None
    signed = dataset.get("PixelRepresentation") == 1
    return _Table(entries, first - (1 << 16) if signed and first >= 1 << 15 else first, bits)


def _entries(data: Any, count: int) -> Values:
    if isinstance(data, bytes):
        return np.frombuffer(data, "u1" if len(data) < 2 * count else "<u2")
    return np.asarray([int(entry) & 0xFFFF for entry in data], np.uint16)


def _voi_table(picture: Picture, details: Details) -> _Table | None:
    if details.window is not None or picture.window_width:
        return None
    return _table(details, "VOILUTSequence")


def _through(values: Values, table: _Table) -> Gray:
    top = (1 << table.bits) - 1
    found = np.minimum(table.look_up(values), top).astype(np.uint32)
    return np.asarray(found * 255 // top).astype(np.uint8)
