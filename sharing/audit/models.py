"""One table that only grows, without foreign keys: it outlives what it tells about."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from sharing.audit.rules import SCHEMA_VERSION, ActorKind, Outcome
from sharing.kernel.ids import new_id


class AuditEvent(models.Model):
    """Who did what to which study, from where, why, and how it ended.

    No patient's name or number stands here: `patient_ref` is a keyed digest. A database trigger
    refuses to change or delete a row.
    """

    id = models.BigAutoField(primary_key=True)
    uid = models.UUIDField(default=new_id, unique=True)
    schema = models.PositiveSmallIntegerField(default=SCHEMA_VERSION)
    at = models.DateTimeField(default=timezone.now)
    action = models.CharField(max_length=40)  # an Act; those to come need no migration
    outcome = models.CharField(max_length=8, choices=Outcome.choices, default=Outcome.DONE)

    custodian_id = models.UUIDField(null=True)  # the institution that answers for what was touched
    actor_kind = models.CharField(max_length=10, choices=ActorKind.choices)
    actor_id = models.CharField(max_length=40, blank=True)
    actor_name = models.CharField(max_length=254, blank=True)
    actor_institution_id = models.UUIDField(null=True)
    credential = models.CharField(max_length=16, blank=True)
    credential_id = models.CharField(max_length=40, blank=True)
    address = models.CharField(max_length=45, blank=True)
    agent = models.CharField(max_length=200, blank=True)
    channel = models.CharField(max_length=12, blank=True)

    study_id = models.UUIDField(null=True)
    link_id = models.UUIDField(null=True)
    upload_id = models.UUIDField(null=True)
    # The standing grant, or the hand-over of a study, through which a partner came.
    grant_id = models.UUIDField(null=True)
    patient_ref = models.CharField(max_length=64, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    detail = models.JSONField(default=dict)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["custodian_id", "-id"], name="audit_of_custodian"),
            models.Index(fields=["study_id", "-id"], name="audit_of_study"),
            models.Index(fields=["link_id", "-id"], name="audit_of_link"),
            models.Index(fields=["grant_id", "-id"], name="audit_of_grant"),
            models.Index(fields=["actor_institution_id", "-id"], name="audit_of_members"),
            models.Index(fields=["actor_id", "-id"], name="audit_of_actor"),
            models.Index(fields=["custodian_id", "action", "-id"], name="audit_of_action"),
            models.Index(fields=["custodian_id", "-at"], name="audit_of_time"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.uid}"
