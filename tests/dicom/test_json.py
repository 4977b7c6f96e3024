"""The viewer and any DICOMweb client read an instance's header as JSON (PS3.18 annex F)."""

import base64
import io
import json
import math
import struct
import tracemalloc

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from sharing.dicom.json import metadata
from sharing.dicom.refusal import Reason, RefusedError
from tests.dicom.making import (
    BIG,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    compressed,
    ct,
    saved,
    scanned,
    shipped_images,
)

SYNTAXES = [IMPLICIT, EXPLICIT, BIG, DEFLATED]


def as_json(raw: bytes, bulk_root: str = "") -> dict:
    return json.loads(metadata(io.BytesIO(raw), scanned(raw), bulk_root=bulk_root))


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_every_kind_of_value_is_written_as_the_standard_says(syntax: str):
    image = ct(PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう", PatientSex="")
    image.FrameIncrementPointer = [0x00181063, 0x00181065]
    image.add_new(0x00189087, "FD", [1.5, math.inf])
    image.add_new(0x00080120, "UR", "https://general.example/a?b=1")
    image.add_new(0x0040A162, "UL", [1, 4_000_000_000]) if syntax != IMPLICIT else None
    found = as_json(saved(image, syntax))
    assert found["00100010"]["Value"] == [
        {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"}
    ]
    assert found["00100040"] == {"vr": "CS"}
    assert found["00280009"] == {"vr": "AT", "Value": ["00181063", "00181065"]}
    assert found["00189087"]["Value"] == [1.5, "Infinity"]
    assert found["00200032"] == {"vr": "DS", "Value": [-1, 2.5, 30]}
    assert found["00200011"] == {"vr": "IS", "Value": [3]}
    assert found["00280010"] == {"vr": "US", "Value": [4]}
    assert found["00080008"]["Value"] == ["ORIGINAL", "PRIMARY", "AXIAL"]
    assert found["00080005"]["Value"] == ["ISO_IR 192"]
    assert "00020010" not in found


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_pixels_stay_out_and_small_binary_values_stand_inside(syntax: str):
    image = ct()
    image.add_new(0x00281201, "OW", b"\x01\x02\x03\x04")
    image.add_new(0x00281202, "OW", bytes(1026))
    if syntax == BIG:
        image[0x00281201].value = b"\x02\x01\x04\x03"
    found = as_json(saved(image, syntax), bulk_root="/dicom-web/bulk/7/")
    assert base64.b64decode(found["00281201"]["InlineBinary"]) == b"\x01\x02\x03\x04"
    assert found["00281202"] == {"vr": "OW", "BulkDataURI": "/dicom-web/bulk/7/00281202"}
    assert found["7FE00010"]["BulkDataURI"] == "/dicom-web/bulk/7/7FE00010"


def test_compressed_pixels_stay_out_too():
    found = as_json(compressed([b"\xff\xd8\xff" + bytes(9)]))
    assert found["7FE00010"] == {"vr": "OB", "BulkDataURI": "7FE00010"}


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_sequences_nest_and_name_their_bulk_data(syntax: str):
    inner, outer = Dataset(), Dataset()
    inner.add_new(0x00281203, "OW", bytes(2000))
    outer.ReferencedImageSequence = Sequence([Dataset(), inner])
    image = ct()
    image.ReferencedSeriesSequence = Sequence([outer])
    image.ReferencedStudySequence = Sequence([])
    found = as_json(saved(image, syntax), bulk_root="r")
    items = found["00081115"]["Value"][0]["00081140"]["Value"]
    assert items == [
        {},
        {"00281203": {"vr": "OW", "BulkDataURI": "r/00081115/1/00081140/2/00281203"}},
    ]
    assert found["00081110"] == {"vr": "SQ", "Value": []}


def test_an_item_may_have_a_character_set_of_its_own():
    inner = Dataset()
    inner.SpecificCharacterSet, inner.PatientComments = "ISO_IR 144", "Люкс"
    image = ct(SpecificCharacterSet="ISO_IR 100", StudyDescription="Schädel")
    image.ReferencedStudySequence = Sequence([inner])
    found = as_json(saved(image))
    assert found["00081110"]["Value"][0]["00104000"]["Value"] == ["Люкс"]
    assert found["00081030"]["Value"] == ["Schädel"]


def test_numbers_that_are_none_stay_as_they_were_written():
    raw = saved(ct()).replace(b"IS\x02\x003 ", b"IS\x02\x003A").replace(b"-1024.0 ", b"-1,024.0")
    found = as_json(raw)
    assert found["00200011"]["Value"] == ["3A"]
    assert found["00281052"]["Value"] == ["-1,024.0"]


def test_the_sign_of_the_pixels_settles_ambiguous_values():
    for representation, value in ((0, 65535), (1, -1)):
        image = ct(PixelRepresentation=representation)
        image.SmallestImagePixelValue = value
        assert as_json(saved(image, IMPLICIT))["00280106"]["Value"] == [value]


def test_known_values_that_travelled_as_unknown_are_named_again():
    raw = saved(ct()).replace(
        b"\x08\x00\x60\x00CS\x02\x00CT", b"\x08\x00\x60\x00UN\0\0\x02\0\0\0CT"
    )
    assert as_json(raw)["00080060"] == {"vr": "CS", "Value": ["CT"]}


def test_stray_bytes_behind_the_pixels_do_not_spoil_the_header():
    assert as_json(saved(ct()) + b"trailing garbage of a tape")["00100020"]["Value"] == ["P1"]


def plain(found: dict) -> dict:
    """JSON without what is a matter of taste: empty values, blanks, bulk data's address."""
    out = {}
    for tag, element in found.items():
        if tag.endswith("0000") or tag == "00080005":
            continue
        values = element.get("Value") or []
        if element["vr"] == "SQ":
            values = [plain(value) for value in values if value]
        else:
            values = [v.rstrip() if isinstance(v, str) else v for v in values if v]
        out[tag] = element["vr"], values, element.get("InlineBinary"), "BulkDataURI" in element
    return out


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_pydicoms_files_give_the_json_that_pydicom_gives():
    compared = 0
    for path, raw, header in shipped_images():
        ours = plain(json.loads(metadata(io.BytesIO(raw), header)))
        theirs = plain(
            pydicom.dcmread(path, force=True).to_json_dict(
                bulk_data_threshold=1024,
                bulk_data_element_handler=lambda element: "elsewhere",
                suppress_invalid_tags=True,
            )
        )
        for tag, element in theirs.items():
            private = int(tag[:4], 16) & 1
            if private and ours[tag][0] == "UN":
                continue  # pydicom knows some vendors' tags by heart
            if ours[tag][3] and (element[3] or tag == "7FE00010"):
                continue
            assert ours[tag] == element, (path.name, tag)
        compared += 1
    assert compared > 100


def peak_of(raw: bytes) -> tuple[int, bytes]:
    """The most memory that making the JSON took, and the JSON."""
    header = scanned(raw)
    tracemalloc.start()
    made = metadata(io.BytesIO(raw), header)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak, made


def test_a_million_small_values_in_items_are_not_held_as_objects():
    values = b"".join(struct.pack("<HH2sHH", 0x0028, 0x0010 + n, b"US", 2, n) for n in range(7))
    item = b"\xfe\xff\x00\xe0" + struct.pack("<L", len(values)) + values
    sequence = b"\x00\x52\x30\x92SQ\0\0" + struct.pack("<L", 5_000 * len(item)) + 5_000 * item
    peak, made = peak_of(with_elements(sequence))
    assert len(json.loads(made)["52009230"]["Value"]) == 5_000
    assert peak < 3 * len(made)


def test_long_texts_stand_inside_up_to_a_measure_and_all_of_them_are_named():
    text = 1 << 20
    many = b"".join(
        struct.pack("<HH2s2xL", 0x7001, 0x1000 + n, b"UT", text) + b"x" * text for n in range(40)
    )
    peak, made = peak_of(with_elements(many))
    found = [one for tag, one in json.loads(made).items() if tag.startswith("7001")]
    assert (sum("Value" in one for one in found), len(found)) == (32, 40)
    assert peak < 110 * text


def test_a_data_set_of_hundreds_of_thousands_of_values_beside_each_other_is_refused():
    many = b"".join(
        struct.pack("<HH2sH", 0x7001 + 2 * (n >> 15), 0x1000 + (n & 0x7FFF), b"US", 0)
        for n in range(200_001)
    )
    raw = with_elements(many)
    with pytest.raises(RefusedError) as refused:
        as_json(raw)
    assert refused.value.reason == Reason.TOO_MANY_ELEMENTS


def with_elements(elements: bytes) -> bytes:
    """An image without pixels, and these explicit little endian elements at its end."""
    return saved(ct(PixelData=None)) + elements
