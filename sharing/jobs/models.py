"""The outbox: what is still to be done, committed together with why."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from sharing.jobs.rules import FINISHED, State
from sharing.kernel.ids import new_id


class Job(models.Model):
    """One durable piece of work.

    The row is the truth. Redis and threads only say that it is worth looking: losing them loses
    nothing. A worker holds a running job by a lease that it renews; one that has run out may be
    taken by another.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    kind = models.CharField(max_length=60)
    key = models.CharField(max_length=200, unique=True)  # the same key is the same job
    args = models.JSONField(default=dict)  # our own ids only, never anything about a patient
    state = models.CharField(max_length=9, choices=State.choices, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    run_after = models.DateTimeField(default=timezone.now)
    leased_by = models.CharField(max_length=80, blank=True, default="")
    lease_until = models.DateTimeField(null=True)
    cancel_asked = models.BooleanField(default=False)
    progress_done = models.BigIntegerField(default=0)
    progress_total = models.BigIntegerField(default=0)  # 0: not known
    error = models.CharField(max_length=500, blank=True, default="")  # in our words
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=State.values), name="job_is_in_a_state_that_exists"
            ),
            models.CheckConstraint(
                condition=Q(state=State.RUNNING, lease_until__isnull=False) & ~Q(leased_by="")
                | ~Q(state=State.RUNNING) & Q(leased_by="", lease_until__isnull=True),
                name="job_is_held_while_it_runs_and_only_then",
            ),
            models.CheckConstraint(
                condition=Q(state__in=FINISHED, finished_at__isnull=False)
                | ~Q(state__in=FINISHED) & Q(finished_at__isnull=True),
                name="job_that_is_finished_says_when",
            ),
            models.CheckConstraint(
                condition=~Q(state=State.FAILED) | ~Q(error=""), name="job_that_failed_says_why"
            ),
            models.CheckConstraint(
                condition=Q(progress_done__gte=0)
                & (Q(progress_total=0) | Q(progress_done__lte=F("progress_total"))),
                name="job_has_not_done_more_than_all",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["run_after", "id"], condition=Q(state=State.QUEUED), name="job_due"
            ),
            models.Index(
                fields=["lease_until"], condition=Q(state=State.RUNNING), name="job_leased"
            ),
            models.Index(
                fields=["finished_at"], condition=Q(state__in=FINISHED), name="job_finished"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class Worker(models.Model):
    """A process that runs jobs, and when it last gave a sign of life."""

    name = models.CharField(primary_key=True, max_length=80)
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class IdempotentRequest(models.Model):
    """The answer to a request that created something, for whoever sends it again.

    The client's key is kept as a digest, and the answer sealed with that key: an answer may carry
    a secret that is shown once, and the row alone must not give it away.
    """

    id = models.BigAutoField(primary_key=True)
    principal = models.CharField(max_length=120)  # kind and id of who asked
    key_digest = models.BinaryField(max_length=32)
    fingerprint = models.BinaryField(max_length=32)  # SHA-256 of method, address and body
    status = models.PositiveSmallIntegerField(default=0)  # 0: not answered yet
    answer = models.BinaryField(default=b"")
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["principal", "key_digest"], name="request_key_is_used_once_by_each_asker"
            ),
            models.CheckConstraint(
                condition=Q(status=0, answer=b"") | Q(status__gte=200, status__lt=300),
                name="request_is_answered_with_success_or_not_kept",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.principal} {self.pk}"
