"""The upload page, and the receipt that it ends in."""

import uuid
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from sharing.access.gate import declares
from sharing.access.rules import Action
from sharing.audit.actions import record
from sharing.audit.rules import Act
from sharing.ingest import queries
from sharing.ingest.models import Upload
from sharing.kernel.errors import NotThereError


@declares(Action.UPLOAD)
def upload_page(request: HttpRequest) -> HttpResponse:
    """Drop a folder, see what is in it, send it; `?resume=<id>` goes on with an upload."""
    return render(request, "ingest/upload.html", {"resume": _resumed(request)})


def _resumed(request: HttpRequest) -> dict[str, str] | None:
    wanted = request.GET.get("resume", "")
    if not wanted:
        return None
    try:
        upload_id = uuid.UUID(wanted)
    except ValueError as error:
        raise NotThereError from error
    upload = queries.upload(request.principal, upload_id, writing=True)  # type: ignore[attr-defined]
    return {
        "id": str(upload.pk),
        "files_url": reverse("upload-files", args=[upload.pk]),
        "page_url": reverse("upload-page", args=[upload.pk]),
    }


@declares(Action.SEARCH)
def receipt_page(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """The receipt, to read and to print."""
    upload, receipt = _receipt(request, upload_id)
    for study in receipt["studies"]:
        study["url"] = reverse("study", args=[study["id"]])
    mine = upload.created_by_id == request.user.pk
    context = {"upload": upload, "receipt": receipt, "mine": mine}
    response = render(request, "ingest/receipt.html", context)
    response["Cache-Control"] = "no-store"
    return response


@declares(Action.SEARCH)
def receipt_file(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """The receipt as a JSON file."""
    upload, receipt = _receipt(request, upload_id)
    body = orjson.dumps(receipt, option=orjson.OPT_INDENT_2)
    response = HttpResponse(body, content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="receipt-{upload.pk}.json"'
    response["Cache-Control"] = "no-store"
    return response


def _receipt(request: HttpRequest, upload_id: uuid.UUID) -> tuple[Upload, dict[str, Any]]:
    principal = request.principal  # type: ignore[attr-defined]
    upload = queries.upload(principal, upload_id)
    record(Act.RECEIPT_READ, by=principal, upload_id=upload.pk)
    return upload, queries.receipt(upload)
