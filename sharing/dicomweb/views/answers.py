"""What all answers have in common: how long they may be kept, and by whom."""

from collections.abc import Iterable, Iterator
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from sharing.access import gate
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.audit.rules import Act, ActorKind
from sharing.dicomweb.rules.accept import JSON
from sharing.dicomweb.work import streams
from sharing.kernel.errors import SharingError
from sharing.studies.models import Instance

MEMBERS_KEEP = "private, max-age=300"
KEEP_NOTHING = "private, no-store"
Uids = tuple[str, str, str]  # of study, series and instance, as they stand in an address


class NotAcceptableError(SharingError):
    status = 406
    title = "There is nothing of that kind here"
    code = "not-acceptable"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or "This is not available in the form that was asked for.")


def principal_of(request: HttpRequest) -> Principal:
    return request.principal  # type: ignore[attr-defined]


def instance_of(
    request: HttpRequest,
    action: Action,
    uids: Uids,
    act: Act = Act.IMAGES_VIEWED,
    **counts: int,
) -> Instance:
    """The instance that an address names by its three UIDs, if the asker may do `action` with it."""
    study_uid, series_uid, uid = uids
    return gate.instance(
        principal_of(request),
        action,
        study_uid=study_uid,
        series_uid=series_uid,
        uid=uid,
        act=act,
        **counts,
    )


def accepted(request: HttpRequest) -> str:
    """The Accept header, or the query parameter of that name (PS3.18 section 8.3.3.1)."""
    return request.GET.get("accept") or request.headers.get("Accept", "*/*")


def kept(response: HttpResponseBase, request: HttpRequest) -> HttpResponseBase:
    """A visitor's browser keeps nothing: what a revoked link showed must not stay on a disk."""
    visitor = principal_of(request).actor.kind == ActorKind.LINK
    response["Cache-Control"] = KEEP_NOTHING if visitor else MEMBERS_KEEP
    response["Vary"] = "Accept, Accept-Encoding, Authorization, Cookie"
    return response


def fresh(response: HttpResponseBase) -> HttpResponseBase:
    response["Cache-Control"] = KEEP_NOTHING
    return response


def json(found: list[dict[str, Any]]) -> HttpResponseBase:
    """Search results and metadata grow while an upload runs, so nobody keeps them."""
    return fresh(HttpResponse(orjson.dumps(found), content_type=JSON))


def streamed(
    request: HttpRequest, chunks: Iterable[bytes], content_type: str, *, size: int | None = None
) -> StreamingHttpResponse:
    """A stream that breaks off when the principal is shut out."""
    guarded = gate.guard_stream(principal_of(request), iter(chunks))
    response = StreamingHttpResponse(guarded, content_type=content_type)
    if size is not None:
        response["Content-Length"] = str(size)
    return response


def json_stream(request: HttpRequest, chunks: Iterator[bytes]) -> HttpResponseBase:
    packs = "gzip" in request.headers.get("Accept-Encoding", "")
    response = streamed(request, streams.gzipped(chunks) if packs else chunks, JSON)
    if packs:
        response["Content-Encoding"] = "gzip"
    response["Vary"] = "Accept-Encoding"
    return fresh(response)


def attached(response: HttpResponseBase, instance: Instance, suffix: str) -> HttpResponseBase:
    response["Content-Disposition"] = f'attachment; filename="{instance.uid}.{suffix}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response
