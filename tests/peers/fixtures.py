"""How a test asks for a real peer. Where one is missing the test is left out; in CI it fails."""

import os
import socket
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.peers import processes

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM_FLAGS = [
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class NetworkReachedError(RuntimeError):
    """Not an OSError, so that no code takes it for a bad line and carries on."""


def _address(peer: str, name: str) -> str:
    value = os.environ.get(name)
    if not value:
        pytest.skip(f"peer missing: {peer} (run through `make test` or `make peers`)")
    return value


@pytest.fixture
def redis_url(worker_id: str) -> Iterator[str]:
    """An empty Redis database of this test's own."""
    import redis

    address = urlsplit(_address("Redis", "HANDOVER_TEST_REDIS_URL"))
    number = int(worker_id.removeprefix("gw")) + 1 if worker_id.startswith("gw") else 0
    url = urlunsplit(address._replace(path=f"/{number}"))
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield url
        client.flushdb()


@pytest.fixture
def postgresql_url() -> Iterator[str]:
    """An empty PostgreSQL database, for programs that a test starts; dropped afterwards."""
    import psycopg

    server = _address("PostgreSQL", "HANDOVER_TEST_PG_URL")
    name = f"journey_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def s3_url(monkeypatch: pytest.MonkeyPatch) -> str:
    """A prefix of this test's own in a real S3 bucket, in STORAGE_URL's form; keys by environment."""
    server = urlsplit(_address("S3", "HANDOVER_TEST_S3_URL"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", os.environ["HANDOVER_TEST_S3_KEY"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", os.environ["HANDOVER_TEST_S3_SECRET"])
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return urlunsplit(server._replace(path=f"/{uuid.uuid4().hex}"))


@pytest.fixture
def orthanc_url() -> str:
    """The REST address of a running Orthanc; its DICOMweb is below /dicom-web/."""
    return _address("Orthanc", "HANDOVER_TEST_ORTHANC_URL")


@pytest.fixture
def orthanc_dicom() -> tuple[str, str, int]:
    """The same Orthanc's application entity title, host and port."""
    title, _, place = _address("Orthanc", "HANDOVER_TEST_ORTHANC_DICOM").partition("@")
    host, _, port = place.partition(":")
    return title, host, int(port)


@pytest.fixture(scope="session")
def peer_program() -> Callable[[str], str]:
    """Finds a program of an independent toolkit: `peer_program("dcmdump")` is its path."""

    def find(name: str) -> str:
        try:
            return processes.program(name)
        except processes.PeerMissingError as missing:
            pytest.skip(f"peer missing: {missing}")

    return find


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Where Chromium is."""
    given = os.environ.get("HANDOVER_TEST_CHROMIUM")
    if given and Path(given).exists():
        return given
    for name in ("chromium", "chromium-browser", "google-chrome"):
        try:
            return processes.program(name)
        except processes.PeerMissingError:
            continue
    pytest.skip("peer missing: chromium is not installed")


@pytest.fixture(scope="session")
def browser(chromium_path: str) -> Iterator["Browser"]:
    """A headless Chromium; each `new_context()` of it is another person's profile."""
    from playwright.sync_api import sync_playwright

    # Playwright keeps an event loop in this thread, which Django takes for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    flags = [*CHROMIUM_FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path, args=flags)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session", autouse=True)
def _this_machine_only() -> Iterator[None]:
    """A test that reaches for the network fails, whoever's code does it."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def checked_connect(self: socket.socket, address: object) -> None:
        _refuse_the_network(self, address)
        connect(self, address)  # type: ignore[arg-type]

    def checked_connect_ex(self: socket.socket, address: object) -> int:
        _refuse_the_network(self, address)
        return connect_ex(self, address)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", checked_connect)
        patch.setattr(socket.socket, "connect_ex", checked_connect_ex)
        yield


def _refuse_the_network(connection: socket.socket, address: object) -> None:
    if connection.family not in (socket.AF_INET, socket.AF_INET6):
        return
    host = str(address[0]) if isinstance(address, tuple) else ""
    if host not in ("localhost", "::1") and not host.startswith("127."):
        raise NetworkReachedError(f"A test may not reach {host}: tests use no network.")
