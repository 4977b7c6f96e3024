"""Bytes that no row names: found, set aside, and a week later deleted.

Between putting an object and committing its row a process may die, and the database may refuse the
row. The sender is told, and sends again or does not; without this the bytes would stay for ever.

A commit of the same content may run beside the sweep: it puts the object, under the same key, then
commits the row. Nothing the two could lock is shared by a bucket and a database, so the sweep
deletes nothing that it finds. It moves what is older than a day and has no row to `swept/`, and
each later run puts back what has got a row meanwhile. Only what stood there for a week without
one is deleted. A database that was restored from a backup therefore loses no image either, as long
as that is noticed within the week.
"""

import contextlib
import dataclasses
import re
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from sharing.access.principal import Actor, Principal
from sharing.audit.actions import record
from sharing.audit.rules import Act, ActorKind
from sharing.ingest.models import Upload, UploadFile
from sharing.ingest.rules import FileState, UploadState
from sharing.ingest.work import spool
from sharing.kernel.requests import JOB
from sharing.storage.objects import Listed, ObjectMissingError, store
from sharing.studies.models import Instance, Series

AGE = timedelta(days=1)
ASIDE = timedelta(days=7)
AT_ONCE = 500
MOST = 10_000  # of one run; the next one goes on
SWEPT = "swept"
KEY = re.compile(r"(?P<institution>[0-9a-f]{32})/[0-9a-f]{16}-(?P<sha256>[0-9a-f]{64})\.dcm")
Check = Callable[[], None]


@dataclasses.dataclass(slots=True)
class Found:
    """What a run has found to do: keys of the store, and files of the spool."""

    put_back: list[str] = dataclasses.field(default_factory=list)
    set_aside: list[str] = dataclasses.field(default_factory=list)
    deleted: list[str] = dataclasses.field(default_factory=list)
    spooled: list[Path] = dataclasses.field(default_factory=list)


def sweep(check: Check) -> Found:
    """Look, write down what will be done, and do it; `check` is called now and then to stop."""
    found = Found(spooled=list(_left_in_spool()))
    for one, is_needed in _known(store().listed(SWEPT), check):
        if is_needed:
            found.put_back.append(one.key)
        elif one.since < timezone.now() - ASIDE:
            found.deleted.append(one.key)
    for one, is_needed in _known(store().listed(), check):
        if not is_needed and KEY.fullmatch(one.key) and one.since < timezone.now() - AGE:
            found.set_aside.append(one.key)
            if len(found.set_aside) >= MOST:
                break
    _write_down(found)
    _do(found, check)
    return found


def _known(listed: Iterable[Listed], check: Check) -> Iterator[tuple[Listed, bool]]:
    """Each object that holds an instance's bytes, and whether a row names it."""
    ours = (one for one in listed if _parts(one.key))
    while some := list(islice(ours, AT_ONCE)):
        check()
        needed = _needed([one.key for one in some])
        yield from ((one, _original(one.key) in needed) for one in some)


def _needed(keys: list[str]) -> set[str]:
    """The keys that rows name, looked up by what the database has an index of."""
    hashes = defaultdict(list)
    for institution, sha256 in filter(None, map(_parts, keys)):
        hashes[institution].append(sha256)
    needed: set[str] = set()
    for institution, wanted in hashes.items():
        rows = Instance.objects.filter(institution=institution, sha256__in=wanted)
        needed.update(rows.values_list("key", flat=True))
    return needed


def _parts(key: str) -> tuple[uuid.UUID, bytes] | None:
    """Institution and SHA-256 of a key that `check.key_of` made; other objects are not ours."""
    found = KEY.fullmatch(_original(key))
    return found and (uuid.UUID(found["institution"]), bytes.fromhex(found["sha256"]))


def _original(key: str) -> str:
    return key.removeprefix(f"{SWEPT}/")


def _write_down(found: Found) -> None:
    """One row for each institution, and one for the spool, whose files belong to nobody any more."""
    counts: dict[uuid.UUID | None, Counter[str]] = defaultdict(Counter)
    for what in ("put_back", "set_aside", "deleted"):
        for key in getattr(found, what):
            parts = _parts(key)
            counts[parts and parts[0]][what] += 1
    if found.spooled:
        counts[None]["spooled"] = len(found.spooled)
    sweeper = Principal(Actor(ActorKind.MACHINE, "sweep"), frozenset(), Series.objects.none(), JOB)
    for institution, counted in counts.items():
        detail: dict[str, Any] = dict(counted)
        record(Act.STORE_SWEPT, by=sweeper, custodian_id=institution, **detail)


def _do(found: Found, check: Check) -> None:
    for key in found.put_back:
        _move(key, _original(key))
    for key in found.deleted:
        store().delete(key)
    for start in range(0, len(found.set_aside), AT_ONCE):
        check()
        some = found.set_aside[start : start + AT_ONCE]
        for key in some:
            _move(key, f"{SWEPT}/{key}")
        # Whoever committed between the look and the move has it back at once.
        for key in _needed(some):
            _move(f"{SWEPT}/{key}", key)
    for path in found.spooled:
        _drop(path)
    _drop_folders()


def _move(key: str, to: str) -> None:
    with contextlib.suppress(ObjectMissingError):  # it went with a run beside this one
        store().move(key, to)


# ---- The spool ---------------------------------------------------------------------------------


def _left_in_spool() -> Iterator[Path]:
    """Spooled files that nobody goes on with, and that nobody is about to commit either."""
    before = (timezone.now() - AGE).timestamp()
    root = Path(settings.SPOOL_DIR)
    paths = (path for path in root.glob("*/*") if _age(path) < before)
    yield from (path for path in paths if _is_left(path))


def _age(path: Path) -> float:
    try:
        state = path.stat()
    except FileNotFoundError:  # it was committed meanwhile
        return float("inf")
    return max(state.st_mtime, state.st_ctime)


def _is_left(path: Path) -> bool:
    try:
        file_id = uuid.UUID(path.name)
    except ValueError:
        return False  # not ours
    waits = UploadFile.objects.filter(
        pk=file_id, state__in=(FileState.RECEIVING, FileState.WAITING)
    )
    return not waits.exists()


def _drop(path: Path) -> None:
    with contextlib.suppress(spool.FileBusyError, FileNotFoundError), spool.held(path):
        if _is_left(path):
            spool.drop(path)


def _drop_folders() -> None:
    """The empty folders of uploads that nobody sends to any more."""
    before = (timezone.now() - AGE).timestamp()
    for path in Path(settings.SPOOL_DIR).glob("*/"):
        if _age(path) < before and not _receives(path.name):
            with contextlib.suppress(OSError):  # something is in it
                path.rmdir()


def _receives(name: str) -> bool:
    try:
        upload_id = uuid.UUID(name)
    except ValueError:
        return True  # not ours
    return Upload.objects.filter(pk=upload_id, state=UploadState.RECEIVING).exists()
