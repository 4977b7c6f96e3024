"""The peers are what they say they are; without this, green could mean that nobody answered."""

import json
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import boto3
import psycopg
import pytest
import redis
from botocore.exceptions import ClientError
from playwright.sync_api import Browser

from tests.peers import processes, s3
from tests.peers.fixtures import NetworkReachedError

ROOT = Path(__file__).resolve().parents[2]


def test_postgresql_keeps_what_two_people_write(postgresql_url: str) -> None:
    with psycopg.connect(postgresql_url) as ada, psycopg.connect(postgresql_url) as ben:
        ada.execute("CREATE TABLE seen (who text)")
        ada.commit()
        ada.execute("INSERT INTO seen VALUES ('Ada')")
        assert ben.execute("SELECT count(*) FROM seen").fetchone() == (0,)
        ada.commit()
        ben.rollback()
        assert ben.execute("SELECT who FROM seen").fetchone() == ("Ada",)


def test_redis_hands_a_message_from_one_to_another(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as ada, redis.Redis.from_url(redis_url) as ben:
        ada.lpush("wake", "1")
        assert ben.brpop(["wake"], timeout=2) == (b"wake", b"1")


def _bucket(url: str, secret: str) -> tuple[Any, str, str]:
    parts = urlsplit(url)
    client = boto3.client(
        "s3",
        endpoint_url=parts.query.removeprefix("endpoint="),
        aws_access_key_id=s3.KEY,
        aws_secret_access_key=secret,
        region_name=s3.REGION,
    )
    return client, parts.netloc, parts.path.lstrip("/")


def test_s3_answers_a_range_exactly(s3_url: str) -> None:
    client, bucket, prefix = _bucket(s3_url, s3.SECRET)
    client.put_object(Bucket=bucket, Key=f"{prefix}/image", Body=bytes(range(200)))
    part = client.get_object(Bucket=bucket, Key=f"{prefix}/image", Range="bytes=10-19")
    assert part["Body"].read() == bytes(range(10, 20))


def test_s3_refuses_a_forged_signature(s3_url: str) -> None:
    client, bucket, prefix = _bucket(s3_url, "not the secret")
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        client.put_object(Bucket=bucket, Key=f"{prefix}/image", Body=b"x")


def test_orthanc_speaks_dicomweb(orthanc_url: str) -> None:
    with urlopen(f"{orthanc_url}/dicom-web/studies", timeout=10) as reply:
        assert isinstance(json.load(reply), list)


def test_orthanc_answers_an_echo(
    orthanc_dicom: tuple[str, str, int], peer_program: Callable[[str], str]
) -> None:
    title, host, port = orthanc_dicom
    command = [peer_program("echoscu"), "-aec", title, host, str(port)]
    assert subprocess.run(command, timeout=30, check=False).returncode == 0


def test_the_independent_toolkits_start(peer_program: Callable[[str], str]) -> None:
    for name in ("dcmdump", "dcmdjpeg", "dciodvfy", "dcentvfy", "nginx"):
        assert Path(peer_program(name)).exists()


@pytest.mark.journey
def test_the_browser_shows_a_page(browser: Browser) -> None:
    with browser.new_context() as visitor:
        page = visitor.new_page()
        page.set_content("<h1>Images for you</h1>")
        assert page.get_by_role("heading").inner_text() == "Images for you"


def test_a_test_that_reaches_for_the_network_is_refused() -> None:
    with socket.socket() as line, pytest.raises(NetworkReachedError, match="tests use no network"):
        line.connect(("192.0.2.1", 80))


def test_a_program_that_does_not_start_is_named(tmp_path: Path) -> None:
    log = tmp_path / "listener.log"
    process = processes.start(["sh", "-c", "echo no such port; exit 3"], log=log)
    with pytest.raises(processes.PeerMissingError, match="listener ended at once: no such port"):
        processes.until(lambda: False, process, log=log)


def test_what_was_started_is_stopped(tmp_path: Path) -> None:
    process = processes.start(["sleep", "600"], log=tmp_path / "sleeper.log")
    processes.Peer(processes=[process]).stop()
    assert process.poll() is not None


def _marked(mark: str) -> list[str]:
    """The commands of the running programs that carry a mark in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_text())
        except OSError:
            continue  # it ended while we looked, or is somebody else's
    return found


@pytest.mark.parametrize("seconds", [1, 4])
def test_a_run_that_is_broken_off_leaves_nothing_running(seconds: int) -> None:
    mark = f"BROKEN_OFF={uuid.uuid4()}"
    name, _, value = mark.partition("=")
    command = [sys.executable, "-m", "tests.peers", "--", "sleep", "600"]
    run = subprocess.Popen(command, cwd=ROOT, env={**os.environ, name: value})
    time.sleep(seconds)
    run.terminate()
    time.sleep(0.2)
    run.terminate()  # as `make` does, which passes on what it got
    run.wait(60)
    assert not _marked(mark)
