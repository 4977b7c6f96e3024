"""Check one spooled file: what it is, whose it is, or why it is not taken."""

import dataclasses
import hashlib
import io
import uuid
from pathlib import Path
from typing import BinaryIO, cast

import orjson
from isal import isal_zlib

from sharing.dicom import json as dicom_json
from sharing.dicom.refusal import Reason, RefusedError
from sharing.dicom.scan import Header, scan
from sharing.ingest.models import UploadFile
from sharing.ingest.rules import FileState
from sharing.ingest.work import spool
from sharing.studies.rules import patient_identity

ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
INDEX_SENTENCE = "The index of the disc. The images themselves are what counts."


@dataclasses.dataclass(slots=True)
class Arrival:
    """A file that has been checked: an instance to commit, or a reason why there is none.

    `fresh` says that its row in the database has still to be made.
    """

    file: UploadFile
    institution_id: uuid.UUID
    fresh: bool
    spooled: Path | None = None
    header: Header | None = None
    key: str = ""
    # Institution, patient's identity, study's and series' UID: where it is filed.
    place: tuple[uuid.UUID, bytes, str, str] = (uuid.UUID(int=0), b"", "", "")
    crc32: int = 0
    attributes: bytes = b""
    metadata: bytes = b""
    frames: bytes | None = None


class InMemory(io.RawIOBase):
    """Bytes of a buffer as a file, without a copy of them."""

    def __init__(self, data: memoryview) -> None:
        self.data, self.position = data, 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.position, io.SEEK_END: len(self.data)}[whence]
        self.position = max(0, base + offset)
        return self.position

    def read(self, size: int = -1) -> bytes:
        end = len(self.data) if size < 0 else self.position + size
        found = bytes(self.data[self.position : end])
        self.position += len(found)
        return found


def key_of(institution_id: uuid.UUID, study_uid: str, sha256: bytes) -> str:
    """Where an institution's bytes stay: named by what they are.

    The study comes first, so that a store that spreads keys by their beginning keeps a study
    together and makes it durable with one fsync of a folder.
    """
    study = hashlib.sha256(study_uid.encode()).hexdigest()[:16]
    return f"{institution_id.hex}/{study}-{sha256.hex()}.dcm"


def is_zip(path: Path) -> bool:
    with path.open("rb") as source:
        return begins_a_zip(source.read(4))


def begins_a_zip(head: bytes | memoryview) -> bool:
    return bytes(head[:4]) in ZIP_MAGIC


def check(
    file: UploadFile,
    path: Path,
    *,
    institution_id: uuid.UUID,
    sha256: bytes,
    crc32: int,
    fresh: bool,
    data: memoryview | None = None,
) -> Arrival:
    """Scan the spooled file at `path`; what is no image has its reason, and goes from the spool.

    `data` are its bytes, where they are still at hand and need not be read again; then the file
    may not be there yet, and the caller lets it go.
    """
    arrival = Arrival(file, institution_id, fresh, crc32=crc32)
    file.sha256 = sha256
    try:
        with path.open("rb") if data is None else cast("BinaryIO", InMemory(data)) as source:
            _read(arrival, source)
    except RefusedError as error:
        _refuse(file, error)
    if arrival.header is None:
        if data is None:
            spool.drop(path)
        return arrival
    found = arrival.header
    identity = patient_identity(found.attributes)
    arrival.place = (institution_id, identity, found.study_uid, found.series_uid)
    arrival.spooled = path
    arrival.key = key_of(institution_id, found.study_uid, sha256)
    return arrival


def _read(arrival: Arrival, source: BinaryIO) -> None:
    file = arrival.file
    header = scan(source, size=file.size)
    if header.kind == "dicomdir":
        file.state, file.reason_code = FileState.SKIPPED, "disc-index"
        file.reason = INDEX_SENTENCE
        return
    arrival.metadata = isal_zlib.compress(dicom_json.metadata(source, header), 1)
    arrival.attributes = isal_zlib.compress(orjson.dumps(header.attributes), 1)
    arrival.frames = header.frames.to_bytes() if header.frames else None
    arrival.header = header


def _refuse(file: UploadFile, error: RefusedError) -> None:
    skipped = error.reason == Reason.NOT_DICOM
    file.state = FileState.SKIPPED if skipped else FileState.REFUSED
    file.reason, file.reason_code = error.detail[:400], str(error.reason)
