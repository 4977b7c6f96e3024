"""Dora trusts no de-identifier: what it made is held against the originals by somebody else."""

import json
import subprocess
import sys
import warnings
from collections import Counter, defaultdict
from pathlib import Path

import pydicom
import pytest

from sharing.deid import verify
from tests.deid.breaking import BASIC, BREAKS, DATED, RESEARCH, Break, BreakBytes
from tests.deid.phi import PEOPLE, Truth, make, score
from tests.deid.plain import deidentify

PEOPLE_HERE = PEOPLE[:2]
PERSON = PEOPLE[0].key
ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def _names() -> list[str]:
    return [
        word
        for p in PEOPLE_HERE
        for word in (p.family, p.given, p.patient_id, p.referring.split("^")[0], p.phone, p.birth, p.street)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth]:
    folder = tmp_path_factory.mktemp("originals")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return folder, make(folder, people=PEOPLE_HERE)


@pytest.fixture(scope="module")
def outputs(
    originals: tuple[Path, Truth], tmp_path_factory: pytest.TempPathFactory
) -> dict[frozenset[str], Path]:
    """Correct outputs of every original, under three sets of options."""
    made = {}
    for options in (BASIC, RESEARCH, DATED):
        folder = made[options] = tmp_path_factory.mktemp("outputs")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for source in originals[0].rglob("*.dcm"):
                target = folder / source.relative_to(originals[0])
                deidentify(source, target, options=options, names=_names())
    return made


def _told(report: verify.Report) -> list[str]:
    return [one.sentence for one in report.violations]


@pytest.mark.parametrize(
    "options", [BASIC, RESEARCH, DATED], ids=["basic", "research", "dates and UIDs"]
)
def test_what_was_made_by_the_rules_holds(
    originals: tuple[Path, Truth], outputs: dict[frozenset[str], Path], options: frozenset[str]
) -> None:
    report = verify.compare(originals[0], outputs[options], options=options, workers=2)
    assert _told(report) == []
    assert report.ok
    assert report.pairs == report.originals > 20
    assert report.share_kept > 0.98


def test_nothing_planted_is_left_in_it(
    originals: tuple[Path, Truth], outputs: dict[frozenset[str], Path]
) -> None:
    for name, one in score(originals[1], outputs[BASIC]).items():
        assert one.recall == one.precision == 1, (name, one.wrong)


@pytest.fixture(scope="module")
def broken(
    originals: tuple[Path, Truth],
    outputs: dict[frozenset[str], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Counter[str]]:
    """For each way to break an output: what the verifier said of it."""
    found = {}
    for options, folder in outputs.items():
        place = tmp_path_factory.mktemp("broken")
        mine = [one for one in BREAKS if one.options == options]
        for one in mine:
            _break(one, originals[0], folder, place)
        report = verify.compare(place / "old", place / "new", options=options, workers=2)
        said: dict[str, Counter[str]] = defaultdict(Counter)
        for violation in report.violations:
            said[Path(violation.file).parts[0]][violation.category] += 1
        found.update({one.name: said[one.name] for one in mine})
    return found


def _break(one: Break | BreakBytes, originals: Path, outputs: Path, place: Path) -> None:
    """One broken output beside its original, and another object of the same patient that is right."""
    for file in (one.file, "cr"):
        for root, kind in ((originals, "old"), (outputs, "new")):
            target = place / kind / one.name / f"{file}.dcm"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((root / PERSON / f"{file}.dcm").read_bytes())
    old = pydicom.dcmread(place / "old" / one.name / f"{one.file}.dcm")
    target = place / "new" / one.name / f"{one.file}.dcm"
    if isinstance(one, BreakBytes):
        target.write_bytes(one.change(target.read_bytes(), old))
        return
    new = pydicom.dcmread(target)
    one.change(new, old)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        new.save_as(target, enforce_file_format=True)


@pytest.mark.parametrize("one", BREAKS, ids=lambda one: one.name)
def test_each_broken_rule_is_named(
    one: Break | BreakBytes, broken: dict[str, Counter[str]]
) -> None:
    assert broken[one.name][one.category], dict(broken[one.name])


def test_every_way_to_break_has_its_own_name() -> None:
    names = Counter(one.name for one in BREAKS)
    assert max(names.values()) == 1
    assert len(names) >= 60


# --- what nobody touched --------------------------------------------------------------------------


def test_what_nobody_touched_breaks_every_kind_of_rule(originals: tuple[Path, Truth]) -> None:
    report = verify.compare(originals[0], originals[0], workers=2)
    assert {
        "removed_present", "unchanged", "uid_unchanged", "uid_leak", "private_retained", "identity",
        "identity_bytes", "document_kept", "graphics_kept", "icon_kept", "meta_kept", "preamble_kept",
        "no_identity_removed", "no_method", "method_codes", "no_longitudinal_flag",
    } <= set(report.counts())  # fmt: skip
    assert {one.file for one in report.violations} == {
        str(path.relative_to(originals[0])) for path in originals[0].rglob("*.dcm")
    }


def test_what_nobody_touched_keeps_all_that_was_planted(originals: tuple[Path, Truth]) -> None:
    scores = score(originals[1], originals[0], options={"clean_pixel_data"})
    assert {name: one.gone for name, one in scores.items() if one.gone} == {}
    assert len([one for one in scores.values() if one.planted]) > 20


def test_violations_never_quote_a_patient_unless_asked(originals: tuple[Path, Truth]) -> None:
    report = verify.compare(originals[0], originals[0])
    told = json.dumps(report.as_json(), ensure_ascii=False)
    words = [one.family for one in PEOPLE_HERE] + [one.phone for one in PEOPLE_HERE]
    assert not [word for word in words if word in told]
    asked = verify.compare(originals[0], originals[0], show_values=True)
    assert PEOPLE_HERE[0].family in json.dumps(asked.as_json(), ensure_ascii=False)


def test_an_output_that_is_missing_is_told(originals: tuple[Path, Truth], tmp_path: Path) -> None:
    report = verify.compare(originals[0], tmp_path)
    assert set(report.counts()) == {"missing"}
    assert not report.ok
    assert not verify.compare(originals[0], tmp_path, may_miss=True).violations


# --- outputs alone --------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [BASIC, DATED], ids=["basic", "dates and UIDs"])
def test_an_output_is_judged_without_its_original(
    outputs: dict[frozenset[str], Path], options: frozenset[str]
) -> None:
    assert [one.sentence for one in verify.outputs(outputs[options], options=options)] == []


def test_an_original_is_no_output(originals: tuple[Path, Truth]) -> None:
    told = verify.outputs(originals[0], identities=[PEOPLE_HERE[0].name])
    counts = Counter(one.category for one in told)
    assert counts["not_a_stand_in"] > 50
    assert counts["removed_present"] > 50
    assert {"preamble_kept", "meta_kept", "private_retained", "identity"} <= set(counts)


# --- hostile files --------------------------------------------------------------------------------


def _nested_too_deep() -> bytes:
    inner = b""
    for _ in range(3000):
        inner = b"\x08\x00\x40\x11\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" + inner
    return bytes(128) + b"DICM" + inner


def _inflates() -> bytes:
    import zlib

    meta = pydicom.filebase.DicomBytesIO()
    header = pydicom.dataset.FileMetaDataset()
    header.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    header.MediaStorageSOPClassUID = pydicom.uid.CTImageStorage
    header.MediaStorageSOPInstanceUID = pydicom.uid.UID("2.25.1")
    pydicom.filewriter.write_file_meta_info(meta, header, enforce_standard=True)
    machine = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = machine.compress(b"\x08\x00\x18\x00UI\x04\x002.25") + machine.compress(bytes(1 << 30))
    return bytes(128) + b"DICM" + meta.getvalue() + body + machine.flush()


@pytest.mark.parametrize(
    "make_it", [_nested_too_deep, _inflates, lambda: b"", lambda: b"\0" * 5000], ids=["deep", "bomb", "empty", "zeros"]
)  # fmt: skip
def test_a_hostile_file_is_told_and_stops_nobody(
    make_it: "type[bytes]", outputs: dict[frozenset[str], Path], tmp_path: Path
) -> None:
    (tmp_path / "a.dcm").write_bytes(make_it())
    (tmp_path / "b.dcm").write_bytes((outputs[BASIC] / PERSON / "cr.dcm").read_bytes())
    told = verify.outputs(tmp_path, seconds=8)
    assert {(one.file, one.category) for one in told} == {("a.dcm", "unreadable")}


# --- from a shell ---------------------------------------------------------------------------------


def _shell(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sharing.deid.verify", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_shell_says_how_it_ended(
    originals: tuple[Path, Truth], outputs: dict[frozenset[str], Path], tmp_path: Path
) -> None:
    file = f"{PERSON}/cr.dcm"
    right = _shell(originals[0] / file, outputs[BASIC] / file)
    assert (right.returncode, right.stderr) == (0, "")
    assert right.stdout.endswith("0 violations.\n")
    wrong = _shell(originals[0] / file, originals[0] / file, "--json")
    assert wrong.returncode == 1
    assert json.loads(wrong.stdout)["counts"]["preamble_kept"] == 1
    for words in (
        (originals[0], tmp_path / "none"),
        (tmp_path, tmp_path),
        (originals[0] / file, outputs[BASIC] / file, "--options", "keep_all"),
    ):
        ended = _shell(*words)
        assert ended.returncode == 2
        assert ended.stderr.endswith(".\n")
