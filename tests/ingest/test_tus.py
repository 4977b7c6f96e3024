"""Any tus client can upload, break off, go on, and is told the truth about where it stands."""

import base64
import datetime
import fcntl
import hashlib
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.test import Client

from sharing.accounts.models import Membership
from sharing.ingest.api import reading, tus
from sharing.ingest.models import UploadFile
from sharing.ingest.rules import FileState
from sharing.ingest.tasks import expire
from sharing.ingest.work import spool
from sharing.storage.objects import store
from sharing.studies.models import Instance
from tests import factories as make

pytestmark = pytest.mark.django_db

BYTES = "application/offset+octet-stream"


class Sender:
    """A tus client of its own, in a browser that is signed in."""

    def __init__(self, name: str = "Ben") -> None:
        self.client: Client = make.browser(name)
        started = self.client.post("/api/uploads/", {}, content_type="application/json")
        assert started.status_code == 201, started.content
        self.id, self.files = started.json()["id"], started.json()["files_url"]

    def create(self, size: int, data: bytes = b"", path: str = "IM1", **headers: str) -> Any:
        metadata = f"path {base64.b64encode(path.encode()).decode()}"
        return self._send(
            "post", self.files, data, Upload_Length=str(size), Upload_Metadata=metadata, **headers
        )

    def patch(self, url: str, offset: int, data: bytes, **headers: str) -> Any:
        return self._send("patch", url, data, Upload_Offset=str(offset), **headers)

    def head(self, url: str) -> Any:
        return self.client.head(url, headers={"Tus-Resumable": "1.0.0"})

    def end(self, url: str) -> Any:
        return self.client.delete(url, headers={"Tus-Resumable": "1.0.0"})

    def _send(self, verb: str, url: str, data: bytes, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return getattr(self.client, verb)(
            url, data, content_type=BYTES, headers={"Tus-Resumable": "1.0.0"} | named
        )


def test_a_client_learns_what_is_spoken_here() -> None:
    answer = Client().options(Sender().files)
    assert answer.status_code == 204
    assert answer["Tus-Version"] == "1.0.0"
    assert set(answer["Tus-Extension"].split(",")) == {
        "creation",
        "creation-with-upload",
        "checksum",
        "termination",
        "expiration",
    }


def test_a_file_in_one_request_is_stored_and_says_so() -> None:
    sender, data = Sender(), make.image()
    answer = sender.create(len(data), data)
    assert (answer.status_code, answer["Upload-Offset"]) == (201, str(len(data)))
    assert answer["Upload-Outcome"] == "stored"
    assert Instance.objects.get().size == len(data)


def test_a_file_in_pieces_goes_on_where_it_stands() -> None:
    sender, data = Sender(), make.image()
    created = sender.create(len(data))
    url = created["Location"]
    assert created["Upload-Expires"].endswith("GMT")
    assert sender.patch(url, 0, data[:100])["Upload-Offset"] == "100"
    assert sender.head(url)["Upload-Offset"] == "100"
    assert sender.patch(url, 100, data[100:])["Upload-Outcome"] == "stored"
    assert sender.head(url)["Upload-Offset"] == str(len(data))


def test_the_first_piece_may_come_with_the_creation() -> None:
    sender, data = Sender(), make.image()
    created = sender.create(len(data), data[:50])
    assert created["Upload-Offset"] == "50"
    assert sender.patch(created["Location"], 50, data[50:])["Upload-Outcome"] == "stored"


def test_a_piece_for_another_place_is_not_taken() -> None:
    sender, data = Sender(), make.image()
    url = sender.create(len(data))["Location"]
    assert sender.patch(url, 10, data[10:]).status_code == 409
    assert sender.head(url)["Upload-Offset"] == "0"


def test_more_than_was_announced_is_not_taken() -> None:
    sender = Sender()
    url = sender.create(10)["Location"]
    assert sender.patch(url, 0, b"x" * 11).status_code == 413
    assert sender.create(10, b"x" * 11).status_code == 413


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
def test_a_piece_that_changed_on_the_way_is_dropped(algorithm: str) -> None:
    sender, data = Sender(), make.image()
    url = sender.create(len(data))["Location"]
    right = base64.b64encode(hashlib.new(algorithm, data).digest()).decode()
    wrong = base64.b64encode(hashlib.new(algorithm, b"else").digest()).decode()
    refused = sender.patch(url, 0, data, Upload_Checksum=f"{algorithm} {wrong}")
    assert refused.status_code == 460
    assert sender.head(url)["Upload-Offset"] == "0"
    assert sender.patch(url, 0, data, Upload_Checksum=f"{algorithm} {right}").status_code == 204


def test_a_whole_file_that_changed_on_the_way_leaves_nothing() -> None:
    sender, data = Sender(), make.image()
    wrong = base64.b64encode(hashlib.sha256(b"else").digest()).decode()
    assert sender.create(len(data), data, Upload_Checksum=f"sha256 {wrong}").status_code == 460
    assert not UploadFile.objects.exists()
    assert not Instance.objects.exists()


def test_a_file_can_be_given_up() -> None:
    sender = Sender()
    url = sender.create(10, b"x" * 5)["Location"]
    answer = sender.client.delete(url, headers={"Tus-Resumable": "1.0.0"})
    assert answer.status_code == 204
    assert sender.head(url).status_code == 410
    assert sender.patch(url, 5, b"x" * 5).status_code == 409


def test_an_unfinished_file_expires_and_its_bytes_go(
    django_capture_on_commit_callbacks: Any,
) -> None:
    sender = Sender()
    sender.create(10, b"x" * 5)
    file = UploadFile.objects.get()
    path = spool.path_of(file.upload_id, file.pk)
    assert path.exists()
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=8)
    with time_machine.travel(later), django_capture_on_commit_callbacks(execute=True):
        expire(None)
    file.refresh_from_db()
    assert (file.state, path.exists()) == (FileState.REMOVED, False)


def test_another_version_of_tus_is_told_which_is_spoken() -> None:
    sender = Sender()
    answer = sender.client.post(sender.files, b"", content_type=BYTES)
    assert (answer.status_code, answer["Content-Type"]) == (412, "application/problem+json")


@pytest.mark.parametrize("length", ["", "ten", "-1", "1e9"])
def test_a_length_that_is_none_is_refused_in_words(length: str) -> None:
    sender = Sender()
    answer = sender.client.post(
        sender.files,
        b"",
        content_type=BYTES,
        headers={"Tus-Resumable": "1.0.0", "Upload-Length": length},
    )
    assert answer.status_code == 422
    assert "Upload-Length" in answer.json()["detail"]


def test_a_file_larger_than_is_taken_is_refused_before_it_is_sent(settings: Any) -> None:
    settings.UPLOAD_MAX_BYTES = 2**30
    assert Sender().create(2**30 + 1).status_code == 413


def test_nobody_else_can_touch_bens_upload() -> None:
    ben, data = Sender("Ben"), make.image()
    url = ben.create(len(data))["Location"]
    for name in ("Ada", "Cleo"):
        other = Sender(name)
        assert other.head(url).status_code == 404
        assert other.patch(url, 0, data).status_code == 404
        other.files = ben.files
        assert other.create(len(data), data).status_code == 404
    reader = make.browser("Rosa")
    assert reader.head(url, headers={"Tus-Resumable": "1.0.0"}).status_code == 403
    assert Client().head(url, headers={"Tus-Resumable": "1.0.0"}).status_code == 401


def test_a_page_of_another_site_cannot_send_with_bens_session() -> None:
    ben = make.browser("Ben", enforce_csrf_checks=True)
    answer = ben.post("/api/uploads/", {}, content_type="application/json")
    assert answer.status_code == 403
    upload = make.upload(make.principal("Ben"))
    answer = ben.post(
        f"/api/uploads/{upload.pk}/files/",
        b"",
        content_type=BYTES,
        headers={"Tus-Resumable": "1.0.0", "Upload-Length": "0"},
    )
    assert answer.status_code == 403


def test_the_same_folder_again_finds_what_is_there_and_where_to_go_on() -> None:
    sender, data = Sender(), make.image()
    sender.create(len(data), data, path="CT/IM1")
    url = sender.create(100, b"x" * 40, path="CT/IM2")["Location"]
    listed = sender.client.get(sender.files).json()["results"]
    known = {one["path"]: (one["state"], one["offset"], one["url"]) for one in listed}
    assert known["CT/IM1"][:2] == ("stored", len(data))
    assert known["CT/IM2"] == ("receiving", 40, url)


def test_an_empty_file_is_refused_and_not_forgotten() -> None:
    sender = Sender()
    assert sender.create(0, path="EMPTY")["Upload-Outcome"] == "refused"
    receipt = sender.client.get(f"/api/uploads/{sender.id}/receipt/").json()
    assert receipt["rejected"][0]["path"] == "EMPTY"


def test_nobody_writes_into_what_has_been_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second sender who opened the spooled file just before the first had it stored."""
    sender, data = Sender(), make.image()
    url = sender.create(len(data))["Location"]
    lock = fcntl.flock

    def stored_meanwhile(handle: int, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", lock)
        assert sender.patch(url, 0, data)["Upload-Outcome"] == "stored"
        lock(handle, how)

    monkeypatch.setattr(fcntl, "flock", stored_meanwhile)
    assert sender.patch(url, 0, b"x" * len(data)).status_code == 423
    kept = Instance.objects.get()
    assert store().read(kept.key, 0, kept.size) == data


@pytest.mark.parametrize("verb", ["patch", "delete"])
def test_whoever_comes_too_late_changes_no_outcome(
    verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender, data = Sender(), make.image()
    url = sender.create(len(data))["Location"]
    hold = spool.held

    def stored_meanwhile(path: Path) -> Any:
        monkeypatch.setattr(spool, "held", hold)
        assert sender.patch(url, 0, data)["Upload-Outcome"] == "stored"
        return hold(path)

    monkeypatch.setattr(spool, "held", stored_meanwhile)
    late = {"patch": lambda: sender.patch(url, 0, data), "delete": lambda: sender.end(url)}
    assert late[verb]().status_code == 409
    assert UploadFile.objects.get().state == FileState.STORED


@pytest.mark.parametrize("at_once", [True, False])
def test_a_file_that_was_on_its_way_when_ben_was_suspended_is_not_stored(
    monkeypatch: pytest.MonkeyPatch, at_once: bool
) -> None:
    sender, image = Sender(), make.image()
    url = "" if at_once else sender.create(len(image)).headers["Location"]

    def late(request: Any, length: int, **options: Any) -> Any:
        Membership.objects.filter(pk=make.member("Ben").pk).update(state="suspended")
        return reading.pieces(request, length, **options)

    monkeypatch.setattr(tus, "pieces", late)
    answer = sender.patch(url, 0, image) if url else sender.create(len(image), image)
    assert answer.status_code == 403
    assert not Instance.objects.exists()
