"""What a crash left behind goes in the end, and nothing that somebody has a row of ever does."""

import os
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sharing.access.principal import Principal
from sharing.audit.models import AuditEvent
from sharing.audit.rules import Act, ActorKind
from sharing.console.rules import SENTENCES
from sharing.ingest import actions
from sharing.ingest.models import UploadFile
from sharing.ingest.work import spool
from sharing.ingest.work import sweep as module
from sharing.ingest.work.check import key_of
from sharing.ingest.work.sweep import sweep
from sharing.jobs.work import kinds
from sharing.storage import objects
from sharing.storage.objects import ObjectStore
from sharing.studies.models import Instance
from tests import factories as make

pytestmark = pytest.mark.django_db
SOON = timedelta(minutes=-5)  # everything is older than that


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path, settings: Any) -> ObjectStore:
    """Each test that asks for it runs on a folder and on a real S3 server."""
    bucket = request.param == "bucket"
    folder = f"file://{tmp_path}/objects"
    settings.STORAGE_URL = request.getfixturevalue("s3_url") if bucket else folder
    return objects.store()


@pytest.fixture
def ben(store: ObjectStore, settings: Any, tmp_path: Path) -> Principal:
    settings.SPOOL_DIR = tmp_path / "arriving"
    return make.principal("Ben")


@pytest.fixture
def a_day_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AGE", SOON)


def nothing() -> None:
    """Nobody stops the sweep."""


def orphan(store: ObjectStore, by: Principal, number: int = 9) -> tuple[str, bytes]:
    """What a process leaves that dies between the put and the commit."""
    data = make.image(number=number)
    assert by.membership
    key = key_of(by.membership.institution_id, "1.2.3", make.digests(data)[0])
    store.put_bytes(key, data)
    return key, data


def test_what_was_put_and_never_committed_is_set_aside_and_a_week_later_gone(
    store: ObjectStore, ben: Principal, a_day_later: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.upload(ben, make.image())
    kept, (key, data) = Instance.objects.get(), orphan(store, ben)
    store.put_bytes("thumbnails/of/somebody.jpg", b"not an instance")
    assert sweep(nothing).set_aside == [key]
    assert not store.exists(key)
    assert store.read(f"swept/{key}", 0, len(data)) == data
    assert not sweep(nothing).deleted
    monkeypatch.setattr(module, "ASIDE", SOON)
    assert sweep(nothing).deleted == [f"swept/{key}"]
    assert not store.exists(f"swept/{key}")
    assert store.exists(kept.key)
    assert store.exists("thumbnails/of/somebody.jpg")


def test_what_came_today_is_left_alone(store: ObjectStore, ben: Principal) -> None:
    key, _ = orphan(store, ben)
    found = sweep(nothing)
    assert (found.set_aside, found.deleted, found.put_back) == ([], [], [])
    assert store.exists(key)


@pytest.mark.usefixtures("a_day_later")
def test_ben_who_sends_the_same_file_during_the_sweep_loses_nothing(
    store: ObjectStore, ben: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make.image(number=9)
    make.upload(ben, data)
    wanted = Instance.objects.get()
    real = module._needed

    def not_yet(keys: list[str]) -> set[str]:
        """At the first look the commit was still under way."""
        monkeypatch.setattr(module, "_needed", real)
        return set()

    monkeypatch.setattr(module, "_needed", not_yet)
    assert sweep(nothing).set_aside == [wanted.key]
    assert store.read(wanted.key, 0, wanted.size) == data


@pytest.mark.usefixtures("a_day_later")
def test_what_was_set_aside_comes_back_when_its_row_does(
    store: ObjectStore, ben: Principal
) -> None:
    make.upload(ben, make.image())
    kept = Instance.objects.get()
    store.move(kept.key, f"swept/{kept.key}")  # as before a backup of the database was restored
    assert sweep(nothing).put_back == [f"swept/{kept.key}"]
    assert store.exists(kept.key)
    assert not store.exists(f"swept/{kept.key}")


@pytest.mark.usefixtures("a_day_later")
def test_the_sweep_says_what_it_did_to_whom_it_concerns(store: ObjectStore, ben: Principal) -> None:
    orphan(store, ben, 8)
    orphan(store, ben, 9)
    sweep(nothing)
    row = AuditEvent.objects.get(action=Act.STORE_SWEPT)
    assert ben.membership
    assert row.custodian_id == ben.membership.institution_id
    assert (row.actor_kind, row.detail) == (ActorKind.MACHINE, {"set_aside": 2})
    say = SENTENCES[Act.STORE_SWEPT]
    assert callable(say)
    assert say(row.detail) == "cleared up after uploads: set aside 2 files"
    sweep(nothing)
    assert AuditEvent.objects.filter(action=Act.STORE_SWEPT).count() == 1


@pytest.fixture
def arriving(ben: Principal) -> Callable[[], tuple[UploadFile, Path]]:
    """Makes a file of which a part has come."""
    upload = actions.start_upload(by=ben)

    def make_one() -> tuple[UploadFile, Path]:
        file = actions.create_file(upload, path="a.dcm", size=10)
        path = spool.path_of(upload.pk, file.pk)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
        return file, path

    return make_one


@pytest.mark.parametrize("store", ["folder"], indirect=True)
@pytest.mark.usefixtures("a_day_later")
def test_spooled_bytes_go_when_nobody_goes_on_with_them(
    ben: Principal, arriving: Callable[[], tuple[UploadFile, Path]]
) -> None:
    (_, going_on), (gone, left) = arriving(), arriving()
    _, busy = arriving()
    UploadFile.objects.filter(pk__in=(gone.pk, uuid.UUID(busy.name))).delete()
    foreign = going_on.parent / "notes.txt"
    foreign.write_text("an administrator's")
    with spool.held(busy):
        sweep(nothing)
    assert [path.exists() for path in (going_on, left, busy, foreign)] == [True, False, True, True]
    row = AuditEvent.objects.get(action=Act.STORE_SWEPT)
    assert (row.custodian_id, row.detail) == (None, {"spooled": 2})


@pytest.mark.parametrize("store", ["folder"], indirect=True)
@pytest.mark.usefixtures("a_day_later")
def test_the_folder_of_an_upload_goes_with_its_last_file(
    ben: Principal, arriving: Callable[[], tuple[UploadFile, Path]]
) -> None:
    file, path = arriving()
    sweep(nothing)
    assert path.exists()
    actions.cancel_upload(file.upload, by=ben)
    sweep(nothing)
    assert not path.parent.exists()


@pytest.mark.parametrize("store", ["folder"], indirect=True)
def test_bytes_of_today_stay_in_the_spool(
    ben: Principal, arriving: Callable[[], tuple[UploadFile, Path]]
) -> None:
    file, path = arriving()
    file.delete()
    os.utime(path, (0, 0))  # as a file has that was moved here from elsewhere
    sweep(nothing)
    assert path.exists()


def test_it_is_done_once_a_day() -> None:
    assert kinds()["ingest.sweep"].every == timedelta(days=1)
