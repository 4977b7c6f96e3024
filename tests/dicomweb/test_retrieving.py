"""Frames, files and headers come as PS3.18 says, whatever they are stored in."""

import gzip
import io

import numpy as np
import orjson
import pydicom
import pytest

from tests import factories as make
from tests.dicom.making import BIG, DEFLATED, EXPLICIT, IMPLICIT, RLE, ct, saved
from tests.dicomweb import visiting
from tests.dicomweb.visiting import OCTETS, body, path, stored

pytestmark = pytest.mark.django_db

VALUES = np.arange(16, dtype="<u2").reshape(4, 4) * 200


def sixteen(**changes: object) -> pydicom.Dataset:
    return ct(PixelData=VALUES.tobytes(), **changes)


@pytest.mark.parametrize("syntax", [IMPLICIT, DEFLATED])
def test_native_frames_come_as_explicit_little_endian(syntax: str) -> None:
    instance = stored(saved(sixteen(), syntax))
    answer = visiting.member().get(f"{path(instance)}/frames/1", OCTETS)
    expected = "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1"
    assert answer["Content-Type"] == expected
    assert answer.content == VALUES.tobytes()


def test_big_endian_pixels_are_turned_round() -> None:
    image = ct(PixelData=VALUES.astype(">u2").tobytes())
    image["PixelData"].VR = "OW"
    instance = stored(saved(image, BIG))
    assert visiting.member().get(f"{path(instance)}/frames/1", OCTETS).content == VALUES.tobytes()


def test_each_frame_of_a_clip_is_its_own() -> None:
    clip = np.arange(48, dtype="<u2").reshape(3, 4, 4)
    instance = stored(saved(ct(PixelData=clip.tobytes(), NumberOfFrames=3)))
    rosa = visiting.member()
    for number in (1, 2, 3):
        answer = rosa.get(f"{path(instance)}/frames/{number}", OCTETS)
        assert answer.content == clip[number - 1].tobytes()
    assert rosa.get(f"{path(instance)}/frames/4", OCTETS).status_code == 404


@pytest.mark.parametrize("syntax", [EXPLICIT, DEFLATED])
def test_several_frames_come_as_parts_in_the_order_asked(syntax: str) -> None:
    clip = np.arange(48, dtype="<u2").reshape(3, 4, 4)
    instance = stored(saved(ct(PixelData=clip.tobytes(), NumberOfFrames=3), syntax))
    answer = visiting.member().get(f"{path(instance)}/frames/3,1")
    line = answer["Content-Type"].split("boundary=")[1].encode()
    parts = body(answer).split(b"--" + line)
    bodies = [part.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n") for part in parts[1:-1]]
    assert bodies == [clip[2].tobytes(), clip[0].tobytes()]
    assert parts[-1] == b"--\r\n"


def test_compressed_frames_come_as_they_are_and_say_in_what() -> None:
    image = sixteen()
    image.file_meta = pydicom.dataset.FileMetaDataset()
    image.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    image.compress(pydicom.uid.RLELossless)
    instance, rosa = stored(saved(image, RLE)), visiting.member()
    answer = rosa.get(f"{path(instance)}/frames/1", OCTETS)
    assert answer["Content-Type"].endswith(f"transfer-syntax={RLE}")
    assert answer.content[:4] == (2).to_bytes(4, "little")  # two segments, as RLE begins
    other = "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1"
    assert rosa.get(f"{path(instance)}/frames/1", other).status_code == 406


@pytest.mark.parametrize("numbers", ["0", "-1", "x", "1,,2", "1,0", "99999999999"])
def test_a_frame_that_is_no_number_is_a_bad_request(numbers: str) -> None:
    instance = stored(make.image())
    answer = visiting.member().get(f"{path(instance)}/frames/{numbers}", OCTETS)
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


def test_a_file_comes_back_as_it_was_but_for_its_preamble() -> None:
    data = b"MZ" + bytes(126) + make.image()[128:]
    answer = visiting.member().get(path(stored(data)), "application/dicom")
    got = body(answer)
    assert got[:128] == bytes(128)
    assert got[128:] == data[128:]
    assert int(answer["Content-Length"]) == len(data)


def test_a_file_without_meta_comes_back_as_part_10() -> None:
    out = io.BytesIO()
    pydicom.filewriter.dcmwrite(out, ct(), implicit_vr=True, little_endian=True)
    answer = visiting.member().get(path(stored(out.getvalue())), "application/dicom")
    got = body(answer)
    assert int(answer["Content-Length"]) == len(got)
    read = pydicom.dcmread(io.BytesIO(got))
    assert read.file_meta.TransferSyntaxUID == IMPLICIT
    assert read.SOPInstanceUID == ct().SOPInstanceUID


def test_headers_come_as_dicom_json_and_packed_where_that_is_understood() -> None:
    study = make.study(make.principal("Ben"), images=3)
    rosa = visiting.member()
    address = f"{path(make.first_series(study))}/metadata"
    plain = orjson.loads(body(rosa.get(address)))
    assert [one["00200013"]["Value"] for one in plain] == [[1], [2], [3]]
    assert plain[0]["00100010"]["Value"] == [{"Alphabetic": "Probe^Petra1"}]
    assert plain[0]["00083002"]["Value"] == ["1.2.840.10008.1.2.1"]
    packed = rosa.client.get(f"/dicom-web/{address}", headers={"Accept-Encoding": "gzip"})
    assert orjson.loads(gzip.decompress(body(packed))) == plain


def test_of_files_in_conflict_one_stands_for_the_image() -> None:
    first = stored(make.image(PatientComments="first"))
    stored(make.image(PatientComments="second"))
    rosa = visiting.member()
    assert len(rosa.get(f"{path(first.series)}/instances").json()) == 1
    headers = orjson.loads(body(rosa.get(f"{path(first.series)}/metadata")))
    assert [one["00104000"]["Value"] for one in headers] == [["first"]]


def test_a_pdf_is_given_to_whoever_may_download_it() -> None:
    pdf = b"%PDF-1.4 a report\n"
    document = ct(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.104.1",
        Modality="DOC",
        MIMETypeOfEncapsulatedDocument="application/pdf",
        EncapsulatedDocument=pdf,
        **dict.fromkeys(("PixelData", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit")),
    )
    instance = stored(saved(document))
    answer = visiting.member().get(f"{path(instance)}/rendered", "application/pdf")
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"].startswith("attachment")
    assert body(answer) == pdf
    assert visiting.member().get(f"{path(instance)}/rendered").status_code == 406
