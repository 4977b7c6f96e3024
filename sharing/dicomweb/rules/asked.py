"""What stands in an address: frames, window, viewport, search terms."""

import math
from collections.abc import Mapping
from typing import Any

from sharing.dicom.render import BadViewError, Viewport, Window
from sharing.kernel.errors import SharingError
from sharing.kernel.ids import is_uid

MOST_FRAMES = 256
MOST_RESULTS = 1000
DEFAULT_RESULTS = 100
THUMBNAIL = Viewport(144, 144)
LARGEST_THUMBNAIL = 512


class BadRequestError(SharingError):
    status = 400
    title = "That request could not be read"
    code = "bad-request"


def frame_numbers(text: str) -> list[int]:
    """Frame numbers of an address, "3" or "1,2,3", each from 1."""
    numbers = [int(part) for part in text.split(",") if part.isdecimal() and len(part) < 10]
    if len(numbers) != text.count(",") + 1 or min(numbers) < 1:
        raise BadRequestError("Frames are named by numbers from 1, with commas between them.")
    if len(numbers) > MOST_FRAMES:
        raise BadRequestError(f"Ask for at most {MOST_FRAMES} frames at once.")
    return numbers


def window(text: str) -> Window | None:
    """`center,width[,function]` (PS3.18 section 8.3.5.1.4)."""
    if not text:
        return None
    center, width, *rest = [*text.split(","), ""]
    return Window(_number(center), _number(width), rest[0] or "linear")


def viewport(text: str) -> Viewport | None:
    """`width,height[,left,top,width,height]` (PS3.18 section 8.3.5.1.3)."""
    if not text:
        return None
    numbers = [round(_number(part)) for part in text.split(",")]
    if len(numbers) not in (2, 6):
        raise BadViewError("A viewport has a width and a height, and may name a part of the image.")
    region = (numbers[2], numbers[3], numbers[4], numbers[5]) if len(numbers) == 6 else None
    return Viewport(numbers[0], numbers[1], region)


def thumbnail_viewport(text: str) -> Viewport:
    asked = viewport(text) or THUMBNAIL
    return Viewport(min(asked.width, LARGEST_THUMBNAIL), min(asked.height, LARGEST_THUMBNAIL))


def quality(text: str) -> int:
    if not text:
        return 85
    if not text.isdecimal() or not 1 <= int(text[:4]) <= 100:
        raise BadViewError("The quality is a number from 1 to 100.")
    return int(text)


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadViewError("Windows and viewports are numbers with commas between them.")
    return number


def page(given: Mapping[str, Any]) -> tuple[int, int]:
    """Offset and limit of a search."""
    limit = _count(given.get("limit", ""), DEFAULT_RESULTS)
    return _count(given.get("offset", ""), 0), min(limit, MOST_RESULTS)


def _count(text: str, default: int) -> int:
    if not text:
        return default
    if not text.isdecimal() or len(text) > 9:
        raise BadRequestError("limit and offset are whole numbers.")
    return int(text)


def uids(text: str) -> list[str]:
    """One UID or several, separated by commas or backslashes."""
    found = [part for part in text.replace("\\", ",").split(",") if part]
    if not all(map(is_uid, found)):
        raise BadRequestError("That is no DICOM UID.")
    return found


def dates(text: str) -> tuple[str, str]:
    """First and last day of `YYYYMMDD`, `a-b`, `a-` or `-b`."""
    first, dash, last = text.partition("-")
    for day in (first, last):
        if day and not (day.isdecimal() and len(day) == 8):
            raise BadRequestError("Dates are written YYYYMMDD, ranges YYYYMMDD-YYYYMMDD.")
    return (first, last) if dash else (first, first)
