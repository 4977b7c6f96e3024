"""States of an upload and of each file in it, and the moves between them."""

from django.db.models import TextChoices


class UploadState(TextChoices):
    RECEIVING = "receiving", "Arriving"
    FINISHED = "finished", "Finished"
    CANCELLED = "cancelled", "Cancelled"


class FileState(TextChoices):
    RECEIVING = "receiving", "Arriving"
    WAITING = "waiting", "Being checked"
    STORED = "stored", "Stored"
    DUPLICATE = "duplicate", "Already there"
    CONFLICT = "conflict", "Stored, in conflict"
    REFUSED = "refused", "Refused"
    SKIPPED = "skipped", "Not an image"
    UNPACKED = "unpacked", "Unpacked"
    REMOVED = "removed", "Removed"


ARRIVED = (FileState.STORED, FileState.DUPLICATE, FileState.CONFLICT)
SETTLED = (*ARRIVED, FileState.REFUSED, FileState.SKIPPED, FileState.UNPACKED, FileState.REMOVED)

UPLOAD_MOVES: dict[UploadState, frozenset[UploadState]] = {
    UploadState.RECEIVING: frozenset({UploadState.FINISHED, UploadState.CANCELLED}),
    # More files may follow a receipt: the same folder again, or a disc that was missing.
    UploadState.FINISHED: frozenset({UploadState.RECEIVING}),
    UploadState.CANCELLED: frozenset(),
}
FILE_MOVES: dict[FileState, frozenset[FileState]] = {
    FileState.RECEIVING: frozenset(
        {*SETTLED, FileState.WAITING},
    ),
    FileState.WAITING: frozenset(SETTLED),
    **{state: frozenset() for state in SETTLED},
}
