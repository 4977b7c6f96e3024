"""The browser writes what the server's engine writes, byte for byte, or leaves the file alone."""

import datetime
import io
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
)

from sharing.deid import browser
from sharing.deid.engine import Engine
from sharing.deid.keys import Keys
from sharing.deid.profile import BUNDLED, Profile
from sharing.deid.refusal import DeidError
from sharing.deid.table import Option
from sharing.deid.verify import outputs
from sharing.dicom import synthetic
from tests.deid.planting import planted

SECRET = bytes(range(32))
SCRIPT = Path(__file__).parents[1] / "js" / "deid_folder.js"
UPLOAD = BUNDLED[browser.PROFILE]
MADE = datetime.datetime(2026, 11, 22, 10, 11, 12, tzinfo=datetime.UTC)

pytestmark = pytest.mark.skipif(not shutil.which("node"), reason="there is no Node here")


def in_browser(folder: Path, files: dict[str, bytes], profile: Profile = UPLOAD) -> dict[str, dict]:
    """What became of files: in `folder/out` what was written; a word for each that was refused."""
    source, target = folder / "in", folder / "out"
    source.mkdir()
    target.mkdir()
    for name, data in files.items():
        (source / name).write_bytes(data)
    rules = folder / "rules.json"
    rules.write_text(json.dumps(browser.compiled(profile)))
    answer = subprocess.run(
        ["node", str(SCRIPT), str(rules), SECRET.hex(), str(source), str(target)],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def on_server(folder: Path, name: str, profile: Profile = UPLOAD) -> bytes:
    engine = Engine(profile, Keys(SECRET), created=MADE, durable=False)
    engine.deidentify(folder / "in" / name, folder / f"server-{name}")
    return (folder / f"server-{name}").read_bytes()


def big_endian(data: bytes) -> bytes:
    """Says that it is: nobody reads on."""
    return data.replace(ExplicitVRLittleEndian.encode(), ExplicitVRBigEndian.encode(), 1)


def slices() -> dict[str, bytes]:
    """Two slices of a CT, two of an MR and a radiograph that says it has no text burned in."""
    ct = synthetic.ct_chest(synthetic.CHEST_CT, slices=2, size=16)
    mr = synthetic.mr_head(synthetic.HEAD_MR, slices=2, size=16)
    cr = synthetic.cr_chest(synthetic.CHEST_CR, rows=16, columns=16)
    return {f"{n}.dcm": data for n, data in enumerate([*ct, *mr, cr])}


def rich(syntax: str = "", **changes: object) -> bytes:
    """A slice with a bit of everything: nested, private, coded, undefined lengths, other dates."""
    dataset = planted()
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    return written(dataset, syntax)


def written(dataset: Dataset, syntax: str = "") -> bytes:
    target = io.BytesIO()
    if syntax:
        dataset.file_meta.TransferSyntaxUID = UID(syntax)
    dataset.save_as(
        target, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=True,
        enforce_file_format=True,
    )  # fmt: skip
    return target.getvalue()


def test_it_writes_the_very_bytes_that_the_server_does(tmp_path):
    files = slices()
    told = in_browser(tmp_path, files)
    for name in files:
        assert "refused" not in told[name], told
        assert (tmp_path / "out" / name).read_bytes() == on_server(tmp_path, name), name


@pytest.mark.parametrize("name", ["explicit", "implicit"])
def test_so_it_does_with_everything_planted(tmp_path, name):
    told = in_browser(tmp_path, {name: rich(ImplicitVRLittleEndian if name == "implicit" else "")})
    assert "refused" not in told[name], told
    ours, theirs = (tmp_path / "out" / name).read_bytes(), on_server(tmp_path, name)
    assert compared(ours, theirs) == []
    assert ours == theirs


@pytest.mark.parametrize(
    "options", [(), (Option.RETAIN_UIDS,), (Option.RETAIN_DEVICE_IDENTITY,)], ids=str
)
def test_so_it_does_by_other_profiles(tmp_path, options):
    profile = replace(BUNDLED["basic"], reasons=dict.fromkeys(options, "For a test."))
    in_browser(tmp_path, {"one": rich()}, profile)
    ours, theirs = (tmp_path / "out" / "one").read_bytes(), on_server(tmp_path, "one", profile)
    assert compared(ours, theirs) == []
    assert ours == theirs


@pytest.mark.parametrize(
    "words", ["Report of Pat Winter", "PWINTER_2", "born 14.3.1967", "gen 10023", "冬パット"]
)
def test_a_text_that_tells_something_goes_as_a_whole(tmp_path, words):
    """The server would take out the words alone; here nothing else of such a text is risked."""
    told = in_browser(
        tmp_path, {"one": rich(SpecificCharacterSet="ISO_IR 192", DocumentTitle=words)}
    )
    assert "refused" not in told["one"], told
    assert dcmread(tmp_path / "out" / "one").DocumentTitle == "REMOVED"


def test_the_verifier_finds_nothing_to_say(tmp_path):
    in_browser(tmp_path, slices() | {"rich": rich()})
    told = outputs(
        tmp_path / "out", options=[option.value for option in UPLOAD.options],
        identities=["Winter^Pat", "Álvarez^Noor", "Tanaka^Hiro=田中^博"],
    )  # fmt: skip
    assert told == []


def test_uids_stay_joined_over_files(tmp_path):
    told = in_browser(tmp_path, slices())
    assert told["0.dcm"]["series"] == told["1.dcm"]["series"]
    assert told["0.dcm"]["instance"] != told["1.dcm"]["instance"]
    assert told["0.dcm"]["study"] == Keys(SECRET).uid(synthetic.CHEST_CT.uid)
    found = dcmread(tmp_path / "out" / "0.dcm")
    assert found.StudyInstanceUID == told["0.dcm"]["study"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (rich(DeflatedExplicitVRLittleEndian), "It is compressed as a whole."),
        (big_endian(rich()), "It is written in big endian order."),
        (rich(SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11"), "no image of the kinds"),
        (rich(SOPClassUID="1.2.840.10008.5.1.4.1.1.104.1"), "no image of the kinds"),
        (rich(SOPClassUID="1.2.840.10008.5.1.4.1.1.7", BurnedInAnnotation=""), "often have a name burned in"),
        (rich(Modality="US", BurnedInAnnotation=""), "often have a name burned in"),
        (rich(BurnedInAnnotation="YES"), "Text is burned into the picture."),
        (rich(ImageType=["DERIVED", "SECONDARY", "SCREEN SAVE"]), "Text is burned into the picture."),
        (b"plainly no DICOM" * 20, "It does not begin as DICOM files do."),
        (rich()[:705], "damaged or unusual"),
    ],
    ids=["deflated", "big", "sr", "pdf", "sc", "us", "burned", "screen", "text", "cut"],
)  # fmt: skip
def test_what_it_cannot_do_is_refused_in_words(tmp_path, data, said):
    told = in_browser(tmp_path, {"one": data})
    assert said in told["one"]["refused"]
    assert list((tmp_path / "out").iterdir()) == []


def test_a_profile_that_reads_words_is_not_for_browsers():
    with pytest.raises(DeidError, match="Clean Descriptors"):
        browser.compiled(BUNDLED["research"])


def compared(ours: bytes, theirs: bytes) -> list[str]:
    """Where two outputs differ, for a test that fails."""
    return list(_compared(dcmread(io.BytesIO(ours)), dcmread(io.BytesIO(theirs)), ""))


def _compared(ours: Dataset, theirs: Dataset, where: str) -> Iterator[str]:
    for tag in sorted({*ours.keys(), *theirs.keys()}):
        if tag not in ours or tag not in theirs:
            yield f"{where}{tag}: on one side alone"
            continue
        one, other = ours[tag], theirs[tag]
        if isinstance(one.value, Sequence) and len(one.value) == len(other.value):
            for number, pair in enumerate(zip(one.value, other.value, strict=True)):
                yield from _compared(*pair, f"{where}{tag}[{number}].")
        elif one != other:
            yield f"{where}{one} / {other}"


def test_compressed_pixels_stay_as_they_are(tmp_path):
    dataset = planted()
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    fragments = b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0\x08\0\0\0" + b"\xff\xd8" * 4
    target = io.BytesIO()
    del dataset.PixelData
    dataset.save_as(target, implicit_vr=False, little_endian=True, enforce_file_format=True)
    pixels = b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff" + fragments + b"\xfe\xff\xdd\xe0\0\0\0\0"
    in_browser(tmp_path, {"one": target.getvalue() + pixels})
    out = (tmp_path / "out" / "one").read_bytes()
    assert out.endswith(pixels)
    assert out == on_server(tmp_path, "one")
