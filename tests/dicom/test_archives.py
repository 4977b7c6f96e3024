"""Somebody's ZIP is unpacked as far as it is honest; a trap is refused before it springs."""

import io
import struct
import zipfile
from pathlib import Path

import pytest

from sharing.dicom.archives import ArchiveLimits, entries, safe_name
from sharing.dicom.refusal import Reason, RefusedError
from tests import samples


def zipped(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return path


def contents(path: Path) -> dict[str, bytes]:
    found = {}
    for entry in entries(path):
        with entry.open() as source:
            found[entry.name] = source.read()
        assert len(found[entry.name]) == entry.size
    return found


def read_all(path: Path, limits: ArchiveLimits) -> None:
    for entry in entries(path, limits):
        with entry.open() as source:
            while source.read(65536):
                pass


def refusal(path: Path, limits: ArchiveLimits | None = None) -> Reason:
    with pytest.raises(RefusedError) as caught:
        read_all(path, limits or ArchiveLimits())
    return caught.value.reason


@pytest.fixture
def study() -> dict[str, bytes]:
    return {f"CD/IM{number}": file for number, file in enumerate(samples.ct_series())}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zipped_cd_comes_out_as_it_went_in(tmp_path, study, method):
    path = zipped(tmp_path / "cd.zip", {"CD/": b"", **study, "__MACOSX/CD/._IM0": b"x"}, method)
    assert contents(path) == study


def test_a_zip_made_by_streaming_without_sizes_in_front_is_read(tmp_path, study):
    class Pipe(io.RawIOBase):
        def __init__(self, target):
            self.target = target

        def writable(self):
            return True

        def write(self, data):
            return self.target.write(data)

    with (
        (tmp_path / "cd.zip").open("wb") as target,
        zipfile.ZipFile(Pipe(target), "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, data in study.items():
            archive.writestr(name, data)
    assert contents(tmp_path / "cd.zip") == study


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("C:\\CD\\IM1", "C_/CD/IM1"),
        ("..\\..\\windows", "windows"),
        ("a/./b/../c", "a/b/c"),
        ("bad\nname\x00.dcm", "bad_name_.dcm"),
        ("..", "unnamed"),
        ("Röntgen/Bild 1.dcm", "Röntgen/Bild 1.dcm"),
    ],
)
def test_a_name_never_leads_out_of_its_folder(name, safe):
    assert safe_name(name) == safe


def test_entries_that_share_their_bytes_are_a_bomb(tmp_path):
    """As in CVE-2024-0450: many entries of the directory point at one and the same data."""
    path = zipped(tmp_path / "bomb.zip", {"a": bytes(1 << 20)})
    data = path.read_bytes()
    at = data.index(b"PK\1\2")
    end = data.index(b"PK\5\6")
    record = data[at:end]
    closing = struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, 40, 40, 40 * len(record), at, 0)
    path.write_bytes(data[:at] + record * 40 + closing)
    assert refusal(path) is Reason.ARCHIVE_OVERLAPS


def test_an_archive_that_unpacks_to_far_too_much_is_not_unpacked(tmp_path):
    path = zipped(tmp_path / "bomb.zip", {"zeros": bytes(8 << 20)})
    limits = ArchiveLimits(free_bytes=1 << 20, ratio=100)
    assert refusal(path, limits) is Reason.ARCHIVE_TOO_LARGE
    assert contents(path) == {"zeros": bytes(8 << 20)}


def test_an_archive_that_lies_about_a_size_gives_no_more_than_it_said(tmp_path):
    path = zipped(tmp_path / "lie.zip", {"zeros": bytes(1 << 20)})
    data = path.read_bytes().replace(struct.pack("<L", 1 << 20), struct.pack("<L", 100))
    path.write_bytes(data)
    assert refusal(path) is Reason.ARCHIVE_DAMAGED


def test_too_many_files_are_counted_before_they_are_listed(tmp_path):
    path = zipped(tmp_path / "many.zip", {str(number): b"" for number in range(50)})
    assert refusal(path, ArchiveLimits(entries=49)) is Reason.ARCHIVE_TOO_MANY
    assert refusal(path, ArchiveLimits(directory_bytes=99)) is Reason.ARCHIVE_TOO_MANY


def test_a_password_is_named_as_the_reason(tmp_path, study):
    path = zipped(tmp_path / "locked.zip", study)
    data = bytearray(path.read_bytes())
    for magic, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = data.find(magic)
        while at >= 0:
            data[at + flags] |= 1
            at = data.find(magic, at + 4)
    path.write_bytes(data)
    assert refusal(path) is Reason.ARCHIVE_ENCRYPTED
    assert "password" in RefusedError(Reason.ARCHIVE_ENCRYPTED).detail


def test_an_unusual_compression_is_explained(tmp_path, study):
    path = zipped(tmp_path / "lzma.zip", study, zipfile.ZIP_LZMA)
    with pytest.raises(RefusedError, match="unpack it"):
        list(entries(path))


@pytest.mark.parametrize("damage", ["flip", "cut", "not a zip", "nothing"])
def test_a_damaged_archive_is_refused_in_words(tmp_path, study, damage):
    path = zipped(tmp_path / "cd.zip", study)
    data = bytearray(path.read_bytes())
    if damage == "flip":
        data[len(data) // 4] ^= 0xFF
    changed = {
        "flip": bytes(data),
        "cut": bytes(data[: len(data) // 2]),
        "not a zip": b"PK\3\4" + b"something else entirely" * 9,
        "nothing": b"",
    }[damage]
    path.write_bytes(changed)
    assert refusal(path) is Reason.ARCHIVE_DAMAGED


def test_a_zip_in_a_zip_is_told_apart_from_an_image_with_a_strange_preamble(tmp_path, study):
    inner = zipped(tmp_path / "inner.zip", study).read_bytes()
    image = b"PK\3\4" + samples.ct_series()[0][4:]
    path = zipped(tmp_path / "outer.zip", {"inner.zip": inner, "image": image})
    assert {entry.name: entry.is_archive() for entry in entries(path)} == {
        "inner.zip": True,
        "image": False,
    }
