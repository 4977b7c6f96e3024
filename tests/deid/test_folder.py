"""Dora de-identifies a folder: all of it, in several processes, and each refusal is named."""

import json
import os
from pathlib import Path
from typing import Any

import pydicom
import pytest

from sharing.deid.facts import Facts
from sharing.deid.folder import Summary, deidentify_folder, patients
from sharing.deid.refusal import DeidError
from sharing.deid.table import Option
from tests.deid.making import HOSPITAL, NAME, NUMBER, ROOT, SECRET, SR, ct, profile, report, saved


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images and a report of Wilhelmina's, a letter that is none, and half a file."""
    source = tmp_path / "HOLTZAPFEL"
    source.mkdir()
    for number in range(3):
        image = ct(SOPInstanceUID=f"{ROOT}.1.1.{number}", InstanceNumber=number)
        saved(image, source / f"{number}.dcm")
    # Her name stands in the images alone; the report repeats it where no rule looks.
    written = report(PatientName="", PatientID="", InstitutionName=None)
    written.ContentDescription = f"for {NAME.replace('^', ', ')}"
    saved(written, source / "report.dcm")
    (source / "letter.txt").write_text(f"Dear {NAME}")
    half = saved(ct(SOPInstanceUID=f"{ROOT}.1.1.8"), source / "half.dcm")
    half.write_bytes(half.read_bytes()[:-8])
    return source


def run(source: Path, target: Path, *options: Option, **settings: Any) -> Summary:
    return deidentify_folder(
        source, target, profile=profile(*options), secret=SECRET, durable=False, **settings
    )


def copies(target: Path) -> list[Path]:
    return sorted(path for path in target.rglob("*") if path.is_file())


@pytest.mark.parametrize("workers", [1, 2])
def test_everything_is_written_or_named(workers: int, folder: Path, tmp_path: Path) -> None:
    summary = run(folder, tmp_path / "out", workers=workers)
    assert summary.written == 4
    assert sorted(one.path for one in summary.refused) == ["half.dcm", "letter.txt"]
    assert all(one.reason.endswith(".") for one in summary.refused)
    assert (summary.patients, summary.studies) == (1, 1)
    assert len(copies(tmp_path / "out")) == 4


def test_nothing_of_the_originals_is_in_the_names(folder: Path, tmp_path: Path) -> None:
    run(folder, tmp_path / "out")
    for path in copies(tmp_path / "out"):
        read = pydicom.dcmread(path)
        assert path.stem == read.SOPInstanceUID
        assert path.parent.name == read.SeriesInstanceUID
        assert "HOLTZAPFEL" not in str(path.relative_to(tmp_path / "out"))


def test_what_one_file_knows_is_looked_for_in_all(folder: Path, tmp_path: Path) -> None:
    run(folder, tmp_path / "out", keep_names=True)
    raw = (tmp_path / "out/report.dcm").read_bytes().lower()
    assert b"holtzapfel" not in raw
    assert HOSPITAL.lower().encode() not in raw


def test_an_object_that_does_not_say_whose_it_is_joins_its_study(
    folder: Path, tmp_path: Path
) -> None:
    run(folder, tmp_path / "out", Option.RETAIN_LONGITUDINAL_MODIFIED_DATES, keep_names=True)
    image, written = (pydicom.dcmread(tmp_path / "out" / one) for one in ("0.dcm", "report.dcm"))
    assert written.SOPClassUID == SR
    assert written.StudyDate == image.StudyDate


def test_the_ledger_lies_beside(folder: Path, tmp_path: Path) -> None:
    run(folder, tmp_path / "out", ledger=tmp_path / "ledger", keep_names=True)
    written = json.loads((tmp_path / "ledger/0.dcm.json").read_text())
    assert written["instance"] == pydicom.dcmread(tmp_path / "out/0.dcm").SOPInstanceUID
    assert {"path", "keyword", "action", "reason", "count"} == set(written["ledger"][0])
    assert NUMBER not in json.dumps(written)


def test_two_workers_write_what_one_writes(folder: Path, tmp_path: Path) -> None:
    import datetime

    created = datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC)
    for workers in (1, 2):
        run(folder, tmp_path / str(workers), workers=workers, created=created)
    one, two = (copies(tmp_path / name) for name in "12")
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_the_same_number_twice_is_written_twice(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    for number in range(2):
        saved(ct(InstanceNumber=number), source / f"{number}.dcm")
    summary = run(source, tmp_path / "out")
    assert len(copies(tmp_path / "out")) == 2
    assert len(set(summary.names.values())) == 2


def test_a_full_disk_leaves_no_half_file(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    target.chmod(0o500)
    if os.geteuid() == 0:
        target.rmdir()
        target.symlink_to("/proc/self/fdinfo")  # nobody, not even root, makes files there
    summary = run(folder, target)
    assert not summary.written
    assert len(summary.refused) == 6


def test_copies_never_go_among_the_originals(folder: Path) -> None:
    with pytest.raises(DeidError, match="two folders"):
        run(folder, folder / "out")


def test_two_patients_of_one_number_stay_two() -> None:
    facts = {
        "a": Facts(study="1", issuer="North", number="7"),
        "b": Facts(study="1", issuer="South", number="7"),
        "c": Facts(study="1", number="7"),
    }
    assert len(set(patients(facts).values())) == 3
    del facts["b"]
    assert len(set(patients(facts).values())) == 1


def test_those_without_a_number_are_nobodys() -> None:
    facts = {"a": Facts(study="1", instance="1"), "b": Facts(study="1", name="A^B", instance="2")}
    assert set(patients(facts)) == {"a", "b"}
