"""What a person does with an upload. Every write stands with its audit row, or not at all."""

import datetime
import uuid
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from sharing.access import gate
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.audit.actions import record
from sharing.audit.rules import Act
from sharing.deid import browser
from sharing.deid.profile import BUNDLED
from sharing.ingest import queries
from sharing.ingest.models import Upload, UploadFile
from sharing.ingest.rules import ARRIVED, UPLOAD_MOVES, FileState, UploadState
from sharing.ingest.work import cleaned, spool, together
from sharing.ingest.work.check import Arrival, check, is_zip
from sharing.ingest.work.commit import committer
from sharing.ingest.work.together import Received, Whole
from sharing.jobs.actions import enqueue
from sharing.kernel.errors import ConflictError, InvalidInputError, TooLargeError
from sharing.studies.models import Study

LONGEST_NOTE = 2000
MOST_IN_MANIFEST = 200_000


def start_upload(*, by: Principal, note: str = "", channel: str = "", profile: str = "") -> Upload:
    """Open an upload in the principal's institution.

    `profile` is the digest of the profile by which the sender has removed who it is; every file
    is held to it then.
    """
    gate.permit(by, Action.UPLOAD)
    assert by.membership is not None  # UPLOAD is a member's action
    with transaction.atomic():
        upload = Upload.objects.create(
            institution=by.membership.institution,
            created_by=by.membership.user,
            note=note[:LONGEST_NOTE],
            channel=channel or by.origin.channel,
            cleaned_by=_cleaned_by(profile) if profile else {},
        )
        record(Act.UPLOAD_STARTED, by=by, upload_id=upload.pk)
    return upload


def _cleaned_by(digest: str) -> dict[str, str]:
    profile = BUNDLED[browser.PROFILE]
    if digest != profile.digest:
        raise ConflictError(
            "The rules by which identities are removed have changed. Reload the page."
        )
    return {"name": profile.name, "version": profile.version, "digest": profile.digest}


def check_room(size: int) -> None:
    """Refuse a file that is larger than this portal takes, before a byte of it is sent."""
    if size > settings.UPLOAD_MAX_BYTES:
        limit = settings.UPLOAD_MAX_BYTES // 2**30
        raise TooLargeError(f"This file is larger than the {limit} GB that are taken at once.")


def create_file(upload: Upload, *, path: str, size: int) -> UploadFile:
    """Make room for a file that arrives in pieces."""
    check_room(size)
    reopen(upload)
    return UploadFile.objects.create(
        upload=upload, path=path[:1024], size=size, expires_at=expiry()
    )


def expiry() -> datetime.datetime:
    """Until when an unfinished file is kept."""
    return timezone.now() + datetime.timedelta(days=settings.UPLOAD_KEPT_DAYS)


def settle_file(
    file: UploadFile, *, by: Principal, sha256: bytes, crc32: int, fresh: bool
) -> UploadFile:
    """Check, store and commit a file whose last byte is in the spool."""
    upload = file.upload
    _check_open(upload, by=by)
    path = spool.path_of(upload.pk, file.pk)
    if is_zip(path):
        return _queue_zip(file, sha256, fresh)
    arrival = check(
        file,
        path,
        institution_id=upload.institution_id,
        sha256=sha256,
        crc32=crc32,
        fresh=fresh,
    )
    cleaned.hold([arrival])
    if arrival.spooled is None:
        spool.drop(path)
    return committer.commit(arrival, by)


def receive_batch(
    upload: Upload, groups: Iterable[Iterable[Whole]], *, by: Principal
) -> list[Received]:
    """Check, store and commit small files that came whole in one request.

    Parameters
    ----------
    groups
        Files in memory; each group is used before the next is asked for.

    Returns
    -------
    list of Received
        In the order of the files; one with a `problem` was not taken, and the others were.
    """
    received: list[Received] = []
    try:
        for group in groups:
            together.receive(upload, group, received)
        _check_open(upload, by=by)
        together.settle(received, by=by)
        for archive in together.zips(received):
            _queue_zip(archive.file, archive.sha256, fresh=True)
            archive.is_settled = True
    finally:
        together.clear(received)
    return received


def _queue_zip(file: UploadFile, sha256: bytes, fresh: bool) -> UploadFile:
    spool.keep_name(spool.path_of(file.upload_id, file.pk))
    with transaction.atomic():
        file.state, file.sha256 = FileState.WAITING, sha256
        file.save(force_insert=fresh)
        enqueue("ingest.unpack", key=f"unpack:{file.pk}", args={"file": str(file.pk)})
    return file


def remove_file(file: UploadFile, *, by: Principal) -> None:
    """Give up a file that has not arrived (tus termination)."""
    if file.state != FileState.RECEIVING:
        raise ConflictError("This file has arrived already and cannot be taken back here.")
    with spool.held(spool.path_of(file.upload_id, file.pk)):
        queries.check_receiving(file)
        file.state = FileState.REMOVED
        committer.commit(Arrival(file, file.upload.institution_id, fresh=False), by)
        spool.drop(spool.path_of(file.upload_id, file.pk))


def finish_upload(upload: Upload, *, manifest: list[dict[str, Any]], by: Principal) -> Upload:
    """The sender has sent everything that `manifest` lists; from now on there is a receipt."""
    if len(manifest) > MOST_IN_MANIFEST:
        raise InvalidInputError(f"A list of more than {MOST_IN_MANIFEST:,} files is not read.")
    _check_not_cancelled(upload)
    with transaction.atomic():
        upload.manifest = manifest or upload.manifest
        upload.state, upload.finished_at = UploadState.FINISHED, timezone.now()
        upload.save(update_fields=["manifest", "state", "finished_at"])
        _settle_studies(upload)
        record(Act.UPLOAD_FINISHED, by=by, upload_id=upload.pk, **queries.counts(upload))
    return upload


def cancel_upload(upload: Upload, *, by: Principal) -> Upload:
    """Stop receiving. What has been stored stays; what has not is dropped."""
    if UploadState.CANCELLED not in UPLOAD_MOVES[UploadState(upload.state)]:
        raise ConflictError("This upload has ended already.")
    with transaction.atomic():
        open_files = upload.files.filter(state=FileState.RECEIVING)
        dropped = list(open_files.values_list("pk", flat=True))
        open_files.update(state=FileState.REMOVED)
        upload.state = UploadState.CANCELLED
        upload.save(update_fields=["state"])
        _settle_studies(upload)
        record(Act.UPLOAD_CANCELLED, by=by, upload_id=upload.pk, dropped=len(dropped))
    _drop_spooled(upload.pk, dropped)
    return upload


def _settle_studies(upload: Upload) -> None:
    """Nothing more of these studies is to come from here; what comes after all says so itself."""
    brought = upload.files.filter(state__in=ARRIVED).values("instance__series__study")
    Study.objects.filter(pk__in=brought).update(settled_at=timezone.now())


def _drop_spooled(upload_id: uuid.UUID, files: list[uuid.UUID]) -> None:
    for file_id in files:
        spool.drop(spool.path_of(upload_id, file_id))


def reopen(upload: Upload) -> None:
    """More files may follow a receipt; nothing follows a cancellation."""
    _check_not_cancelled(upload)
    if upload.state == UploadState.FINISHED:
        # Only from there: meanwhile it may have been opened, and cancelled, by another request.
        finished = Upload.objects.filter(pk=upload.pk, state=UploadState.FINISHED)
        finished.update(state=UploadState.RECEIVING)
        upload.state = UploadState.RECEIVING


def _check_open(upload: Upload, *, by: Principal) -> None:
    """Ask again before anything is filed: its bytes may have been on their way for hours."""
    gate.permit_still(by, Action.UPLOAD)
    upload.refresh_from_db(fields=["state"])
    _check_not_cancelled(upload)


def _check_not_cancelled(upload: Upload) -> None:
    if upload.state == UploadState.CANCELLED:
        raise ConflictError("This upload was cancelled. Start a new one.")
