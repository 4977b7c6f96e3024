"""Uploads as a REST resource."""

import uuid
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from sharing.access.rules import Action, Rule
from sharing.audit.actions import record
from sharing.audit.rules import Act
from sharing.deid import browser
from sharing.deid.profile import BUNDLED
from sharing.ingest import actions, queries
from sharing.ingest.models import Upload, UploadFile
from sharing.ingest.rules import FileState
from sharing.ingest.work import spool
from sharing.jobs.actions import idempotent

PAGE = 1000


class NewUpload(serializers.Serializer[Any]):
    note = serializers.CharField(
        required=False, allow_blank=True, max_length=2000, help_text="For the people here."
    )

    profile = serializers.RegexField(
        r"^[0-9a-f]{64}$",
        required=False,
        help_text="Digest of the profile by which you have removed who it is, of `uploads/rules/`: "
        "files that still say so are refused.",
    )


class CleanedBy(serializers.Serializer[Any]):
    name = serializers.CharField(required=False)
    version = serializers.CharField(required=False)
    digest = serializers.CharField(required=False)


class UploadShown(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    state = serializers.CharField(help_text="receiving, finished or cancelled")
    note = serializers.CharField()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    files_url = serializers.SerializerMethodField(help_text="The tus 1.0 endpoint for the files.")
    batch_url = serializers.SerializerMethodField(help_text="Takes small files, many at a time.")
    receipt_url = serializers.SerializerMethodField()
    page_url = serializers.SerializerMethodField()

    def get_files_url(self, upload: Upload) -> str:
        return reverse("upload-files", args=[upload.pk])

    def get_batch_url(self, upload: Upload) -> str:
        return reverse("upload-batch", args=[upload.pk])

    def get_receipt_url(self, upload: Upload) -> str:
        return reverse("upload-receipt", args=[upload.pk])

    def get_page_url(self, upload: Upload) -> str:
        return reverse("upload-page", args=[upload.pk])


class ManifestEntry(serializers.Serializer[Any]):
    path = serializers.CharField(
        max_length=1024, trim_whitespace=False, help_text="As the sender's folder names it."
    )
    size = serializers.IntegerField(min_value=0, help_text="Bytes.")
    sha256 = serializers.RegexField(
        r"^[0-9a-fA-F]{64}$", required=False, allow_blank=True, help_text="Hexadecimal."
    )
    sop_instance_uid = serializers.CharField(required=False, allow_blank=True, max_length=64)
    series_uid = serializers.CharField(required=False, allow_blank=True, max_length=64)
    study_uid = serializers.CharField(required=False, allow_blank=True, max_length=64)


class Manifest(serializers.Serializer[Any]):
    manifest = ManifestEntry(
        many=True, required=False, help_text="What was sent, to find out what is missing."
    )


class ReceiptSeries(serializers.Serializer[Any]):
    uid = serializers.CharField()
    modality = serializers.CharField()
    number = serializers.IntegerField(allow_null=True)
    description = serializers.CharField()
    stored = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    conflicts = serializers.IntegerField()
    refused = serializers.IntegerField(help_text="As far as the manifest says whose they are.")
    missing = serializers.IntegerField(help_text="In the manifest, and never received.")
    expected = serializers.IntegerField(allow_null=True, help_text="As the manifest says.")


class ReceiptStudy(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    uid = serializers.CharField()
    date = serializers.CharField()
    description = serializers.CharField()
    patient_name = serializers.CharField()
    patient_id = serializers.CharField()
    patient_birth_date = serializers.CharField()
    series = ReceiptSeries(many=True)


class Rejected(serializers.Serializer[Any]):
    path = serializers.CharField()
    reason = serializers.CharField(help_text="In words.")
    code = serializers.CharField(help_text="For programs.")
    state = serializers.CharField()


class Missing(serializers.Serializer[Any]):
    path = serializers.CharField()
    sop_instance_uid = serializers.CharField()
    series_uid = serializers.CharField()
    study_uid = serializers.CharField()


class Receipt(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    state = serializers.CharField()
    institution = serializers.CharField()
    sent_by = serializers.CharField()
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    note = serializers.CharField()
    cleaned_by = CleanedBy(
        help_text="The profile by which who it is was removed before it was sent; or nothing."
    )
    studies = ReceiptStudy(many=True)
    stored = serializers.IntegerField(help_text="Images that are there now and were not before.")
    duplicates = serializers.IntegerField(help_text="Images that were there already.")
    conflicts = serializers.IntegerField(
        help_text="Images that were stored beside another with their number and other content."
    )
    unpacked = serializers.IntegerField(help_text="ZIP files, whose contents are counted above.")
    waiting = serializers.IntegerField(help_text="Files that are still on their way.")
    rejected = Rejected(many=True)
    skipped = Rejected(many=True, help_text="Files that are no images.")
    missing = Missing(many=True, help_text="In the manifest, and never received.")


class UploadList(APIView):
    access_rule = {"GET": Rule.SIGNED_IN, "POST": Action.UPLOAD}  # `queries` asks for more

    @extend_schema(operation_id="uploads_list", responses=UploadShown(many=True))
    def get(self, request: Request) -> Response:
        """The latest hundred uploads of your institution, or your own where you only send."""
        by = request._request.principal  # type: ignore[attr-defined]
        queries.permit_reading(by)
        found = list(queries.uploads(by)[:100])
        return Response(UploadShown(found, many=True).data)

    @extend_schema(operation_id="uploads_create", request=NewUpload, responses={201: UploadShown})
    @idempotent
    def post(self, request: Request) -> Response:
        """Start an upload. Send its files to `files_url` with any tus 1.0 client."""
        given = NewUpload(data=request.data)
        given.is_valid(raise_exception=True)
        upload = actions.start_upload(
            by=request._request.principal,  # type: ignore[attr-defined]
            note=given.validated_data.get("note", ""),
            profile=given.validated_data.get("profile", ""),
        )
        return Response(UploadShown(upload).data, status=201)


class UploadRules(APIView):
    access_rule = {"GET": Action.UPLOAD}

    @extend_schema(operation_id="uploads_rules", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> HttpResponse:
        """The rules by which a browser removes who it is before anything is sent, as data."""
        profile = BUNDLED[browser.PROFILE]
        answer = HttpResponse(
            orjson.dumps(browser.compiled(profile)), content_type="application/json"
        )
        answer["Cache-Control"] = "private, no-cache"
        answer["ETag"] = f'"{profile.digest}"'
        return answer


class UploadDetail(APIView):
    access_rule = {"GET": Rule.SIGNED_IN, "DELETE": Action.UPLOAD}

    @extend_schema(operation_id="uploads_retrieve", responses=UploadShown)
    def get(self, request: Request, upload_id: uuid.UUID) -> Response:
        """One upload."""
        found = queries.upload(request._request.principal, upload_id)  # type: ignore[attr-defined]
        return Response(UploadShown(found).data)

    @extend_schema(operation_id="uploads_cancel", responses={200: UploadShown})
    def delete(self, request: Request, upload_id: uuid.UUID) -> Response:
        """Cancel: what has been stored stays, what has not is dropped."""
        by = request._request.principal  # type: ignore[attr-defined]
        upload = queries.upload(by, upload_id, writing=True)
        return Response(UploadShown(actions.cancel_upload(upload, by=by)).data)


class UploadFinish(APIView):
    access_rule = {"POST": Action.UPLOAD}

    @extend_schema(operation_id="uploads_finish", request=Manifest, responses=Receipt)
    def post(self, request: Request, upload_id: uuid.UUID) -> Response:
        """Say that everything was sent, and what; get the receipt."""
        by = request._request.principal  # type: ignore[attr-defined]
        upload = queries.upload(by, upload_id, writing=True)
        given = Manifest(data=request.data)
        given.is_valid(raise_exception=True)
        manifest = [dict(one) for one in given.validated_data.get("manifest", [])]
        upload = actions.finish_upload(upload, manifest=manifest, by=by)
        return Response(queries.receipt(upload))


class UploadReceipt(APIView):
    access_rule = {"GET": Rule.SIGNED_IN}

    @extend_schema(operation_id="uploads_receipt", responses=Receipt)
    def get(self, request: Request, upload_id: uuid.UUID) -> Response:
        """What became of everything that was sent."""
        by = request._request.principal  # type: ignore[attr-defined]
        upload = queries.upload(by, upload_id)
        record(Act.RECEIPT_READ, by=by, upload_id=upload.pk)
        return Response(queries.receipt(upload))


def list_files(request: HttpRequest, upload: Upload) -> HttpResponse:
    """The files of an upload, a thousand at a time, for a client that wants to go on."""
    after = request.GET.get("after", "")
    files = upload.files.filter(parent=None).order_by("pk")
    if after:
        files = files.filter(pk__gt=_as_uuid(after))
    found = list(files[: PAGE + 1])
    shown, more = found[:PAGE], len(found) > PAGE
    body = {
        "results": [_file(one) for one in shown],
        "next": f"{request.path}?after={shown[-1].pk}" if more else None,
    }
    return HttpResponse(orjson.dumps(body), content_type="application/json")


def _as_uuid(text: str) -> uuid.UUID:
    from sharing.kernel.errors import InvalidInputError

    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise InvalidInputError("`after` is the id of a file.") from error


def _file(one: UploadFile) -> dict[str, Any]:
    receiving = one.state == FileState.RECEIVING
    offset = spool.offset(spool.path_of(one.upload_id, one.pk)) if receiving else one.size
    return {
        "id": str(one.pk),
        "url": reverse("upload-file", args=[one.upload_id, one.pk]),
        "path": one.path,
        "size": one.size,
        "offset": offset,
        "state": one.state,
        "sha256": bytes(one.sha256 or b"").hex(),
        "outcome": "" if receiving else one.state,
        "reason": one.reason,
    }
