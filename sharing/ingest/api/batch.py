"""Several small files in one request.

tus asks a request a file, and of a file of half a megabyte the request is the greater part of the
work. The upload page sends the small files of a series together instead, and by tus what is large
or was cut. See `sharing/decisions/0004-small-files-travel-together.md`.
"""

import uuid
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import orjson
from django.http import HttpRequest
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from sharing.access.rules import Action
from sharing.ingest import actions
from sharing.ingest.api.admission import admissions
from sharing.ingest.api.reading import fill, still
from sharing.ingest.api.tus import BrokenOffError, WrongKindError, body_length
from sharing.ingest.work.spool import Block, block
from sharing.ingest.work.together import Received, Sent, Whole
from sharing.kernel.errors import InvalidInputError, TooLargeError

BODY_TYPE = "application/vnd.handover.batch"
LONGEST_INDEX = 256 * 1024
MOST_FILES = 64
MOST_BYTES = 32 * 1024 * 1024
LARGEST = 4 * 1024 * 1024  # it is held in memory while it is checked


class BatchFile(serializers.Serializer[Any]):
    path = serializers.CharField(
        max_length=1024, trim_whitespace=False, help_text="As the sender's folder names it."
    )
    size = serializers.IntegerField(min_value=1, max_value=LARGEST, help_text="Bytes.")
    sha256 = serializers.RegexField(
        r"^[0-9a-fA-F]{64}$", required=False, help_text="Hexadecimal; what differs is not taken."
    )


class BatchIndex(serializers.Serializer[Any]):
    files = serializers.ListField(child=BatchFile(), allow_empty=False, max_length=MOST_FILES)


class BatchOutcome(serializers.Serializer[Any]):
    id = serializers.UUIDField(allow_null=True, help_text="None: it was not taken, send it again.")
    path = serializers.CharField()
    state = serializers.CharField(
        help_text="stored, duplicate, conflict, refused or skipped; again: send it once more"
    )
    reason = serializers.CharField(help_text="In words; empty when all is well.")


class BatchAnswer(serializers.Serializer[Any]):
    results = BatchOutcome(many=True, help_text="In the order of the index.")


class BatchParser(BaseParser):
    """Names the kind of body. It is read as it comes, never as a whole."""

    media_type = BODY_TYPE


class UploadBatch(APIView):
    access_rule = {"POST": Action.UPLOAD}
    parser_classes = (BatchParser,)

    def perform_authentication(self, request: Request) -> None:
        """Left to the rule's check or, a moment after the last file, to the admission."""

    def check_permissions(self, request: Request) -> None:
        """Of a batch the admission does it: it asks whose upload this is, and who may write."""
        if request.method != "POST":
            super().check_permissions(request)

    @extend_schema(
        operation_id="uploads_batch",
        request={BODY_TYPE: OpenApiTypes.BINARY},
        responses=BatchAnswer,
    )
    def post(self, request: Request, upload_id: uuid.UUID) -> Response:
        """Send up to 64 files of at most 4 MB each, and 32 MB together.

        The body is one line of JSON, `{"files": [{"path": …, "size": …, "sha256": …}, …]}`,
        ended by a line feed, and after it the bytes of the files, one behind the other. What
        came whole before a connection broke is kept. Larger files, and ZIPs, go to `files_url`.
        """
        raw = request._request
        principal, upload = admissions.to_write(raw, upload_id)
        _check_body(raw)
        index = _index(raw)
        actions.reopen(upload)
        with block() as there:
            received = actions.receive_batch(
                upload, _groups(raw, index, there, still(principal)), by=principal
            )
        if len(received) < len(index):
            raise BrokenOffError
        return Response({"results": [_outcome(one) for one in received]})


def _check_body(request: HttpRequest) -> None:
    if request.content_type != BODY_TYPE:
        raise WrongKindError(BODY_TYPE)
    if body_length(request) > LONGEST_INDEX + MOST_BYTES:
        raise TooLargeError(f"Send at most {MOST_BYTES // 2**20} MB at a time.")


def _index(request: HttpRequest) -> list[Sent]:
    """The first line: which files follow. Together they are as long as what is left."""
    try:
        line = request.readline(LONGEST_INDEX)
    except OSError as error:  # as `fill` has it for the rest
        raise BrokenOffError from error
    if not line.endswith(b"\n"):
        raise InvalidInputError("The list of files is cut off, or longer than 256 kB.")
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise InvalidInputError("The first line is not JSON.") from error
    _check_count(found)
    given = BatchIndex(data=found)
    given.is_valid(raise_exception=True)
    index = [Sent(**one) for one in given.validated_data["files"]]
    if sum(one.size for one in index) != body_length(request) - len(line):
        raise InvalidInputError("The sizes in the list are not those of what follows it.")
    return index


def _check_count(found: Any) -> None:
    """Before each entry is looked at: 256 kB of wrong ones took ten seconds to complain of."""
    files = found.get("files") if isinstance(found, dict) else None
    if isinstance(files, list) and len(files) > MOST_FILES:
        raise InvalidInputError(f"Send at most {MOST_FILES} files at a time.")


def _groups(
    request: HttpRequest, index: list[Sent], there: Block, ask: Callable[[], None]
) -> Iterator[Iterator[Whole]]:
    """The files, in groups that fill the block: each to be used before the next."""
    waiting = deque(index)
    while waiting:
        yield _group(request, waiting, there, ask)


def _group(
    request: HttpRequest, waiting: deque[Sent], there: Block, ask: Callable[[], None]
) -> Iterator[Whole]:
    """Files with their bytes as they come; the last ones when the connection ends."""
    there.clear()
    while waiting and (room := there.room(waiting[0].size)):
        if fill(request, room.data, ask) < len(room.data):
            waiting.clear()
            return
        yield Whole(waiting.popleft(), room)


def _outcome(one: Received) -> dict[str, Any]:
    taken = one.problem is None
    return {
        "id": one.file.pk if taken else None,
        "path": one.file.path,
        "state": one.file.state if taken else "again",
        "reason": one.file.reason if one.problem is None else one.problem.detail,
    }
