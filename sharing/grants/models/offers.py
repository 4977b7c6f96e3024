"""Studies that one institution sends to another, and images that one asks another for."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from sharing.accounts.models import Institution, User
from sharing.grants.models.grants import Grant
from sharing.grants.rules.offers import (
    LONGEST_NOTE,
    OPEN_REQUESTS,
    REACHING,
    OfferState,
    Priority,
    RequestState,
)
from sharing.kernel.ids import new_id
from sharing.studies.models import Study

OVER = (OfferState.DECLINED, OfferState.WITHDRAWN, OfferState.EXPIRED)


class ImageRequest(models.Model):
    """What one institution asks another for: a patient by at least two facts, and why.

    The facts stand here and nowhere else: not in the audit, in no mail.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    asker = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="requests_made")
    asked = models.ForeignKey(
        Institution, on_delete=models.PROTECT, related_name="requests_received"
    )
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    patient_name = models.CharField(max_length=200, blank=True)
    birth_date = models.CharField(max_length=8, blank=True)  # YYYYMMDD, as the studies have it
    patient_id = models.CharField(max_length=64, blank=True)
    since = models.CharField(max_length=8, blank=True)
    until = models.CharField(max_length=8, blank=True)
    modality = models.CharField(max_length=16, blank=True)
    reason = models.CharField(max_length=LONGEST_NOTE)
    priority = models.CharField(max_length=10, choices=Priority, default=Priority.ROUTINE)
    state = models.CharField(max_length=10, choices=RequestState, default=RequestState.WAITING)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    declined_why = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        constraints = (
            models.CheckConstraint(
                condition=~Q(asker=F("asked")), name="a_request_is_between_two_institutions"
            ),
            models.CheckConstraint(
                condition=Q(state__in=RequestState.values), name="a_request_is_in_a_known_state"
            ),
            models.CheckConstraint(
                condition=Q(state__in=OPEN_REQUESTS, ended_at=None)
                | (~Q(state__in=OPEN_REQUESTS) & Q(ended_at__isnull=False)),
                name="a_request_that_is_over_says_when",
            ),
        )

    def __str__(self) -> str:
        return f"request {self.id}"

    @property
    def is_running(self) -> bool:
        return self.state in OPEN_REQUESTS and self.expires_at > timezone.now()


class Offer(models.Model):
    """One study of the sender, for the recipient's people, or for `person` among them alone.

    No copy is made: while it waits or is accepted, and until its end, it is a way to the study.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="+")
    sender = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="offers_made")
    recipient = models.ForeignKey(
        Institution, on_delete=models.PROTECT, related_name="offers_received"
    )
    person = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    priority = models.CharField(max_length=10, choices=Priority, default=Priority.ROUTINE)
    note = models.CharField(max_length=LONGEST_NOTE, blank=True)
    may_download = models.BooleanField()
    state = models.CharField(max_length=10, choices=OfferState, default=OfferState.WAITING)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True)  # for the first time
    answered_at = models.DateTimeField(null=True)
    # None of an accepted one: by an agreement, or because they had asked for it.
    answered_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    declined_why = models.CharField(max_length=300, blank=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    request = models.ForeignKey(
        ImageRequest, on_delete=models.PROTECT, null=True, related_name="offers"
    )
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["-created_at"]
        constraints = (
            models.CheckConstraint(
                condition=~Q(sender=F("recipient")), name="an_offer_is_between_two_institutions"
            ),
            models.CheckConstraint(
                condition=Q(state__in=OfferState.values), name="an_offer_is_in_a_known_state"
            ),
            models.CheckConstraint(
                condition=Q(priority__in=Priority.values), name="an_offer_has_a_known_priority"
            ),
            models.CheckConstraint(
                condition=Q(state__in=OVER, ended_at__isnull=False)
                | Q(state__in=REACHING, ended_at=None),
                name="an_offer_that_is_over_says_when",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=(OfferState.ACCEPTED, OfferState.DECLINED))
                | Q(answered_at__isnull=False),
                name="an_answered_offer_says_when",
            ),
            models.UniqueConstraint(
                fields=("study", "recipient"),
                condition=Q(state__in=REACHING, person=None),
                name="a_study_is_in_an_inbox_once",
            ),
            models.UniqueConstraint(
                fields=("study", "recipient", "person"),
                condition=Q(state__in=REACHING, person__isnull=False),
                name="a_study_is_in_a_persons_inbox_once",
            ),
        )
        indexes: ClassVar = [
            models.Index(fields=["recipient", "state", "expires_at"], name="offers_in_an_inbox"),
            models.Index(fields=["sender", "-created_at"], name="offers_that_were_sent"),
        ]

    def __str__(self) -> str:
        return f"offer {self.id}"

    @property
    def is_running(self) -> bool:
        """Whether it gives its study now."""
        return self.state in REACHING and self.expires_at > timezone.now()


def running() -> QuerySet[Offer]:
    """The offers that give their study at this moment, whatever a late clock has not said yet."""
    return Offer.objects.filter(state__in=REACHING, expires_at__gt=timezone.now())


def addressed(
    found: QuerySet[Offer], institution_id: uuid.UUID | None, person_id: uuid.UUID | None
) -> QuerySet[Offer]:
    """Those of `found` that are for the institution, or for this person in it alone."""
    whom = Q(person=None) | Q(person=person_id) if person_id else Q(person=None)
    return found.filter(whom, recipient=institution_id)
