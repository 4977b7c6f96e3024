"""The attributes that worklist, study page and viewer need, read from an element's bytes."""

import math
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sharing.dicom.charsets import NAME_BREAKS, decode
from sharing.dicom.limits import Limits
from sharing.dicom.refusal import Reason, RefusedError

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_DATE: Final = re.compile(r"(\d{4})([.\-/]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])")
_TIME: Final = re.compile(r"(\d{2}):?(?:(\d{2}):?(?:(\d{2})(\.\d{1,6})?)?)?")
_INT32: Final = 1 << 31
_NUMBERS: Final = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "FL": "f", "FD": "d"}


class Raw(NamedTuple):
    """An element's value as it is in the file."""

    vr: str
    value: bytes
    little: bool


@dataclass(frozen=True, slots=True)
class Attributes:
    """Decoded attributes of one instance; texts are "" and numbers None or neutral if absent.

    Texts hold no control characters. Dates are YYYYMMDD and times HHMMSS.FFFFFF or shorter; illegal
    ones are "". `patient_name` has all its groups (`Family^Given=...=...`).
    `number_of_frames` is 0 where there are no pixels. Geometry of enhanced images comes from their
    shared functional groups, or else from those of the first frame.
    """

    patient_name: str = ""
    patient_id: str = ""
    issuer_of_patient_id: str = ""
    patient_birth_date: str = ""
    patient_sex: str = ""
    study_date: str = ""
    study_time: str = ""
    accession_number: str = ""
    study_id: str = ""
    study_description: str = ""
    referring_physician: str = ""
    modality: str = ""
    series_number: int | None = None
    series_date: str = ""
    series_time: str = ""
    series_description: str = ""
    body_part: str = ""
    laterality: str = ""
    protocol_name: str = ""
    manufacturer: str = ""
    model: str = ""
    station_name: str = ""
    institution_name: str = ""
    instance_number: int | None = None
    image_type: tuple[str, ...] = ()
    rows: int | None = None
    columns: int | None = None
    number_of_frames: int = 0
    samples_per_pixel: int = 1
    photometric: str = ""
    bits_allocated: int = 0
    bits_stored: int = 0
    high_bit: int = 0
    pixel_representation: int = 0
    planar_configuration: int = 0
    window_center: tuple[float, ...] = ()
    window_width: tuple[float, ...] = ()
    rescale_slope: float | None = None
    rescale_intercept: float | None = None
    image_position: tuple[float, ...] | None = None
    image_orientation: tuple[float, ...] | None = None
    pixel_spacing: tuple[float, ...] | None = None
    slice_location: float | None = None
    burned_in_annotation: str = ""
    frame_of_reference_uid: str = ""
    document_title: str = ""
    mime_type: str = ""


def text(raw: Raw, charset: str, limits: Limits) -> str:
    """A descriptive text, cut where it is absurdly long."""
    return _clean(decode(raw.value[: limits.text_bytes], charset))


def code(raw: Raw, charset: str, limits: Limits) -> str:
    """A coded string or UID; the first of several values, without surrounding spaces."""
    plain = raw.value.strip(b" \0")
    return plain.decode("ascii") if plain.isalnum() else _first(raw, limits)


def _first(raw: Raw, limits: Limits) -> str:
    return text(raw, "", limits).split("\\", 1)[0].strip()


def identity(raw: Raw, charset: str, limits: Limits) -> str:
    """A text that says whose image it is; refused where it is too long, for a cut one misleads."""
    if len(raw.value) > limits.identity_bytes:
        raise RefusedError(Reason.VALUE_TOO_LONG)
    return _clean(decode(raw.value, charset))


def person(raw: Raw, charset: str, limits: Limits) -> str:
    """A person's name with all its groups, without empty components at the end."""
    if len(raw.value) > limits.identity_bytes:
        raise RefusedError(Reason.VALUE_TOO_LONG)
    name = _clean(decode(raw.value, charset, NAME_BREAKS))
    return "=".join(group.rstrip(" ^") for group in name.split("=")).rstrip("=")


def date(raw: Raw, charset: str, limits: Limits) -> str:
    """A date as YYYYMMDD; the dots of ACR-NEMA are taken out, illegal ones are ""."""
    match = _DATE.fullmatch(code(raw, charset, limits))
    return match[1] + match[3] + match[4] if match else ""


def time(raw: Raw, charset: str, limits: Limits) -> str:
    """A time without colons; illegal ones are ""."""
    match = _TIME.fullmatch(code(raw, charset, limits))
    return "".join(part or "" for part in match.groups()) if match else ""


def values(raw: Raw, charset: str, limits: Limits) -> tuple[str, ...]:
    """The values of a multi-valued coded string."""
    found = text(raw, "", limits).split("\\")
    return tuple(value.strip() for value in found) if any(found) else ()


def numbers(raw: Raw, charset: str, limits: Limits) -> tuple[float, ...]:
    """Finite numbers, written in text or in binary; empty if any is illegal."""
    try:
        found = _binary(raw) if raw.vr in _NUMBERS else _decimal(raw, limits)
    except ValueError:
        return ()
    return found if all(map(math.isfinite, found)) else ()


def _binary(raw: Raw) -> tuple[float, ...]:
    kind = _NUMBERS[raw.vr]
    width = struct.calcsize("<" + kind)
    count = min(len(raw.value) // width, 64)
    order = "<" if raw.little else ">"
    return struct.unpack_from(f"{order}{count}{kind}", raw.value)


def _decimal(raw: Raw, limits: Limits) -> tuple[float, ...]:
    plain = raw.value[: limits.text_bytes].strip(b" \0")
    return tuple(map(float, plain.split(b"\\")[:64])) if plain else ()


def number(raw: Raw, charset: str, limits: Limits) -> float | None:
    """The first number, or None."""
    found = numbers(raw, charset, limits)
    return float(found[0]) if found else None


def whole(raw: Raw, charset: str, limits: Limits) -> int | None:
    """The first number if it is whole and fits 32 bits, or None."""
    plain = raw.value.strip(b" \0")
    if plain.isdigit() and len(plain) < 10 and raw.vr not in _NUMBERS:
        return int(plain)
    found = number(raw, charset, limits)
    if found is None or found != int(found) or not -_INT32 <= found < _INT32:
        return None
    return int(found)


def count(raw: Raw, charset: str, limits: Limits) -> int | None:
    """An unsigned number below 2**31, whatever width the writer gave it."""
    if raw.vr == "US" and len(raw.value) == 2:
        return int.from_bytes(raw.value, "little" if raw.little else "big")
    if raw.vr in _NUMBERS or raw.vr in ("IS", "DS"):
        return whole(raw, charset, limits)
    if len(raw.value) not in (2, 4):
        return None
    found = int.from_bytes(raw.value, "little" if raw.little else "big")
    return found if found < _INT32 else None


def vector(size: int) -> "Reader":
    """A reader of exactly `size` numbers, or None."""

    def read(raw: Raw, charset: str, limits: Limits) -> tuple[float, ...] | None:
        found = numbers(raw, charset, limits)
        return tuple(map(float, found)) if len(found) == size else None

    return read


def _clean(value: str) -> str:
    """Without control characters, which databases and pages refuse, and without padding."""
    value = value.strip(" \0")
    return value if value.isprintable() else _CONTROL.sub(" ", value).strip()


Reader = Callable[[Raw, str, Limits], Any]

_READERS: Final[dict[int, tuple[str, Reader]]] = {
    0x00080008: ("image_type", values),
    0x00080020: ("study_date", date),
    0x00080021: ("series_date", date),
    0x00080030: ("study_time", time),
    0x00080031: ("series_time", time),
    0x00080050: ("accession_number", identity),
    0x00080060: ("modality", code),
    0x00080070: ("manufacturer", text),
    0x00080080: ("institution_name", text),
    0x00080090: ("referring_physician", person),
    0x00081010: ("station_name", text),
    0x00081030: ("study_description", text),
    0x0008103E: ("series_description", text),
    0x00081090: ("model", text),
    0x00100010: ("patient_name", person),
    0x00100020: ("patient_id", identity),
    0x00100021: ("issuer_of_patient_id", identity),
    0x00100030: ("patient_birth_date", date),
    0x00100040: ("patient_sex", code),
    0x00180015: ("body_part", code),
    0x00181030: ("protocol_name", text),
    0x00200010: ("study_id", text),
    0x00200011: ("series_number", whole),
    0x00200013: ("instance_number", whole),
    0x00200032: ("image_position", vector(3)),
    0x00200037: ("image_orientation", vector(6)),
    0x00200052: ("frame_of_reference_uid", code),
    0x00200060: ("laterality", code),
    0x00201041: ("slice_location", number),
    0x00280002: ("samples_per_pixel", count),
    0x00280004: ("photometric", code),
    0x00280006: ("planar_configuration", count),
    0x00280008: ("number_of_frames", whole),
    0x00280010: ("rows", count),
    0x00280011: ("columns", count),
    0x00280030: ("pixel_spacing", vector(2)),
    0x00280100: ("bits_allocated", count),
    0x00280101: ("bits_stored", count),
    0x00280102: ("high_bit", count),
    0x00280103: ("pixel_representation", count),
    0x00280301: ("burned_in_annotation", code),
    0x00281050: ("window_center", numbers),
    0x00281051: ("window_width", numbers),
    0x00281052: ("rescale_intercept", number),
    0x00281053: ("rescale_slope", number),
    0x00420010: ("document_title", text),
    0x00420012: ("mime_type", code),
}

WANTED: Final = frozenset(_READERS)
IN_GROUPS: Final = frozenset(
    (0x00200032, 0x00200037, 0x00280030, 0x00281050, 0x00281051, 0x00281052, 0x00281053)
)
"""Attributes that enhanced images keep in their functional groups."""


def read_attributes(
    found: Mapping[int, Raw], charset: str, limits: Limits, *, has_pixels: bool
) -> Attributes:
    """Decode what was found of `WANTED`.

    Raises
    ------
    RefusedError
        If a value that identifies the patient or study is absurdly long.
    """
    fields: dict[str, Any] = {}
    for tag, raw in found.items():
        if raw.value and tag in _READERS:
            name, read = _READERS[tag]
            value = read(raw, charset, limits)
            if value is not None:
                fields[name] = value
    announced = fields.get("number_of_frames", 1)
    fields["number_of_frames"] = max(announced, 1) if has_pixels else 0
    return Attributes(**fields)
