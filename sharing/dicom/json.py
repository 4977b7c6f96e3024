"""DICOM JSON (PS3.18 annex F) of an instance, made straight from its bytes in one walk."""

import base64
import math
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from io import SEEK_END
from typing import Any, BinaryIO, Final

import orjson

from sharing.dicom import dictionary as tags
from sharing.dicom.charsets import NAME_BREAKS, decode
from sharing.dicom.elements import Step, Walk, What, Window
from sharing.dicom.limits import KIB, LIMITS, MIB, Limits
from sharing.dicom.part10 import Opening
from sharing.dicom.refusal import Reason, RefusedError
from sharing.dicom.scan import Header, open_dataset

INLINE_BYTES: Final = KIB
"""Binary values up to this size stand in the JSON; longer ones are fetched where they are used."""
INLINE_VALUES: Final = MIB
"""The same for numbers and texts."""
INLINE_TOTAL: Final = 32 * MIB
"""What of them may stand in one instance's JSON, short ones aside; the rest is fetched as well."""

_SHORT: Final = 256
_OPEN: Final = 200_000  # values held as objects at one time; real data sets have some hundreds

_CHARSET: Final = 0x00080005
_SIGNED: Final = 0x00280103
_EXACT: Final = 1 << 53
_INTEGER: Final = re.compile(r"[+-]?\d{1,15}")
_DECIMAL: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")

_BINARY: Final = {"OB": 1, "UN": 1, "OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
_NUMBERS: Final = {
    "US": "H",
    "SS": "h",
    "UL": "L",
    "SL": "l",
    "FL": "f",
    "FD": "d",
    "UV": "Q",
    "SV": "q",
}
_ONE_TEXT: Final = frozenset({"LT", "ST", "UT", "UR"})
_CODED: Final = frozenset({"AE", "AS", "CS", "DA", "DT", "TM", "UI", "UR"})
_REPEATED: Final = frozenset({"AT", "CS", "DS", "IS", *_NUMBERS})
_SMALL: Final = 64
_NAMES: Final = ("Alphabetic", "Ideographic", "Phonetic")


@dataclass(slots=True)
class _Level:
    """The data set or item that is being filled, and what its values are read by."""

    values: dict[str, Any]
    charset: str
    signed: bool
    path: str


@dataclass(slots=True)
class _Sequence:
    items: list[Any]
    path: str


def metadata(
    source: BinaryIO, header: Header, *, bulk_root: str = "", limits: Limits = LIMITS
) -> bytes:
    """The DICOM JSON model of one scanned instance.

    Parameters
    ----------
    source
        The file that `header` was scanned from, seekable.
    bulk_root
        Address below which bulk data is served; pixel data is at `<bulk_root>/7FE00010`, values
        inside sequences at `<bulk_root>/<tag>/<number of item from 1>/<tag>`.

    Returns
    -------
    bytes
        One JSON object in UTF-8, without group lengths and meta information.

    Raises
    ------
    RefusedError
        If the file is not what was scanned.
    """
    size = source.seek(0, SEEK_END)
    opening = Opening(
        header.has_preamble, header.has_meta, header.dataset_offset, header.transfer_syntax
    )
    dataset = open_dataset(source, opening, Window(source, size), limits)
    root = bulk_root.rstrip("/") + "/" if bulk_root else ""
    signed = header.attributes.pixel_representation == 1
    writer = _Writer(dataset.window, _Level({}, header.charset, signed, root))
    walk = Walk(dataset.window, dataset.start, limits)
    try:
        for step in walk.steps(dataset.form):
            writer.take(step)
    except RefusedError:
        # The scan allowed a broken end behind the pixels; what comes before it is whole.
        if not writer.past_pixels:
            raise
    return orjson.dumps(writer.levels[0].values)


class _Writer:
    """Turns the steps of a walk into nested JSON values."""

    def __init__(self, window: Window, level: _Level) -> None:
        self.window, self.levels = window, [level]
        self.sequences: list[_Sequence] = []
        self.past_pixels = False
        self.left, self.open = INLINE_TOTAL, 0

    def take(self, step: Step) -> None:
        what = step.what
        if what is What.VALUE:
            self._take_value(step)
        elif what is What.SEQUENCE:
            self._begin_sequence(step)
        elif what is What.ITEM:
            self._begin_item()
        elif what is What.ITEM_END:
            self._end_item()
        elif what is What.SEQUENCE_END:
            self.sequences.pop()
        else:
            self._put_bulk(step, step.vr if step.vr in _BINARY else "OB")

    def _begin_sequence(self, step: Step) -> None:
        level, items = self.levels[-1], list[Any]()
        key = f"{step.tag:08X}"
        self._put(level, step.tag, {"vr": "SQ", "Value": items})
        self.sequences.append(_Sequence(items, level.path + key + "/"))

    def _begin_item(self) -> None:
        outer, sequence, values = self.levels[-1], self.sequences[-1], dict[str, Any]()
        sequence.items.append(values)
        path = f"{sequence.path}{len(sequence.items)}/"
        self.levels.append(_Level(values, outer.charset, outer.signed, path))

    def _end_item(self) -> None:
        """Keep a finished item as text: of a million small objects memory would hold 300 MB."""
        values = self.levels.pop().values
        self.open -= len(values)
        # Copied, for orjson leaves its text in a buffer of 4 KiB.
        text = bytes(memoryview(orjson.dumps(values)))
        self.sequences[-1].items[-1] = orjson.Fragment(text)

    def _put(self, level: _Level, tag: int, element: dict[str, Any]) -> None:
        self.open += 1
        if self.open > _OPEN:
            raise RefusedError(Reason.TOO_MANY_ELEMENTS)
        level.values[_key(tag)] = element

    def _fits(self, vr: str, length: int) -> bool:
        if length > (INLINE_BYTES if vr in _BINARY else INLINE_VALUES):
            return False
        if length > _SHORT:
            self.left -= length
        return length <= _SHORT or self.left >= 0

    def _take_value(self, step: Step) -> None:
        tag, vr, level = step.tag, step.vr, self.levels[-1]
        if not tag & 0xFFFF or not vr:
            return  # group lengths, which PS3.18 leaves out, and stray delimiters
        if vr == "UN" or " " in vr:
            vr = _settle(tag, vr, level.signed)
        if tag in tags.PIXELS or not self._fits(vr, step.length):
            self._put_bulk(step, vr)
            return
        raw = self.window.take(step.at, step.length)
        if vr in _REPEATED and step.length <= _SMALL:
            self._put(level, tag, _repeated(vr, raw, step.form.little))
        else:
            self._put(level, tag, _element(vr, raw, level.charset, step.form.little))
        if tag == _CHARSET:
            level.charset = raw.decode("latin_1").strip(" \0")
            level.values[f"{tag:08X}"] = {"vr": "CS", "Value": ["ISO_IR 192"]}
        elif tag == _SIGNED:
            level.signed = any(raw)

    def _put_bulk(self, step: Step, vr: str) -> None:
        level, key = self.levels[-1], f"{step.tag:08X}"
        self._put(level, step.tag, {"vr": vr, "BulkDataURI": level.path + key})
        self.past_pixels = self.past_pixels or (step.tag in tags.PIXELS and len(self.levels) == 1)


def _settle(tag: int, vr: str, signed: bool) -> str:
    """One VR where the file says UN or the dictionary leaves a choice (PS3.5 A.1, 6.2.2)."""
    known = tags.vr_of(tag) if vr == "UN" else vr
    if known == "SQ":
        return "UN"
    if " " not in known:
        return known
    if "OW" in known:
        return "OW"
    return "SS" if signed else "US"


@lru_cache(maxsize=4096)
def _key(tag: int) -> str:
    return f"{tag:08X}"


@lru_cache(maxsize=4096)
def _repeated(vr: str, raw: bytes, little: bool) -> dict[str, Any]:
    """An element that the next slices have as well: numbers and codes, nothing of a person.

    It is shared, so nobody may change it.
    """
    return _element(vr, raw, "", little)


def _element(vr: str, raw: bytes, charset: str, little: bool) -> dict[str, Any]:
    if not raw:
        return {"vr": vr}
    if vr in _BINARY:
        return {"vr": vr, "InlineBinary": _inline(raw, _BINARY[vr], little)}
    values = _VALUES.get(vr, _texts)(raw, vr, charset, little)
    return {"vr": vr, "Value": values} if values else {"vr": vr}


def _inline(raw: bytes, width: int, little: bool) -> str:
    if not little and width > 1:
        whole = len(raw) - len(raw) % width
        raw = b"".join(raw[n : n + width][::-1] for n in range(0, whole, width))
    return base64.b64encode(raw).decode("ascii")


def _texts(raw: bytes, vr: str, charset: str, little: bool) -> list[Any]:
    text = decode(raw, "" if vr in _CODED else charset).rstrip(" \0").replace("\0", "")
    if not text:
        return []
    if vr in _ONE_TEXT:
        return [text]
    return [value.rstrip(" ") or None for value in text.split("\\")] if "\\" in text else [text]


def _names(raw: bytes, vr: str, charset: str, little: bool) -> list[Any]:
    text = decode(raw, charset, NAME_BREAKS).rstrip(" \0").replace("\0", "")
    return [_name(value) for value in text.split("\\")] if text else []


def _name(value: str) -> dict[str, str] | None:
    groups = zip(_NAMES, value.split("="), strict=False)
    return {kind: group.rstrip(" ") for kind, group in groups if group.strip(" ")} or None


def _integers(raw: bytes, vr: str, charset: str, little: bool) -> list[Any]:
    return [_integer(value.strip(" \0")) for value in _split(raw)] if raw.strip(b" \0") else []


def _integer(value: str) -> int | str | None:
    return int(value) if _INTEGER.fullmatch(value) else value or None


def _decimals(raw: bytes, vr: str, charset: str, little: bool) -> list[Any]:
    return [_decimal(value.strip(" \0")) for value in _split(raw)] if raw.strip(b" \0") else []


def _decimal(value: str) -> float | str | None:
    if _INTEGER.fullmatch(value):
        return int(value)
    if not _DECIMAL.fullmatch(value) or not math.isfinite(number := float(value)):
        return value or None
    return number


def _split(raw: bytes) -> list[str]:
    return raw.decode("latin_1").split("\\")


def _numbers(raw: bytes, vr: str, charset: str, little: bool) -> list[Any]:
    kind = _NUMBERS[vr]
    count = len(raw) // struct.calcsize("<" + kind)
    found = struct.unpack_from(f"{'<' if little else '>'}{count}{kind}", raw)
    if kind in "fd":
        return [number if math.isfinite(number) else _not_finite(number) for number in found]
    if kind in "qQ":
        return [number if -_EXACT < number < _EXACT else str(number) for number in found]
    return list(found)


def _not_finite(number: float) -> str:
    if math.isnan(number):
        return "NaN"
    return "Infinity" if number > 0 else "-Infinity"


def _tags(raw: bytes, vr: str, charset: str, little: bool) -> list[Any]:
    found = struct.unpack_from(f"{'<' if little else '>'}{len(raw) // 4 * 2}H", raw)
    return [
        f"{group:04X}{element:04X}" for group, element in zip(found[::2], found[1::2], strict=True)
    ]


_VALUES: Final[dict[str, Callable[[bytes, str, str, bool], list[Any]]]] = {
    "PN": _names,
    "IS": _integers,
    "DS": _decimals,
    "AT": _tags,
    **dict.fromkeys(_NUMBERS, _numbers),
}
