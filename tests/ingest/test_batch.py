"""Small files travel together; each is answered for by itself, and none is half taken."""

import contextlib
import errno
import hashlib
import io
import json
import os
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import DataError
from django.http import UnreadablePostError
from django.test import Client, RequestFactory

from sharing.accounts.models import Membership
from sharing.audit.models import AuditEvent
from sharing.audit.rules import Act
from sharing.ingest import actions, queries
from sharing.ingest.api import batch, reading
from sharing.ingest.api.tus import BrokenOffError
from sharing.ingest.models import Upload, UploadFile
from sharing.ingest.rules import FileState, UploadState
from sharing.ingest.work import commit, spool
from sharing.jobs.models import Job
from sharing.kernel.errors import AuditUnavailableError
from sharing.storage.objects import StorageUnavailableError, store
from sharing.studies.models import Instance, Study
from tests import factories as make

pytestmark = pytest.mark.django_db
KIND = "application/vnd.handover.batch"


class Sender:
    """A browser that is signed in and has begun an upload."""

    def __init__(self, name: str = "Ben") -> None:
        self.client: Client = make.browser(name)
        self.upload = self.client.post("/api/uploads/", {}, content_type="application/json").json()

    def send(self, *files: bytes, index: Any = None, **changes: Any) -> Any:
        listed = [{"path": f"CT/IM{n}", "size": len(one)} for n, one in enumerate(files)]
        if changes:
            listed = [one | changes for one in listed]
        return self.post(json.dumps(index or {"files": listed}).encode() + b"\n" + b"".join(files))

    def post(self, body: bytes, kind: str = KIND) -> Any:
        return self.client.post(self.upload["batch_url"], body, content_type=kind)


def images(count: int) -> list[bytes]:
    return [make.image(number=number) for number in range(1, count + 1)]


def archive(data: bytes) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as opened:
        opened.writestr("IM1", data)
    return written.getvalue()


def spooled(sender: Sender) -> list[Path]:
    """What waits of the sender's upload."""
    return list(spool.folder(uuid.UUID(sender.upload["id"])).iterdir())


def test_every_file_of_a_batch_is_stored_as_it_was() -> None:
    sender = Sender()
    sent = images(5)
    answer = sender.send(*sent)
    assert [one["state"] for one in answer.json()["results"]] == ["stored"] * 5
    kept = Instance.objects.all()
    assert {store().read(one.key, 0, one.size) for one in kept} == set(sent)
    assert {(bytes(one.sha256), one.crc32) for one in kept} == {make.digests(one) for one in sent}
    assert Study.objects.get().instance_count == 5
    assert not spooled(sender)


def test_a_batch_leaves_one_row_in_the_audit_with_its_count() -> None:
    Sender().send(*images(3))
    assert AuditEvent.objects.get(action=Act.INSTANCES_STORED).detail["instances"] == 3


def test_each_file_is_answered_for_by_itself_and_in_order() -> None:
    sender = Sender()
    image = make.image()
    other = make.image(SeriesDescription="Changed")
    results = sender.send(image, b"not an image", image, other).json()["results"]
    assert [one["state"] for one in results] == ["stored", "skipped", "duplicate", "conflict"]
    assert [one["path"] for one in results] == [f"CT/IM{n}" for n in range(4)]
    assert results[1]["reason"] == UploadFile.objects.get(state=FileState.SKIPPED).reason
    assert not spooled(sender)


def test_a_zip_in_a_batch_waits_to_be_unpacked() -> None:
    sender = Sender()
    results = sender.send(archive(make.image(number=2)), *images(1)).json()["results"]
    assert [one["state"] for one in results] == ["waiting", "stored"]
    assert Job.objects.filter(kind="ingest.unpack").count() == 1
    assert len(spooled(sender)) == 1


def test_a_zip_that_waits_is_there_after_a_power_cut_too(monkeypatch: pytest.MonkeyPatch) -> None:
    sender, sync, synced = Sender(), os.fsync, list[Path]()

    def seen(handle: int) -> None:
        synced.append(Path(f"/proc/self/fd/{handle}").readlink())
        sync(handle)

    monkeypatch.setattr(os, "fsync", seen)
    sender.send(archive(make.image()))
    (waiting,) = (path.resolve() for path in spooled(sender))
    assert {waiting, waiting.parent, waiting.parent.parent} <= {*synced}


def test_what_changed_on_the_way_is_sent_again_and_the_others_are_kept() -> None:
    sender = Sender()
    first, second = images(2)
    index = [
        {"path": "IM1", "size": len(first), "sha256": hashlib.sha256(b"else").hexdigest()},
        {"path": "IM2", "size": len(second), "sha256": hashlib.sha256(second).hexdigest().upper()},
    ]
    results = sender.send(first, second, index={"files": index}).json()["results"]
    assert [one["state"] for one in results] == ["again", "stored"]
    assert results[0]["id"] is None
    assert "does not match" in results[0]["reason"]
    assert UploadFile.objects.count() == 1
    assert not spooled(sender)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"files": []}\n', "files"),
        (b'{"files": [{"path": "IM1", "size": 0}]}\n', "size"),
        (b'{"files": [{"path": "IM1", "size": 99}]}\nshort', "sizes"),
        (b'{"files": [{"path": "IM1", "size": 2}]}\nlonger', "sizes"),
        (b'{"files": [{"path": "IM1", "size": 5000000}]}\n', "size"),
        (b"IM1, IM2\n", "JSON"),
        (b"[1]\n", "dictionary"),
        (b'{"files": [{"path": "IM1", "size": 5', "cut off"),
    ],
)
def test_an_index_that_is_wrong_is_refused_in_words(body: bytes, says: str) -> None:
    answer = Sender().post(body)
    assert answer.status_code in (400, 422)
    assert says in answer.content.decode()
    assert not UploadFile.objects.exists()


def test_too_many_files_are_too_many() -> None:
    index = {"files": [{"path": "IM", "size": 1}] * (batch.MOST_FILES + 1)}
    answer = Sender().post(json.dumps(index).encode() + b"\n" + b"x" * 65)
    assert answer.status_code == 422
    assert "at most 64 files" in answer.json()["detail"]


def test_a_list_of_a_hundred_thousand_wrong_entries_does_not_keep_the_others_waiting() -> None:
    answer = Sender().post(b'{"files": [' + b"0," * 100_000 + b"0]}\n")
    assert answer.status_code == 422
    assert len(answer.content) < 1000


def test_a_name_that_begins_or_ends_with_a_space_stays_as_bens_folder_has_it() -> None:
    (image,) = images(1)
    index = {"files": [{"path": " CT/IM 1 ", "size": len(image)}]}
    assert Sender().send(image, index=index).json()["results"][0]["path"] == " CT/IM 1 "
    assert UploadFile.objects.get().path == " CT/IM 1 "


def test_another_kind_of_body_is_refused() -> None:
    answer = Sender().post(b"{}", kind="application/json")
    assert answer.status_code == 415
    assert KIND in answer.json()["detail"]


def test_nobody_sends_to_another_persons_upload() -> None:
    theirs = Sender("Ben").upload["batch_url"]
    for name in ("Cleo", "Ada"):
        assert make.browser(name).post(theirs, b"x", content_type=KIND).status_code == 404
    assert Client().post(theirs, b"x", content_type=KIND).status_code == 401


def test_a_cancelled_upload_takes_no_batch() -> None:
    sender = Sender()
    sender.client.delete(f"/api/uploads/{sender.upload['id']}/")
    assert sender.send(*images(1)).status_code == 409


class CutOff:
    """A connection that ends in the middle of a body."""

    def __init__(self, body: bytes) -> None:
        self.left = body

    def readline(self, limit: int) -> bytes:
        line, _, self.left = self.left.partition(b"\n")
        return line + b"\n"

    def read(self, size: int) -> bytes:
        if not self.left:
            raise OSError("the connection is gone")
        piece, self.left = self.left[:size], self.left[size:]
        return piece


def test_what_came_whole_before_the_line_was_cut_is_kept(rf: RequestFactory) -> None:
    sender, sent = Sender(), images(3)
    index = {"files": [{"path": f"IM{n}", "size": len(one)} for n, one in enumerate(sent)]}
    body = json.dumps(index).encode() + b"\n" + b"".join(sent)
    request = rf.post(sender.upload["batch_url"], body, content_type=KIND)
    cut = CutOff(body[: -len(sent[2]) // 2])
    request.readline, request.read = cut.readline, cut.read  # type: ignore[method-assign, assignment]
    request.principal = make.principal("Ben")  # type: ignore[attr-defined]
    answer = batch.UploadBatch.as_view()(request, upload_id=sender.upload["id"])
    assert answer.status_code == 400
    assert sorted(UploadFile.objects.values_list("path", flat=True)) == ["IM0", "IM1"]
    assert not spooled(sender)


def test_one_file_that_cannot_be_filed_does_not_take_the_others_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write = commit.write

    def picky(some: Any) -> None:
        if any(arrival.file.path == "CT/IM1" for arrival, _ in some):
            raise DataError("no room for that value")
        write(some)

    monkeypatch.setattr(commit, "write", picky)
    results = Sender().send(*images(3)).json()["results"]
    assert [one["state"] for one in results] == ["stored", "again", "stored"]


@pytest.mark.parametrize("error", [StorageUnavailableError(), AuditUnavailableError()])
def test_when_nothing_can_be_kept_the_whole_batch_is_refused(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    sender = Sender()

    def fails(*_: Any) -> None:
        raise error

    name = "keep" if isinstance(error, StorageUnavailableError) else "write"
    monkeypatch.setattr(commit, name, fails)
    assert sender.send(*images(2)).status_code == 503
    assert not UploadFile.objects.exists()
    assert not spooled(sender)


def test_a_disk_without_room_keeps_nothing_of_a_batch_and_bens_browser_may_send_it_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sender, write, sizes = Sender(), os.pwrite, []

    def until_full(handle: int, data: Any, at: int) -> int:
        sizes.append(len(data))
        if len(sizes) == 1:
            return write(handle, data, at)
        write(handle, data[:1], at)
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr(os, "pwrite", until_full)
    assert sender.send(*images(3)).status_code == 507
    assert not spooled(sender)
    assert not UploadFile.objects.exists()


def test_a_line_that_is_cut_in_the_list_is_no_fault_of_ours(rf: RequestFactory) -> None:
    def gone(_: int) -> bytes:
        raise UnreadablePostError

    request = rf.post(Sender().upload["batch_url"], b"{", content_type=KIND)
    request.readline = gone  # type: ignore[method-assign, assignment]
    with pytest.raises(BrokenOffError):
        batch._index(request)


@pytest.mark.parametrize("when", ["open", "fsync"])
def test_a_disk_that_says_late_that_it_is_full_is_told_as_such(
    monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    sender = Sender()
    sender.send(*images(1))  # which makes the folder

    def full(*_: Any) -> None:
        raise OSError(errno.EDQUOT, "quota exceeded")

    monkeypatch.setattr(os, when, full)
    answer = sender.send(make.image(number=9))
    monkeypatch.undo()
    assert answer.status_code == 507
    assert not spooled(sender)


def meanwhile(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Something happens while the bytes of a batch are on their way."""

    def late(request: Any, target: memoryview, ask: Any) -> int:
        happens()
        return reading.fill(request, target, ask)

    monkeypatch.setattr(batch, "fill", late)


def test_what_ben_was_sending_when_he_was_suspended_is_not_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sender, ben = Sender(), make.member("Ben")
    meanwhile(monkeypatch, lambda: Membership.objects.filter(pk=ben.pk).update(state="suspended"))
    assert sender.send(*images(2)).status_code == 403
    assert not Instance.objects.exists()
    assert not spooled(sender)
    assert AuditEvent.objects.filter(action=Act.ACCESS_REFUSED).exists()


def test_what_was_on_its_way_when_ben_cancelled_is_not_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sender = Sender()
    upload = Upload.objects.get(pk=sender.upload["id"])
    meanwhile(monkeypatch, lambda: cancelled(upload))
    assert sender.send(*images(2)).status_code == 409
    assert not Instance.objects.exists()
    assert not spooled(sender)
    upload.refresh_from_db()
    assert upload.state == UploadState.CANCELLED


def test_what_was_on_its_way_when_ben_finished_is_in_the_receipt_of_a_finished_upload(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sender, ben = Sender(), make.principal("Ben")
    upload = Upload.objects.get(pk=sender.upload["id"])
    meanwhile(monkeypatch, lambda: actions.finish_upload(upload, manifest=[], by=ben))
    assert sender.send(*images(2)).status_code == 200
    upload.refresh_from_db()
    receipt = queries.receipt(upload)
    assert (receipt["state"], receipt["stored"]) == (UploadState.FINISHED, 2)


def cancelled(upload: Upload) -> None:
    if upload.state == UploadState.RECEIVING:
        actions.cancel_upload(upload, by=make.principal("Ben"))


def test_an_upload_that_was_cancelled_meanwhile_is_not_opened_again() -> None:
    sender = Sender()
    upload = Upload.objects.get(pk=sender.upload["id"])
    known = Upload.objects.get(pk=upload.pk)
    known.state = UploadState.FINISHED  # as another request saw it a moment ago
    actions.cancel_upload(upload, by=make.principal("Ben"))
    actions.reopen(known)
    upload.refresh_from_db()
    assert upload.state == UploadState.CANCELLED


def test_memory_is_lent_to_a_request_and_not_kept_for_each_that_ever_was() -> None:
    with spool.block() as first, spool.block() as second:
        assert first is not second
        last = second
    with spool.block() as again:
        assert again in (first, last)
    with contextlib.ExitStack() as many:
        for _ in range(3 * spool.FREE):
            many.enter_context(spool.block())
    assert len(spool._free) <= spool.FREE
