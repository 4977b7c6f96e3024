"""A download is a ZIP that any unpacker opens, of exactly the announced size, from any byte on."""

import datetime
import io
import os
import shutil
import subprocess
import zipfile
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharing.dicom import zips
from sharing.dicom.zips import BrokenArchiveError, Member, Plan

WHEN = datetime.datetime(2026, 11, 2, 9, 15, 30)  # noqa: DTZ001 (a ZIP's times have no zone)
FILES = {
    "DICOMDIR": os.urandom(777),
    "DICOM/PT000001/IM000001": os.urandom(70_000),
    "Befund Müller-Øst 田中.pdf": b"%PDF",
    "empty": b"",
    "LIES MICH.txt": b"x" * 10,
}


def plan_of(files: dict[str, bytes]) -> Plan:
    return Plan([Member(name, len(data), zlib.crc32(data), WHEN) for name, data in files.items()])


def opener(files: dict[str, bytes], chunk: int = 4096):
    contents = list(files.values())

    def opened(number: int, start: int) -> Iterator[bytes]:
        data = contents[number][start:]
        return (data[at : at + chunk] for at in range(0, len(data), chunk))

    return opened


def whole(files: dict[str, bytes]) -> bytes:
    return b"".join(plan_of(files).stream(opener(files)))


def test_python_unpacks_what_was_packed_and_the_size_was_known():
    data = whole(FILES)
    assert len(data) == plan_of(FILES).size
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == FILES
        assert archive.infolist()[0].date_time == (2026, 11, 2, 9, 15, 30)


@pytest.mark.parametrize(
    ("program", "options"), [("unzip", ["-t"]), ("7z", ["t"]), ("bsdtar", ["-tf"])]
)
def test_other_peoples_unpackers_agree(program, options, tmp_path):
    if shutil.which(program) is None:
        if program != "unzip":
            return  # one foreign unpacker is enough, and unzip is it
        pytest.skip("peer missing: unzip (apt install unzip)")
    (tmp_path / "study.zip").write_bytes(whole(FILES))
    done = subprocess.run(
        [program, *options, "study.zip"], cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@given(st.integers(0, 71_500), st.integers(0, 71_500))
def test_a_broken_download_goes_on_from_any_byte(one, other):
    start, stop = sorted((one, other))
    data = whole(FILES)
    part = b"".join(plan_of(FILES).stream(opener(FILES), start, stop))
    assert part == data[start:stop]


def test_only_what_is_wanted_is_opened():
    opened = []

    def watching(number: int, start: int) -> Iterator[bytes]:
        opened.append((number, start))
        return opener(FILES)(number, start)

    plan = plan_of(FILES)
    list(plan.stream(watching, plan.size - 30))
    assert opened == []
    list(plan.stream(watching, 2000, 3000))
    assert [number for number, _ in opened] == [1]
    assert opened[0][1] > 0


def test_the_same_study_gives_the_same_etag_and_another_a_different_one():
    assert plan_of(FILES).etag == plan_of(FILES).etag
    assert plan_of(FILES).etag != plan_of({**FILES, "empty": b"no longer"}).etag


@pytest.mark.parametrize("damage", [b"", b"x", b"y" * 70_000, b"z" * 70_001])
def test_a_damaged_object_ends_the_download_visibly(damage):
    damaged = {**FILES, "DICOM/PT000001/IM000001": damage}
    received = io.BytesIO()
    with pytest.raises(BrokenArchiveError):
        received.writelines(plan_of(FILES).stream(opener(damaged)))
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(received)


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../up", "a//b", "a\\b", "a/./b"])
def test_no_member_leads_out_of_the_folder_it_is_unpacked_to(name):
    with pytest.raises(ValueError, match="relative path"):
        Member(name, 0, 0)


def test_more_files_than_old_zips_can_count():
    members = [Member(f"IM{number:06}", 0, 0) for number in range(65_536)]
    data = b"".join(Plan(members).stream(lambda number, start: []))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert len(archive.namelist()) == 65_536
        assert archive.namelist()[-1] == "IM065535"


class Sparse(io.RawIOBase):
    """The archive as a seekable file of which only asked-for ranges are ever made."""

    def __init__(self, plan: Plan, opened) -> None:
        self.plan, self.opened, self.at = plan, opened, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.at

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = (0, self.at, self.plan.size)[whence] + offset
        return self.at

    def read(self, size: int = -1) -> bytes:
        stop = self.plan.size if size < 0 else min(self.plan.size, self.at + size)
        data = b"".join(self.plan.stream(self.opened, self.at, stop))
        self.at += len(data)
        return data


def test_a_slide_beyond_four_gigabytes_and_what_lies_behind_it():
    size = (4 << 30) + 12345
    block = bytes(1 << 20)
    crc, step, block_crc = 0, len(block), zlib.crc32(block)
    for _ in range(size // step):
        crc = zips.combined_crc(crc, block_crc, step)
    rest = size % step
    crc = zips.combined_crc(crc, zlib.crc32(bytes(rest)), rest)

    def zeros(number: int, start: int) -> Iterator[bytes]:
        if number == 1:
            yield b"behind"[start:]
            return
        left = size - start
        while left > 0:
            yield block[:left] if left < len(block) else block
            left -= len(block)

    plan = Plan([Member("slide.dcm", size, crc), Member("note.txt", 6, zlib.crc32(b"behind"))])
    with zipfile.ZipFile(Sparse(plan, zeros)) as archive:
        slide, note = archive.infolist()
        assert (slide.file_size, note.header_offset > 4 << 30) == (size, True)
        assert archive.read("note.txt") == b"behind"
        with archive.open(slide) as source:
            assert source.read(10) == bytes(10)


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_a_checksum_follows_its_parts(first, second):
    together = zlib.crc32(first + second)
    assert zips.combined_crc(zlib.crc32(first), zlib.crc32(second), len(second)) == together
    assert zips.crc_without_head(together, first, len(second)) == zlib.crc32(second)
