"""Live and ready: what a load balancer is told while a part is down."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client

from sharing.jobs.work import sweeping

pytestmark = pytest.mark.django_db
UP = {"database": True, "storage": True, "jobs": True}


@pytest.fixture(autouse=True)
def _all_is_well(settings: Any, tmp_path: Path) -> None:
    settings.STORAGE_URL = f"file://{tmp_path}/objects"
    sweeping.sign_of_life("a worker")


def ask(path: str = "/readyz") -> tuple[int, Any]:
    answer = Client().get(path)
    assert answer["Cache-Control"] == "no-store"
    return answer.status_code, answer.json()


def test_with_everything_up_it_is_ready() -> None:
    assert ask() == (200, UP)


def test_without_its_storage_it_is_not_ready(settings: Any, tmp_path: Path) -> None:
    assert ask()[0] == 200
    shutil.rmtree(tmp_path / "objects")
    (tmp_path / "objects").write_text("a file where the folder was")
    assert ask() == (503, UP | {"storage": False})


def test_without_its_database_it_is_not_ready_and_says_so_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(BaseDatabaseWrapper, "cursor", away)
    status, parts = ask()
    assert status == 503
    assert parts == {"database": False, "storage": True, "jobs": False}


def test_without_a_worker_it_is_not_ready() -> None:
    from sharing.jobs.models import Worker

    Worker.objects.all().delete()
    assert ask() == (503, UP | {"jobs": False})


def test_it_lives_whatever_else_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("nobody may ask the database")

    monkeypatch.setattr(BaseDatabaseWrapper, "cursor", away)
    assert ask("/healthz") == (200, {"live": True})


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_they_only_answer_questions(path: str) -> None:
    assert Client().post(path).status_code == 405
