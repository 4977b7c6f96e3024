"""Objects in a bucket of an S3 server, through obstore.

How we know that what was kept is what was received:

- our own SHA-256 of the bytes that are read from the spool must be the one that was taken when
  they arrived, else the upload is given up before it exists;
- every request is signed over the SHA-256 of its body (`x-amz-content-sha256`), so the server
  refuses a part that changed on the way, and the list of parts that completes an upload is signed
  in the same way;
- the size of an object that was sent in parts is asked for before the spooled file goes.

Reading an object back would cost its size once more and prove no more than this. A server that
keeps checksums of its own (`x-amz-checksum-sha256`) is asked to with `checksum=sha256`.
"""

import contextlib
import hashlib
import os
import secrets
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import obstore
from obstore import exceptions
from obstore.store import S3Store

from sharing.storage.objects.contract import (
    CHUNK,
    Listed,
    ObjectDamagedError,
    ObjectMissingError,
    Put,
    StorageUnavailableError,
    check_key,
)
from sharing.storage.objects.location import Location

PART = 8 * 1024 * 1024  # of an upload; 10,000 of them make 80 GB
PARTS_AT_ONCE = 4  # so an upload holds 32 MiB, whatever its size
WHOLE = 2 * PART  # up to here an object is sent in one request
AT_ONCE = 8  # files of one `put_files`
WINDOW = 8 * 1024 * 1024  # of a stream, one request each: a slow reader keeps no request waiting
REFUSED = (
    "The image store refuses our keys. Nothing that was received is lost; the administrator has "
    "to check STORAGE_URL and the keys that belong to it."
)


class BucketStore:
    """Objects in a bucket.

    Parameters
    ----------
    place : Location
    access_key, secret_key : str
        Empty, the keys come from where Amazon's own tools look: the environment or the machine's
        role.
    """

    def __init__(self, place: Location, *, access_key: str = "", secret_key: str = "") -> None:
        self._place = place
        self._keys = (
            {"access_key_id": access_key, "secret_access_key": secret_key} if access_key else {}
        )
        self._store = self._connect(timeout=60, retries=3)
        self._quick = self._connect(timeout=5, retries=0)
        self._pool: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()
        self._process = os.getpid()

    def put_file(self, key: str, path: Path, *, sha256: str) -> None:
        put = Put(check_key(key), path, sha256)
        with self._told():
            size = path.stat().st_size
            if size <= WHOLE:
                obstore.put(self._store, key, checked(put), use_multipart=False)
            else:
                self._put_in_parts(put, size)
            path.unlink()

    def put_files(self, puts: Sequence[Put]) -> None:
        list(
            self._threads().map(
                lambda put: self.put_file(put.key, put.path, sha256=put.sha256), puts
            )
        )

    def put_bytes(self, key: str, data: bytes) -> None:
        with self._told():
            obstore.put(self._store, check_key(key), data, use_multipart=False)

    def read(self, key: str, start: int, length: int) -> bytes:
        if length <= 0:
            return b""
        with self._told(check_key(key)):
            try:
                return obstore.get_range(self._store, key, start=start, length=length).to_bytes()
            except exceptions.GenericError as error:
                if "416 Range Not Satisfiable" in str(error):  # it begins behind the end
                    return b""
                raise

    def stream(
        self, key: str, start: int = 0, end: int | None = None, chunk: int = CHUNK
    ) -> Iterator[bytes]:
        size = self.size(key)
        return self._windows(key, start, size if end is None else min(end, size), chunk)

    def size(self, key: str) -> int:
        with self._told(check_key(key)):
            return int(obstore.head(self._store, key)["size"])

    def exists(self, key: str) -> bool:
        try:
            self.size(key)
        except ObjectMissingError:
            return False
        return True

    def delete(self, key: str) -> None:
        with self._told(), contextlib.suppress(FileNotFoundError):
            obstore.delete(self._store, check_key(key))

    def move(self, key: str, to: str) -> None:
        with self._told(check_key(key)):
            obstore.copy(self._store, key, check_key(to), overwrite=True)
        self.delete(key)

    def listed(self, prefix: str = "") -> Iterator[Listed]:
        with self._told():
            for page in obstore.list(self._store, prefix or None):
                yield from (Listed(one["path"], one["last_modified"]) for one in page)

    def local_path(self, key: str) -> Path | None:
        check_key(key)
        return None

    def check(self) -> None:
        probe, word = f"probe/{secrets.token_hex(8)}", secrets.token_bytes(16)
        with self._told():
            obstore.put(self._quick, probe, word, use_multipart=False)
            same = obstore.get(self._quick, probe).bytes() == word
            obstore.delete(self._quick, probe)
        if not same:
            raise StorageUnavailableError("The image store does not give back what was written.")

    def _put_in_parts(self, put: Put, size: int) -> None:
        obstore.put(
            self._store,
            put.key,
            checked_parts(put),
            use_multipart=True,
            chunk_size=PART,
            max_concurrency=PARTS_AT_ONCE,
        )
        if int(obstore.head(self._store, put.key)["size"]) != size:
            raise ObjectDamagedError(put.key)

    def _windows(self, key: str, start: int, end: int, chunk: int) -> Iterator[bytes]:
        window = max(chunk, WINDOW // chunk * chunk)
        for begin in range(start, end, window):
            data = memoryview(self.read(key, begin, min(window, end - begin)))
            for offset in range(0, len(data), chunk):
                yield bytes(data[offset : offset + chunk])

    def _connect(self, *, timeout: int, retries: int) -> S3Store:
        place, optional = self._place, dict[str, Any](self._keys)
        if place.endpoint:
            optional["endpoint"] = place.endpoint
        if place.region:
            optional["region"] = place.region
        if place.checksum:
            optional["checksum_algorithm"] = place.checksum
        return S3Store(
            place.bucket,
            prefix=place.prefix or None,
            virtual_hosted_style_request=place.style == "virtual",
            client_options={
                "allow_http": place.endpoint.startswith("http://"),
                "connect_timeout": "3s",
                "timeout": f"{timeout}s",
            },
            retry_config={
                "max_retries": retries,
                "retry_timeout": timedelta(seconds=timeout),
            },
            **optional,
        )

    @contextlib.contextmanager
    def _told(self, key: str = "") -> Iterator[None]:
        """Answer an error of the server in our own words.

        With `key`, an answer of 404 is an object that is missing, unless the bucket is.
        """
        if os.getpid() != self._process:
            # obstore's threads stayed in the parent; a request would wait for ever.
            raise RuntimeError("the object store was opened before this process was forked")
        try:
            yield
        except FileNotFoundError as error:
            if key and "NoSuchBucket" not in str(error):
                raise ObjectMissingError(key) from error
            raise StorageUnavailableError from error
        except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
            raise StorageUnavailableError(REFUSED) from error
        except (exceptions.BaseError, OSError) as error:
            raise StorageUnavailableError from error

    def _threads(self) -> ThreadPoolExecutor:
        with self._lock:
            self._pool = self._pool or ThreadPoolExecutor(AT_ONCE, "storage")
            return self._pool


def checked(put: Put) -> bytes:
    """A small spooled file, if its bytes are those that were received."""
    data = put.path.read_bytes()
    if hashlib.sha256(data).hexdigest() != put.sha256:
        raise ObjectDamagedError(put.key)
    return data


def checked_parts(put: Put) -> Iterator[bytes]:
    """The pieces of a spooled file; an error after the last gives the whole upload up."""
    seen = hashlib.sha256()
    with put.path.open("rb") as source:
        while piece := source.read(CHUNK):
            seen.update(piece)
            yield piece
    if seen.hexdigest() != put.sha256:
        raise ObjectDamagedError(put.key)
