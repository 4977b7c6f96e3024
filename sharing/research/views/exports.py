"""A release taken along: its certificate, and its images as a dataset."""

import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.http import require_safe

from sharing.access import gate
from sharing.access.gate import declares
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.audit.actions import record
from sharing.audit.rules import Act
from sharing.kernel.errors import NotThereError
from sharing.research.actions.common import note
from sharing.research.models import Release
from sharing.research.queries import releases
from sharing.research.rules.states import ReleaseState
from sharing.research.views.common import by_of
from sharing.research.work import certificate, dataset, paper


def _out(by: Principal, release_id: uuid.UUID) -> Release:
    found = releases.release(by, release_id)
    if found.state != ReleaseState.RELEASED:
        raise NotThereError
    return found


def _certificate(
    kind: str, ending: str, made: Callable[[Release], bytes]
) -> Callable[..., HttpResponseBase]:
    @require_safe
    @declares(Action.RESEARCH)
    def give(request: HttpRequest, release_id: uuid.UUID) -> HttpResponse:
        found = _out(by_of(request), release_id)
        response = HttpResponse(made(found), content_type=kind)
        response["Content-Disposition"] = f'attachment; filename="certificate.{ending}"'
        response["Cache-Control"] = "private, no-store"
        return response

    return give


certificate_json = _certificate("application/json", "json", lambda one: bytes(one.certificate.body))
certificate_pdf = _certificate(
    "application/pdf",
    "pdf",
    lambda one: paper.pdf(certificate.read(bytes(one.certificate.body)), one.certificate.digest),
)


@require_safe
@declares(Action.RELEASE)
def export(request: HttpRequest, release_id: uuid.UUID) -> HttpResponseBase:
    """All studies of a release as one ZIP with an index; its row is written before its first byte."""
    by = by_of(request)
    found = _out(by, release_id)
    layout = dataset.Layout.TREE if request.GET.get("layout") == "tree" else dataset.Layout.FLAT
    studies = releases.outputs(found)
    for study in studies:
        gate.study(by, Action.DOWNLOAD, id=study.pk, act=None)
        record(Act.IMAGES_DOWNLOADED, by=by, **gate.facts(study, by), form="dataset")
    note(Act.RELEASE_EXPORTED, found, by=by, layout=str(layout), studies=len(studies))
    whole = dataset.Dataset(dataset.instances(by, studies), layout, bytes(found.certificate.body))
    response = StreamingHttpResponse(
        gate.guard_stream(by, whole.stream()), content_type="application/zip"
    )
    response["Content-Length"] = str(whole.plan.size)
    response["Content-Disposition"] = f'attachment; filename="release-{found.pk}.zip"'
    response["Cache-Control"] = "private, no-store"
    return response
