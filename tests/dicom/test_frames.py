"""Any frame is one range read, whatever the exporter wrote about where frames begin."""

import io
import struct
import time
from array import array

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.encaps import generate_frames

from sharing.dicom.frames import FrameIndex
from sharing.dicom.inflate import Inflated
from sharing.dicom.limits import Limits
from sharing.dicom.refusal import Reason, RefusedError
from tests.dicom.making import (
    BIG,
    DEFLATED,
    DEFLATED_FRAMES,
    EXPLICIT,
    H264,
    HTJ2K,
    IMPLICIT,
    JPEG,
    JPEG2000,
    RLE,
    compressed,
    ct,
    frame,
    saved,
    scanned,
    shipped_images,
)


def jpeg(number: int) -> bytes:
    return b"\xff\xd8\xff\xe0" + bytes([number]) * 16


def j2k(number: int) -> bytes:
    return b"\xff\x4f\xff\x51" + bytes([number]) * 16


def rest(number: int) -> bytes:
    return b"\x11\x22" + bytes([number]) * 8


def frames_of(raw: bytes) -> list[bytes]:
    header = scanned(raw)
    assert header.frames is not None
    return [frame(raw, header, number) for number in range(len(header.frames))]


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_native_frames_lie_side_by_side(syntax: str):
    raw = saved(ct(NumberOfFrames=3, PixelData=bytes(range(96))), syntax)
    assert b"".join(frames_of(raw)) == (
        np.arange(96, dtype=np.uint8).tobytes()
        if syntax != BIG
        else raw[scanned(raw).pixel_offset :]
    )
    assert [len(one) for one in frames_of(raw)] == [32, 32, 32]


def test_native_colour_of_half_width_takes_two_samples_a_pixel():
    image = ct(SamplesPerPixel=3, PhotometricInterpretation="YBR_FULL_422", BitsAllocated=8)
    image.PlanarConfiguration, image.NumberOfFrames, image.PixelData = 0, 2, bytes(64)
    assert [len(one) for one in frames_of(saved(image))] == [32, 32]


def test_frames_of_single_bits_share_the_byte_between_them():
    bits = np.random.default_rng(1).integers(0, 2, 3 * 15, dtype=np.uint8)
    image = ct(Rows=3, Columns=5, NumberOfFrames=3, BitsAllocated=1, BitsStored=1, HighBit=0)
    image.PixelData = np.packbits(bits, bitorder="little").tobytes()
    raw = saved(image)
    for number, one in enumerate(frames_of(raw)):
        seen = np.unpackbits(np.frombuffer(one, np.uint8), bitorder="little")
        begin = number * 15 % 8
        assert (seen[begin : begin + 15] == bits[number * 15 :][:15]).all()


def test_frames_of_a_deflated_file_are_found_in_its_inflated_bytes():
    raw = saved(ct(NumberOfFrames=2, PixelData=bytes(range(64))), DEFLATED)
    header = scanned(raw)
    assert header.frames is not None
    stream = Inflated(io.BytesIO(raw), header.dataset_offset)
    stream.seek(header.frames.offsets[1])
    assert stream.read(header.frames.lengths[1]) == bytes(range(32, 64))
    stream.seek(header.frames.offsets[0])
    assert stream.read(32) == bytes(range(32))


@pytest.mark.parametrize("syntax", [JPEG, JPEG2000, HTJ2K, RLE, DEFLATED_FRAMES])
def test_one_fragment_for_each_frame_needs_no_table(syntax: str):
    pieces = [jpeg(1), jpeg(2), jpeg(3)]
    assert frames_of(compressed(pieces, frames=3, syntax=syntax)) == pieces


def test_all_fragments_of_a_single_frame_belong_to_it():
    pieces = [jpeg(1), rest(2), rest(3)]
    assert frames_of(compressed(pieces)) == [b"".join(pieces)]


def test_a_table_says_which_fragments_belong_together():
    pieces = [rest(0), rest(1), rest(2)]
    raw = compressed(pieces, frames=2, table=struct.pack("<2L", 0, 36))
    assert frames_of(raw) == [pieces[0] + pieces[1], pieces[2]]


def test_an_extended_table_is_believed_before_a_basic_one():
    pieces = [rest(0), rest(1), rest(2)]
    raw = compressed(pieces, frames=2, extended=struct.pack("<2Q", 0, 18))
    assert frames_of(raw) == [pieces[0], pieces[1] + pieces[2]]


@pytest.mark.parametrize("table", [(0, 37), (18, 36), (0, 0), (36, 0), (0, 4_000_000_000)])
@pytest.mark.parametrize("start", [jpeg, j2k])
def test_a_table_that_points_elsewhere_gives_way_to_the_pictures_own_beginnings(start, table):
    pieces = [start(0), rest(1), start(2), rest(3)]
    raw = compressed(pieces, frames=2, table=struct.pack("<2L", *table))
    assert frames_of(raw) == [pieces[0] + pieces[1], pieces[2] + pieces[3]]


def test_empty_fragments_between_frames_do_not_count():
    assert frames_of(compressed([rest(1), b"", rest(2)], frames=2)) == [rest(1), rest(2)]


def test_a_video_is_one_stream_whatever_the_number_of_its_pictures():
    raw = compressed([rest(1), rest(2)], frames=250, syntax=H264)
    assert frames_of(raw) == [rest(1) + rest(2)]
    assert scanned(raw).attributes.number_of_frames == 250


def test_fragments_that_nothing_tells_apart_are_not_guessed_at():
    with pytest.raises(RefusedError) as refused:
        scanned(compressed([rest(1), rest(2), rest(3)], frames=2))
    assert refused.value.reason == Reason.UNCLEAR_FRAMES


def test_frames_that_are_missing_are_missed():
    with pytest.raises(RefusedError) as refused:
        scanned(compressed([jpeg(1), jpeg(2)], frames=3))
    assert refused.value.reason == Reason.MISSING_FRAMES


def test_a_file_that_ends_behind_its_last_frame_is_whole():
    pieces = [jpeg(1), jpeg(2)]
    assert frames_of(compressed(pieces, frames=2, end=b"")) == pieces


def test_a_frame_of_many_fragments_is_not_whole_without_an_end():
    with pytest.raises(RefusedError) as refused:
        scanned(compressed([jpeg(1), rest(2)], end=b""))
    assert refused.value.reason == Reason.TRUNCATED_PIXELS


def test_more_images_than_can_be_handled_are_refused():
    with pytest.raises(RefusedError) as refused:
        scanned(compressed([jpeg(1)] * 5, frames=5), limits=Limits(frames=4))
    assert refused.value.reason == Reason.TOO_MANY_FRAMES


def test_an_illegal_number_of_frames_is_counted_from_the_pixels():
    raw = saved(ct(NumberOfFrames=3, PixelData=bytes(96)))
    raw = raw.replace(b"\x28\x00\x08\x00IS\x02\x003 ", b"\x28\x00\x08\x00IS\x02\x00x ")
    assert scanned(raw).attributes.number_of_frames == 3
    assert len(frames_of(raw)) == 3


@given(
    lengths=st.lists(st.integers(0, 1 << 40), max_size=40),
    fragmented=st.booleans(),
    inflated=st.booleans(),
)
def test_an_index_comes_back_from_the_database_as_it_went(lengths, fragmented, inflated):
    offsets = array("Q", (sum(lengths[:n]) for n in range(len(lengths))))
    index = FrameIndex(offsets, array("Q", lengths), fragmented, inflated)
    assert FrameIndex.from_bytes(index.to_bytes()) == index


def test_the_index_of_a_long_cine_is_small_and_quick():
    index = FrameIndex(
        array("Q", range(900, 900 + 512 * 100_000, 512)), array("Q", [512]) * 100_000
    )
    started = time.process_time()
    raw = index.to_bytes()
    assert len(raw) == 34
    assert FrameIndex.from_bytes(raw) == index
    assert time.process_time() - started < 1


def test_a_range_that_is_not_the_indexed_one_is_noticed():
    index = FrameIndex(array("Q", [0]), array("Q", [40]), fragmented=True)
    with pytest.raises(RefusedError):
        index.payload(b"not an item header at all")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_frame_of_pydicoms_files_is_the_one_that_pydicom_finds():
    compared = 0
    for path, raw, header in shipped_images():
        if header.frames is None or header.frames.inflated or header.attributes.bits_allocated == 1:
            continue
        pixels = pydicom.dcmread(path, force=True)["PixelData"]
        ours = frames_of(raw)
        count = header.attributes.number_of_frames
        if pixels.is_undefined_length:
            theirs = list(generate_frames(pixels.value, number_of_frames=count))
        else:
            size = len(ours[0])
            theirs = [pixels.value[n * size : (n + 1) * size] for n in range(count)]
        assert [one.rstrip(b"\0") for one in ours] == [one.rstrip(b"\0") for one in theirs], path
        compared += 1
    assert compared > 90
