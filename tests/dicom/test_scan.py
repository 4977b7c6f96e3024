"""Ada drops what her disc holds; the scan says what each file is, or why it is not taken."""

import io
import struct

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from sharing.dicom.scan import scan
from tests.dicom.making import (
    BIG,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    INSTANCE,
    JPEG2000,
    SERIES,
    STUDY,
    bare,
    compressed,
    ct,
    item,
    saved,
    scanned,
    shipped_files,
    shipped_images,
)

SYNTAXES = [IMPLICIT, EXPLICIT, BIG, DEFLATED]


class Watched(io.BytesIO):
    """A file that remembers which of its bytes were read."""

    def __init__(self, raw: bytes) -> None:
        super().__init__(raw)
        self.ranges: list[tuple[int, int]] = []

    def read(self, size: int | None = -1, /) -> bytes:
        start = self.tell()
        raw = super().read(size)
        self.ranges.append((start, start + len(raw)))
        return raw


class Sparse(io.RawIOBase):
    """A file of any size of which only these pieces exist; the rest is zeros nobody stored."""

    def __init__(self, pieces: dict[int, bytes]) -> None:
        self.pieces, self.at = pieces, 0

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self.at = offset
        return offset

    def read(self, size: int = -1, /) -> bytes:
        raw = bytearray(size)
        for start, piece in self.pieces.items():
            for index in range(max(start, self.at), min(start + len(piece), self.at + size)):
                raw[index - self.at] = piece[index - start]
        self.at += size
        return bytes(raw)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_an_image_is_known_in_every_way_it_can_be_written(syntax: str):
    header = scanned(saved(ct(), syntax))
    assert (header.kind, header.transfer_syntax) == ("instance", syntax)
    assert (header.study_uid, header.series_uid, header.sop_instance_uid) == (
        STUDY,
        SERIES,
        INSTANCE,
    )
    assert header.has_preamble
    assert header.has_meta
    assert header.charset == "ISO_IR 192"


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_the_worklist_and_the_viewer_find_what_they_need(syntax: str):
    found = scanned(saved(ct(PatientName="Müller^Jürgen"), syntax)).attributes
    assert (found.patient_name, found.patient_id) == ("Müller^Jürgen", "P1")
    assert (found.patient_birth_date, found.study_date) == ("19700101", "20240229")
    assert (found.modality, found.series_number, found.instance_number) == ("CT", 3, 12)
    assert found.image_type == ("ORIGINAL", "PRIMARY", "AXIAL")
    assert (found.rows, found.columns, found.number_of_frames) == (4, 4, 1)
    assert (found.bits_allocated, found.bits_stored, found.high_bit) == (16, 12, 11)
    assert found.window_center == (40.0, 300.0)
    assert (found.rescale_slope, found.rescale_intercept) == (1.0, -1024.0)
    assert found.image_position == (-1.0, 2.5, 30.0)
    assert found.pixel_spacing == (0.5, 0.5)


@pytest.mark.parametrize(
    ("implicit", "little", "syntax"),
    [(True, True, IMPLICIT), (False, True, EXPLICIT), (False, False, BIG)],
)
def test_a_data_set_without_preamble_and_meta_is_read_as_it_is_written(implicit, little, syntax):
    header = scanned(bare(ct(), implicit=implicit, little=little))
    assert (header.transfer_syntax, header.dataset_offset) == (syntax, 0)
    assert (header.has_preamble, header.has_meta) == (False, False)
    assert (header.sop_instance_uid, header.attributes.rows) == (INSTANCE, 4)


def test_a_file_that_lost_only_its_preamble_is_read():
    header = scanned(saved(ct())[132:])
    assert (header.has_preamble, header.has_meta) == (False, True)
    assert header.sop_instance_uid == INSTANCE


def test_a_file_without_the_length_of_its_meta_information_is_read():
    raw = saved(ct())
    assert scanned(raw[:132] + raw[144:]).transfer_syntax == EXPLICIT


def test_a_file_that_says_implicit_but_is_explicit_is_read_as_it_is():
    raw = saved(ct())
    lying = raw.replace(
        b"UI\x14\x00" + EXPLICIT.encode() + b"\0", b"UI\x12\x00" + b"1.2.840.10008.1.2\0"
    )
    header = scanned(lying)
    assert (header.transfer_syntax, header.attributes.patient_id) == (EXPLICIT, "P1")


def test_pixels_are_never_read():
    image = ct(Rows=1024, Columns=1024, PixelData=bytes(2 << 20))
    source = Watched(saved(image))
    header = scan(source, size=len(source.getvalue()))
    assert header.pixel_offset is not None
    assert max(stop for _, stop in source.ranges) < header.pixel_offset + (64 << 10)


def test_a_file_beyond_four_gigabytes_is_indexed_without_being_read():
    head = compressed([], frames=3, syntax=JPEG2000, end=b"")
    size, pieces, position, offsets = 2_000_000_000, {0: head}, len(head), []
    for _ in range(3):
        pieces[position] = b"\xfe\xff\x00\xe0" + struct.pack("<L", size)
        offsets.append(position + 8)
        position += 8 + size
    pieces[position] = b"\xfe\xff\xdd\xe0\0\0\0\0"
    header = scan(Sparse(pieces), size=position + 8)  # type: ignore[arg-type]
    assert header.frames is not None
    assert list(header.frames.offsets) == offsets
    assert header.frames.offsets[2] > 1 << 31
    assert list(header.frames.lengths) == [size] * 3


def test_zeros_and_stray_bytes_behind_the_image_do_no_harm():
    for tail in (bytes(5000), b"\x00", b"trailing garbage of a tape"):
        assert scanned(saved(ct()) + tail).sop_instance_uid == INSTANCE


def test_odd_dates_numbers_and_letters_cost_no_image():
    raw = saved(ct()).replace(b"20240229", b"***     ").replace(b"101500", b"noon! ")
    found = scanned(raw.replace(b"IS\x02\x003 ", b"IS\x02\x00x ")).attributes
    assert (found.study_date, found.study_time, found.series_number) == ("", "", None)
    assert found.patient_id == "P1"


def test_dates_of_before_1993_are_understood():
    raw = saved(ct(StudyID="x"))
    raw = raw.replace(b"DA\x08\x0020240229", b"DA\x0a\x001989.11.22")
    assert scanned(raw).attributes.study_date == "19891122"


def test_an_unknown_vr_of_no_consequence_costs_no_image():
    raw = saved(ct()).replace(b"\x08\x00\x70\x00LO", b"\x08\x00\x70\x00ZZ")
    assert scanned(raw).attributes.patient_id == "P1"


def test_a_private_sequence_with_anything_inside_costs_no_image():
    odd = b"\x09\x00\x01\x10SQ\0\0" + struct.pack("<L", 12) + b"no item here"
    raw = saved(ct()).replace(b"\x10\x00\x10\x00PN", odd + b"\x10\x00\x10\x00PN")
    assert scanned(raw).attributes.patient_name == "Probe^Petra"


def test_sequences_of_unknown_vr_are_walked_in_implicit_form():
    inner = b"\x08\x00\x50\x11" + struct.pack("<L", 4) + b"1.2\0"
    odd = b"\x09\x00\x01\x10UN\0\0\xff\xff\xff\xff" + item(inner) + b"\xfe\xff\xdd\xe0\0\0\0\0"
    raw = saved(ct()).replace(b"\x10\x00\x10\x00PN", odd + b"\x10\x00\x10\x00PN")
    assert scanned(raw).attributes.patient_name == "Probe^Petra"


def test_geometry_of_an_enhanced_image_comes_from_its_functional_groups():
    measures, window = Dataset(), Dataset()
    measures.PixelSpacing, window.WindowCenter, window.WindowWidth = [0.7, 0.7], 50, 350
    shared = Dataset()
    shared.PixelMeasuresSequence = Sequence([measures])
    shared.FrameVOILUTSequence = Sequence([window])
    image = ct(PixelSpacing=None, WindowCenter=None, WindowWidth=None)
    image.SharedFunctionalGroupsSequence = Sequence([shared])
    found = scanned(saved(image)).attributes
    assert (found.pixel_spacing, found.window_center) == ((0.7, 0.7), (50.0,))


def test_control_characters_never_reach_the_database():
    found = scanned(saved(ct(StudyDescription="Head\x00\x07 and neck"))).attributes
    assert found.study_description == "Head  and neck"


def test_an_instance_without_pixels_has_no_frames():
    header = scanned(
        saved(
            ct(
                PixelData=None,
                DocumentTitle="Letter",
                MIMETypeOfEncapsulatedDocument="application/pdf",
            )
        )
    )
    assert (header.frames, header.pixel_offset, header.attributes.number_of_frames) == (
        None,
        None,
        0,
    )
    assert header.attributes.mime_type == "application/pdf"


def test_the_index_of_a_disc_is_known_as_one():
    index = next(path for path in shipped_files() if path.name == "DICOMDIR")
    assert scanned(index.read_bytes()).kind == "dicomdir"


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_file_that_pydicom_brings_is_known_as_pydicom_knows_it():
    taken = 0
    for path, _raw, header in shipped_images():
        taken += 1
        image = pydicom.dcmread(path, force=True)
        assert header.study_uid == image.StudyInstanceUID
        assert header.sop_instance_uid == image.SOPInstanceUID
        assert header.attributes.rows == image.get("Rows")
        assert header.attributes.patient_id == (image.get("PatientID") or "").strip()
        lying = image.original_encoding[0] != (header.transfer_syntax == IMPLICIT)
        if "TransferSyntaxUID" in image.file_meta and not lying:
            assert header.transfer_syntax == image.file_meta.TransferSyntaxUID
    assert taken > 100
