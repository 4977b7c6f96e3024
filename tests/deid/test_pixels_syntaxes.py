"""Text goes and the rest stays, however the pixels are stored (PS3.15 E.3.1)."""

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate

from sharing.deid import pixels
from sharing.dicom.render import Picture
from tests.deid import painting as p
from tests.dicom.making import frame, scanned

X, Y, WIDTH, HEIGHT = p.PLACE


def stored(path):
    """The stored values of every frame, as the portal's own decoder gives them."""
    raw = path.read_bytes()
    header = scanned(raw)
    from sharing.dicom import render

    picture = Picture.of(header)
    head = raw[header.dataset_offset : header.pixel_offset]
    if header.transfer_syntax == p.DEFLATED:
        return [dcmread(path).pixel_array]
    count = len(header.frames or ())
    return [
        render.decode(frame(raw, header, n), picture, head, frame_number=n + 1)
        for n in range(count)
    ]


def check(path, *, tolerance=0, dark=None):
    """Clean the file; the text is gone from every frame and nothing else has changed."""
    before, syntax = stored(path), dcmread(path).file_meta.TransferSyntaxUID
    cleaned = pixels.clean(path)
    after = stored(path)
    assert dcmread(path).file_meta.TransferSyntaxUID == syntax
    assert cleaned.doubts == ()
    assert (cleaned.frames, cleaned.changed) == (len(before), len(before))
    assert cleaned.risk == 0.1
    masks = np.zeros(before[0].shape[:2], bool)
    for box in cleaned.boxes:
        masks[box.y : box.y + box.height, box.x : box.x + box.width] = True
    inside = masks[Y : Y + HEIGHT, X : X + WIDTH]
    assert inside.mean() > 0.7
    beside = masks
    if tolerance:  # a lossy block, and what shares its colours, goes with the mask
        beside = np.zeros_like(masks)
        rows, columns = np.nonzero(masks)
        beside[
            rows.min() - 16 : rows.max() + 17, max(0, columns.min() - 16) : columns.max() + 17
        ] = 1
    for one, other in zip(before, after, strict=True):
        assert one.shape == other.shape
        far = np.abs(one.astype(np.int64) - other)[~beside]
        assert far.max() <= tolerance
        left = other[masks].astype(np.int64)
        if dark is not None:
            assert np.abs(left - dark).max() <= 3 * bool(tolerance)
        else:
            assert np.ptp(left) <= 4 * tolerance
    return cleaned


def clip(values, count=3):
    return np.stack([values(number=n) for n in range(count)])


def wide(values, bits=12):
    return values.astype(np.uint16) << (bits - 8)


@pytest.mark.parametrize("syntax", p.NATIVE, ids=["implicit", "explicit", "deflated", "big"])
@pytest.mark.parametrize("bits", [8, 12])
def test_native_greys_change_under_the_mask_alone(tmp_path, syntax, bits):
    values = p.gray() if bits == 8 else wide(p.gray())
    path = p.native(tmp_path / "a", p.image(values, bits=bits), values, syntax)
    check(path, dark=values.min())


def test_dark_is_bright_where_the_header_says_so(tmp_path):
    values = 4095 - wide(p.gray())
    made = p.image(values, photometric="MONOCHROME1", bits=12)
    check(p.native(tmp_path / "a", made, values), dark=values.max())


def test_a_mask_of_signed_values_is_as_dark_as_the_image_itself(tmp_path):
    values = wide(p.gray()).astype(np.int16) - 1024
    made = p.image(values, bits=13)
    check(p.native(tmp_path / "a", made, values), dark=values.min())


def test_a_mask_holds_the_padding_where_an_image_has_some(tmp_path):
    values = wide(p.gray()).astype(np.int16) - 1024
    values[:8] = -2000
    made = p.image(values, bits=13)
    made.add_new(0x00280120, "SS", -2000)
    check(p.native(tmp_path / "a", made, values), dark=-2000)


@pytest.mark.parametrize("planar", [0, 1])
def test_colours_change_in_either_order_of_samples(tmp_path, planar):
    values = p.colours()
    made = p.image(values, photometric="RGB", PlanarConfiguration=planar)
    path = p.native(tmp_path / "a", made, values if not planar else values.transpose(2, 0, 1))
    check(path, dark=0)


def test_brightness_with_colour_differences_turns_black(tmp_path):
    values = p.colours()
    values[..., 1:] = 128
    made = p.image(values, photometric="YBR_FULL")
    check(p.native(tmp_path / "a", made, values), dark=0)


def test_pairs_of_pixels_that_share_their_colours_turn_black_together(tmp_path):
    shades = p.gray()
    pairs = np.dstack((shades[:, ::2], shades[:, 1::2], np.full_like(shades[:, ::2], 128)))
    pairs = np.dstack((pairs, np.full_like(shades[:, ::2], 128)))
    made = p.image(p.colours(), photometric="YBR_FULL_422")
    check(p.native(tmp_path / "a", made, pairs), dark=0)


def test_a_mask_is_the_darkest_colour_of_a_palette(tmp_path):
    values = p.gray()
    made = p.image(values, photometric="PALETTE COLOR")
    entries = np.arange(256, dtype=np.uint16)[::-1] << 8  # the other way round: 255 is black
    values = 255 - values
    for name in ("Red", "Green", "Blue"):
        setattr(made, f"{name}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(made, f"{name}PaletteColorLookupTableData", entries.tobytes())
    check(p.native(tmp_path / "a", made, values), dark=values.max())


@pytest.mark.parametrize("columns", [256, 251])
def test_single_bits_change_in_their_frame_alone(tmp_path, columns):
    frames = np.stack([(p.gray(number=n) > 200)[:, :columns].astype(np.uint8) for n in range(3)])
    frames[:, 80:84, ::7] = 1
    made = p.image(frames, bits=1)
    raw = np.packbits(frames.ravel(), bitorder="little").tobytes()
    check(p.saved(tmp_path / "a", made, raw + bytes(len(raw) % 2), p.EXPLICIT, "OB"), dark=0)


LOSSLESS = [p.JPEG_14, p.JPEG_14_1, p.JPEG_LS, p.NEAR_LS, p.J2K, p.J2K_LOSSY, p.RLE]


@pytest.mark.parametrize("syntax", [*LOSSLESS, p.DEFLATED_FRAME], ids=lambda one: one[15:])
@pytest.mark.parametrize("bits", [8, 12])
def test_what_was_compressed_without_loss_stays_bit_by_bit(tmp_path, syntax, bits):
    values = p.gray() if bits == 8 else wide(p.gray())
    made = p.image(values, bits=bits)
    check(p.compressed(tmp_path / "a", made, values, syntax), dark=values.min())


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda one: one[15:])
def test_compressed_colours_stay_bit_by_bit(tmp_path, syntax):
    values = p.colours()
    photometric = {p.J2K: "YBR_RCT", p.J2K_LOSSY: "YBR_ICT"}.get(syntax, "RGB")
    made = p.image(values, photometric=photometric)
    path = p.compressed(tmp_path / "a", made, values, syntax)
    check(path, dark=0)
    if syntax == p.J2K_LOSSY:  # its frames are now coded by a transform that loses nothing
        assert dcmread(path).PhotometricInterpretation == "YBR_RCT"


@pytest.mark.parametrize("photometric", ["MONOCHROME2", "YBR_FULL_422", "YBR_FULL"])
def test_a_jpeg_stays_as_it_was_beside_its_masks_and_says_that_it_was_written_again(
    tmp_path, photometric
):
    values = p.gray() if photometric == "MONOCHROME2" else p.colours()
    made = p.image(values, photometric=photometric, LossyImageCompression="01")
    made.LossyImageCompressionRatio, made.LossyImageCompressionMethod = "9.5", "ISO_10918_1"
    path = p.compressed(tmp_path / "a", made, values, p.JPEG)
    check(path, tolerance=6)
    after = dcmread(path)
    assert after.LossyImageCompression == "01"
    assert after.LossyImageCompressionMethod == ["ISO_10918_1", "ISO_10918_1"]
    assert after.LossyImageCompressionRatio[0] == 9.5
    assert len(after.LossyImageCompressionRatio) == 2


def test_a_jpeg_of_12_bits_stays_within_a_step(tmp_path):
    values = wide(p.gray())
    made = p.image(values, bits=12)
    check(p.compressed(tmp_path / "a", made, values, p.JPEG_12), tolerance=2)


@pytest.mark.parametrize("syntax", [p.JPEG_14_1, p.JPEG_LS, p.J2K, p.RLE], ids=lambda one: one[15:])
@pytest.mark.parametrize("extended", [False, True], ids=["basic", "extended"])
def test_the_offset_tables_of_a_clip_lead_to_its_frames(tmp_path, syntax, extended):
    frames = clip(p.gray)
    made = p.image(frames)
    path = p.compressed(tmp_path / "a", made, frames, syntax, extended=extended)
    check(path, dark=frames[0].min())
    after = dcmread(path)
    assert np.array_equal(after.pixel_array.shape, frames.shape)
    raw = path.read_bytes()
    begin = raw.index(b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff") + 12
    table = int.from_bytes(raw[begin + 4 : begin + 8], "little")
    first = begin + 8 + table
    if extended:
        assert table == 0
        offsets = np.frombuffer(after.ExtendedOffsetTable, "<u8")
        lengths = np.frombuffer(after.ExtendedOffsetTableLengths, "<u8")
    else:
        offsets = np.frombuffer(raw[begin + 8 : first], "<u4")
        lengths = None
    assert len(offsets) == 3
    for number, offset in enumerate(offsets):
        at = first + int(offset)
        assert raw[at : at + 4] == b"\xfe\xff\x00\xe0"
        if lengths is not None:
            size = int.from_bytes(raw[at + 4 : at + 8], "little")
            assert size - int(lengths[number]) in (0, 1)


def test_elements_behind_the_pixels_stay(tmp_path):
    values = p.gray()
    made = p.image(values)
    made.add_new(0xFFFCFFFC, "OB", bytes(20))
    path = p.compressed(tmp_path / "a", made, values, p.J2K)
    check(path)
    assert dcmread(path)[0xFFFCFFFC].value == bytes(20)


def test_where_there_is_no_encoder_the_instance_is_held_as_it_is(tmp_path):
    frames = clip(p.gray)
    bits = (frames > 200).astype(np.uint8)
    made = p.image(bits, bits=1)
    packed = [np.packbits(one.ravel(), bitorder="little") for one in bits]
    eight = p.image(packed[0][None, :])
    coded = [p.encoded(one[None, :], eight, p.RLE) for one in packed]
    path = p.saved(tmp_path / "a", made, encapsulate(coded), p.RLE, "OB")
    before = path.read_bytes()
    cleaned = pixels.clean(path)
    assert cleaned.doubts[0].sentence == (
        "3 of 3 frames could not be masked. Nothing here writes this kind of compressed picture."
    )
    assert cleaned.risk == 0.9
    assert [one.tolist() for one in stored(path)] == [one.tolist() for one in bits]
    assert len(path.read_bytes()) >= len(before)
