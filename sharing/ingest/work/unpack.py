"""ZIPs and folders: each file in them is received as if it had been sent on its own."""

import hashlib
import logging
import os
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import BinaryIO

from django.db import connection
from isal import isal_zlib

from sharing.audit.actions import Asking
from sharing.dicom.archives import Entry, entries
from sharing.dicom.refusal import Reason, RefusedError
from sharing.ingest.models import Upload, UploadFile
from sharing.ingest.rules import FileState
from sharing.ingest.work import cleaned, spool
from sharing.ingest.work.check import Arrival, check, is_zip
from sharing.ingest.work.commit import committer
from sharing.kernel import wall

log = logging.getLogger(__name__)
AT_A_TIME = 4
NESTED = "This is a ZIP inside a ZIP. Please unpack the outer one and send what is in it."
Seen = Callable[[UploadFile], None]


def receive_stream(
    upload: Upload,
    source: BinaryIO,
    *,
    path: str,
    size: int,
    by: Asking,
    parent: UploadFile | None = None,
    seen: Seen | None = None,
) -> UploadFile:
    """Copy one file into the spool, check it and commit it."""
    file = UploadFile(upload=upload, parent=parent, path=path[:1024], size=size)
    spooled = spool.path_of(upload.pk, file.pk)
    running, crc = hashlib.sha256(), 0
    with spool.held(spooled) as handle:
        position = 0
        while chunk := source.read(spool.CHUNK):
            position = spool.append(handle, position, [chunk], running)
            crc = isal_zlib.crc32(chunk, crc)
        os.fsync(handle)  # beside the others' commits
    file.size = position
    try:
        if parent is None and is_zip(spooled):
            return receive_zip(upload, spooled, file=file, fresh=True, by=by, seen=seen)
        arrival = check(
            file,
            spooled,
            institution_id=upload.institution_id,
            sha256=running.digest(),
            crc32=crc,
            fresh=True,
        )
        cleaned.hold([arrival])
        return committer.commit(arrival, by)
    finally:
        spool.drop(spooled)


def receive_zip(
    upload: Upload,
    path: Path,
    *,
    file: UploadFile,
    fresh: bool,
    by: Asking,
    seen: Seen | None = None,
) -> UploadFile:
    """Receive what is in a spooled ZIP; the ZIP's own row says how that went.

    May run again after a kill: what had been received is found to be there already.
    """
    file.state, file.reason = FileState.UNPACKED, ""
    if fresh:
        file.state = FileState.WAITING
        file.save(force_insert=True)
        file.state = FileState.UNPACKED
    UploadFile.objects.filter(parent=file).delete()
    try:
        for entry in entries(path):
            one = _receive_entry(upload, entry, parent=file, by=by)
            if seen:
                seen(one)
    except RefusedError as error:
        file.state, file.reason = FileState.REFUSED, error.detail[:400]
        file.reason_code = str(error.reason)
    return committer.commit(Arrival(file, upload.institution_id, fresh=False), by)


def _receive_entry(upload: Upload, entry: Entry, *, parent: UploadFile, by: Asking) -> UploadFile:
    """Receive one entry; a damaged one is refused by itself, and the others go on."""
    try:
        if entry.is_archive():
            raise RefusedError(Reason.NOT_DICOM, NESTED)
        with entry.open() as source:
            return receive_stream(
                upload, source, path=entry.name, size=entry.size, by=by, parent=parent
            )
    except RefusedError as error:
        return _refused(upload, entry.name, str(error.reason), error.detail, by, parent)


def _refused(
    upload: Upload,
    name: str,
    code: str,
    reason: str,
    by: Asking,
    parent: UploadFile | None = None,
) -> UploadFile:
    file = UploadFile(
        upload=upload,
        parent=parent,
        path=name[:1024],
        size=0,
        state=FileState.REFUSED,
        reason=reason[:400],
        reason_code=code,
    )
    return committer.commit(Arrival(file, upload.institution_id, fresh=True), by)


def receive_paths(upload: Upload, paths: list[Path], *, by: Asking, seen: Seen) -> None:
    """Receive files and folders from this machine's disk, four at a time, in order of name."""

    def receive(item: tuple[Path, str]) -> UploadFile:
        try:
            return _receive_path(upload, *item, by=by, seen=seen)
        finally:
            connection.close()  # this thread's own: nobody could close it after the thread's end

    for file in _in_parallel(receive, walk(paths)):
        seen(file)


def _receive_path(upload: Upload, path: Path, name: str, *, by: Asking, seen: Seen) -> UploadFile:
    try:
        with path.open("rb") as source:
            size = os.fstat(source.fileno()).st_size
            return receive_stream(upload, source, path=name, size=size, by=by, seen=seen)
    except OSError as error:
        reason = f"This file cannot be read from the disk: {error.strerror}."
        return _refused(upload, name, "unreadable", reason, by)


def walk(paths: list[Path]) -> Iterator[tuple[Path, str]]:
    """Every file below `paths`, with its name as the sender knows it. Links are not followed."""
    for path in paths:
        if not path.is_dir():
            yield path, path.name
            continue
        for folder, folders, names in os.walk(path, followlinks=False):
            folders.sort()
            for name in sorted(names):
                found = Path(folder, name)
                if found.is_file() and not found.is_symlink():
                    yield found, str(found.relative_to(path.parent))


def _in_parallel(
    run: Callable[[tuple[Path, str]], UploadFile], items: Iterator[tuple[Path, str]]
) -> Iterator[UploadFile]:
    """Run a few at a time, without ever holding more than a few in memory."""
    with ThreadPoolExecutor(AT_A_TIME, thread_name_prefix="receive") as pool:
        running: set[Future[UploadFile]] = set()
        for item in items:
            running.add(pool.submit(wall.carried(run), item))
            if len(running) >= 2 * AT_A_TIME:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (one.result() for one in done)
        for one in running:
            yield one.result()


def unpack(file_id: uuid.UUID, *, by: Asking, seen: Seen | None = None) -> None:
    """The job of a ZIP that came over the wire."""
    file = UploadFile.objects.select_related("upload").get(pk=file_id)
    if file.state != FileState.WAITING:
        return
    path = spool.path_of(file.upload_id, file.pk)
    receive_zip(file.upload, path, file=file, fresh=False, by=by, seen=seen)
    spool.drop(path)
