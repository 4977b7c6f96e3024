"""What visitors get: a ZIP like a disc, and a code in their own mailbox."""

import io
import zipfile
from pathlib import Path

import pydicom

from tests.journeys import people as do
from tests.journeys.mailbox import Mailbox
from tests.journeys.people import People
from tests.served import Served


def test_pat_saves_the_images_as_a_zip_that_any_hospital_imports(
    home: Served, people: People, tmp_path: Path
) -> None:
    pat = people.somebody()
    do.enter(pat, do.Shared(home.link, home.passcode))
    with pat.expect_download() as saving:
        pat.get_by_role("link", name="Download").click()
    saved = tmp_path / saving.value.suggested_filename
    saving.value.save_as(saved)
    assert saved.suffix == ".zip"
    with zipfile.ZipFile(saved) as archive:
        assert archive.testzip() is None
        index = next(name for name in archive.namelist() if name.endswith("DICOMDIR"))
        root = index.removesuffix("DICOMDIR")
        records = pydicom.dcmread(io.BytesIO(archive.read(index))).DirectoryRecordSequence
        named = ["/".join(one.ReferencedFileID) for one in records if "ReferencedFileID" in one]
        images = [pydicom.dcmread(io.BytesIO(archive.read(root + name))) for name in named]
    assert len(images) == 60
    assert {str(one.PatientName) for one in images} == {"Winter^Pat"}
    assert images[0].pixel_array.shape == (512, 512)


def test_pat_opens_a_link_with_the_code_that_came_by_mail(
    home: Served, people: People, mailbox: Mailbox
) -> None:
    ben = people.signed_in(home, "Ben")
    ben.goto(f"{home.address}/")
    ben.get_by_role("link", name="Winter, Pat").click()
    ben.get_by_role("link", name="Share", exact=True).click()
    ben.get_by_label("Recipient's e-mail").fill("pat.winter@home.example")
    ben.get_by_role("radio", name="A one-time code").check()
    ben.get_by_role("button", name="Make the link").click()
    ben.get_by_role("heading", name="The link is ready").wait_for()
    assert ben.locator("#link-passcode").count() == 0
    pat = people.somebody()
    pat.goto(do.said(ben, "link-url"))
    pat.get_by_role("button", name="Mail me a code").click()
    code = mailbox.find(r"\b\d{4} ?\d{4}\b", to="pat.winter@home.example")
    pat.get_by_label("Code from your mail").fill(code)
    pat.get_by_role("button", name="Open", exact=True).click()
    pat.wait_for_url("**/c/*/")
    assert pat.get_by_role("heading", name="Winter, Pat").is_visible()
