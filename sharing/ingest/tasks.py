"""What is done about uploads when nobody waits: unpack ZIPs, and drop what was given up."""

import uuid
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from sharing.access.principal import Principal, member, person
from sharing.accounts.models import Membership
from sharing.credentials.principal import machines
from sharing.ingest.models import Upload, UploadFile
from sharing.ingest.rules import FileState
from sharing.ingest.work import spool
from sharing.ingest.work.sweep import sweep
from sharing.ingest.work.unpack import unpack
from sharing.jobs.work import Run, job
from sharing.kernel import wall
from sharing.kernel.requests import JOB

AT_ONCE = 500


@job("ingest.unpack", soft=timedelta(hours=2))
def unpack_zip(run: Run, *, file: str) -> None:
    """Receive what is in a ZIP; run again, it finds what it had received already there."""
    found = UploadFile.objects.select_related("upload").get(pk=file)
    sender = _sender(found.upload)
    with wall.acting_for(found.upload.institution_id):
        unpack(found.pk, by=sender, seen=lambda _: run.check())


@job("ingest.expire", every=timedelta(minutes=10))
def expire(run: Run) -> None:
    """Drop the bytes of unfinished files that nobody went on with (tus expiration)."""
    late = UploadFile.objects.filter(state=FileState.RECEIVING, expires_at__lt=timezone.now())
    for upload_id, file_id in list(late.values_list("upload_id", "pk")[:AT_ONCE]):
        _expire(upload_id, file_id)


def _expire(upload_id: uuid.UUID, file_id: uuid.UUID) -> None:
    path = spool.path_of(upload_id, file_id)
    with spool.held(path), transaction.atomic():
        changed = UploadFile.objects.filter(pk=file_id, state=FileState.RECEIVING).update(
            state=FileState.REMOVED
        )
        if changed:
            transaction.on_commit(lambda: spool.drop(path))


@job("ingest.sweep", every=timedelta(days=1), soft=timedelta(hours=2))
def sweep_up(run: Run) -> None:
    """Set aside what no row names, in the store and in the spool (`work.sweep`)."""
    sweep(run.check)


def _sender(upload: Upload) -> Principal:
    """Whoever sent it, as the audit names them."""
    found = (
        Membership.objects.filter(user=upload.created_by, institution=upload.institution)
        .select_related("user", "institution")
        .first()
    )
    if found:
        return member(found, JOB, credential="job")
    return machines.of_account(upload.created_by, JOB) or person(upload.created_by, JOB)
