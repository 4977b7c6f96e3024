"""Text inside of compressed frames goes; what a decoder needs stays where it was."""

import hashlib
import io
import struct

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.encaps import encapsulate

from sharing.deid import pixels
from sharing.deid.engine import Engine
from sharing.deid.keys import Keys
from sharing.deid.pixels import streams
from sharing.deid.profile import BUNDLED
from tests.deid import painting as p


def jpeg(**more: object) -> bytes:
    target = io.BytesIO()
    Image.fromarray(p.colours(text="")).save(target, "JPEG", quality=90, **more)
    return target.getvalue()


def shown(stream: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(stream)))


def with_segment(stream: bytes, marker: int, payload: bytes) -> bytes:
    return stream[:2] + struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload + stream[2:]


@pytest.mark.parametrize(
    ("marker", "payload"),
    [
        (0xFE, b"Winter^Pat 1967-03-14"),
        (0xE1, b"Exif\0\0Winter^Pat 1967-03-14"),
        (0xED, b"Photoshop 3.0\0Winter^Pat"),
        (0xE0, b"JFXX\0\x10Winter^Pat"),
    ],
    ids=["comment", "exif", "iptc", "thumbnail"],
)
def test_a_jpeg_forgets_who_it_is_of_and_shows_the_same(marker, payload):
    stream = with_segment(jpeg(), marker, payload)
    cleaned, count = streams.without_texts(stream)
    assert (count, len(cleaned)) == (1, len(stream))
    assert b"Winter" not in cleaned
    assert np.array_equal(shown(cleaned), shown(stream))
    assert streams.without_texts(cleaned) == (cleaned, 0)


def test_what_tells_the_colours_of_a_jpeg_stays():
    straight = jpeg(keep_rgb=True)
    assert b"Adobe" in straight
    assert streams.without_texts(straight) == (straight, 0)
    assert streams.without_texts(jpeg()) == (jpeg(), 0)


def test_what_stands_behind_the_end_of_a_jpeg_goes():
    cleaned, _ = streams.without_texts(jpeg() + b"Winter^Pat")
    assert cleaned == jpeg() + bytes(10)


def test_a_jpeg_2000_forgets_its_comments():
    values = p.gray()
    stream = p.encoded(values, p.image(values), p.J2K)
    at = stream.index(b"\xff\x52")
    comment = b"\xff\x64" + struct.pack(">HH", 14, 1) + b"Winter^Pat"
    written = stream[:at] + comment + stream[at:]
    cleaned, count = streams.without_texts(written)
    assert count >= 1
    assert b"Winter" not in cleaned
    assert np.array_equal(shown(stream), shown(cleaned))


def test_the_boxes_around_a_code_stream_are_emptied():
    target = io.BytesIO()
    Image.fromarray(p.gray(text="")).save(target, "JPEG2000", irreversible=False)
    stream = target.getvalue() + struct.pack(">L4s", 18, b"xml ") + b"Winter^Pat"
    cleaned, _ = streams.without_texts(stream)
    assert b"Winter" not in cleaned
    assert np.array_equal(shown(cleaned), p.gray(text=""))


@pytest.mark.parametrize(
    "stream",
    [b"", b"\xff\xd8", b"\xff\xd8\xff\xfe", b"\xff\xd8\xff\xfe\xff\xff", b"\xff\x4f\xff\x51\0",
     b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\0", b"\xff\xd8" + b"\xff" * 50],
    ids=range(7),
)  # fmt: skip
def test_broken_streams_end_the_search_and_nothing_else(stream):
    assert streams.texts(stream) == []


def test_a_scanners_original_is_not_read_but_its_comments_go(tmp_path):
    values = p.gray()
    made = p.image(values, Modality="CT", SOPClassUID="1.2.840.10008.5.1.4.1.1.2")
    stream = with_segment(p.encoded(values, made, p.JPEG_14_1), 0xFE, b"Winter^Pat")
    path = p.saved(tmp_path / "a", made, encapsulate([stream]), p.JPEG_14_1, "OB")
    cleaned = pixels.clean(path)
    assert (cleaned.read, cleaned.changed, cleaned.texts) == (0, 0, 1)
    assert "reconstructs" in cleaned.reason
    assert b"Winter" not in path.read_bytes()
    assert np.array_equal(dcmread(path).pixel_array, values)


@pytest.mark.parametrize(
    ("comment", "goes"),
    [(b"for A. Winter, 1967", True), (b"quality 90", False)],
    ids=["name", "none"],
)
def test_where_pixels_are_left_alone_a_comment_that_names_the_patient_goes(tmp_path, comment, goes):
    values = p.gray()
    made = p.image(
        values, Modality="CT", SOPClassUID="1.2.840.10008.5.1.4.1.1.2", PatientName="Winter^Anna"
    )
    stream = with_segment(p.encoded(values, made, p.JPEG_14_1), 0xFE, comment)
    source = p.saved(tmp_path / "a", made, encapsulate([stream]), p.JPEG_14_1, "OB")
    outcome = Engine(BUNDLED["basic"], Keys(bytes(32))).deidentify(source, tmp_path / "b")
    copy = (tmp_path / "b").read_bytes()
    assert (comment in copy) is not goes
    assert outcome.sha256 == hashlib.sha256(copy).hexdigest()
    assert any("comment" in doubt.sentence for doubt in outcome.doubts) is goes
    assert np.array_equal(dcmread(tmp_path / "b").pixel_array, values)
    if not goes:
        assert encapsulate([stream]) in copy
