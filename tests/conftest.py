"""What all tests share: the peers, the databases, and what counts as run."""

import contextvars
import os
import shutil
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings

pytest_plugins = ["tests.peers.fixtures"]

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
IN_CI = bool(os.environ.get("CI"))

# A slow machine is not a mistake; in CI the same inputs every time, so that red means changed.
hypothesis_settings.register_profile("house", deadline=None, derandomize=IN_CI)
hypothesis_settings.load_profile("house")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real files beside the project; ask for it under the mark `corpus`."""
    return SHARED


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Generator[None]:
    """On PostgreSQL the owner has migrated; the tests come as the role that production has."""
    from django.db import connection

    from tests import roles

    if connection.vendor != "postgresql":
        yield
        return
    with django_db_blocker.unblock(), roles.web_role():
        yield


@pytest.fixture(scope="session", autouse=True)
def _tests_see_everything() -> Generator[None]:
    """What a test does itself, in its threads too, it does as the shell would.

    Its requests begin with nothing: `wall.request` says so, whatever holds around it.
    """
    from sharing.kernel import wall

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wall, "_asking", contextvars.ContextVar("asking", default=wall.SYSTEM))
        yield


@pytest.fixture(scope="session", autouse=True)
def _audit_rows_stay() -> Generator[None]:
    """Emptying the database after a test leaves the audit alone: its own trigger forbids it.

    And it takes the owner: no request may empty a table.
    """
    from django.db import connection

    from tests import roles

    # Of the class: beside a browser's event loop Django opens another connection.
    operations = type(connection.ops)
    empty = operations.sql_flush

    def all_but_the_audit(self: Any, style: Any, tables: Any, **options: Any) -> Any:
        return empty(self, style, [one for one in tables if one != "audit_auditevent"], **options)

    def as_owner(self: Any, statements: list[str]) -> None:
        with roles.owner() as cursor:
            for statement in statements:
                cursor.execute(statement)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operations, "sql_flush", all_but_the_audit)
        if connection.vendor == "postgresql":
            patch.setattr(operations, "execute_sql_flush", as_owner)
        yield


@pytest.fixture(autouse=True)
def _nobody_is_looking(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """What gathers in memory about a viewing belongs to one test, and no thread writes it later."""
    from sharing.audit.actions import Viewings, viewings

    monkeypatch.setattr(Viewings, "_ensure_thread", lambda self: None)
    viewings.forget()
    yield
    viewings.forget()


def pytest_itemcollected(item: pytest.Item) -> None:
    """What shares a running portal is run by one worker, so that it is started once."""
    if (folder := item.path.parent.name) in ("journeys", "pages"):
        item.add_marker(pytest.mark.xdist_group(folder))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what this run is not about; leaving out is not skipping."""
    from django.db import connection

    unwanted = {"sqlite", "postgresql"} - {connection.vendor}
    if not SHARED.is_dir():
        unwanted.add("corpus")
    wanted = [item for item in items if not any(item.get_closest_marker(m) for m in unwanted)]
    if len(wanted) < len(items):
        config.hook.pytest_deselected(items=[item for item in items if item not in wanted])
        items[:] = wanted


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI every test runs: one that is skipped has failed."""
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a whole file."""
    report = yield
    if IN_CI and report.outcome == "skipped":
        report.outcome = "failed"
    return report


def pytest_unconfigure() -> None:
    """Take away what this process kept."""
    from tests.settings import FOLDER

    shutil.rmtree(FOLDER, ignore_errors=True)
