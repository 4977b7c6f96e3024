"""A running portal, the mailbox of everybody in it, and people with browsers of their own."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from sharing.dicom.synthetic import CHEST_CT, ct_chest
from tests.bench.measuring import Line as Connection
from tests.conftest import SHARED
from tests.factories import image
from tests.journeys import shutting as do
from tests.journeys.line import Line
from tests.journeys.mailbox import Mailbox
from tests.journeys.people import People
from tests.served import Served, serve

BEN = "ben@general.example"
SIDE, IMAGES = 4096, 6
REAL = SHARED / "corpus/series/ct-ge-gantry-tilt"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.journey)


@pytest.fixture(scope="session")
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as open_:
        yield open_


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox) -> Iterator[Served]:
    """The embedded portal, for all journeys of a run: SQLite, a folder, jobs in the web process."""
    portal = serve(tmp_path_factory.mktemp("home"), mailbox.settings)
    yield portal
    portal.stop()


@pytest.fixture(scope="session")
def large(home: Served) -> str:
    """The address of a study's download that takes a while: 200 MB."""
    line = Connection(home.address, Authorization=f"Bearer {home.token(BEN)}")
    _, body = line.send("POST", "/api/uploads/", b"{}", **do.JSON)
    files = json.loads(body)["files_url"]
    for number in range(1, IMAGES + 1):
        data = image(
            990,
            1,
            number,
            Modality="NM",
            Rows=SIDE,
            Columns=SIDE,
            PixelData=number.to_bytes(2) * SIDE * SIDE,
        )
        name = {"Upload-Metadata": f"path {do.encoded(f'IM{number}')}"}
        status, said = line.send(
            "POST", files, data, **name, **do.TUS, **do.OCTETS, **{"Upload-Length": str(len(data))}
        )
        assert status == 201, said
    line.send("POST", files.replace("/files/", "/finish/"), b'{"manifest": []}', **do.JSON)
    _, body = line.send("GET", "/api/studies/?patient_id=P990")
    line.connection.close()
    (study,) = json.loads(body)["results"]
    return f"/studies/{study['id']}/download"


@pytest.fixture
def distributed(
    tmp_path: Path, mailbox: Mailbox, postgresql_url: str, redis_url: str, s3_url: str
) -> Iterator[Served]:
    """The same over PostgreSQL, Redis, a worker and S3."""
    peers = {"REDIS_URL": redis_url, "STORAGE_URL": s3_url}
    changes = {**mailbox.settings, **peers}
    portal = serve(tmp_path, changes, worker=True, database=postgresql_url)
    yield portal
    portal.stop()


@pytest.fixture(params=["embedded", "distributed"])
def portal(request: pytest.FixtureRequest) -> Served:
    """Each configuration in turn."""
    name = {"embedded": "home", "distributed": "distributed"}[request.param]
    served: Served = request.getfixturevalue(name)
    return served


@pytest.fixture
def people(browser: Browser) -> Iterator[People]:
    with People(browser) as all_:
        yield all_


@pytest.fixture
def line(home: Served) -> Iterator[Line]:
    """A line to the embedded portal."""
    with Line(home.port) as made:
        yield made


@pytest.fixture(params=[pytest.param(REAL, marks=pytest.mark.corpus)] if REAL.is_dir() else [None])
def series(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with one series: a real one where there is one, else a drawn one."""
    if request.param is not None:
        real: Path = request.param
        return real
    return written(tmp_path / "series", *ct_chest(CHEST_CT, slices=28))


def written(folder: Path, *files: bytes) -> Path:
    """A folder with these files, named as on many discs."""
    folder.mkdir()
    for number, data in enumerate(files, 1):
        (folder / f"IM{number:04}").write_bytes(data)
    return folder
