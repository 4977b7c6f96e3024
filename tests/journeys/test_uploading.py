"""What happens on the way in: reloads, several patients, ZIPs."""

import dataclasses
import zipfile
from pathlib import Path

from playwright.sync_api import Page

from sharing.dicom import media
from sharing.dicom.synthetic import CHEST_CT, Study, ct_chest
from tests.dicom.test_media import entry_of
from tests.factories import image
from tests.journeys import people as do
from tests.journeys.conftest import written
from tests.journeys.line import Line
from tests.journeys.people import People, until
from tests.served import Served


def fresh(number: int, **changes: str) -> list[bytes]:
    """Images that no other journey sends."""
    return [image(number, 1, one, **changes) for one in range(1, 4)]


def test_after_a_reload_the_same_folder_sends_only_what_is_missing(
    home: Served, people: People, line: Line, tmp_path: Path
) -> None:
    folder = written(tmp_path / "disc", *ct_chest(_study("R1"), slices=24, size=384))
    total = sum(one.stat().st_size for one in folder.iterdir())
    ben = people.signed_in(home, "Ben", at=line.address)
    do.choose(ben, line.address, folder)
    line.cut_after(total * 2 // 3)
    do.send(ben)
    until(line.is_cut.is_set)
    line.mend()
    until(lambda: do.arrived(ben, line.address) >= 12)  # of the 16 that were on the line
    ben.goto(f"{line.address}/upload/")
    assert ben.get_by_text("has not been finished").is_visible()
    before = line.sent
    ben.locator("#pick-folder").set_input_files(folder)
    assert do.offered(ben) == "Upload 24 images"
    do.send(ben)
    receipt = do.receipt(ben)
    assert receipt["stored"] == 24, receipt
    assert not receipt["duplicates"], receipt  # nor what arrived while nobody could say so
    assert line.sent - before < total * 0.6


def _study(accession: str) -> Study:
    return dataclasses.replace(CHEST_CT, accession=accession)


def test_ben_is_warned_that_two_patients_are_in_what_he_dropped(
    home: Served, people: People, tmp_path: Path
) -> None:
    files = [*fresh(901, PatientName="Adler^Eva"), *fresh(902, PatientName="Busch^Karl")]
    ben = people.signed_in(home, "Ben")
    do.choose(ben, home.address, written(tmp_path / "disc", *files))
    assert ben.get_by_text("These images belong to 2 different patients.").is_visible()
    assert ben.locator("[data-part=send]").is_disabled()
    ben.locator(".tree-patient", has_text="Busch").get_by_role("checkbox").first.uncheck()
    assert do.offered(ben) == "Upload 3 images"
    do.send(ben)
    receipt = do.receipt(ben)
    assert [study["patient_name"] for study in receipt["studies"]] == ["Adler, Eva"]


def test_ben_is_told_which_files_of_the_disc_did_not_come_along(
    home: Served, people: People, tmp_path: Path
) -> None:
    disc = pressed(tmp_path, fresh(905))
    lost = sorted(disc.rglob("IM*"))[1]
    lost.unlink()
    ben = people.signed_in(home, "Ben")
    assert do.choose(ben, home.address, disc) == "Upload 2 images"
    said = ben.get_by_text("The disc's table of contents names 1 file that is not here.")
    assert said.is_visible()
    ben.get_by_text("Which files", exact=True).click()
    assert ben.get_by_text(str(lost.relative_to(tmp_path))).is_visible()
    do.choose(ben, home.address, pressed(tmp_path / "whole", fresh(905)))
    assert not said.is_visible()


def pressed(folder: Path, files: list[bytes]) -> Path:
    """A disc with these files and their table of contents."""
    entries = [entry_of(data) for data in files]
    ids = media.file_ids(entries)
    for place, data in zip(ids, files, strict=True):
        (folder / "disc" / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / "disc" / place).write_bytes(data)
    (folder / "disc" / "DICOMDIR").write_bytes(media.dicomdir(entries, ids))
    return folder / "disc"


def test_a_zip_that_is_dropped_on_the_page_is_opened_in_the_browser(
    home: Served, people: People, tmp_path: Path
) -> None:
    files = fresh(903)
    packed = tmp_path / "from-the-practice.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, data in enumerate(files):
            archive.writestr(f"DICOM/{number}", data)
        archive.writestr("autorun.inf", "[autorun]")
    ben = people.signed_in(home, "Ben")
    ben.goto(f"{home.address}/upload/")
    dropped(ben, packed)
    assert do.offered(ben) == "Upload 3 images"
    assert ben.get_by_text("Left out: 1 other file").count() == 1
    do.send(ben)
    receipt = do.receipt(ben)
    assert receipt["stored"] == 3, receipt


def test_a_folder_that_is_dropped_is_read_to_its_last_file(
    home: Served, people: People, tmp_path: Path
) -> None:
    files = [image(904, 1, number) for number in range(1, 121)]  # Chrome lists a hundred at a time
    written(tmp_path / "disc", *files)
    ben = people.signed_in(home, "Ben")
    ben.goto(f"{home.address}/upload/")
    dropped(ben, tmp_path / "disc")
    assert do.offered(ben) == "Upload 120 images"


def dropped(page: Page, path: Path) -> None:
    """Let a file or a folder fall onto the page, as from a window beside it."""
    mouse = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        mouse.send("Input.dispatchDragEvent", {"type": kind, "x": 600, "y": 400, "data": data})


def test_ben_removes_who_it_is_before_anything_leaves_his_computer(
    home: Served, people: People, tmp_path: Path
) -> None:
    named = {"PatientName": "Zimmermann^Quirin", "StudyDescription": "Chest of Zimmermann"}
    files = [*fresh(911, **named), image(911, 1, 4, BurnedInAnnotation="YES", **named)]
    ben = people.signed_in(home, "Ben")
    sent: list[bytes] = []
    ben.on("request", lambda request: sent.append(request.post_data_buffer or b""))
    do.choose(ben, home.address, written(tmp_path / "Zimmermann", *files))
    ben.get_by_label("Remove who it is before it leaves this computer").check()
    shown = ben.get_by_role("row", name="Name Zimmermann, Quirin")
    shown.wait_for()
    assert "P-" in shown.inner_text()
    do.send(ben)
    left = ben.get_by_text("1 file cannot be cleaned in the browser and will stay here.")
    left.wait_for()
    assert not any(b"images/" in body for body in sent)  # nothing goes before he has seen it
    do.send(ben)
    receipt = do.receipt(ben)
    assert (receipt["stored"], receipt["rejected"]) == (3, [])
    assert receipt["cleaned_by"]["name"] == "upload"
    assert ben.get_by_text("Who it is was removed before the files left").is_visible()
    assert [study["patient_name"][:2] for study in receipt["studies"]] == ["P-"]
    everything = b"".join(sent)
    assert b"images/000001.dcm" in everything
    assert b"Zimmermann" not in everything
    assert b"Quirin" not in everything
