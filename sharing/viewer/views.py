"""The viewing page: series, the sender's note and the first picture; the rest is the browser's."""

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from sharing.access import gate
from sharing.access.gate import declares
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.links.models import ShareLink
from sharing.viewer import queries


@require_safe
@declares(Action.VIEW)
def read(request: HttpRequest, study_id: uuid.UUID) -> HttpResponseBase:
    principal: Principal = request.principal  # type: ignore[attr-defined]
    study = gate.study(principal, Action.VIEW, id=study_id)
    root = f"{_prefix(request)}/studies/{study.pk}/dicom-web"
    may_download = gate.may(principal, Action.DOWNLOAD, study)
    found = list(gate.series_of(principal, study, Action.VIEW).select_related("study"))
    chosen = queries.chosen(found, request.GET.get("series", ""))
    context = {
        "study_uid": study.uid,
        "root": root,
        "rendered_only": not may_download,
        "may_download": may_download,
        "banner": queries.banner(study),
        "series": queries.items(found, chosen, root),
        "first": queries.first(principal, chosen, request.GET.get("image", ""), root),
        **_surroundings(request, principal, study_id),
    }
    response = render(request, "viewer/viewer.html", context)
    response["Cache-Control"] = "private, no-store"
    return response


def _prefix(request: HttpRequest) -> str:
    claim_id = getattr(request, "claim_id", None)
    return f"/c/{claim_id}" if claim_id else ""


def _surroundings(
    request: HttpRequest, principal: Principal, study_id: uuid.UUID
) -> dict[str, Any]:
    """Where the reader came from, and what the sender says."""
    prefix = _prefix(request)
    if not prefix:
        return {
            "back_url": f"/studies/{study_id}/",
            "back_label": "Back to the study",
            "news_url": "/inbox/news",
        }
    link = ShareLink.objects.select_related("created_by", "institution").get(
        pk=str(principal.actor.link_id)
    )
    return {
        "alive_url": f"{prefix}/alive",
        "back_url": f"{prefix}/",
        "back_label": "Back",
        "note": link.note,
        "sender": f"{link.created_by}, {link.institution}",
    }
