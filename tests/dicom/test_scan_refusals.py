"""A damaged or hostile file is named with its reason; it never crashes, hangs or fills memory."""

import io
import pickle
import struct
import time
import tracemalloc
import zlib

import pydicom
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from sharing.dicom.json import metadata
from sharing.dicom.limits import Limits
from sharing.dicom.refusal import SENTENCES, Reason, RefusedError
from sharing.dicom.scan import scan
from tests.dicom.making import (
    BIG,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    bare,
    compressed,
    ct,
    saved,
    scanned,
)


def reason_of(raw: bytes, **options: object) -> Reason:
    with pytest.raises(RefusedError) as refused:
        scanned(raw, **options)
    return refused.value.reason


def deflated(inflated: bytes) -> bytes:
    """A deflated file with exactly this data set."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return meta(DEFLATED) + packer.compress(inflated) + packer.flush()


def meta(syntax: str = EXPLICIT) -> bytes:
    """Preamble and meta information of a file, without its data set."""
    raw = saved(ct(), syntax)
    return raw[: scanned(raw).dataset_offset]


def nested(depth: int) -> bytes:
    """Sequences in each other, of undefined length, in explicit form."""
    begin = b"\x40\x00\x30\xa7SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    end = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    return begin * depth + end * depth


def test_every_reason_has_a_sentence_without_jargon():
    for reason in Reason:
        words = SENTENCES[reason].lower()
        assert words.endswith(".")
        assert not any(word in words for word in ("tag", " vr", "uid", "byte", "parse", "element"))


def test_a_refusal_survives_the_way_out_of_a_child_process():
    error = pickle.loads(pickle.dumps(RefusedError(Reason.TOO_DEEP)))  # noqa: S301 made here
    assert (error.reason, error.detail) == (Reason.TOO_DEEP, SENTENCES[Reason.TOO_DEEP])
    assert error.status == 422


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ("StudyInstanceUID", Reason.NO_STUDY_UID),
        ("SeriesInstanceUID", Reason.NO_SERIES_UID),
        ("SOPInstanceUID", Reason.NO_INSTANCE_UID),
    ],
)
def test_an_image_that_cannot_be_filed_safely_is_not_taken(missing, reason):
    assert reason_of(saved(ct(**{missing: None}))) == reason
    assert reason_of(meta() + bare(ct(**{missing: ""}))) == reason


@pytest.mark.parametrize(
    "uid", ["../../etc/passwd", "1.2/3", "1..2", "1.2.X", "1." * 40 + "1", "."]
)
def test_a_number_that_could_be_a_path_is_not_taken(uid: str):
    raw = bare(ct(StudyInstanceUID="9.9.9"))
    value = uid.encode() + b"\0" * (len(uid) % 2)
    odd = b"\x20\x00\x0d\x00UI" + struct.pack("<H", len(value)) + value
    raw = raw.replace(b"\x20\x00\x0d\x00UI\x06\x009.9.9\0", odd)
    assert reason_of(meta() + raw) == Reason.BAD_UID


def test_a_setting_of_a_workstation_is_not_an_image_of_a_patient():
    hanging = ct(SOPClassUID="1.2.840.10008.5.1.4.38.1", StudyInstanceUID=None, PixelData=None)
    assert reason_of(saved(hanging)) == Reason.NOT_OF_A_PATIENT


@pytest.mark.parametrize(
    "raw",
    [b"MZ\x90\0" * 50, b"%PDF-1.7 " * 40, b"\x89PNG\r\n\x1a\n" * 9, b"hi", b"autorun=1\r\n" * 9],
)
def test_the_leftovers_of_a_disc_are_told_from_images(raw: bytes):
    assert reason_of(raw) == Reason.NOT_DICOM


def test_an_empty_file_is_named_as_such():
    assert reason_of(b"") == Reason.EMPTY


def test_an_image_that_ends_too_early_is_not_taken():
    raw = saved(ct())
    assert reason_of(raw[:-1]) == Reason.TRUNCATED_PIXELS
    assert reason_of(raw[:-40]) == Reason.TRUNCATED
    assert reason_of(raw[:200]) == Reason.TRUNCATED


def test_an_image_that_ends_within_a_compressed_frame_is_not_taken():
    raw = compressed([b"\xff\xd8\xff" + bytes(97)], end=b"")
    assert reason_of(raw[:-2]) == Reason.TRUNCATED_PIXELS


def test_a_picture_with_fewer_bytes_than_announced_is_not_taken():
    assert reason_of(saved(ct(PixelData=bytes(30)))) == Reason.SHORT_PIXELS
    assert reason_of(saved(ct(NumberOfFrames=2))) == Reason.SHORT_PIXELS


def test_a_picture_larger_than_any_device_makes_is_not_taken():
    huge = compressed([b"\xff\xd8\xff" + bytes(9)]).replace(
        b"\x28\x00\x10\x00US\x02\x00\x04\x00\x28\x00\x11\x00US\x02\x00\x04\x00",
        b"\x28\x00\x10\x00US\x02\x00\xff\xff\x28\x00\x11\x00US\x02\x00\xff\xff",
    )
    assert reason_of(huge) == Reason.IMAGE_TOO_LARGE


@pytest.mark.filterwarnings("ignore:The value length")
def test_a_patient_number_of_absurd_length_is_refused_and_never_cut():
    assert reason_of(saved(ct(PatientID="7" * 5000))) == Reason.VALUE_TOO_LONG


def test_depth_is_bounded_at_64_whatever_stands_behind():
    whole = bare(ct(PixelData=None))
    assert scanned(meta() + whole + nested(64)).attributes.patient_id == "P1"
    assert reason_of(meta() + whole + nested(65)) == Reason.TOO_DEEP
    assert reason_of(meta() + whole + nested(100_000)) == Reason.TOO_DEEP
    assert reason_of(saved(ct()) + nested(65)) == Reason.TOO_DEEP


def test_the_number_of_elements_is_bounded():
    raw = meta() + bare(ct()) + b"\x09\x00\x01\x10LO\0\0" * 1000
    assert reason_of(raw, limits=Limits(elements=500)) == Reason.TOO_MANY_ELEMENTS


def test_an_item_longer_than_its_sequence_is_not_taken():
    inner = b"\xfe\xff\x00\xe0" + struct.pack("<L", 400)
    odd = b"\x40\x00\x30\xa7SQ\0\0" + struct.pack("<L", 8) + inner
    assert reason_of(meta() + bare(ct(PixelData=None)) + odd + bytes(500)) == Reason.BAD_STRUCTURE


def test_a_deflated_file_that_explodes_is_stopped_with_flat_memory():
    raw = deflated(bytes(8 << 20))
    limits = Limits(inflated_free_bytes=1 << 20, inflated_ratio=100)
    tracemalloc.start()
    assert reason_of(raw, limits=limits) == Reason.INFLATES_TOO_FAR
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


def test_a_blank_deflated_image_is_no_bomb():
    image = ct(Rows=512, Columns=512, PixelData=bytes(512 * 512 * 2))
    header = scanned(saved(image, DEFLATED))
    assert header.frames is not None
    assert header.frames.inflated


def test_damaged_deflated_content_is_not_taken():
    raw = saved(ct(PixelData=bytes(range(32))), DEFLATED)
    assert reason_of(raw[:-20]) == Reason.TRUNCATED
    assert reason_of(meta(DEFLATED) + b"\xff" * 300) == Reason.BAD_COMPRESSION


SEEDS = [
    saved(ct(), EXPLICIT),
    saved(ct(), IMPLICIT),
    saved(ct(), BIG),
    saved(ct(), DEFLATED),
    bare(ct()),
    compressed(
        [b"\xff\xd8\xff" + bytes(9)] * 4, frames=2, table=struct.pack("<2L", 0, 40), syntax=JPEG
    ),
    meta() + bare(ct(PixelData=None)) + nested(5),
]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_change_of_any_bytes_does_more_than_a_refusal(data: st.DataObject):
    raw = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(min(100, len(raw) - 1), len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 4))] = data.draw(
            st.one_of(
                st.binary(max_size=8), st.sampled_from([b"\xff" * 4, b"\xfe\xff\x00\xe0", b"SQ"])
            )
        )
        if not raw:
            break
    started = time.process_time()
    try:
        header = scan(io.BytesIO(raw), size=len(raw))
        if header.kind == "instance":
            metadata(io.BytesIO(raw), header)
    except RefusedError:
        event("refused")
    else:
        event("taken")
    assert time.process_time() - started < 2


@settings(max_examples=100, deadline=None)
@given(tail=st.binary(max_size=400))
def test_any_bytes_in_place_of_a_data_set_do_no_more_than_a_refusal(tail: bytes):
    for head in (b"", bytes(128) + b"DICM", meta(), meta(DEFLATED), meta(BIG)):
        with pytest.raises(RefusedError):
            scanned(head + tail)


def test_pydicom_would_have_met_the_depth_that_is_refused_here():
    raw = meta() + bare(ct(PixelData=None)) + nested(1000)
    with pytest.raises(RecursionError):
        pydicom.dcmread(io.BytesIO(raw))
    assert reason_of(raw) == Reason.TOO_DEEP


def test_a_transfer_syntax_that_is_no_uid_is_as_good_as_none():
    """It stands in headers and in JSON of other people's answers."""
    raw = saved(ct())
    odd = raw.replace(b"1.2.840.10008.1.2.1\0", b'1.2"}]\r\nX: y.......\0'[:20], 1)
    assert len(odd) == len(raw)
    assert odd != raw
    assert scanned(odd).transfer_syntax == EXPLICIT


def test_a_size_beyond_what_a_database_counts_is_no_size():
    rows = b"\x28\x00\x10\x00"
    raw = saved(ct(PixelData=None))
    at = raw.index(rows + b"US")
    odd = raw[:at] + rows + b"UN\0\0\x04\0\0\0\xff\xff\xff\xff" + raw[at + 10 :]
    assert scanned(odd).attributes.rows is None
