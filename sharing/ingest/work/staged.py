"""What another part of the house has made and keeps in the store: filed like what was uploaded.

`bring` may run again after a kill, and shows nothing: bytes in the store that no row names are set
aside by `sweep`. `file` writes the rows, in the caller's transaction if there is one, so that a
caller can let many files be seen at one moment.
"""

import hashlib
import os
from collections.abc import Sequence

from isal import isal_zlib

from sharing.audit.actions import Asking
from sharing.ingest.models import Upload, UploadFile
from sharing.ingest.work import commit, spool
from sharing.ingest.work.check import Arrival, check
from sharing.storage.objects import store

AT_ONCE = 200  # rows that are written by one statement


def bring(upload: Upload, key: str, *, name: str, by: Asking) -> Arrival:
    """Check the object under `key` and put a copy where an instance's bytes belong.

    An arrival without a header is none: its file says why it was not taken.
    """
    file = UploadFile(upload=upload, path=name, size=0)
    path = spool.path_of(upload.pk, file.pk)
    running, crc = hashlib.sha256(), 0
    try:
        with spool.held(path) as handle:
            for chunk in store().stream(key):
                file.size = spool.append(handle, file.size, [chunk], running)
                crc = isal_zlib.crc32(chunk, crc)
            os.fsync(handle)
        arrival = check(
            file,
            path,
            institution_id=upload.institution_id,
            sha256=running.digest(),
            crc32=crc,
            fresh=True,
        )
        commit.keep([(arrival, by)])
    finally:
        spool.drop(path)
    return arrival


def file(arrivals: Sequence[Arrival], *, by: Asking) -> None:
    """Write the rows of what was brought."""
    for start in range(0, len(arrivals), AT_ONCE):
        commit.write([(one, by) for one in arrivals[start : start + AT_ONCE]])
