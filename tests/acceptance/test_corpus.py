"""Ada passes on everything that other people's machines ever wrote, and nothing is lost unsaid."""

import json
import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
MEGABYTE = 2**20

pytestmark = pytest.mark.corpus


# Started from a small process: what a child of ours takes counts from what we take ourselves.
MEASURING = """
import pathlib, resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
pathlib.Path(sys.argv[1]).write_text(str(peak))
sys.exit(code)
"""


@dataclass(frozen=True)
class Told:
    """What the command said, and what it took."""

    receipt: dict[str, Any]
    peak: int
    errors: str


@pytest.fixture(scope="module")
def told(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """The whole corpus, shared from a shell on an empty machine."""
    place = tmp_path_factory.mktemp("corpus")
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
    environment |= {
        "VAR_DIR": str(place / "var"),
        "DATABASE_URL": f"sqlite:///{place}/corpus.sqlite3",
    }
    command = [sys.executable, "manage.py", "share", str(shared / "corpus"), "--json"]
    out, errors, peak = place / "receipt.json", place / "errors.txt", place / "peak.txt"
    measured = [sys.executable, "-c", MEASURING, str(peak), *command]
    with out.open("wb") as first, errors.open("wb") as second:
        done = subprocess.run(
            measured, cwd=ROOT, env=environment, stdout=first, stderr=second, check=False
        )
    said = errors.read_text(errors="replace")
    assert done.returncode == 0, said[-2000:]
    return Told(json.loads(out.read_text()), int(peak.read_text()) * 1024, said)


def _sent(folder: Path) -> int:
    """How many files there are to take in: each one, and for a ZIP what is in it."""
    count = 0
    for path in folder.rglob("*"):
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                count += sum(not one.is_dir() for one in archive.infolist())
        else:
            count += path.is_file()
    return count


def test_every_file_is_stored_known_in_conflict_or_refused(told: Told, shared: Path) -> None:
    said = told.receipt
    counted = said["stored"] + said["duplicates"] + said["conflicts"] + len(said["rejected"])
    assert counted == _sent(shared / "corpus")


def test_most_of_what_machines_wrote_is_taken(told: Told) -> None:
    assert told.receipt["stored"] > 700
    assert told.receipt["link"]
    assert told.receipt["passcode"]


def test_each_refusal_is_a_sentence(told: Told) -> None:
    for one in told.receipt["rejected"]:
        assert one["path"]
        assert one["reason"].endswith("."), one
        assert " " in one["reason"], one


def test_nothing_in_it_takes_half_a_gigabyte(told: Told) -> None:
    assert told.peak < 512 * MEGABYTE


def test_nothing_breaks_on_the_way(told: Told) -> None:
    assert "Traceback" not in told.errors
