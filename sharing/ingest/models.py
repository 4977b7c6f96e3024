"""Uploads and the files in them. What was received is accounted for, file by file."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from sharing.accounts.models import Institution, User
from sharing.ingest.rules import ARRIVED, FileState, UploadState
from sharing.kernel.ids import new_id, random_id
from sharing.studies.models import Instance


class Upload(models.Model):
    """What one person sends at one go. Its receipt is computed from its files."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="uploads")
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="uploads")
    state = models.CharField(
        max_length=10, choices=UploadState.choices, default=UploadState.RECEIVING
    )
    note = models.TextField(max_length=2000, blank=True)
    channel = models.CharField(max_length=12, default="page")
    # The profile by which the sender's browser removed who it is: name, version, digest; or nothing.
    cleaned_by = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    last_received_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    # The sender's own list: path, size, SHA-256 and UIDs of each file that should arrive.
    manifest = models.JSONField(default=list)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        indexes: ClassVar = [
            models.Index(fields=["institution", "-created_at"], name="uploads_of_institution"),
        ]
        constraints = (
            models.CheckConstraint(
                condition=Q(state=UploadState.FINISHED, finished_at__isnull=False)
                | ~Q(state=UploadState.FINISHED),
                name="a_finished_upload_says_when",
            ),
        )

    def __str__(self) -> str:
        return f"upload {self.id}"


class UploadFile(models.Model):
    """One file of an upload; while it arrives, a tus resource whose bytes stand in the spool."""

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    upload = models.ForeignKey(  # it begins two indexes below
        Upload, on_delete=models.CASCADE, related_name="files", db_index=False
    )
    parent = models.ForeignKey(  # the ZIP that it came out of
        "self", on_delete=models.CASCADE, null=True, related_name="contents"
    )
    path = models.CharField(max_length=1024, blank=True)  # as the sender's folder names it
    size = models.PositiveBigIntegerField()
    state = models.CharField(max_length=10, choices=FileState.choices, default=FileState.RECEIVING)
    sha256 = models.BinaryField(max_length=32, null=True)
    reason = models.CharField(max_length=400, blank=True)  # in the words of the person who sent it
    reason_code = models.CharField(max_length=40, blank=True)
    instance = models.ForeignKey(Instance, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["created_at", "id"]
        indexes: ClassVar = [
            models.Index(fields=["upload", "state"], name="files_of_upload_by_state"),
            models.Index(fields=["upload", "path"], name="files_of_upload_by_path"),
            models.Index(
                fields=["expires_at"],
                condition=Q(state=FileState.RECEIVING),
                name="files_that_may_expire",
            ),
        ]
        constraints = (
            models.CheckConstraint(
                condition=(Q(state__in=ARRIVED) & Q(instance__isnull=False))
                | (~Q(state__in=ARRIVED) & Q(instance=None)),
                name="a_file_that_arrived_names_its_instance",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=(FileState.REFUSED, FileState.SKIPPED)) | ~Q(reason=""),
                name="a_refusal_has_a_reason",
            ),
            models.CheckConstraint(condition=Q(size__gte=0), name="a_file_has_a_size"),
        )

    def __str__(self) -> str:
        return f"file {self.id}"
