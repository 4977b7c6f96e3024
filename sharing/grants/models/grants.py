"""Standing grants: what one institution lets another see, agreed by two persons of each."""

import datetime
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from sharing.accounts.models import Institution, User
from sharing.credentials.models import MachineClient
from sharing.grants.rules.states import OPEN_STATES, GrantState
from sharing.grants.rules.terms import Terms
from sharing.kernel.ids import new_id
from sharing.studies.models import Study


class Grant(models.Model):
    """The custodian's studies, as far as `version` goes, for the recipient's people and machines.

    Each side has a switch of its own: as long as either has stopped it, nothing passes.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    custodian = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="grants")
    recipient = models.ForeignKey(
        Institution, on_delete=models.PROTECT, related_name="grants_received"
    )
    state = models.CharField(max_length=10, choices=GrantState.choices, default=GrantState.PROPOSED)
    # The terms that both have agreed to last.
    version = models.ForeignKey(
        "GrantVersion", on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    custodian_stopped_at = models.DateTimeField(null=True)
    recipient_stopped_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    # None of an ended one: its last day was over.
    ended_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    ended_why = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        constraints = (
            models.CheckConstraint(
                condition=~Q(custodian=F("recipient")), name="a_grant_is_between_two_institutions"
            ),
            models.CheckConstraint(
                condition=Q(state__in=GrantState.values), name="a_grant_is_in_a_known_state"
            ),
            models.CheckConstraint(
                condition=Q(state__in=(GrantState.PROPOSED, GrantState.ENDED))
                | Q(version__isnull=False),
                name="a_grant_in_force_has_agreed_terms",
            ),
            models.CheckConstraint(
                condition=Q(custodian_stopped_at=None, recipient_stopped_at=None)
                | Q(state__in=(GrantState.SUSPENDED, GrantState.ENDED)),
                name="a_stopped_grant_is_suspended",
            ),
            models.CheckConstraint(
                condition=Q(state=GrantState.ENDED, ended_at__isnull=False)
                | (Q(state__in=OPEN_STATES, ended_at=None)),
                name="an_ended_grant_says_when",
            ),
        )

    def __str__(self) -> str:
        return f"grant {self.id}"


class GrantVersion(models.Model):
    """The terms at one time. Nothing of them is ever changed: other terms are another version."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    terms = models.JSONField()  # as rules.terms.Terms.to_json
    digest = models.CharField(max_length=64)  # SHA-256 of sides and terms, hexadecimal
    proposed_by = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField()
    agreed_at = models.DateTimeField(null=True)
    dropped_at = models.DateTimeField(null=True)  # declined, or replaced before it was agreed
    dropped_why = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering: ClassVar = ["number"]
        constraints = (
            models.UniqueConstraint(fields=("grant", "number"), name="versions_are_numbered"),
            models.UniqueConstraint(
                fields=("grant",),
                condition=Q(agreed_at=None, dropped_at=None),
                name="one_version_waits_for_an_answer",
            ),
            models.CheckConstraint(
                condition=Q(agreed_at=None) | Q(dropped_at=None),
                name="a_version_is_not_both_agreed_and_dropped",
            ),
            models.CheckConstraint(
                condition=Q(
                    valid_until__gt=F("valid_from"),
                    valid_until__lte=F("valid_from") + datetime.timedelta(days=366),
                ),
                name="a_version_lasts_a_year_at_most",
            ),
        )

    def __str__(self) -> str:
        return f"version {self.number} of grant {self.grant_id}"

    def read(self) -> Terms:
        return Terms.from_json(self.terms)


class GrantApproval(models.Model):
    """One person's word for their institution, to exactly the terms with this digest."""

    version = models.ForeignKey(GrantVersion, on_delete=models.PROTECT, related_name="approvals")
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    digest = models.CharField(max_length=64)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["at"]
        constraints = (
            models.UniqueConstraint(
                fields=("version", "person"), name="a_person_approves_for_one_side_once"
            ),
        )

    def __str__(self) -> str:
        return f"approval {self.pk}"


class GrantMachine(models.Model):
    """A machine of the recipient that may use the grant: without it, none may."""

    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="machines")
    client = models.ForeignKey(MachineClient, on_delete=models.PROTECT, related_name="+")
    added_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("grant", "client"), name="a_machine_uses_a_grant_once"),
        )

    def __str__(self) -> str:
        return f"machine {self.client_id} of grant {self.grant_id}"


class GrantDay(models.Model):
    """How many studies were opened by a grant on one day (UTC)."""

    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="days")
    day = models.DateField()
    studies = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("grant", "day"), name="a_grant_counts_each_day_once"),
        )

    def __str__(self) -> str:
        return f"{self.day} of grant {self.grant_id}"


class GrantUse(models.Model):
    """A study that was opened by a grant on one day: opened again, it counts no more."""

    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="uses")
    day = models.DateField()
    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("grant", "day", "study"), name="a_study_counts_once_a_day"
            ),
        )

    def __str__(self) -> str:
        return f"use {self.pk}"


class GrantReminder(models.Model):
    """That both sides were reminded of a version's last day: once for each distance."""

    version = models.ForeignKey(GrantVersion, on_delete=models.PROTECT, related_name="reminders")
    days = models.PositiveIntegerField()
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("version", "days"), name="a_reminder_goes_out_once"),
        )

    def __str__(self) -> str:
        return f"reminder {self.pk}"
