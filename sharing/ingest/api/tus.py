"""tus 1.0: resumable uploads (tus.io, "Resumable Upload Protocol 1.0.x").

Extensions: creation, creation-with-upload, checksum, termination, expiration. The body is read
from the raw stream, so that what a broken connection brought is kept.
"""

import base64
import binascii
import hashlib
import os
import uuid
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import http_date
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from isal import isal_zlib

from sharing.access import gate
from sharing.access.principal import Principal
from sharing.access.rules import Action, Rule
from sharing.ingest import actions, queries
from sharing.ingest.api.admission import admissions
from sharing.ingest.api.reading import pieces
from sharing.ingest.api.uploads import list_files
from sharing.ingest.models import Upload, UploadFile
from sharing.ingest.rules import FileState
from sharing.ingest.work import spool
from sharing.kernel.errors import (
    ConflictError,
    InvalidInputError,
    NotAllowedError,
    SharingError,
    TooLargeError,
)

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,checksum,termination,expiration"
CHECKSUMS = {"sha1": hashlib.sha1, "sha256": hashlib.sha256, "md5": hashlib.md5}
BODY_TYPE = "application/offset+octet-stream"
LONGEST_METADATA = 16_384


class WrongVersionError(SharingError):
    status = 412
    title = "Not this version of tus"
    code = "tus-version"

    def __init__(self) -> None:
        super().__init__(f"Send the header Tus-Resumable: {VERSION}.")


class BrokenOffError(SharingError):
    status = 400
    title = "The connection broke off"
    code = "broken-off"

    def __init__(self) -> None:
        super().__init__("Fewer bytes came than announced. What came is kept; go on from there.")


class WrongKindError(SharingError):
    status = 415
    title = "That kind of content is not read here"
    code = "wrong-kind"

    def __init__(self, kind: str = BODY_TYPE) -> None:
        super().__init__(f"Send the bytes as {kind}.")


@method_decorator(csrf_exempt, name="dispatch")  # portal.principals checks it for sessions
class TusView(View):
    """What both kinds of tus resource share: the version handshake and the headers."""

    access_rule: Any = {
        "OPTIONS": Rule.ANYBODY,
        **dict.fromkeys(("GET", "HEAD", "POST", "PATCH", "DELETE"), Action.UPLOAD),
    }

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        self.principal: Principal = request.principal  # type: ignore[attr-defined]
        if request.method == "POST" and request.headers.get("X-HTTP-Method-Override"):
            request.method = request.headers["X-HTTP-Method-Override"].upper()
        if request.method != "OPTIONS":
            if request.method != "POST":  # its upload is looked up together with the principal
                gate.permit(self.principal, Action.UPLOAD)
            if request.headers.get("Tus-Resumable") != VERSION and request.method != "GET":
                raise WrongVersionError
        response = super().dispatch(request, *args, **kwargs)
        response["Tus-Resumable"] = VERSION
        response["Cache-Control"] = "no-store"
        return response

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return HttpResponse(
            status=204,
            headers={
                "Tus-Version": VERSION,
                "Tus-Extension": EXTENSIONS,
                "Tus-Checksum-Algorithm": ",".join(CHECKSUMS),
                "Tus-Max-Size": str(settings.UPLOAD_MAX_BYTES),
            },
        )


class FilesView(TusView):
    """POST creates a file of an upload, with its bytes or without; GET lists the files."""

    def get(self, request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
        return list_files(request, queries.upload(self.principal, upload_id, writing=True))

    def post(self, request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
        self.principal, upload = admissions.to_write(request, upload_id)
        size = _length(request, "Upload-Length")
        actions.check_room(size)
        path = _metadata(request).get("path") or _metadata(request).get("filename") or "unnamed"
        body = body_length(request)
        if body > size:
            raise TooLargeError("More bytes came than Upload-Length announced.")
        if body == size and size:
            return self._receive_whole(request, upload, path, size)
        file = actions.create_file(upload, path=path, size=size)
        kept = _receive(request, file, by=self.principal, start=0) if body else 0
        if kept == size:  # an empty file is complete at once
            _settle(file, self.principal)
        return _created(file, kept)

    def _receive_whole(
        self, request: HttpRequest, upload: Upload, path: str, size: int
    ) -> HttpResponse:
        """The usual case, a file in one request: its row is written once, when all is known."""
        _check_kind(request)
        actions.reopen(upload)
        file = UploadFile(upload=upload, path=path[:1024], size=size, expires_at=actions.expiry())
        spooled = spool.path_of(upload.pk, file.pk)
        running, crc = hashlib.sha256(), _Crc()
        check = _checksum(request)
        with spool.held(spooled) as handle:
            body = pieces(request, size, by=self.principal)
            try:
                kept = spool.append(handle, 0, body, running, crc, *check.hashes)
            except NotAllowedError:
                spool.drop(spooled)  # meanwhile its sender was shut out
                raise
            os.fsync(handle)  # here, beside the others' commits
            if kept < size:  # kept, so that a client that asks can go on
                file.save(force_insert=True)
                return _created(file, kept)
            if not check.holds():
                spool.drop(spooled)
                raise spool.ChecksumMismatchError
            try:
                file = actions.settle_file(
                    file,
                    by=self.principal,
                    sha256=running.digest(),
                    crc32=crc.value,
                    fresh=True,
                )
            except BaseException:
                spool.drop(spooled)  # it has no row, and the sender is told to send it again
                raise
        return _created(file, size)


class FileView(TusView):
    """HEAD tells how far a file has come, PATCH goes on, DELETE gives it up."""

    def head(self, request: HttpRequest, upload_id: uuid.UUID, file_id: uuid.UUID) -> HttpResponse:
        file = queries.file(self.principal, upload_id, file_id)
        if file.state == FileState.REMOVED:
            return HttpResponse(status=410)
        response = HttpResponse(status=200)
        response["Upload-Offset"] = str(_offset(file))
        response["Upload-Length"] = str(file.size)
        _tell(response, file)
        return response

    def patch(self, request: HttpRequest, upload_id: uuid.UUID, file_id: uuid.UUID) -> HttpResponse:
        file = queries.file(self.principal, upload_id, file_id)
        queries.check_receiving(file)
        kept = _receive(request, file, by=self.principal, start=_length(request, "Upload-Offset"))
        if kept == file.size:
            _settle(file, self.principal)
        response = HttpResponse(status=204)
        response["Upload-Offset"] = str(kept)
        _tell(response, file)
        return response

    def delete(
        self, request: HttpRequest, upload_id: uuid.UUID, file_id: uuid.UUID
    ) -> HttpResponse:
        actions.remove_file(queries.file(self.principal, upload_id, file_id), by=self.principal)
        return HttpResponse(status=204)


# ---- Receiving ---------------------------------------------------------------------------------


def _receive(request: HttpRequest, file: UploadFile, *, by: Principal, start: int) -> int:
    """Append the body to the spooled file; returns how many bytes are kept, durably."""
    _check_kind(request)
    announced, check = body_length(request), _checksum(request)
    spooled = spool.path_of(file.upload_id, file.pk)
    with spool.held(spooled) as handle:
        queries.check_receiving(file)
        if spool.offset(spooled) != start:
            raise ConflictError("This is not where the file stands; ask with HEAD and go on there.")
        if start + announced > file.size:
            raise TooLargeError("More bytes came than Upload-Length announced.")
        kept = start
        try:
            body = pieces(request, announced, by=by)
            kept = spool.append(handle, start, body, *check.hashes)
        finally:
            os.fsync(handle)
        if check.hashes and not check.holds():
            os.ftruncate(handle, start)
            raise spool.ChecksumMismatchError
    if kept - start < announced:
        raise BrokenOffError
    return kept


def _settle(file: UploadFile, by: Principal) -> None:
    path = spool.path_of(file.upload_id, file.pk)
    with spool.held(path):  # which makes it, where it is empty
        queries.check_receiving(file)
        sha256, crc32 = spool.sha256_of(path)
        actions.settle_file(file, by=by, sha256=sha256, crc32=crc32, fresh=False)


def _offset(file: UploadFile) -> int:
    if file.state == FileState.RECEIVING:
        return spool.offset(spool.path_of(file.upload_id, file.pk))
    return file.size


# ---- Headers -----------------------------------------------------------------------------------


class _Crc:
    """CRC-32 with the face of a hash."""

    value = 0

    def update(self, chunk: bytes | memoryview) -> None:
        self.value = isal_zlib.crc32(chunk, self.value)


class _Checksum:
    def __init__(self, algorithm: str = "", expected: bytes = b"") -> None:
        self.expected = expected
        self.hashes = [CHECKSUMS[algorithm]()] if algorithm else []

    def holds(self) -> bool:
        return all(running.digest() == self.expected for running in self.hashes)


def _checksum(request: HttpRequest) -> _Checksum:
    header = request.headers.get("Upload-Checksum", "")
    if not header:
        return _Checksum()
    algorithm, _, encoded = header.partition(" ")
    if algorithm not in CHECKSUMS:
        raise InvalidInputError("Upload-Checksum names an algorithm that is not known here.")
    try:
        return _Checksum(algorithm, base64.b64decode(encoded, validate=True))
    except binascii.Error as error:
        raise InvalidInputError("Upload-Checksum is not in Base64.") from error


def _length(request: HttpRequest, header: str) -> int:
    value = request.headers.get(header, "")
    if not (value.isascii() and value.isdigit() and len(value) < 19):
        raise InvalidInputError(f"{header} must say how many bytes, as a whole number.")
    return int(value)


def body_length(request: HttpRequest) -> int:
    if "chunked" in request.headers.get("Transfer-Encoding", "").lower():
        raise InvalidInputError("Say in Content-Length how many bytes follow.")
    value = request.META.get("CONTENT_LENGTH") or "0"
    return int(value) if str(value).isdigit() else 0


def _check_kind(request: HttpRequest) -> None:
    if request.content_type != BODY_TYPE:
        raise WrongKindError


def _metadata(request: HttpRequest) -> dict[str, str]:
    """Upload-Metadata: comma-separated pairs of a key and a Base64 value."""
    header = request.headers.get("Upload-Metadata", "")
    if len(header) > LONGEST_METADATA:
        raise InvalidInputError("Upload-Metadata is too long.")
    found: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in header.split(","))):
        key, _, encoded = pair.partition(" ")
        try:
            value = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise InvalidInputError("Upload-Metadata is not in Base64 of UTF-8.") from error
        found[key] = value.replace("\x00", "")
    return found


def _created(file: UploadFile, kept: int) -> HttpResponse:
    response = HttpResponse(status=201)
    response["Location"] = reverse("upload-file", args=[file.upload_id, file.pk])
    response["Upload-Offset"] = str(kept)
    _tell(response, file)
    return response


def _tell(response: HttpResponse, file: UploadFile) -> None:
    """What became of the file, once that is known; until when it is kept, before."""
    if file.state != FileState.RECEIVING:
        response["Upload-Outcome"] = file.state
    elif file.expires_at:
        response["Upload-Expires"] = http_date(file.expires_at.timestamp())
