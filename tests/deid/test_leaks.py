"""Somebody hides a patient's number where nobody looks, and Dora's copies do not have it."""

import io
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from sharing.deid import verify
from sharing.deid.folder import deidentify_folder
from sharing.deid.profile import BUNDLED
from tests.deid.breaking import raw
from tests.deid.phi import PEOPLE
from tests.deid.phi.images import ct
from tests.deid.phi.making import _write as write_object
from tests.deid.phi.truth import Truth

PERSON = PEOPLE[0]
NUMBER = PERSON.patient_id
NEEDLE = NUMBER.encode()
UID = b"2.25.31415926535897932384626"

Hide = Callable[[Dataset], None]
HideBytes = Callable[[bytes], bytes]


def _put(tag: int, vr: str, value: object) -> Hide:
    return lambda dataset: dataset.add_new(tag, vr, value)


def _raw(tag: int, vr: str, value: bytes) -> Hide:
    return lambda dataset: raw(tag, vr, value + b" " * (len(value) % 2))(dataset, dataset)


def _inside(sequence: int, tag: int, vr: str, value: object) -> Hide:
    def hide(dataset: Dataset) -> None:
        item = Dataset()
        item.add_new(tag, vr, value)
        dataset.add_new(sequence, "SQ", [item])

    return hide


def _kanji(dataset: Dataset) -> None:
    """The name in an item with a character set of its own."""
    item = Dataset()
    item.SpecificCharacterSet = "ISO_IR 192"
    item.add_new(0x00080104, "LO", f"for {PERSON.family}")
    item.CodeValue, item.CodingSchemeDesignator = "1", "99X"
    dataset.ProcedureCodeSequence = [item]


def _element(group: int, element: int, vr: bytes, value: bytes) -> bytes:
    value += b" " * (len(value) % 2)
    if vr in {b"OB", b"OW", b"UN", b"SQ", b"UT", b"UC", b"UR"}:
        return struct.pack("<HH2sHI", group, element, vr, 0, len(value)) + value
    return struct.pack("<HH2sH", group, element, vr, len(value)) + value


def _after(*elements: bytes) -> HideBytes:
    return lambda data: data + b"".join(elements)


def _before_name(element: bytes) -> HideBytes:
    return lambda data: data.replace(b"\x10\0\x10\0PN", element + b"\x10\0\x10\0PN", 1)


def _in_unknown(data: bytes) -> bytes:
    """An endless UN with an item in implicit form (PS3.5 6.2.2)."""
    inner = struct.pack("<HHI", 0x0010, 0x0020, len(NEEDLE)) + NEEDLE
    inner += struct.pack("<HHI", 0x0040, 0xA160, len(NEEDLE)) + NEEDLE
    item = (
        struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
        + inner
        + struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
    )
    body = struct.pack("<HH2sHI", 0x0008, 0x2229, b"UN", 0, 0xFFFFFFFF) + item
    return _at(data, 0x0008, 0x2229, body + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0))


def _at(data: bytes, group: int, element: int, body: bytes) -> bytes:
    """Put bytes before the first element of group 0010: behind all of group 0008."""
    assert group < 0x0010
    return _before_name(body)(data)


def _deflated(data: bytes) -> bytes:
    """Bytes behind the end of what is inflated."""
    dataset = pydicom.dcmread(io.BytesIO(data))
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    target = io.BytesIO()
    pydicom.dcmwrite(target, dataset, enforce_file_format=True)
    return target.getvalue() + NEEDLE


def _deflated_inside(data: bytes) -> bytes:
    dataset = pydicom.dcmread(io.BytesIO(data))
    raw(0x00189810, "OW", NEEDLE + b" " * (len(NEEDLE) % 2))(dataset, dataset)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    target = io.BytesIO()
    pydicom.dcmwrite(target, dataset, enforce_file_format=True)
    return target.getvalue()


HIDING: dict[str, Hide] = {
    "in a whole number": _raw(0x00201002, "IS", NEEDLE),
    "in a decimal number": _raw(0x00180050, "DS", NEEDLE),
    "in a measure of words": _raw(0x00189073, "FD", NEEDLE + b"      "),
    "in words of pixels": _raw(0x00281201, "OW", NEEDLE),
    "in words under another name": _raw(0x00189810, "OW", NEEDLE),
    "in unsigned numbers": _raw(0x00280106, "US", NEEDLE),
    "in a representation that is none": _raw(0x00180022, "ZZ", NEEDLE),
    "in a coded string": _raw(0x00180022, "CS", NEEDLE),
    "in a coded string of the pixels": _raw(0x00281090, "CS", NEEDLE),
    "in the type of the image": _raw(0x00080008, "CS", b"ORIGINAL\\PRIMARY\\" + NEEDLE),
    "in a tag": _raw(0x00280009, "AT", NEEDLE),
    "in a UID that is none": _raw(0x0008010C, "UI", NEEDLE),
    "in a UID under another name": _raw(0x00081196, "UI", NEEDLE),
    "in a time that no rule names": _raw(0x00181800, "TM", NEEDLE),
    "in an age that no rule names": _raw(0x00181801, "AS", NEEDLE),
    "in an explanation of a table": _put(0x00283003, "LO", f"for {NUMBER}"),
    "in a long code": _put(0x00080119, "UC", "x" * 3000 + NUMBER),
    "in a web address": _put(0x00287FE0, "UR", f"http://example.org/{NUMBER}"),
    "in an unknown attribute": _put(0x00080777, "LO", NUMBER),
    "in an unknown group": _put(0x001A0001, "UN", NEEDLE),
    "in many names": _put(0x00081070, "PN", [f"A^{NUMBER}", f"B^{NUMBER}"]),
    "in an item's code": _inside(0x00081032, 0x00080100, "SH", NUMBER),
    "in an item's name": _inside(0x00082229, 0x00100010, "PN", f"A^{NUMBER}"),
    "in an icon of an item": _inside(0x00082229, 0x00880200, "SQ", []),
    "in another character set": _kanji,
    "in bytes of an item": _inside(0x00082218, 0x00189810, "OB", NEEDLE),
    "in a curve beyond the last": _put(0x50202500, "LO", NUMBER),
    "in an overlay beyond the last": _put(0x60204000, "LT", NUMBER),
    "in a sound": _put(0x50042610, "OB", NEEDLE),
    "in a waveform's channel": _inside(0x54000100, 0x003A0203, "SH", NUMBER),
    "in the name of a scheme": _inside(0x00080110, 0x00080115, "ST", f"made for {NUMBER}"),
    "in lower case": _put(0x00700081, "LO", NUMBER.lower()),
    "between words": _put(0x00700081, "LO", f"x_{NUMBER}_y"),
}  # fmt: skip

HIDING_IN_BYTES: dict[str, HideBytes] = {
    "in a length of a group": _before_name(_element(0x0010, 0x0000, b"LO", NEEDLE)),
    "in a sequence of unknown kind": _in_unknown,
    "in an endless private sequence": _before_name(
        struct.pack("<HH2sHI", 0x0009, 0x1001, b"SQ", 0, 0xFFFFFFFF)
        + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
        + _element(0x0008, 0x0104, b"LO", NEEDLE)
        + struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
        + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    ),
    "in a group without a creator": _before_name(_element(0x0009, 0x1001, b"LO", NEEDLE)),
    "in the creator of nothing": _before_name(_element(0x0009, 0x0010, b"LO", NEEDLE)),
    "in a group of odd places": _before_name(_element(0x0009, 0x0001, b"LO", NEEDLE)),
    "behind the pixels": _after(_element(0x7FE0, 0x0020, b"OB", NEEDLE)),
    "behind the pixels, privately": _after(_element(0x7FE1, 0x0010, b"LO", NEEDLE)),
    "behind everything": _after(_element(0xFFFC, 0xFFFC, b"OB", NEEDLE)),
    "in an attribute that stands twice": _before_name(_element(0x0010, 0x0010, b"PN", NEEDLE)),
    "in a text that stands twice": _before_name(_element(0x0008, 0x103E, b"LO", NEEDLE)),
    "behind what is inflated": _deflated,
    "in what is inflated": _deflated_inside,
}


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, str]]:
    """Originals with the number hidden, each in its own way, and what was made of them."""
    place = tmp_path_factory.mktemp("leaks")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write_object(
            place, Truth(), PERSON, "ct-explicit", ct(0), pydicom.uid.ExplicitVRLittleEndian
        )
        base = place / PERSON.key / "ct-explicit.dcm"
        (place / "old").mkdir()
        for name, hide in HIDING.items():
            dataset = pydicom.dcmread(base)
            hide(dataset)
            dataset.save_as(place / "old" / f"{name}.dcm", enforce_file_format=True)
        for name, change in HIDING_IN_BYTES.items():
            (place / "old" / f"{name}.dcm").write_bytes(change(base.read_bytes()))
    summary = deidentify_folder(
        place / "old", place / "new", profile=BUNDLED["basic"], secret=b"k" * 32, keep_names=True
    )
    return place / "old", place / "new", {one.path: one.reason for one in summary.refused}


def _body(path: Path) -> bytes:
    dataset = pydicom.dcmread(path)
    data = path.read_bytes()
    if dataset.file_meta.TransferSyntaxUID != DeflatedExplicitVRLittleEndian:
        return data
    length = 144 + dataset.file_meta.FileMetaInformationGroupLength
    machine = zlib.decompressobj(-zlib.MAX_WBITS)
    return data[:length] + machine.decompress(data[length:]) + machine.unused_data


@pytest.mark.parametrize("name", [*HIDING, *HIDING_IN_BYTES])
def test_what_is_hidden_is_not_in_the_copy(
    copies: tuple[Path, Path, dict[str, str]], name: str
) -> None:
    """Refusing a file is right, too: nothing leaves then."""
    _, new, refused = copies
    if f"{name}.dcm" in refused:
        assert refused[f"{name}.dcm"].endswith(".")
        return
    assert NEEDLE not in _body(new / f"{name}.dcm").upper()


def test_the_verifier_finds_nothing_either(copies: tuple[Path, Path, dict[str, str]]) -> None:
    old, new, refused = copies
    report = verify.compare(old, new, may_miss=True, show_values=True)
    assert [(one.file, one.category, one.where, one.value) for one in report.violations] == []
    assert report.pairs == len(HIDING) + len(HIDING_IN_BYTES) - len(refused)
    assert len(refused) < 8
