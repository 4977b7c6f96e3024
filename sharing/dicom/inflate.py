"""Deflated data sets (PS3.5 A.5) as a seekable stream of flat memory."""

import io
import zlib
from typing import BinaryIO, Final

from sharing.dicom.limits import LIMITS, Limits
from sharing.dicom.refusal import Reason, RefusedError

_IN: Final = 64 << 10
_OUT: Final = 256 << 10
_WINDOW_BITS = {"raw": -zlib.MAX_WBITS, "zlib": zlib.MAX_WBITS}


class Inflated(io.RawIOBase):
    """The inflated bytes of a deflated data set, seekable; going back starts again.

    Parameters
    ----------
    source
        The file.
    start
        First deflated byte.

    Raises
    ------
    RefusedError
        From `read`, if the stream is damaged or ends too early.
    """

    def __init__(self, source: BinaryIO, start: int) -> None:
        self._source, self._start = source, start
        source.seek(start)
        # Some writers put a zlib header where the standard wants a raw stream.
        head = source.read(2)
        wrapped = len(head) == 2 and head[0] == 0x78 and int.from_bytes(head, "big") % 31 == 0
        self._bits = _WINDOW_BITS["zlib" if wrapped else "raw"]
        self._rewind()

    def _rewind(self) -> None:
        self._inflate = zlib.decompressobj(self._bits)
        self._next, self._at, self._ahead = self._start, 0, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence != io.SEEK_SET:
            raise io.UnsupportedOperation("only from the start")
        if offset < self._at:
            self._rewind()
        while self._at < offset and self._skip(offset - self._at):
            pass
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            raise io.UnsupportedOperation("a size is needed, for the stream may be endless")
        parts = []
        while size > 0 and (part := self._some(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def readinto(self, target: "bytearray | memoryview", /) -> int:  # type: ignore[override]
        part = self._some(len(target))
        target[: len(part)] = part
        return len(part)

    def _skip(self, count: int) -> int:
        return len(self._some(min(count, _OUT)))

    def _some(self, count: int) -> bytes:
        """Between one and `count` bytes; none at the end."""
        while not self._ahead:
            if self._inflate.eof or not self._fill():
                return b""
        part, self._ahead = self._ahead[:count], self._ahead[count:]
        self._at += len(part)
        return part

    def _fill(self) -> bool:
        raw = self._inflate.unconsumed_tail or self._more()
        try:
            self._ahead = self._inflate.decompress(raw, _OUT)
        except zlib.error as error:
            raise RefusedError(Reason.BAD_COMPRESSION) from error
        if not raw and not self._ahead and not self._inflate.eof:
            raise RefusedError(Reason.TRUNCATED)
        return True

    def _more(self) -> bytes:
        self._source.seek(self._next)
        raw = self._source.read(_IN)
        self._next += len(raw)
        return raw


def measure(source: BinaryIO, start: int, size: int, limits: Limits = LIMITS) -> int:
    """Size in bytes of a deflated data set once inflated, at most `limits` allow.

    Raises
    ------
    RefusedError
        If it inflates too far, is damaged, or ends too early.
    """
    stream, total = Inflated(source, start), 0
    allowed = max(limits.inflated_free_bytes, limits.inflated_ratio * (size - start))
    allowed = min(allowed, limits.inflated_bytes)
    while part := stream.read(_OUT):
        total += len(part)
        if total > allowed:
            raise RefusedError(Reason.INFLATES_TOO_FAR)
    return total
