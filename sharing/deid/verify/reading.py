"""A file as plain values: what pydicom reads, without the objects that stumble over wrong values.

pydicom splits the bytes into elements; values are turned into text here, so that an IS with a name
in it, a DA that is none or an unknown character set is looked at and not thrown at us.
"""

import dataclasses
import hashlib
import re
import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
from pydicom.charset import convert_encodings, decode_bytes
from pydicom.datadict import dictionary_keyword, dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import data_element_generator, read_sequence
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

PIXELS = frozenset({0x7FE00010, 0x7FE00008, 0x7FE00009})
DEPTH = 64
DEFER = 1 << 20
INFLATED = 256 << 20

TEXT = frozenset(
    [
        "AE",
        "AS",
        "CS",
        "DA",
        "DS",
        "DT",
        "IS",
        "LO",
        "LT",
        "PN",
        "SH",
        "ST",
        "TM",
        "UC",
        "UI",
        "UR",
        "UT",
    ]
)
_WHOLE = frozenset({"LT", "ST", "UT", "UR"})
_NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "UV": "Q", "SV": "q"}
_WORDS = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
_DELIMITERS = {0x5C, 0x0A, 0x0C, 0x0D, 0x5E, 0x3D}
_LOOSE = re.compile(rb"\A(?:\xfe\xff[\x0d\xdd]\xe0\0{4})+")  # ends of nothing
_ITEM = b"\xfe\xff\x00\xe0"


@dataclasses.dataclass(slots=True)
class Attribute:
    """One attribute; `values` are its comparable values, `items` those of a sequence."""

    tag: int
    vr: str
    values: tuple[str, ...]
    raw: bytes = b""
    items: "list[Items] | None" = None
    creator: str = ""
    broken: bool = False

    @property
    def empty(self) -> bool:
        if self.items is not None:
            return not self.items
        return not any(self.values)

    @property
    def text(self) -> str:
        return "\\".join(self.values)

    @property
    def private(self) -> bool:
        return bool((self.tag >> 16) & 1)


Items = dict[int, Attribute]


@dataclasses.dataclass(slots=True)
class Record:
    """A file that was read: header of the file, attributes, and the bytes around them."""

    path: Path
    preamble: bytes
    meta: Items
    items: Items
    dataset: Dataset
    syntax: str
    encodings: list[str]

    def first(self, tag: int) -> str:
        found = self.items.get(tag)
        return found.values[0] if found is not None and found.values else ""


def read(path: Path) -> Record:
    """Read a file as far as can be; what is no DICOM raises, as pydicom does."""
    with path.open("rb") as file:
        head = file.read(1024)
    part10 = head[128:132] == b"DICM"
    # What is inflated is in memory as it is; pydicom would look for the rest of it in the file.
    defer = None if DeflatedExplicitVRLittleEndian.encode() in head else DEFER
    dataset = pydicom.dcmread(path, force=not part10, defer_size=defer)
    meta = getattr(dataset, "file_meta", None) or Dataset()
    encodings = _encodings(dataset, ["iso8859"])
    return Record(
        path=path,
        preamble=head[:128] if part10 else b"",
        meta=_items(meta, ["iso8859"], 0),
        items=_items(dataset, encodings, 0),
        dataset=dataset,
        syntax=str(meta.get("TransferSyntaxUID", ImplicitVRLittleEndian)).strip("\0 "),
        encodings=encodings,
    )


def is_instance(record: Record) -> bool:
    """Does it say what it is? A DICOMDIR and what is no DICOM do not."""
    return 0x00080018 in record.items or 0x00080016 in record.items


def keyword(tag: int) -> str:
    try:
        return dictionary_keyword(tag)
    except KeyError:
        return f"{tag:08X}"


def dotted(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def every_attribute(items: Items) -> Iterator[Attribute]:
    """Each attribute, nested ones included."""
    for attribute in items.values():
        yield attribute
        for item in attribute.items or ():
            yield from every_attribute(item)


# --- elements -------------------------------------------------------------------------------------


def _encodings(dataset: Dataset, otherwise: list[str]) -> list[str]:
    if 0x00080005 not in dataset:
        return otherwise
    try:
        value: Any = dataset.get_item(0x00080005).value
        names = value.decode("latin-1").split("\\") if isinstance(value, bytes) else value
        return convert_encodings([str(one).strip("\0 ") for one in _many(names)])
    except Exception:  # noqa: BLE001 - a set that nobody knows; bytes are searched besides
        return otherwise


def _many(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple | pydicom.multival.MultiValue) else [value]


def _items(dataset: Dataset, encodings: list[str], depth: int) -> Items:
    if depth > DEPTH:
        raise RecursionError("Sequences are nested too deep.")
    encodings = _encodings(dataset, encodings)
    creators: dict[int, str] = {}
    found: Items = {}
    for tag in sorted(dataset.keys()):
        number = int(tag)
        attribute = _attribute(dataset, number, encodings, depth)
        if attribute.private:
            _name_creator(attribute, creators)
        found[number] = attribute
    return found


def _name_creator(attribute: Attribute, creators: dict[int, str]) -> None:
    group, element = attribute.tag >> 16, attribute.tag & 0xFFFF
    if 0x10 <= element <= 0xFF:
        creators[group << 8 | element] = attribute.text
    else:
        attribute.creator = creators.get(group << 8 | element >> 8, "")


def _attribute(dataset: Dataset, tag: int, encodings: list[str], depth: int) -> Attribute:
    item: Any = dataset.get_item(tag, keep_deferred=tag in PIXELS)
    if isinstance(item, RawDataElement):
        return _from_raw(item, tag, encodings, depth)
    return _from_element(item, tag, encodings, depth)


def _from_element(item: DataElement, tag: int, encodings: list[str], depth: int) -> Attribute:
    """Of an element that pydicom has opened already: sequences without a length, and few others."""
    if item.VR == "SQ":
        return Attribute(
            tag, "SQ", (), items=[_items(one, encodings, depth + 1) for one in item.value]
        )
    value = item.value
    if isinstance(value, bytes):
        return _plain(tag, item.VR, value, little=True, encodings=encodings)
    return Attribute(tag, item.VR, tuple(str(one).strip("\0 ") for one in _many(value)))


def _from_raw(item: RawDataElement, tag: int, encodings: list[str], depth: int) -> Attribute:
    vr = _representation(item, tag)
    raw = item.value or b""
    little = bool(item.is_little_endian)
    implicit = bool(item.is_implicit_VR)
    if vr == "UN" and raw.startswith(_ITEM):
        implicit, little = True, True  # PS3.5 6.2.2, note 2
    if vr == "SQ" or (vr == "UN" and raw.startswith(_ITEM)):
        return _sequence(tag, vr, raw, (implicit, little), encodings, depth)
    return _plain(tag, vr, raw, little=little, encodings=encodings)


def _representation(item: RawDataElement, tag: int) -> str:
    vr = item.VR
    if vr in {None, "UN"} and not (tag >> 16) & 1:
        try:
            vr = dictionary_VR(tag).split(" or ")[-1]
        except KeyError:
            vr = "UL" if not tag & 0xFFFF else "UN"
    private_creator = (tag >> 16) & 1 and 0x10 <= tag & 0xFFFF <= 0xFF
    return "LO" if private_creator and vr in {None, "UN"} else vr or "UN"


def _sequence(
    tag: int, vr: str, raw: bytes, form: tuple[bool, bool], encodings: list[str], depth: int
) -> Attribute:
    implicit, little = form
    try:
        source: Any = DicomBytesIO(raw)
        source.is_little_endian, source.is_implicit_VR = little, implicit
        parsed = read_sequence(source, implicit, little, len(raw), encodings)
        items = [_items(one, encodings, depth + 1) for one in parsed]
    except RecursionError:
        raise
    except Exception:  # noqa: BLE001 - whatever stops pydicom: bytes are looked at instead
        return Attribute(tag, vr, (raw.hex()[:64],), raw, broken=True)
    return Attribute(tag, "SQ", (), raw=raw, items=items)


def _plain(tag: int, vr: str, raw: bytes, *, little: bool, encodings: list[str]) -> Attribute:
    if tag in PIXELS:
        return Attribute(tag, vr, ("pixels",))
    if vr in TEXT:
        return Attribute(tag, vr, tuple(_texts(vr, raw, encodings)), raw)
    return Attribute(tag, vr, _binary(vr, raw, little), raw)


def _texts(vr: str, raw: bytes, encodings: list[str]) -> Iterator[str]:
    text = decoded(raw, encodings)
    parts = [text] if vr in _WHOLE else text.split("\\")
    yield from (part.strip("\0 ") for part in parts)


def decoded(raw: bytes, encodings: list[str]) -> str:
    """Text in the character sets of its data set; what is not, byte by byte."""
    try:
        return decode_bytes(raw, encodings, _DELIMITERS)
    except Exception:  # noqa: BLE001
        return raw.decode("latin-1")


def _binary(vr: str, raw: bytes, little: bool) -> tuple[str, ...]:
    if vr in _NUMBERS and len(raw) <= 1 << 16:
        size = struct.calcsize(_NUMBERS[vr])
        form = f"{'<' if little else '>'}{len(raw) // size}{_NUMBERS[vr]}"
        return tuple(map(repr, struct.unpack(form, raw[: len(raw) // size * size])))
    if not little and vr in _WORDS:
        raw = _swapped(raw, _WORDS[vr])
    raw = raw.rstrip(b"\0 ")
    return (hashlib.sha256(raw).hexdigest(),) if raw else ()


def _swapped(raw: bytes, size: int) -> bytes:
    raw = raw + bytes(-len(raw) % size)
    return b"".join(raw[at : at + size][::-1] for at in range(0, len(raw), size))


# --- the order of the bytes -----------------------------------------------------------------------


@dataclasses.dataclass(slots=True)
class Layout:
    """How a file's bytes lie: is it in order, what follows it, is its header's length right?"""

    ordered: bool = True
    repeated: list[int] = dataclasses.field(default_factory=list)
    meta_length_right: bool = True
    trailing: int = 0


def layout(record: Record) -> Layout:
    """Read the top level once more, element by element as written: pydicom forgets doubled ones."""
    found = Layout()
    start = _start(record)
    if start is None:
        found.meta_length_right = False
        return found
    with record.path.open("rb") as file:
        file.seek(start)
        source: Any = file
        if record.syntax == DeflatedExplicitVRLittleEndian:
            source = BytesIO(inflated(file.read()))
        end = _follow(source, record, found)
        source.seek(end)
        found.trailing = len(_LOOSE.sub(b"", source.read(1 << 20)))
    return found


def _follow(source: Any, record: Record, found: Layout) -> int:
    """Where the last whole element ends."""
    last, end = -1, int(source.tell())
    implicit, little = _form(record)
    seen: set[int] = set()
    try:
        for item in data_element_generator(source, implicit, little, defer_size=DEFER):
            tag = int(item.tag)
            if tag in seen:
                found.repeated.append(tag)
            seen.add(tag)
            found.ordered &= tag > last
            last, end = max(last, tag), int(source.tell())
    except Exception:  # noqa: BLE001 - what is after the last whole element is no element
        return end
    return end


def _form(record: Record) -> tuple[bool, bool]:
    """Implicit, little endian? Some files are written otherwise than their header says."""
    for tag in record.dataset.keys():  # noqa: SIM118 - the values would be converted
        item: Any = record.dataset.get_item(tag, keep_deferred=True)
        if isinstance(item, RawDataElement):
            return bool(item.is_implicit_VR), bool(item.is_little_endian)
    implicit = record.syntax == ImplicitVRLittleEndian
    return implicit, record.syntax != ExplicitVRBigEndian


def _start(record: Record) -> int | None:
    if not record.meta:
        return 0
    length = record.meta.get(0x00020000)
    if length is None or not length.values:
        return None
    start = 132 + 12 + int(length.values[0])
    with record.path.open("rb") as file:
        file.seek(start)
        head = file.read(2)
    return None if head == b"\x02\x00" else start


def inflated(data: bytes) -> bytes:
    """Inflate a data set, up to a limit.

    Raises
    ------
    ValueError
        It would be larger than `INFLATED` bytes.
    """
    machine = zlib.decompressobj(-zlib.MAX_WBITS)
    text = machine.decompress(data, INFLATED)
    if machine.unconsumed_tail:
        raise ValueError("The data set inflates beyond the limit.")
    return text
