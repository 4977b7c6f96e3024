"""Small files that came whole in one request: checked while they are at hand, filed together."""

import dataclasses
import hashlib
import logging
from collections.abc import Iterable
from concurrent.futures import Future, wait
from pathlib import Path
from typing import NamedTuple

from isal import isal_zlib

from sharing.audit.actions import Asking
from sharing.ingest.models import Upload, UploadFile
from sharing.ingest.work import cleaned, spool
from sharing.ingest.work.check import Arrival, begins_a_zip, check
from sharing.ingest.work.commit import committer
from sharing.kernel.errors import SharingError, UnavailableError

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Sent:
    """What the sender says of a file; the SHA-256 in hexadecimal, or empty."""

    path: str
    size: int
    sha256: str = ""


class Whole(NamedTuple):
    """A file that is in memory."""

    sent: Sent
    room: spool.Room


@dataclasses.dataclass(slots=True)
class Received:
    """A file that came. With a `problem` it was not taken, and has no row."""

    file: UploadFile
    spooled: Path
    sha256: bytes
    crc32: int
    arrival: Arrival | None = None
    problem: SharingError | None = None
    is_settled: bool = False


def receive(upload: Upload, group: Iterable[Whole], into: list[Received]) -> None:
    """Spool and check files; what they need of the database waits for all of the request.

    First all bytes pass, then all headers are read: measured, a header costs half as much when
    the processor's caches do not hold half a megabyte of pixels instead of what reads it.
    """
    checked: list[tuple[Received, memoryview]] = []
    written: list[Future[None]] = []
    try:
        for sent, room in group:
            into.append(_taken(upload, sent, room))
            if into[-1].problem is None:
                written.append(spool.write_beside(into[-1].spooled, room))
                checked.append((into[-1], room.data))
        for one, data in checked:
            if not begins_a_zip(data):
                one.arrival = _checked(one, data)
    finally:
        wait(written)  # until then the block belongs to the disk
    for done in written:
        done.result()
    cleaned.hold(one.arrival for one, _ in checked if one.arrival is not None)
    for one, _ in checked:
        if one.arrival is not None and one.arrival.spooled is None:
            spool.drop(one.spooled)  # it is no image


def _taken(upload: Upload, sent: Sent, room: spool.Room) -> Received:
    file = UploadFile(upload=upload, path=sent.path, size=sent.size)
    found = Received(
        file,
        spool.path_of(upload.pk, file.pk),
        hashlib.sha256(room.data).digest(),
        isal_zlib.crc32(room.data),
    )
    if sent.sha256 and found.sha256.hex() != sent.sha256.lower():
        found.problem = spool.ChecksumMismatchError()
    return found


def _checked(one: Received, data: memoryview) -> Arrival:
    return check(
        one.file,
        one.spooled,
        institution_id=one.file.upload.institution_id,
        sha256=one.sha256,
        crc32=one.crc32,
        fresh=True,
        data=data,
    )


def settle(received: list[Received], *, by: Asking) -> None:
    """Store and commit what was checked.

    Raises
    ------
    Exception
        Why nothing could be filed, when nothing could: then it is not the files' fault.
    """
    checked = [(one, one.arrival) for one in received if one.arrival is not None]
    errors = committer.commit_all([arrival for _, arrival in checked], by)
    failed = [error for error in errors if error is not None]
    if failed and len(failed) == len(checked):
        raise failed[0]
    for (one, _), error in zip(checked, errors, strict=True):
        one.is_settled = error is None
        if error is not None:
            log.warning("ingest.not-filed error=%s", type(error).__name__)
            one.problem = error if isinstance(error, SharingError) else UnavailableError()


def zips(received: Iterable[Received]) -> list[Received]:
    """The archives, durable in the spool: they are unpacked by a job."""
    return [one for one in received if one.arrival is None and one.problem is None]


def clear(received: Iterable[Received]) -> None:
    """Drop the bytes of what was not taken; the sender is told to send it again."""
    for one in received:
        if not one.is_settled:
            spool.drop(one.spooled)
