"""Taking images along: the ZIP, byte by byte and in the hands of independent programs."""

import io
import re
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.fileset import FileSet

from sharing.audit.models import AuditEvent
from sharing.audit.rules import Act, Outcome
from sharing.ingest.models import UploadFile
from sharing.links import actions
from sharing.studies.models import Instance, Study
from tests import factories
from tests.links import making

pytestmark = pytest.mark.django_db


@pytest.fixture
def ben():
    return factories.principal("Ben")


@pytest.fixture
def study(ben) -> Study:
    return factories.study(ben, series=2, images=3)


def content(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def zipped(response: Any) -> zipfile.ZipFile:
    body = content(response)
    assert response["Content-Length"] == str(len(body))
    return zipfile.ZipFile(io.BytesIO(body))


def download(study: Study, name: str = "Ben", query: str = ""):
    return factories.browser(name).get(f"/studies/{study.pk}/download{query}")


def visit(made):
    """A browser that has opened a link, and where."""
    client = factories.browser()
    answer = client.post("/s", {"link": made.url, "passcode": made.passcode})
    assert answer.status_code == 303
    return client, answer["Location"]


def unpacked(archive: zipfile.ZipFile, folder: Path) -> Path:
    archive.extractall(folder)
    return folder


class TestTheArchive:
    def test_ben_takes_a_study_along_with_every_image_in_it(self, study):
        archive = zipped(download(study))
        assert archive.testzip() is None
        names = archive.namelist()
        assert names[:2] == ["DICOMDIR", "README.TXT"]
        sent = [pydicom.dcmread(io.BytesIO(archive.read(name))) for name in names[2:]]
        kept = Instance.objects.filter(series__study=study).values_list("uid", flat=True)
        assert sorted(one.SOPInstanceUID for one in sent) == sorted(kept)

    def test_its_name_and_headers_say_nothing_of_the_patient(self, study):
        response = download(study)
        told = " ".join(f"{name}: {value}" for name, value in response.items())
        assert re.search(r'filename="images-\d{4}-\d\d-\d\d\.zip"', told)
        for private in ("Petra", "P1", study.uid):
            assert private not in told
        assert "no-store" in response["Cache-Control"]
        content(response)

    def test_nothing_is_deflated(self, study):
        archive = zipped(download(study))
        assert {one.compress_type for one in archive.infolist()} == {zipfile.ZIP_STORED}

    def test_chosen_series_alone(self, study):
        series = factories.first_series(study)
        archive = zipped(download(study, query=f"?series={series.pk}"))
        assert len(archive.namelist()) == 2 + 3

    def test_a_preamble_is_never_passed_on(self, ben):
        hostile = b"MZ" + b"\x90" * 126 + factories.image(7)[128:]
        factories.upload(ben, hostile)
        found = Study.objects.get(uid="1.2.826.0.1.7")
        archive = zipped(download(found))
        assert archive.testzip() is None
        [name] = [one for one in archive.namelist() if one.startswith("DICOM/")]
        assert archive.read(name)[:132] == bytes(128) + b"DICM"
        assert archive.read(name)[132:] == hostile[132:]

    def test_a_file_without_a_beginning_gets_one(self, ben):
        whole = pydicom.dcmread(io.BytesIO(factories.image(8)))
        bare = io.BytesIO()
        del whole.file_meta
        whole.preamble = None
        pydicom.dcmwrite(
            bare, whole, enforce_file_format=False, implicit_vr=True, little_endian=True
        )
        factories.upload(ben, bare.getvalue())
        found = Study.objects.get(uid="1.2.826.0.1.8")
        assert not factories.first_instance(found).has_meta
        archive = zipped(download(found))
        assert archive.testzip() is None
        [name] = [one for one in archive.namelist() if one.startswith("DICOM/")]
        sent = pydicom.dcmread(io.BytesIO(archive.read(name)))
        assert sent.file_meta.MediaStorageSOPInstanceUID == sent.SOPInstanceUID
        assert sent.PatientName == whole.PatientName

    def test_conflicting_files_lie_apart_and_are_explained(self, ben, study):
        factories.upload(ben, factories.image(1, 1, 1, ImageComments="another"))
        archive = zipped(download(study))
        assert archive.testzip() is None
        assert "CONFLICTS/IM000001" in archive.namelist()
        uid = "1.2.826.0.1.1.1.1"
        readme = archive.read("README.TXT").decode()
        assert f"IM000001  another version of image {uid}" in readme
        assert "Petra" not in readme
        listed = [
            record.ReferencedSOPInstanceUIDInFile
            for record in pydicom.dcmread(
                io.BytesIO(archive.read("DICOMDIR"))
            ).DirectoryRecordSequence
            if record.DirectoryRecordType == "IMAGE"
        ]
        assert listed.count(uid) == 1
        assert len(listed) == 6

    def test_without_conflicts_nobody_reads_of_them(self, study):
        assert "CONFLICTS" not in zipped(download(study)).read("README.TXT").decode()

    def test_a_broken_download_goes_on_where_it_was(self, study):
        client = factories.browser("Ben")
        address = f"/studies/{study.pk}/download"
        first = client.get(address)
        whole = content(first)
        rest = client.get(address, headers={"Range": "bytes=700-", "If-Range": first["ETag"]})
        assert rest.status_code == 206
        assert rest["Content-Range"] == f"bytes 700-{len(whole) - 1}/{len(whole)}"
        assert content(rest) == whole[700:]
        assert client.get(address, headers={"Range": f"bytes={len(whole)}-"}).status_code == 416
        assert client.get(address, headers={"Range": f"bytes={'9' * 5000}-"}).status_code == 200

    def test_of_changed_contents_everything_is_sent_again(self, ben, study):
        client = factories.browser("Ben")
        address = f"/studies/{study.pk}/download"
        first = client.get(address)
        content(first)
        factories.upload(ben, factories.image(1, 1, 9))
        again = client.get(address, headers={"Range": "bytes=700-", "If-Range": first["ETag"]})
        assert again.status_code == 200
        content(again)


class TestWhoMay:
    def test_the_row_stands_before_the_first_byte(self, study):
        response = download(study)
        row = AuditEvent.objects.get(action=Act.IMAGES_DOWNLOADED)
        assert row.study_id == study.pk
        assert row.detail["instances"] == 6
        content(response)

    def test_when_the_audit_cannot_be_written_no_byte_goes_out(self, study, monkeypatch):
        from sharing.kernel.errors import AuditUnavailableError

        def fails(*args, **kwargs):
            raise AuditUnavailableError

        monkeypatch.setattr("sharing.delivery.views.record", fails)
        assert download(study).status_code == 503

    def test_cleo_of_mercy_finds_nothing(self, study):
        assert download(study, "Cleo").status_code == 404

    def test_dora_who_reviews_gets_no_files(self, study):
        assert download(study, "Dora").status_code == 403

    def test_a_visitor_takes_exactly_what_the_link_gives(self, ben, study):
        factories.study(ben, number=2)
        series = factories.first_series(study)
        made = actions.create_link(items=[(study, series)], may_download=True, by=ben)
        client, address = visit(made)
        archive = zipped(client.get(f"{address}download"))
        sent = {
            pydicom.dcmread(io.BytesIO(archive.read(name))).SeriesInstanceUID
            for name in archive.namelist()
            if name.startswith("DICOM/")
        }
        assert sent == {series.uid}
        row = AuditEvent.objects.get(action=Act.IMAGES_DOWNLOADED)
        assert row.link_id == made.link.pk

    def test_a_visitor_who_may_only_look_finds_nothing_to_download(self, ben, study):
        client, address = visit(making.link(ben, study))
        assert client.get(f"{address}download").status_code == 404
        assert AuditEvent.objects.filter(
            action=Act.ACCESS_REFUSED, outcome=Outcome.REFUSED
        ).exists()

    def test_a_revoked_visitor_is_cut_off_while_bytes_flow(self, ben, study, monkeypatch):
        made = making.link(ben, study, may_download=True)
        client, address = visit(made)
        now = [0.0]
        monkeypatch.setattr("sharing.access.gate.time.monotonic", lambda: now[0])
        chunks = iter(client.get(f"{address}download").streaming_content)
        next(chunks)
        actions.revoke_link(made.link.pk, by=ben)
        now[0] += 1.0
        with pytest.raises(ConnectionAbortedError):
            list(chunks)
        assert client.get(f"{address}download").status_code == 404

    def test_a_study_without_images_has_nothing_to_download(self, study):
        UploadFile.objects.all().delete()
        Instance.objects.filter(series__study=study).delete()
        assert download(study).status_code == 404


class TestOtherPrograms:
    def test_dcmtk_finds_nothing_wrong(self, study, tmp_path, peer_program):
        folder = unpacked(zipped(download(study)), tmp_path)
        files = [one for one in folder.rglob("*") if one.is_file() and one.name != "README.TXT"]
        for tool in ("dcmftest", "dcmdump"):
            for file in files:
                ran = subprocess.run(
                    [peer_program(tool), file], capture_output=True, text=True, check=False
                )
                assert ran.returncode == 0, ran.stderr
                assert "E:" not in ran.stderr
                assert "W:" not in ran.stderr

    def test_pydicom_reads_it_as_a_file_set(self, study, tmp_path):
        found = FileSet(unpacked(zipped(download(study)), tmp_path) / "DICOMDIR")
        assert len(found) == 6
        assert found.find_values("StudyInstanceUID") == [study.uid]
        assert {str(one.load().PatientName) for one in found} == {"Probe^Petra1"}
        found._stage["t"].cleanup()  # pydicom leaves that to the garbage collector

    def test_unzip_finds_every_checksum_right(self, study, tmp_path, peer_program):
        path = tmp_path / "images.zip"
        path.write_bytes(content(download(study)))
        ran = subprocess.run(
            [peer_program("unzip"), "-t", path], capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stdout

    def test_orthanc_takes_it_in(self, study, orthanc_url):
        import httpx

        body = content(download(study))
        with httpx.Client(base_url=orthanc_url, timeout=60) as orthanc:
            answer = orthanc.post("/instances", content=body)
            assert answer.status_code == 200, answer.text
            taken = [one for one in answer.json() if one["Status"] in ("Success", "AlreadyStored")]
            assert len(taken) == 6
            found = orthanc.post("/tools/lookup", content=study.uid).json()
            orthanc.delete(found[0]["Path"])
