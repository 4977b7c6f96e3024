"""WADO-RS: metadata, frames as stored, Part 10 files, documents (PS3.18 section 10.4)."""

import itertools

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_safe

from sharing.access import gate
from sharing.access.gate import declares
from sharing.access.rules import Action
from sharing.audit.rules import Act
from sharing.dicomweb import queries
from sharing.dicomweb.rules import accept, asked
from sharing.dicomweb.views.answers import (
    NotAcceptableError,
    Uids,
    accepted,
    attached,
    fresh,
    instance_of,
    json_stream,
    kept,
    principal_of,
    streamed,
)
from sharing.dicomweb.work import pixels, streams
from sharing.kernel.errors import NotThereError
from sharing.studies.models import Instance, Series

# ---- Metadata ----------------------------------------------------------------------------------


def _metadata(request: HttpRequest, *found: Series, uid: str = "") -> HttpResponseBase:
    if not accept.wants_json(accepted(request)):
        raise NotAcceptableError("Metadata is given as application/dicom+json.")
    principal = principal_of(request)
    wanted = [queries.firsts(gate.instances_of(principal, series, Action.VIEW)) for series in found]
    if uid:
        wanted = [instances.filter(uid=uid) for instances in wanted]
    whole = gate.may(principal, Action.DOWNLOAD, found[0].study)
    return json_stream(request, streams.metadata(wanted, whole=whole))


@require_safe
@declares(Action.VIEW)
def study_metadata(request: HttpRequest, study_uid: str) -> HttpResponseBase:
    principal = principal_of(request)
    study = gate.study(principal, Action.VIEW, uid=study_uid, act=None)
    gate.note_view(principal, Act.METADATA_READ, study, instances=study.instance_count)
    found = list(gate.series_of(principal, study, Action.VIEW).select_related("study"))
    if not found:
        raise NotThereError
    return _metadata(request, *found)


@require_safe
@declares(Action.VIEW)
def series_metadata(request: HttpRequest, study_uid: str, series_uid: str) -> HttpResponseBase:
    found = gate.series(
        principal_of(request),
        Action.VIEW,
        study_uid=study_uid,
        uid=series_uid,
        act=Act.METADATA_READ,
        series=1,
    )
    return _metadata(request, found)


@require_safe
@declares(Action.VIEW)
def instance_metadata(
    request: HttpRequest, study_uid: str, series_uid: str, uid: str
) -> HttpResponseBase:
    uids = study_uid, series_uid, uid
    found = instance_of(request, Action.VIEW, uids, Act.METADATA_READ, instances=1)
    return _metadata(request, found.series, uid=found.uid)


# ---- Frames ------------------------------------------------------------------------------------


@require_safe
@declares(Action.DOWNLOAD)
def frames(
    request: HttpRequest, study_uid: str, series_uid: str, uid: str, numbers: str
) -> HttpResponseBase:
    wanted = asked.frame_numbers(numbers)
    uids = study_uid, series_uid, uid
    instance = instance_of(request, Action.DOWNLOAD, uids, frames=len(wanted))
    syntax = pixels.syntax_given(instance)
    form = accept.frame_form(accepted(request), syntax)
    if form is None or (len(wanted) > 1 and not form.multipart):
        raise NotAcceptableError(f"These frames are to be had in the transfer syntax {syntax}.")
    return kept(_frames(request, instance, wanted, form, syntax), request)


def _frames(
    request: HttpRequest, instance: Instance, wanted: list[int], form: accept.Form, syntax: str
) -> HttpResponseBase:
    inside = f"{form.media_type}; transfer-syntax={syntax}"
    given = pixels.stored_frames(instance, wanted, by=principal_of(request))
    first = next(given)  # what cannot be given is said before anything is
    if not form.multipart:
        return HttpResponse(first, content_type=inside)
    line = streams.boundary()
    whole = f'multipart/related; type="{form.media_type}"; boundary={line}'
    parts = ((inside, [frame]) for frame in itertools.chain([first], given))
    return streamed(request, streams.multipart(parts, line), whole)


# ---- Files and documents -----------------------------------------------------------------------


@require_safe
@declares(Action.DOWNLOAD)
def part10(request: HttpRequest, study_uid: str, series_uid: str, uid: str) -> HttpResponseBase:
    instance = _downloaded(request, (study_uid, series_uid, uid))
    form = accept.file_form(accepted(request), instance.transfer_syntax_uid)
    if form is None:
        raise NotAcceptableError(
            f"The file is to be had as application/dicom in {instance.transfer_syntax_uid}."
        )
    size, chunks = streams.part10(instance)
    if not form.multipart:
        answer = streamed(request, chunks, accept.PART10, size=size)
        return fresh(attached(answer, instance, "dcm"))
    line = streams.boundary()
    inside = f"{accept.PART10}; transfer-syntax={instance.transfer_syntax_uid}"
    whole = f'multipart/related; type="{accept.PART10}"; boundary={line}'
    return fresh(streamed(request, streams.multipart([(inside, chunks)], line), whole))


def document(request: HttpRequest, study_uid: str, series_uid: str, uid: str) -> HttpResponseBase:
    """The PDF that an instance encloses: the file itself, so it needs the right to download."""
    gate.permit(principal_of(request), Action.DOWNLOAD)
    instance = _downloaded(request, (study_uid, series_uid, uid))
    found = streams.document(instance)
    if found is None or pixels.attributes_of(instance).mime_type != "application/pdf":
        raise NotAcceptableError("There is no PDF in this object.")
    size, chunks = found
    return fresh(attached(streamed(request, chunks, "application/pdf", size=size), instance, "pdf"))


def _downloaded(request: HttpRequest, uids: Uids) -> Instance:
    return instance_of(request, Action.DOWNLOAD, uids, Act.IMAGES_DOWNLOADED, instances=1)
