"""A stored object as a file that can be searched through, wherever it is kept."""

import contextlib
import io
from collections.abc import Iterator
from typing import BinaryIO, cast

from sharing.storage.objects import store
from sharing.studies.models import Instance

AHEAD = 1 << 20


class Ranges(io.RawIOBase):
    """Reads an object of known size in ranges; `BufferedReader` around it reads ahead."""

    def __init__(self, key: str, size: int) -> None:
        self._key, self._size, self._at = key, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast(bytearray, buffer))
        wanted = min(len(view), max(0, self._size - self._at))
        data = store().read(self._key, self._at, wanted) if wanted else b""
        view[: len(data)] = data
        self._at += len(data)
        return len(data)


@contextlib.contextmanager
def opened(instance: Instance) -> Iterator[BinaryIO]:
    with closing_file(instance) as file:
        yield file


def closing_file(instance: Instance) -> BinaryIO:
    """The instance's file; whoever takes it closes it."""
    path = store().local_path(instance.key)
    if path is not None:
        return path.open("rb")
    return cast(BinaryIO, io.BufferedReader(Ranges(instance.key, instance.size), AHEAD))
