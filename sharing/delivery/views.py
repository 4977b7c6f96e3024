"""Images to take along: a ZIP as any PACS reads it."""

import re
import uuid
from collections.abc import Iterable

from django.db import transaction
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from sharing.access import gate
from sharing.access.gate import declares
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.audit.actions import record
from sharing.audit.rules import Act
from sharing.delivery import queries
from sharing.delivery.work import Disc
from sharing.kernel.errors import NotThereError
from sharing.studies.models import Instance, Study

RANGE = re.compile(r"bytes=(\d{1,18})-(\d{0,18})")


@require_safe
@declares(Action.DOWNLOAD)
def download_study(request: HttpRequest, study_id: uuid.UUID) -> HttpResponseBase:
    """A member takes a study, or some series of it."""
    by: Principal = request.principal  # type: ignore[attr-defined]
    study = gate.study(by, Action.DOWNLOAD, id=study_id, act=None)
    try:
        wanted = list(map(uuid.UUID, request.GET.getlist("series")))
    except ValueError:
        raise NotThereError from None
    files = {study: list(queries.instances(by, study, wanted))}
    return _sent(request, by, files, sender=study.institution.name)


@require_safe
@declares(Action.DOWNLOAD)
def download_shared(request: HttpRequest) -> HttpResponseBase:
    """The holder of a share link takes all that it gives."""
    by: Principal = request.principal  # type: ignore[attr-defined]
    studies = queries.downloadable(by)
    files = {study: list(queries.instances(by, study)) for study in studies}
    sender = studies[0].institution.name if studies else ""
    return _sent(request, by, files, sender=sender)


def _sent(
    request: HttpRequest, by: Principal, files: dict[Study, list[Instance]], *, sender: str
) -> HttpResponseBase:
    if not any(files.values()):
        raise NotThereError
    disc = Disc((one for several in files.values() for one in several), sender=sender)
    size = disc.plan.size
    span = _span(request, f'"{disc.plan.etag}"', size)
    if span is not None and span[0] >= size:
        return _beyond(size)
    start, stop = span or (0, size)
    _write_down(by, files, resumed=start > 0)
    chunks = gate.guard_stream(by, disc.stream(start, stop))
    return _answer(chunks, disc, start, stop, part=span is not None)


def _span(request: HttpRequest, etag: str, size: int) -> tuple[int, int] | None:
    """What is asked for of an archive, so that a broken download goes on where it was."""
    found = RANGE.fullmatch(request.headers.get("Range", ""))
    if found is None or request.headers.get("If-Range", etag) != etag:
        return None
    start, stop = int(found[1]), int(found[2]) + 1 if found[2] else size
    if found[2] and stop <= start:
        return None  # it makes no sense, so it was not said (RFC 9110 section 14.1.1)
    return start, min(stop, size)


def _beyond(size: int) -> HttpResponseBase:
    response = StreamingHttpResponse(iter(()), status=416)
    response["Content-Range"] = f"bytes */{size}"
    return response


def _write_down(by: Principal, files: dict[Study, list[Instance]], *, resumed: bool) -> None:
    """One row for each study, before the first byte."""
    with transaction.atomic():
        for study, instances in files.items():
            if instances:
                record(
                    Act.IMAGES_DOWNLOADED,
                    by=by,
                    **gate.facts(study, by),
                    instances=len(instances),
                    bytes=sum(one.size for one in instances),
                    form="zip",
                    resumed=resumed,
                )


def _answer(
    chunks: Iterable[bytes], disc: Disc, start: int, stop: int, *, part: bool
) -> StreamingHttpResponse:
    response = StreamingHttpResponse(
        chunks, status=206 if part else 200, content_type="application/zip"
    )
    if part:
        response["Content-Range"] = f"bytes {start}-{stop - 1}/{disc.plan.size}"
    response["Content-Length"] = str(stop - start)
    response["Accept-Ranges"] = "bytes"
    response["ETag"] = f'"{disc.plan.etag}"'
    # Nothing of the patient: the name stands in lists of downloads and in backups.
    name = f"images-{timezone.localdate().isoformat()}.zip"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    return response
