"""A bucket: what a real S3 server refuses, loses or cuts off never costs an image."""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import boto3
import pytest

from sharing.storage.objects import (
    ObjectDamagedError,
    Put,
    StorageUnavailableError,
    locate,
)
from sharing.storage.objects.bucket import WHOLE, BucketStore
from tests.peers import processes
from tests.storage.conftest import Spool
from tests.storage.test_folder import peak_while

MIB = 1024 * 1024


@pytest.fixture
def store(s3_url: str) -> BucketStore:
    return BucketStore(locate(s3_url))


def keep(store: BucketStore, put: Put) -> None:
    store.put_file(put.key, put.path, sha256=put.sha256)


def unfinished(s3_url: str) -> list[str]:
    place = locate(s3_url)
    client = boto3.client("s3", endpoint_url=place.endpoint)
    uploads = client.list_multipart_uploads(Bucket=place.bucket, Prefix=place.prefix)
    return [upload["Key"] for upload in uploads.get("Uploads", [])]


@pytest.mark.parametrize("size", [1000, WHOLE + MIB])
def test_a_file_that_changed_in_the_spool_is_never_an_object(
    store: BucketStore, spool: Spool, s3_url: str, size: int
) -> None:
    put = spool(size)
    with put.path.open("r+b") as file:
        file.seek(size // 2)
        file.write(b"oops")
    with pytest.raises(ObjectDamagedError):
        keep(store, put)
    assert put.path.exists()
    assert not store.exists(put.key)
    assert unfinished(s3_url) == []


@pytest.mark.parametrize("size", [100_000, WHOLE + MIB])
def test_a_byte_that_flips_on_the_way_is_refused_by_the_server(
    spool: Spool, s3_url: str, size: int
) -> None:
    put = spool(size)

    def flip(data: bytes) -> bytes:
        # Only a piece of an image is this long; the head of a request is not.
        return data[:-1] + bytes([data[-1] ^ 1]) if len(data) > 10_000 else data

    with (
        through(s3_url, flip) as url,
        pytest.raises(StorageUnavailableError),
    ):
        keep(BucketStore(locate(url)), put)
    assert put.path.exists()
    assert not BucketStore(locate(s3_url)).exists(put.key)


def test_a_line_that_breaks_in_the_middle_keeps_the_spooled_file(spool: Spool, s3_url: str) -> None:
    put = spool(WHOLE + MIB)
    passed: list[int] = []

    def cut(data: bytes) -> bytes:
        passed.append(len(data))
        if sum(passed) > 10 * MIB:
            raise ConnectionAbortedError
        return data

    with (
        through(s3_url, cut) as url,
        pytest.raises(StorageUnavailableError, match="Nothing that was received is lost"),
    ):
        keep(BucketStore(locate(url)), put)
    assert put.path.exists()
    keep(BucketStore(locate(s3_url)), put)
    assert BucketStore(locate(s3_url)).size(put.key) == WHOLE + MIB


def test_a_server_that_is_down_is_unavailable_and_says_so(s3_url: str, spool: Spool) -> None:
    url = elsewhere(s3_url, f"http://127.0.0.1:{processes.free_port()}")
    store, put = BucketStore(locate(url)), spool()
    with pytest.raises(StorageUnavailableError, match="try again in a minute"):
        store.check()
    with pytest.raises(StorageUnavailableError):
        keep(store, put)
    with pytest.raises(StorageUnavailableError):
        store.exists(put.key)
    assert put.path.exists()


def test_wrong_keys_are_refused_and_the_administrator_is_named(s3_url: str, spool: Spool) -> None:
    store = BucketStore(locate(s3_url), access_key="nobody", secret_key="knows")
    with pytest.raises(StorageUnavailableError, match="administrator has to check STORAGE_URL"):
        keep(store, spool())


def test_a_bucket_that_is_not_there_is_unavailable_rather_than_an_image_missing(
    s3_url: str,
) -> None:
    place = urlsplit(s3_url)._replace(netloc="no-such-bucket")
    with pytest.raises(StorageUnavailableError):
        BucketStore(locate(urlunsplit(place))).read("general/x", 0, 1)


def test_memory_stays_flat_while_a_large_slide_comes_and_goes(
    store: BucketStore, spool: Spool
) -> None:
    put = spool(200 * MIB)
    assert peak_while(lambda: keep(store, put)) < 100
    assert peak_while(lambda: [None for _ in store.stream(put.key)]) < 50


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_store_that_was_opened_before_a_fork_says_so_instead_of_waiting_for_ever(
    store: BucketStore,
) -> None:
    store.check()
    child = os.fork()
    if not child:
        signal.alarm(20)
        with suppress(RuntimeError):
            store.check()
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def test_a_server_that_keeps_checksums_is_given_them(s3_url: str, spool: Spool) -> None:
    store, put = BucketStore(locate(f"{s3_url}&checksum=sha256")), spool(5000)
    seen: list[bytes] = []

    def listen(data: bytes) -> bytes:
        seen.append(data)
        return data

    with through(s3_url, listen) as url:
        keep(BucketStore(locate(f"{url}&checksum=sha256")), put)
    assert b"x-amz-checksum-sha256" in b"".join(seen).lower()
    assert store.size(put.key) == 5000


def elsewhere(s3_url: str, endpoint: str) -> str:
    parts = urlsplit(s3_url)
    options = dict(parse_qsl(parts.query)) | {"endpoint": endpoint}
    return urlunsplit(parts._replace(query=urlencode(options)))


@contextmanager
def through(s3_url: str, change: Callable[[bytes], bytes]) -> Iterator[str]:
    """A bad line to the server: what is sent passes `change`, in pieces of 64 KiB or less."""
    target = urlsplit(locate(s3_url).endpoint)
    listener = socket.create_server(("127.0.0.1", 0))
    open_sockets: list[socket.socket] = [listener]

    def pump(source: socket.socket, sink: socket.socket, change: Callable[[bytes], bytes]) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(change(data))
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection((str(target.hostname), int(target.port or 80)))
                open_sockets.extend((client, server))
                for ends in ((client, server, change), (server, client, bytes)):
                    threading.Thread(target=pump, args=ends, daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield elsewhere(s3_url, f"http://127.0.0.1:{listener.getsockname()[1]}")
    finally:
        for end in open_sockets:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        thread.join(5)


def test_the_bad_line_of_these_tests_carries_a_good_file(spool: Spool, s3_url: str) -> None:
    put = spool(WHOLE + MIB)
    with through(s3_url, bytes) as url:
        keep(BucketStore(locate(url)), put)
    assert Path(put.path).exists() is False
    assert BucketStore(locate(s3_url)).size(put.key) == WHOLE + MIB
