"""What is known of uploads: whose they are, and the receipt."""

import datetime
import uuid
from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.db.models import Count, QuerySet

from sharing.access import gate
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.ingest.models import Upload, UploadFile
from sharing.ingest.rules import ARRIVED, FileState, UploadState
from sharing.kernel.errors import ConflictError, NotThereError
from sharing.studies.models import Study

# An upload that says nothing for this long is no longer shown as arriving.
QUIET = datetime.timedelta(minutes=2)


def uploads(principal: Principal) -> QuerySet[Upload]:
    """The uploads that the principal may know of: the own institution's, or the own ones alone."""
    if principal.membership is None:
        return Upload.objects.none()
    theirs = Upload.objects.filter(institution=principal.membership.institution_id)
    if principal.may(Action.SEARCH):
        return theirs
    sends = principal.may(Action.UPLOAD)
    return theirs.filter(created_by=principal.user) if sends else Upload.objects.none()


def permit_reading(principal: Principal) -> None:
    """Whoever finds studies reads receipts; whoever only sends reads those of what they sent."""
    gate.permit(principal, Action.UPLOAD if principal.may(Action.UPLOAD) else Action.SEARCH)


def upload(principal: Principal, id: uuid.UUID, *, writing: bool = False) -> Upload:
    """One upload; to write, it has to be one's own."""
    if writing:
        gate.permit(principal, Action.UPLOAD)
    else:
        permit_reading(principal)
    wanted = uploads(principal).filter(pk=id)
    if writing:
        wanted = wanted.filter(created_by=principal.user)
    found = wanted.select_related("institution", "created_by").first()
    if found is None:
        raise NotThereError
    return found


def file(principal: Principal, upload_id: uuid.UUID, file_id: uuid.UUID) -> UploadFile:
    """One file of one's own upload."""
    gate.permit(principal, Action.UPLOAD)
    found = (
        UploadFile.objects.filter(
            pk=file_id,
            upload=upload_id,
            upload__in=uploads(principal),
            upload__created_by=principal.user,
        )
        .select_related("upload")
        .first()
    )
    if found is None:
        raise NotThereError
    return found


def check_receiving(file: UploadFile) -> None:
    """Say no where `file` has meanwhile arrived or was given up; ask while its bytes are held.

    Raises
    ------
    ConflictError
        Another request was first, and its outcome stands.
    """
    file.refresh_from_db(fields=["state"])
    if file.state != FileState.RECEIVING:
        raise ConflictError("This file has arrived already, or was given up.")


def counts(upload: Upload) -> dict[str, Any]:
    """How many files are in which state."""
    states = upload.files.values_list("state").annotate(Count("pk"))
    return {str(state): count for state, count in states}


def uploads_of_study(study: Study) -> QuerySet[Upload]:
    """The uploads that brought something of `study`, newest first."""
    brought = UploadFile.objects.filter(instance__series__study=study).values("upload")
    return Upload.objects.filter(pk__in=brought).select_related("created_by")


# ---- The receipt -------------------------------------------------------------------------------


def receipt(upload: Upload) -> dict[str, Any]:
    """What became of everything that was sent, and what of the sender's list never came."""
    tally = counts(upload)
    rejected = [_rejection(one) for one in _not_taken(upload)]
    refused = [one for one in rejected if one["state"] == FileState.REFUSED]
    missing = _missing(upload)
    return {
        "id": str(upload.pk),
        "state": str(_state(upload, tally)),
        "institution": upload.institution.name,
        "sent_by": str(upload.created_by),
        "started_at": upload.created_at,
        "finished_at": upload.finished_at,
        "note": upload.note,
        "cleaned_by": upload.cleaned_by,
        "studies": _studies(upload, refused, missing),
        "stored": tally.get(FileState.STORED, 0),
        "duplicates": tally.get(FileState.DUPLICATE, 0),
        "conflicts": tally.get(FileState.CONFLICT, 0),
        "waiting": tally.get(FileState.WAITING, 0) + tally.get(FileState.RECEIVING, 0),
        "unpacked": tally.get(FileState.UNPACKED, 0),
        "rejected": refused,
        "skipped": [one for one in rejected if one["state"] == FileState.SKIPPED],
        "missing": missing,
    }


def _state(upload: Upload, tally: dict[str, int]) -> str:
    if upload.state == UploadState.FINISHED and tally.get(FileState.WAITING):
        return "checking"
    return upload.state


def _not_taken(upload: Upload) -> Iterable[UploadFile]:
    states = (FileState.REFUSED, FileState.SKIPPED)
    return upload.files.filter(state__in=states).order_by("path", "pk").iterator()


def _rejection(one: UploadFile) -> dict[str, str]:
    return {
        "path": one.path,
        "reason": one.reason,
        "code": one.reason_code,
        "state": str(one.state),
    }


_SERIES_FIELDS = (
    "instance__series__study",
    "instance__series__study__uid",
    "instance__series__study__date",
    "instance__series__study__description",
    "instance__series__study__patient__display_name",
    "instance__series__study__patient__patient_id",
    "instance__series__study__patient__birth_date",
    "instance__series__uid",
    "instance__series__modality",
    "instance__series__number",
    "instance__series__description",
    "state",
)


Rows = list[dict[str, Any]]


def _studies(upload: Upload, refused: Rows, missing: Rows) -> Rows:
    listed = _Listed(upload.manifest, refused, missing)
    rows = (
        upload.files.filter(state__in=ARRIVED)
        .order_by(*_SERIES_FIELDS[:-1])
        .values_list(*_SERIES_FIELDS)
        .annotate(Count("pk"))
    )
    studies: dict[uuid.UUID, dict[str, Any]] = {}
    for pk, uid, date, text, name, number, born, series_uid, *series, state, count in rows:
        study = studies.setdefault(
            pk,
            {
                "id": str(pk),
                "uid": uid,
                "date": date,
                "description": text,
                "patient_name": name,
                "patient_id": number,
                "patient_birth_date": born,
                "series": {},
            },
        )
        one = study["series"].setdefault(series_uid, _series(series_uid, series, listed))
        _tally(one, state, count)
    return [study | {"series": list(study["series"].values())} for study in studies.values()]


class _Listed:
    """What the sender's list says of each series."""

    def __init__(self, manifest: Rows, refused: Rows, missing: Rows) -> None:
        series_of = {str(one.get("path")): str(one.get("series_uid", "")) for one in manifest}
        self.any = bool(manifest)
        self.expected = Counter(series_of.values())
        self.refused = Counter(series_of.get(one["path"], "") for one in refused)
        self.missing = Counter(one["series_uid"] for one in missing)


def _series(uid: str, facts: list[Any], listed: _Listed) -> dict[str, Any]:
    modality, number, description = facts
    return {
        "uid": uid,
        "modality": modality,
        "number": number,
        "description": description,
        "expected": listed.expected[uid] if listed.any else None,
        "stored": 0,
        "duplicates": 0,
        "conflicts": 0,
        "refused": listed.refused[uid],
        "missing": listed.missing[uid],
    }


_TALLIED = {
    FileState.STORED: "stored",
    FileState.DUPLICATE: "duplicates",
    FileState.CONFLICT: "conflicts",
}


def _tally(series: dict[str, Any], state: str, count: int) -> None:
    series[_TALLIED[FileState(state)]] += count


def _missing(upload: Upload) -> Rows:
    """What the sender's list names and no file that was received is, by SHA-256 or by path."""
    if not upload.manifest:
        return []
    settled = upload.files.exclude(state__in=(FileState.RECEIVING, FileState.REMOVED))
    hashes, paths = set(), set()
    for path, size, sha256 in settled.values_list("path", "size", "sha256").iterator():
        hashes.add(bytes(sha256 or b"").hex())
        paths.add((path, size))
    return [
        {
            name: one.get(name, "")
            for name in ("path", "sop_instance_uid", "series_uid", "study_uid")
        }
        for one in upload.manifest
        if not _came(one, hashes, paths)
    ]


def _came(listed: dict[str, Any], hashes: set[str], paths: set[tuple[str, int]]) -> bool:
    """By its bytes where the sender hashed them; else by its name and size."""
    if listed.get("sha256"):
        return str(listed["sha256"]).lower() in hashes
    return (str(listed.get("path", ""))[:1024], listed.get("size")) in paths
