"""Stored objects as files on this machine's disk, for what works on files alone."""

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path

from sharing.ingest.work import spool
from sharing.storage.objects import store


def room(of: uuid.UUID) -> Path:
    """A name for a file in the spool. What a kill leaves there goes with the daily sweep."""
    path = spool.path_of(of, uuid.uuid4())
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


@contextlib.contextmanager
def at_hand(key: str, *, of: uuid.UUID) -> Iterator[Path]:
    """The object under `key`, to be read: where it lies, or a copy for as long as the block runs."""
    local = store().local_path(key)
    if local is not None:
        yield local
        return
    with copied(key, of=of) as path:
        yield path


@contextlib.contextmanager
def copied(key: str, *, of: uuid.UUID) -> Iterator[Path]:
    """A copy of the object that may be changed, and goes when the block ends."""
    path = room(of)
    try:
        with spool.held(path) as handle:
            position = 0
            for chunk in store().stream(key):
                position = spool.append(handle, position, [chunk])
        yield path
    finally:
        spool.drop(path)
