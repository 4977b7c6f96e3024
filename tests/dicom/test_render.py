"""What a reader sees is what was stored, in whatever encoding it came."""

import dataclasses
import io
import shutil
import subprocess
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image

from sharing.dicom import render
from sharing.dicom.guard import GuardError
from sharing.dicom.inflate import Inflated
from sharing.dicom.render import (
    BadViewError,
    NoPictureError,
    Picture,
    UndecodableError,
    Viewport,
    Window,
)
from sharing.kernel.errors import SharingError
from tests import samples
from tests.dicom.making import scanned, shipped_files

SYNTAXES = (*samples.NATIVE_SYNTAXES, *samples.LOSSLESS_SYNTAXES, samples.DEFLATED_FRAMES)


def frame_and_head(file: bytes, number: int = 1) -> tuple[bytes, Picture, bytes]:
    """What the server reads of a stored file to draw one frame."""
    header = scanned(file)
    picture, index = Picture.of(header), header.frames
    assert index is not None
    offset, length = index.offsets[number - 1], index.lengths[number - 1]
    if index.inflated:
        stream = io.BufferedReader(Inflated(io.BytesIO(file), header.dataset_offset))
        stream.seek(offset)
        return stream.read(length), picture, file[header.dataset_offset :]
    head = file[header.dataset_offset : index.offsets[0]]
    return index.payload(file[offset : offset + length]), picture, head


def drawn(file: bytes, number: int = 1, **asked: Any) -> np.ndarray:
    frame, picture, head = frame_and_head(file, number)
    png = render.render(frame, picture, head, frame_number=number, media_type="image/png", **asked)
    return np.asarray(Image.open(io.BytesIO(png)))


def stored(file: bytes) -> np.ndarray:
    return pydicom.dcmread(io.BytesIO(file)).pixel_array


def expected(values: np.ndarray, center: float, width: float) -> np.ndarray:
    """The linear window, word for word from PS3.3 C.11.2.1.2.1."""
    shades = ((values - (center - 0.5)) / (width - 1) + 0.5) * 255
    shades[values <= center - 0.5 - (width - 1) / 2] = 0
    shades[values > center - 0.5 + (width - 1) / 2] = 255
    return shades


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda uid: uid.name)
def test_the_values_are_the_scanners_in_every_lossless_encoding(syntax):
    original = samples.ct_series(slices=1)[0]
    frame, picture, head = frame_and_head(samples.encoded(original, syntax))
    assert picture.transfer_syntax == syntax
    assert np.array_equal(render.decode(frame, picture, head), stored(original))


def test_a_ct_opens_in_the_window_that_its_scanner_chose():
    file = samples.ct_series(slices=2)[1]
    hu = stored(file).astype(float) - 1024
    assert np.abs(drawn(file) - expected(hu, 40, 400)).max() <= 1


def test_a_reader_chooses_a_lung_window():
    file = samples.ct_series(slices=2, size=512)[1]
    hu = stored(file).astype(float) - 1024
    picture = drawn(file, window=Window(-500, 1500))
    assert np.abs(picture - expected(hu, -500, 1500)).max() <= 1


@pytest.mark.parametrize(
    ("function", "value", "shade"),
    [
        ("linear-exact", 150, 191.25),
        ("LINEAR_EXACT", 50, 63.75),
        ("sigmoid", 100, 127.5),
        ("sigmoid", 150, 255 / (1 + np.exp(-1))),
        ("linear", 100, ((100 - 99.5) / 199 + 0.5) * 255),
    ],
)
def test_each_window_function_is_the_standards(function, value, shade):
    file = samples.picture(np.full((4, 4), value, np.uint16))
    assert abs(int(drawn(file, window=Window(100, 200, function))[0, 0]) - shade) <= 1


def test_a_radiograph_with_inverted_values_is_shown_bones_white():
    file = samples.cr_image()
    plain = drawn(file).astype(float)
    values = stored(file).astype(float)
    assert np.corrcoef(plain.ravel(), values.ravel())[0, 1] < -0.95


def test_an_image_without_a_window_is_neither_black_nor_white():
    rng = np.random.default_rng(5)
    values = rng.integers(1000, 1200, (64, 64)).astype(np.uint16)
    values[0, 0] = 65535  # one hot pixel must not blacken the rest
    picture = drawn(samples.picture(values))
    assert 100 < picture.mean() < 155
    assert picture.std() > 50


def test_a_window_that_shows_nothing_of_the_image_is_not_used():
    values = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    file = samples.picture(values, WindowCenter="60000", WindowWidth="10")
    assert drawn(file).std() > 50


def test_padding_around_a_scan_is_black_and_does_not_spoil_the_window():
    values = np.full((32, 32), -2000, np.int16)
    values[8:24, 8:24] = np.arange(256, dtype=np.int16).reshape(16, 16)
    picture = drawn(samples.picture(values, PixelPaddingValue=-2000))
    assert picture[0, 0] == 0
    assert picture[8:24, 8:24].std() > 50


def test_colours_stay_colours():
    file = samples.us_rgb()
    assert np.array_equal(drawn(file), stored(file))


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_each_frame_of_a_clip_is_drawn_for_itself(number):
    picture = drawn(samples.multiframe(), number, window=Window(50, 100, "linear-exact"))
    assert abs(int(picture[2, 3]) - 20 * number / 100 * 255) <= 1


@pytest.mark.parametrize("number", [1, 2, 3])
def test_each_frame_of_an_enhanced_object_has_its_own_window(number):
    # Value 100 n, times slope 2, is 5 below the centre of its own window of width 10.
    picture = drawn(samples.enhanced(), number)
    assert picture.max() <= 15


def test_bits_that_begin_inside_a_byte_are_found():
    frames = np.zeros((3, 5, 5), np.uint8)
    frames[1, 0, 0] = frames[1, 4, 4] = frames[2, 2, 2] = 1
    packed = np.packbits(frames.ravel(), bitorder="little").tobytes()
    file = samples.picture(
        frames, BitsAllocated=1, BitsStored=1, HighBit=0, NumberOfFrames=3,
        PixelData=packed + b"\0" * (len(packed) % 2),
    )  # fmt: skip
    for number in (1, 2, 3):
        assert np.array_equal(drawn(file, number), frames[number - 1] * 255)


def test_a_colour_table_is_applied():
    table = np.arange(256, dtype=np.uint16) << 8
    file = samples.picture(
        np.array([[0, 255], [128, 64]], np.uint8),
        PhotometricInterpretation="PALETTE COLOR",
        RedPaletteColorLookupTableDescriptor=[256, 0, 16],
        GreenPaletteColorLookupTableDescriptor=[256, 0, 16],
        BluePaletteColorLookupTableDescriptor=[256, 0, 16],
        RedPaletteColorLookupTableData=table.tobytes(),
        GreenPaletteColorLookupTableData=table[::-1].tobytes(),
        BluePaletteColorLookupTableData=np.zeros(256, np.uint16).tobytes(),
    )
    picture = drawn(file)
    assert picture[0, 0].tolist() == [0, 254, 0]
    assert picture[0, 1].tolist() == [254, 0, 0]


def test_a_thumbnail_keeps_the_shape_of_the_body():
    file = samples.picture(np.zeros((40, 80), np.uint8), PixelSpacing=[2.0, 1.0])
    assert drawn(file, viewport=Viewport(100, 100)).shape == (100, 100)
    assert drawn(samples.us_rgb(), viewport=Viewport(32, 32)).shape == (24, 32, 3)
    part = drawn(samples.us_rgb(), viewport=Viewport(32, 32, (32, 0, 16, 16)))
    assert part.shape == (32, 32, 3)
    assert part[..., 0].min() > 120


def test_a_jpeg_is_close_to_the_picture():
    frame, picture, head = frame_and_head(samples.ct_series(slices=2)[1])
    jpeg = Image.open(io.BytesIO(render.render(frame, picture, head, quality=95)))
    assert jpeg.format == "JPEG"
    exact = drawn(samples.ct_series(slices=2)[1]).astype(int)
    assert np.abs(np.asarray(jpeg).astype(int) - exact).mean() < 4


@pytest.mark.parametrize(
    ("make", "words"), [(samples.sr, "report"), (samples.encapsulated_pdf, "PDF")]
)
def test_a_report_says_that_it_is_no_image(make, words):
    with pytest.raises(NoPictureError, match=words):
        Picture.of(scanned(make()))


def test_nonsense_in_a_request_is_refused_in_words():
    frame, picture, head = frame_and_head(samples.us_rgb())
    for asked in (
        lambda: Window(0, 0),
        lambda: Window(float("nan"), 1),
        lambda: Window(0, 10, "cubic"),
        lambda: Viewport(0, 10),
        lambda: Viewport(10, 100_000),
        lambda: Viewport(10, 10, (-1, 0, 5, 5)),
        lambda: render.render(frame, picture, head, media_type="text/html"),
        lambda: render.render(frame, picture, head, viewport=Viewport(9, 9, (900, 0, 5, 5))),
    ):
        with pytest.raises(BadViewError):
            asked()


def test_a_frame_that_is_cut_short_is_not_drawn_half():
    frame, picture, head = frame_and_head(samples.us_rgb())
    with pytest.raises(UndecodableError, match="cut short"):
        render.render(frame[:-5], picture, head)


def test_a_reader_gets_the_same_picture_through_the_guard():
    frame, picture, head = frame_and_head(samples.ct_series(slices=1)[0])
    assert render.safely(frame, picture, head) == render.render(frame, picture, head)


@pytest.mark.parametrize("syntax", samples.LOSSLESS_SYNTAXES, ids=lambda uid: uid.name)
def test_a_broken_code_stream_is_an_answer_not_an_accident(syntax):
    frame, picture, head = frame_and_head(samples.encoded(samples.ct_series(slices=1)[0], syntax))
    rng = np.random.default_rng(3)
    for _ in range(6):
        broken = bytearray(frame)
        for at in rng.integers(0, len(frame), 12):
            broken[at] = rng.integers(0, 256)
        try:
            png = render.safely(bytes(broken), picture, head, media_type="image/png")
        except (UndecodableError, GuardError):
            continue
        assert Image.open(io.BytesIO(png)).size == (64, 64)


def test_a_frame_that_lies_about_its_size_is_stopped():
    frame, picture, _ = frame_and_head(
        samples.encoded(samples.ct_series(slices=1)[0], samples.LOSSLESS_SYNTAXES[0])
    )
    vast = dataclasses.replace(picture, rows=65535, columns=65535)
    with pytest.raises((UndecodableError, GuardError)):
        render.safely(frame, vast)


def test_every_file_that_pydicom_ships_is_drawn_or_answered():
    outcomes = {"drawn": 0, "not drawn": 0}
    for path in shipped_files():
        file = path.read_bytes()
        try:
            frame, picture, head = frame_and_head(file)
            render.safely(frame, picture, head)
        except SharingError:
            outcomes["not drawn"] += 1
        else:
            outcomes["drawn"] += 1
    assert outcomes["drawn"] > 20


def test_dcmtk_draws_the_same_lung(tmp_path):
    if shutil.which("dcm2pnm") is None and shutil.which("dcmj2pnm") is None:
        pytest.skip("peer missing: DCMTK's dcm2pnm (apt install dcmtk)")
    program = "dcm2pnm" if shutil.which("dcm2pnm") else "dcmj2pnm"
    file = samples.ct_series(slices=2, size=256)[1]
    (tmp_path / "image.dcm").write_bytes(file)
    subprocess.run(
        [program, "+Ww", "-500", "1500", "+op", "image.dcm", "image.pgm"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    theirs = np.asarray(Image.open(tmp_path / "image.pgm").convert("L")).astype(int)
    ours = drawn(file, window=Window(-500, 1500)).astype(int)
    assert np.abs(ours - theirs).max() <= 1


@pytest.mark.parametrize("vr", ["OB", "OW"])
def test_big_endian_colours_are_not_swapped_by_mistake(vr):
    colours = pydicom.dcmread(io.BytesIO(samples.us_rgb())).pixel_array
    data = colours.tobytes()
    if vr == "OW":
        data = np.frombuffer(data, "<u2").byteswap().tobytes()
    file = samples.encoded_big_endian(samples.us_rgb(), data, vr)
    _, picture, _ = frame_and_head(file)
    assert picture.wants_head
    assert np.array_equal(drawn(file), colours)
