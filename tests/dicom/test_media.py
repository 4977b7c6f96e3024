"""A disc that Handover writes opens in other people's software."""

import contextlib
import io
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom.fileset import FileSet

from sharing.dicom import media
from sharing.dicom.media import Entry
from sharing.dicom.scan import scan
from sharing.dicom.synthetic import Person
from tests import samples

PEOPLE = (
    (samples.PAT, "20261102"),
    (samples.NOOR, "20261104"),
    (samples.HIRO, "20261103"),
)


def entry_of(file: bytes) -> Entry:
    header = scan(io.BytesIO(file), size=len(file))
    dataset = pydicom.dcmread(io.BytesIO(file), stop_before_pixels=True)
    return Entry.of(header, json.loads(dataset.to_json(suppress_invalid_tags=True)))


@pytest.fixture(scope="module")
def disc(tmp_path_factory) -> tuple[Path, list[bytes]]:
    """Three patients' studies, written as a download would be unpacked."""
    files = [
        file
        for number, (person, date) in enumerate(PEOPLE, 1)
        for file in samples.mixed_study(samples.study(number, person, date=date))
    ]
    root = tmp_path_factory.mktemp("disc")
    described = [entry_of(file) for file in files]
    ids = media.file_ids(described)
    for file_id, file in zip(ids, files, strict=True):
        place = root / file_id
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file)
    (root / "DICOMDIR").write_bytes(media.dicomdir(described, ids))
    return root, files


@contextlib.contextmanager
def file_set(directory: Path) -> Iterator[FileSet]:
    """pydicom's view of a disc; its scratch folder is cleaned up here, for it would only warn."""
    found = FileSet(directory)
    try:
        yield found
    finally:
        found._stage["t"].cleanup()


def peer(program: str) -> str:
    if shutil.which(program) is None:
        pytest.skip(f"peer missing: {program} (apt install dcmtk dicom3tools)")
    return program


def test_every_file_has_a_path_that_any_disc_can_carry(disc):
    root, files = disc
    found = [path.relative_to(root) for path in root.rglob("*") if path.is_file()]
    assert len(found) == len(files) + 1
    for path in found:
        assert len(path.parts) <= 8
        assert all(len(part) <= 8 and part.isalnum() and part.isupper() for part in path.parts)


def test_pydicom_finds_every_patient_study_series_and_file(disc):
    root, files = disc
    stored = {pydicom.dcmread(io.BytesIO(file)).SOPInstanceUID for file in files}
    with file_set(root / "DICOMDIR") as found:
        assert len(found) == len(files) == len(stored)
        assert {str(name) for name in found.find_values("PatientName")} == {
            person.name for person, _ in PEOPLE
        }
        for instance in found:
            assert instance.load().SOPInstanceUID == instance.SOPInstanceUID
        assert {instance.SOPInstanceUID for instance in found} == stored


def test_records_say_what_kind_of_thing_lies_there(disc):
    records = pydicom.dcmread(disc[0] / "DICOMDIR").DirectoryRecordSequence
    kinds = [record.DirectoryRecordType for record in records]
    assert kinds.count("PATIENT") == kinds.count("STUDY") == kinds.count("SR DOCUMENT") == 3
    assert kinds.count("ENCAP DOC") == 3
    assert kinds.count("IMAGE") == 3 * 5
    report = next(record for record in records if record.DirectoryRecordType == "SR DOCUMENT")
    assert report.CompletionFlag == "COMPLETE"
    assert report.ConceptNameCodeSequence[0].CodeValue == "18748-4"


def test_dcmtk_reads_the_directory_and_the_names_in_it(disc):
    done = subprocess.run(
        [peer("dcmdump"), "+U8", str(disc[0] / "DICOMDIR")], capture_output=True, check=False
    )
    text = done.stdout.decode()
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    assert "Tanaka^Hiro=田中^博" in text
    assert text.count("DirectoryRecordType") == text.count("OffsetOfTheNextDirectoryRecord")


def test_dcmtk_goes_on_writing_where_we_stopped(disc, tmp_path):
    """dcmmkdir appends only to a directory whose structure it understands."""
    program = peer("dcmmkdir")
    copy = tmp_path / "disc"
    shutil.copytree(disc[0], copy)
    (copy / "DICOM" / "EXTRA").write_bytes(samples.ct_series(samples.study(9))[0])
    done = subprocess.run(
        [program, "+A", "+D", "DICOMDIR", "DICOM/EXTRA"],
        cwd=copy, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with file_set(copy / "DICOMDIR") as found:
        assert len(found) == len(disc[1]) + 1


def test_dicom3tools_finds_no_error_in_the_directory(disc):
    done = subprocess.run(
        [peer("dciodvfy"), str(disc[0] / "DICOMDIR")], capture_output=True, text=True, check=False
    )
    assert "Error" not in done.stderr, done.stderr


def test_the_same_disc_is_the_same_bytes_whatever_the_order(disc):
    described = [entry_of(file) for file in disc[1]]
    ids = media.file_ids(described)
    there = media.dicomdir(described, ids)
    back = media.dicomdir(described[::-1], ids[::-1])
    assert media.file_ids(described[::-1]) == ids[::-1]
    assert there == back


def test_two_patients_without_an_id_stay_two_patients():
    one = entry_of(samples.ct_series(samples.study(1, Person("Berg^Uma", "", "19700101", "F")))[0])
    two = entry_of(samples.ct_series(samples.study(2, Person("Berg^Udo", "", "19700101", "M")))[0])
    found = pydicom.dcmread(io.BytesIO(media.dicomdir([one, two], media.file_ids([one, two]))))
    kinds = [record.DirectoryRecordType for record in found.DirectoryRecordSequence]
    assert kinds.count("PATIENT") == 2


def test_an_empty_disc_has_a_readable_directory():
    found = pydicom.dcmread(io.BytesIO(media.dicomdir([], [])))
    assert len(found.DirectoryRecordSequence) == 0


def test_a_bare_data_set_becomes_a_file_that_others_open(tmp_path):
    file = samples.ct_series()[0]
    bare = samples.without_meta(file)
    header = scan(io.BytesIO(bare), size=len(bare))
    assert not header.has_meta
    head = media.part10_head(
        sop_class_uid=header.sop_class_uid,
        sop_instance_uid=header.sop_instance_uid,
        transfer_syntax=header.transfer_syntax,
    )
    whole = head + bare[header.dataset_offset :]
    assert pydicom.dcmread(io.BytesIO(whole)) == pydicom.dcmread(io.BytesIO(file))
    (tmp_path / "image.dcm").write_bytes(whole)
    done = subprocess.run(
        [peer("dcmdump"), "-q", str(tmp_path / "image.dcm")], capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
