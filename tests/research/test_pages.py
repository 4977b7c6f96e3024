"""The pages of projects, profiles, releases and consent, pressed as people press them."""

import io
import re
import zipfile
from typing import Any

import pydicom
import pytest
from django.test import Client
from pyarrow import parquet

from sharing.audit.models import AuditEvent
from sharing.audit.rules import Act
from sharing.research.actions import releases as actions
from sharing.research.actions.consent import withdraw
from sharing.research.models import Hold, Project, Release, Withdrawal
from sharing.research.queries.releases import outputs
from sharing.research.rules.states import ReleaseState
from sharing.storage.objects import store
from sharing.studies.models import Instance, Study
from tests import factories as f
from tests.dicom.making import saved
from tests.research.making import approved, drafted, made, project, released, work
from tests.research.test_profiles import own

pytestmark = pytest.mark.django_db


def words(answer: Any) -> str:
    text = b"".join(answer).decode() if answer.streaming else answer.content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def page(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status, address
    return words(answer)


def test_from_a_new_project_to_the_certificate() -> None:
    study = f.study(f.principal("Ben"))
    ada = f.browser("Ada")
    ada.post("/research/projects/new", {"name": "Lung nodules", "purpose": "A try."})
    one = Project.objects.get()
    sent = {"title": "First", "project": str(one.pk), "profile": "basic", "study": str(study.pk)}
    ada.post("/research/releases/new", sent)
    release = Release.objects.get()
    home = f"/research/releases/{release.pk}/"
    assert "1 study is chosen" in page(ada, home)
    sample = page(ada, f"{home}sample")
    assert "Petra" in sample
    assert "P-" in sample
    ada.post(f"{home}start")
    assert "At work" in page(ada, home)
    work()
    assert "Ready to release" in page(ada, home)
    ada.post(f"{home}release")
    work()
    assert "De-identified studies" in page(ada, home)
    assert ada.get(f"{home}certificate.json").json()["files"]["released"] == 2
    assert ada.get(f"{home}certificate.pdf").content.startswith(b"%PDF-")
    copy = outputs(release).get()
    assert "De-identified" in page(ada, f"/studies/{copy.pk}/")
    assert "Lung nodules" in page(ada, "/research/")
    assert "released 1 study as First" in page(ada, "/activity/")


def test_the_same_certificate_is_the_same_pdf() -> None:
    release = released(f.study(f.principal("Ben")))
    address = f"/research/releases/{release.pk}/certificate.pdf"
    ada = f.browser("Ada")
    assert ada.get(address).content == ada.get(address).content


def test_studies_are_chosen_by_a_search_that_can_be_asked_again() -> None:
    ben = f.principal("Ben")
    f.study(ben)
    f.study(ben, number=2)
    ada, one = f.browser("Ada"), project()
    sent = {"title": "By search", "project": str(one.pk), "profile": "basic", "words": "petra2"}
    looked = ada.post("/research/releases/new", {**sent, "look": "1"})
    assert "1 study" in words(looked)
    assert not Release.objects.exists()
    ada.post("/research/releases/new", sent)
    release = Release.objects.get()
    assert release.query == {"words": "petra2"}
    assert release.chosen.get().source.uid == "1.2.826.0.1.2"  # type: ignore[union-attr]
    again = ada.get(f"/research/releases/new?again={release.pk}").content.decode()
    assert 'value="petra2"' in again


def test_each_page_that_names_patients_leaves_a_row() -> None:
    study = f.study(f.principal("Ben"))
    release = drafted(study)
    withdraw(study.pk, note="", by=f.principal("Ada"))
    for path in (f"releases/{release.pk}/", "profiles/edit", "consent/"):
        f.study(f.principal("Ben"), number=2)
        rows = AuditEvent.objects.filter(action=Act.SEARCHED, actor_name="ada@general.example")
        before = rows.count()
        assert "Petra" in page(f.browser("Ada"), f"/research/{path}"), path
        assert rows.count() == before + 1, path


def test_no_study_chosen_says_so() -> None:
    one = project()
    sent = {"title": "None", "project": str(one.pk), "profile": "basic", "words": "nobody"}
    answer = f.browser("Ada").post("/research/releases/new", sent)
    assert "Choose at least one study" in words(answer)


def doubtful() -> tuple[Release, str]:
    f.upload(f.principal("Ben"), f.image(number=1, BurnedInAnnotation="YES"))
    release = made(Study.objects.get())
    return release, f"/research/releases/{release.pk}/"


def test_a_doubt_is_looked_at_before_and_after_and_approved() -> None:
    release, home = doubtful()
    ada = f.browser("Ada")
    first = ada.get(f"{home}doubts/")
    address = first["Location"]
    shown = page(ada, address)
    assert "Petra" in shown
    for name in ("before", "after"):
        picture = ada.get(f"{address}{name}.jpg")
        assert picture.status_code == 200
        assert picture.content.startswith(b"\xff\xd8")
        assert "no-store" in picture["Cache-Control"]
    assert AuditEvent.objects.filter(action=Act.RELEASE_COMPARED).exists()
    assert ada.post(f"{address}decide", {"decision": "approve"}).status_code == 302
    release.refresh_from_db()
    assert release.state == ReleaseState.READY
    assert ada.get(f"{home}doubts/")["Location"] == home
    assert Hold.objects.get().decided_by == f.member("Ada").user


def test_a_doubt_is_answered_by_leaving_the_file_out() -> None:
    _, home = doubtful()
    hold = Hold.objects.get()
    ada = f.browser("Ada")
    ada.post(f"{home}doubts/{hold.pk}/decide", {"decision": "leave-out"})
    assert "A reviewer left it out." in page(ada, home)
    answer = ada.post(f"{home}release", follow=True)
    assert "No file is left" in words(answer)
    assert ada.get(f"{home}doubts/{hold.pk}/before.jpg").status_code == 404


def test_a_reviewer_blackens_more_and_that_is_what_goes_out() -> None:
    release, home = doubtful()
    hold, ada = Hold.objects.select_related("item").get(), f.browser("Ada")
    before = bytes(hold.item.sha256 or b"")
    shape = _pixels(store().read(hold.item.output_key, 0, hold.item.size)).shape
    address = f"{home}doubts/{hold.pk}/"
    outside = {"x": shape[1], "y": 0, "width": 1, "height": 1}
    assert "does not lie in the picture" in words(ada.post(f"{address}mask", outside, follow=True))
    ada.post(f"{address}mask", {"x": 1, "y": 2, "width": 2, "height": 2})
    hold.item.refresh_from_db()
    assert bytes(hold.item.sha256 or b"") != before
    assert "A reviewer blackened a rectangle" in page(ada, address)
    ada.post(f"{address}decide", {"decision": "approve"})
    actions.let_out(release.pk, by=f.principal("Ada"))
    work()
    instance = Instance.objects.get(series__study__in=outputs(release))
    pixels = _pixels(b"".join(store().stream(instance.key)))
    masked = pixels[2:4, 1:3]
    assert (masked == masked.flat[0]).all()
    certificate = ada.get(f"{home}certificate.json").json()
    assert certificate["doubts"] == {"masked": 1}
    assert certificate["masks"] == 1
    assert certificate["reviewers"] == [{"name": "Ada", "decisions": 1}]


def _pixels(data: bytes) -> Any:
    return pydicom.dcmread(io.BytesIO(data)).pixel_array


def test_a_form_sent_twice_starts_once() -> None:
    release = drafted(f.study(f.principal("Ben")))
    ada = f.browser("Ada")
    home = f"/research/releases/{release.pk}/"
    ada.post(f"{home}start")
    assert "in another state now" in words(ada.post(f"{home}start", follow=True))


def test_a_profile_is_written_checked_tried_and_published() -> None:
    study = f.study(f.principal("Ben"))
    dana = f.browser("Dana")
    address = "/research/profiles/edit?name=research"
    assert "What is wrong" in words(dana.post(address, {"text": "name: [", "check": "1"}))
    checked = words(dana.post(address, {"text": own(), "check": "1"}))
    assert "The version is “2”; it was “1”." in checked
    tried = words(dana.post(address, {"text": own(), "try": "1", "sample": str(study.pk)}))
    assert "Petra" in tried
    assert AuditEvent.objects.filter(action=Act.PROFILE_TRIED, study_id=study.pk).exists()
    published = dana.post(address, {"text": own(), "publish": "1"}, follow=True)
    assert "by Dana" in words(published)
    assert "another number" in words(dana.post(address, {"text": own(title="X"), "publish": "1"}))


def test_the_key_is_destroyed_on_a_page_that_asks_for_the_name() -> None:
    release = released(f.study(f.principal("Ben")))
    ada, home = f.browser("Ada"), f"/research/projects/{release.project_id}/"
    name = outputs(release).get().patient.patient_id
    assert "Petra" in words(ada.post(f"{home}behind", {"pseudonym": name}))
    assert ada.post(f"{home}destroy", {"typed": "no"}).status_code == 422
    ada.post(f"{home}destroy", {"typed": "Lung nodules"})
    assert "The key is destroyed" in page(ada, home)
    assert ada.post(f"{home}behind", {"pseudonym": name}).status_code == 409


def test_consent_is_withdrawn_on_a_page() -> None:
    study = f.study(f.principal("Ben"))
    release = released(study)
    ada = f.browser("Ada")
    assert "Petra" in page(ada, f"/research/consent/?patient={study.patient.patient_id}")
    ada.post("/research/consent/", {"study": str(study.pk), "note": "By phone"})
    assert Withdrawal.objects.get().note == "By phone"
    assert release.title in page(f.browser("Dora"), "/research/consent/")
    assert f.browser("Dora").post("/research/consent/", {"study": study.pk}).status_code == 403


def test_compliance_sees_what_was_done_and_no_image() -> None:
    release, home = doubtful()
    dora, hold = f.browser("Dora"), Hold.objects.get()
    for address in ("/research/", home, f"/research/projects/{release.project_id}/"):
        page(dora, address)
    page(dora, "/research/profiles/")
    page(dora, "/research/profiles/?name=basic")
    for address in ("sample", "doubts/", f"doubts/{hold.pk}/", f"doubts/{hold.pk}/after.jpg"):
        assert dora.get(f"{home}{address}").status_code == 403
    approved(release)
    actions.let_out(release.pk, by=f.principal("Ada"))
    work()
    assert dora.get(f"{home}certificate.json").status_code == 200
    assert dora.get(f"{home}export").status_code == 403


def report(about: str) -> bytes:
    """A written report of the same study that refers to one image."""
    said = pydicom.dcmread(io.BytesIO(f.image(number=1, series=2)))
    said.SOPClassUID = pydicom.uid.BasicTextSRStorage
    said.file_meta.MediaStorageSOPClassUID = said.SOPClassUID
    said.Modality = "SR"
    del said[0x00280002:0x7FE00011]
    image, where = pydicom.Dataset(), pydicom.Dataset()
    where.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    where.ReferencedSOPInstanceUID = about
    image.RelationshipType, image.ValueType = "CONTAINS", "IMAGE"
    image.ReferencedSOPSequence = [where]
    title = pydicom.Dataset()
    title.CodeValue, title.CodingSchemeDesignator = "18748-4", "LN"
    title.CodeMeaning = "Diagnostic imaging report"
    said.ValueType, said.ContinuityOfContent = "CONTAINER", "SEPARATE"
    said.ConceptNameCodeSequence, said.ContentSequence = [title], [image]
    said.CompletionFlag, said.VerificationFlag = "COMPLETE", "UNVERIFIED"
    return saved(said)


def linked() -> Release:
    """An image, and a report that refers to it."""
    f.upload(f.principal("Ben"), f.image(number=1), report("1.2.826.0.1.1.1.1"))
    return released(Study.objects.get(), profile="research")


@pytest.mark.parametrize("layout", ["flat", "tree"])
def test_a_dataset_keeps_together_what_belongs_together(layout: str) -> None:
    release = linked()
    answer = f.browser("Ada").get(f"/research/releases/{release.pk}/export?layout={layout}")
    data = b"".join(answer)
    assert int(answer["Content-Length"]) == len(data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        names = set(archive.namelist())
        table = parquet.read_table(io.BytesIO(archive.read("index.parquet"))).to_pylist()
        assert archive.read("index.csv").decode().count("\n") == 3
        assert archive.read("certificate.json") == bytes(release.certificate.body)
        for row in table:
            assert row["file"] in names
            found = pydicom.dcmread(io.BytesIO(archive.read(row["file"])))
            assert found.SOPInstanceUID == row["sop_instance_uid"]
    assert b"Petra" not in data
    if layout == "tree":
        assert "participants.tsv" in names
        assert all(row["file"].startswith("sub-P") for row in table)


def test_the_index_says_which_file_refers_to_which() -> None:
    release = linked()
    answer = f.browser("Ada").get(f"/research/releases/{release.pk}/export")
    with zipfile.ZipFile(io.BytesIO(b"".join(answer))) as archive:
        table = parquet.read_table(io.BytesIO(archive.read("index.parquet"))).to_pylist()
    about = {row["file"]: row["refers_to"] for row in table}
    (image,) = [name for name, refers in about.items() if not refers]
    assert sorted(about.values()) == ["", image]
    assert not [row for row in table if row["refers_to_others"]]
