"""Which images are looked at, what is masked, and when a person has to look."""

import dataclasses
import io
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate

from sharing.deid import pixels
from sharing.deid.pixels import Facts, Settings, Why, children, reader, rules, triage
from sharing.deid.pixels.cleaning import _ranges
from sharing.deid.profile import PixelSettings
from tests.deid import painting as p

X, Y, WIDTH, HEIGHT = p.PLACE


def has_ink(values: np.ndarray, place: tuple[int, int, int, int] = p.PLACE) -> bool:
    """Whether letters of 250 are left there."""
    x, y, width, height = place
    return bool((values[y : y + height, x : x + width] > 240).any())


# --- who is looked at ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "at_risk"),
    [
        (Facts(modality="US", image_type=("ORIGINAL", "PRIMARY")), True),
        (Facts(modality="US", burned_in="NO"), True),
        (Facts(modality="XA"), True),
        (Facts(modality="MG"), True),
        (Facts(modality="OT", sop_class="1.2.840.10008.5.1.4.1.1.7.4"), True),
        (Facts(modality="CT", image_type=("ORIGINAL", "PRIMARY", "AXIAL")), False),
        (Facts(modality="CT", image_type=("DERIVED", "SECONDARY", "SCREEN SAVE")), True),
        (Facts(modality="CT", image_type=("ORIGINAL", "PRIMARY"), burned_in="YES"), True),
        (Facts(modality="CT", image_type=("DERIVED", "PRIMARY", "MPR")), False),
        (Facts(modality="CT", image_type=("DERIVED", "PRIMARY", "SOMETHING")), True),
        (Facts(modality="CT", image_type=("DERIVED", "PRIMARY"), burned_in="NO"), False),
        (Facts(modality="MR", conversion="WSD"), True),
        (Facts(modality="SM", image_type=("ORIGINAL", "PRIMARY", "VOLUME")), False),
        (Facts(modality="SM", image_type=("ORIGINAL", "PRIMARY", "LABEL")), True),
        (Facts(modality="SEG", sop_class="1.2.840.10008.5.1.4.1.1.66.4"), False),
        (Facts(modality="NEWER THAN THIS"), True),
    ],
    ids=lambda one: ("-".join(str(v) for v in dataclasses.astuple(one) if v and v != ())
                     if isinstance(one, Facts) else str(one)),
)  # fmt: skip
def test_who_is_looked_at_follows_from_the_header_and_has_a_reason(facts, at_risk):
    risk = triage(facts)
    assert risk.at_risk is at_risk
    assert risk.reason.endswith(".")


def test_every_rule_says_why():
    for name in ("risk.yaml", "devices.yaml"):
        for rule in rules._rules(name):
            assert rule["when"]
            assert rule["reason"].endswith(".")


def test_an_image_without_pixels_is_left_alone(tmp_path):
    made = p.image(p.gray())
    del made.Rows, made.Columns
    path = p.saved(tmp_path / "a", made, b"", p.EXPLICIT)
    del made["PixelData"]
    made.save_as(path)
    before = path.read_bytes()
    assert pixels.clean(path).reason == "There are no pixels."
    assert path.read_bytes() == before


# --- rectangles ------------------------------------------------------------------------------------


def region(left: int, top: int, right: int, bottom: int) -> Dataset:
    item = Dataset()
    item.RegionLocationMinX0, item.RegionLocationMinY0 = left, top
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = right, bottom
    return item


def test_outside_of_the_ultrasound_regions_nothing_is_left(tmp_path):
    values = p.gray(text="")
    made = p.image(values)
    made.SequenceOfUltrasoundRegions = [region(10, 20, 99, 79), region(120, 20, 249, 79)]
    path = p.native(tmp_path / "a", made, values)
    cleaned = pixels.clean(path)
    after = dcmread(path).pixel_array
    inside = np.zeros(values.shape, bool)
    inside[20:80, 10:100] = inside[20:80, 120:250] = True
    assert np.array_equal(after[inside], values[inside])
    assert (after[~inside] == values.min()).all()
    assert {box.why for box in cleaned.boxes} == {Why.REGION}
    assert cleaned.doubts == ()


def test_text_inside_of_a_region_goes_too_and_letters_that_its_edge_cuts_go_whole(tmp_path):
    values = p.gray()
    made = p.image(values)
    made.SequenceOfUltrasoundRegions = [region(0, 44, 255, 95)]  # through the middle of the line
    path = p.native(tmp_path / "a", made, values)
    pixels.clean(path)
    assert not has_ink(dcmread(path).pixel_array)


@pytest.mark.parametrize("corners", [(0, 0, 0, 0), (5, 5, 9, 9), (300, 300, 400, 400)])
def test_regions_of_no_size_say_nothing(corners):
    assert rules.outside((corners,), 96, 256) == []


def test_what_is_outside_of_overlapping_regions_is_covered_once_and_wholly():
    regions = ((10, 10, 60, 60), (40, 30, 90, 80), (10, 85, 20, 95))
    inside = np.zeros((100, 100), bool)
    for left, top, right, bottom in regions:
        inside[top : bottom + 1, left : right + 1] = True
    count = np.zeros((100, 100), int)
    for x, y, width, height in rules.outside(regions, 100, 100):
        count[y : y + height, x : x + width] += 1
    assert np.array_equal(count, ~inside)


def test_a_devices_rectangle_is_in_pixels_from_either_edge_or_in_parts(monkeypatch):
    rule = {"when": {"manufacturer": ["invented"], "rows": [96]}, "mask": [[0, 0, 0.5, 20],
            [-30, -10, 256, 96]], "reason": "It writes there."}  # fmt: skip
    monkeypatch.setattr(rules, "_rules", lambda name: (rule,))
    facts = Facts(manufacturer="Invented Ltd", rows=96, columns=256)
    assert [box[:4] for box in rules.device_boxes(facts)] == [(0, 0, 128, 20), (226, 86, 30, 10)]
    assert rules.device_boxes(dataclasses.replace(facts, rows=100)) == []


# --- clips -----------------------------------------------------------------------------------------


def test_a_line_that_one_frame_alone_shows_is_masked_in_all_of_them(tmp_path):
    frames = np.stack([p.gray("" if n != 7 else p.TEXT, number=n) for n in range(12)])
    path = p.native(tmp_path / "a", p.image(frames), frames)
    cleaned = pixels.clean(path)
    after = dcmread(path).pixel_array
    assert (cleaned.frames, cleaned.read, cleaned.changed) == (12, 12, 12)
    assert not any(has_ink(one) for one in after)
    assert all(box.first == 1 and box.last == 12 for box in cleaned.boxes)


def test_frames_with_the_same_bytes_are_read_once(tmp_path, monkeypatch):
    asked: list[np.ndarray] = []

    def counted(picture, **more):
        asked.append(picture)
        return find(picture, **more)

    find = reader.find
    monkeypatch.setattr(reader, "find", counted)
    frames = np.stack([p.gray("")] * 20)
    path = p.native(tmp_path / "a", p.image(frames), frames)
    assert pixels.clean(path).read == 20
    assert len(asked) == 1


def test_a_frame_that_cannot_be_decoded_holds_the_instance(tmp_path):
    frames = np.stack([p.gray(""), p.gray("", number=1)])
    made = p.image(frames)
    coded = [p.encoded(one, made, p.J2K) for one in frames]
    coded[1] = coded[1][:60] + os.urandom(40)
    path = p.saved(tmp_path / "a", made, encapsulate(coded), p.J2K, "OB")
    cleaned = pixels.clean(path)
    assert cleaned.read == 1
    assert cleaned.doubts[0].sentence.startswith("Frame 2 could not be read for text.")
    assert cleaned.risk == 0.9


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (Settings(largest=0.01), "too large"),
        (Settings(most_frames=1), "first 1 frames"),
        (Settings.of(PixelSettings(read=False)), "profile"),
    ],
    ids=["large", "many", "unwanted"],
)
def test_what_is_not_read_is_held(tmp_path, settings, words):
    frames = np.stack([p.gray(""), p.gray("", number=1)])
    path = p.native(tmp_path / "a", p.image(frames), frames)
    assert words in pixels.clean(path, settings=settings).doubts[0].sentence


def test_a_profile_has_more_looked_at_than_the_header_asks_for(tmp_path):
    values = p.gray()
    made = p.image(values, Modality="CT", SOPClassUID="1.2.840.10008.5.1.4.1.1.2")
    path = p.native(tmp_path / "a", made, values)
    assert pixels.clean(path).read == 0
    wished = Settings.of(PixelSettings(modalities=("CT",), margin=9))
    cleaned = pixels.clean(path, settings=wished)
    assert cleaned.changed == 1
    assert not has_ink(dcmread(path).pixel_array)


def test_a_film_is_held(tmp_path):
    made = p.image(np.stack([p.gray("")] * 2))
    path = p.saved(tmp_path / "a", made, encapsulate([b"film"]), "1.2.840.10008.1.2.4.102", "OB")
    assert "film" in pixels.clean(path).doubts[0].sentence


# --- words -----------------------------------------------------------------------------------------


class Known:
    """Who knows one word of a patient, however it is read."""

    def __init__(self, word: str) -> None:
        self.word = word

    def find(self, text: str) -> list[object]:
        return [text] if self.word in text.upper() else []


def test_words_of_the_patient_are_masked_and_the_mask_says_so_without_them(tmp_path):
    values = p.gray()
    path = p.native(tmp_path / "a", p.image(values), values)
    cleaned = pixels.clean(path, words=Known("JANE"))
    assert cleaned.boxes[0].reason == "Words of the patient are written there."
    assert "JANE" not in str(cleaned.to_json()) + repr(cleaned)
    assert cleaned.doubts == ()


def test_a_word_that_the_profile_keeps_stays(tmp_path):
    values = p.gray("LEFT")
    path = p.native(tmp_path / "a", p.image(values), values)
    assert pixels.clean(path, settings=Settings(keep=("LEFT",))).changed == 0
    assert pixels.clean(path).changed == 1


def test_text_that_a_mask_did_not_take_away_holds_the_instance(tmp_path, monkeypatch):
    values = p.gray()
    made = p.image(values)
    path = p.compressed(tmp_path / "a", made, values, p.J2K)
    monkeypatch.setattr(children, "redrawn_safely", lambda raw, *rest: raw)
    cleaned = pixels.clean(path, words=Known("JANE"))
    assert cleaned.risk == 1.0
    assert "Words of the patient can still be read" in cleaned.doubts[0].sentence


# --- what stays ------------------------------------------------------------------------------------


def test_a_clean_image_stays_the_same_file(tmp_path):
    values = p.gray("")
    path = p.native(tmp_path / "a", p.image(values), values)
    before = path.read_bytes(), path.stat().st_ino
    cleaned = pixels.clean(path)
    assert (path.read_bytes(), path.stat().st_ino) == before
    assert (cleaned.risk, cleaned.boxes, cleaned.previews) == (0.0, (), ())


def test_a_failure_leaves_the_file_as_it_was_and_nothing_beside_it(tmp_path, monkeypatch):
    values = p.gray()
    path = p.native(tmp_path / "a", p.image(values), values)
    before = path.read_bytes()
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(OSError, match="full"):
        pixels.clean(path)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["a"]


def test_a_reviewer_sees_before_and_after_and_what_is_kept_of_it_comes_back(tmp_path):
    values = p.gray()
    path = p.native(tmp_path / "a", p.image(values), values)
    cleaned = pixels.clean(path)
    (preview,) = cleaned.previews
    before, after = (
        np.asarray(Image.open(io.BytesIO(one))) for one in (preview.before, preview.after)
    )
    assert has_ink(before)
    assert not has_ink(after)
    assert pixels.Cleaned.from_json(cleaned.to_json()) == cleaned


@pytest.mark.parametrize("syntax", p.NATIVE, ids=["implicit", "explicit", "deflated", "big"])
def test_a_reviewer_masks_more(tmp_path, syntax):
    values = p.gray("")
    path = p.native(tmp_path / "a", p.image(values), values, syntax)
    box = pixels.Box(5, 6, 40, 20, 1, 1, Why.PERSON, "A reviewer drew it.")
    assert pixels.mask(path, (box,)).changed == 1
    after = dcmread(path).pixel_array
    assert len(set(after[6:26, 5:45].ravel().tolist())) == 1
    after = after.copy()
    after[6:26, 5:45] = values[6:26, 5:45]
    assert np.array_equal(after, values)


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ([3], "3"),
        ([1, 2, 3, 5], "1–3 and 5"),
        (list(range(1, 40, 2)), "1, 3, 5, 7, 9, 11 and others"),
    ],
    ids=["one", "runs", "many"],
)
def test_frames_are_named_in_words(numbers, words):
    assert _ranges(numbers) == words


@pytest.mark.skipif(not Path("/usr/bin/dciodvfy").exists(), reason="dicom3tools is missing")
@pytest.mark.parametrize(
    "syntax", [p.EXPLICIT, p.JPEG, p.J2K], ids=lambda one: one[14:] or "native"
)
def test_a_validator_finds_nothing_new(tmp_path, syntax):
    values = p.gray()
    made = p.image(values)
    where = tmp_path / "a"
    path = (p.native if syntax == p.EXPLICIT else p.compressed)(where, made, values, syntax)
    before = errors(path)
    assert pixels.clean(path).changed == 1
    assert errors(path) <= before


def errors(path: Path) -> set[str]:
    told = subprocess.run(["dciodvfy", path], capture_output=True, check=False)
    lines = (told.stdout + told.stderr).decode("latin_1").splitlines()
    return {line for line in lines if line.startswith("Error")}


# --- the child -------------------------------------------------------------------------------------


def test_a_reader_that_takes_too_long_is_killed_and_the_next_picture_is_read():
    reader.warm()
    first = reader._holder.child
    assert first is not None
    with pytest.raises(reader.UnreadError):
        reader.find(np.zeros((3000, 3000), np.uint8) + p.gray("")[0, 0], seconds=0.001)
    assert first.process.returncode is not None
    found = reader.find(p.gray())
    assert any(piece.counts for piece in found)
    assert reader._holder.child is not first


def test_a_reader_that_has_grown_is_replaced():
    reader.warm()
    first = reader._holder.child
    assert first is not None
    first.resident = reader.GROWN
    reader.find(p.gray(""))
    assert reader._holder.child is not first


def test_a_reader_knows_no_secret_and_writes_nothing(monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "must not be seen")
    reader.stop()
    reader.warm()
    assert reader._holder.child is not None
    seen = Path(f"/proc/{reader._holder.child.process.pid}/environ").read_bytes()
    assert b"must not be seen" not in seen
    assert b"OMP_NUM_THREADS=1" in seen


def test_what_was_read_is_in_no_representation():
    (piece, *_) = [one for one in reader.find(p.gray()) if one.counts]
    assert "JANE" in piece.text.upper()
    assert "JANE" not in repr(piece).upper()


def test_the_bar_of_a_known_machine_is_masked_even_if_nothing_can_be_read_in_it(tmp_path):
    values = np.full((600, 800), 30, np.uint8)
    values[10:50, 100:700:3] = 250  # no letters
    made = p.image(values, Manufacturer="Philips Medical Systems", ManufacturerModelName="CX50")
    path = p.native(tmp_path / "a", made, values)
    facts = pixels.facts(path)
    del made.Manufacturer, made.ManufacturerModelName  # as de-identification may
    path = p.native(tmp_path / "a", made, values)
    cleaned = pixels.clean(path, original=facts)
    assert [box.why for box in cleaned.boxes] == [Why.DEVICE]
    assert not has_ink(dcmread(path).pixel_array, (0, 0, 800, 60))


def test_an_image_that_does_not_say_which_study_it_belongs_to_is_cleaned_as_well(tmp_path):
    values = p.gray()
    made = p.image(values)
    del made.StudyInstanceUID, made.SeriesInstanceUID
    path = p.native(tmp_path / "a", made, values)
    assert pixels.clean(path).changed == 1
    assert not has_ink(dcmread(path).pixel_array)
