"""Each mail as far as it has come. What it says is kept nowhere: it may hold a secret."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from sharing.mails.rules import Kind, State


class Mail(models.Model):
    """One mail to one address; `id` is the job that sends it, `about` what it is about."""

    id = models.UUIDField(primary_key=True, editable=False)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    to = models.EmailField()
    about = models.UUIDField(null=True, db_index=True)
    custodian_id = models.UUIDField(null=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    created_at = models.DateTimeField(default=timezone.now)
    dated_at = models.DateTimeField(null=True)  # of the first attempt: what its header says
    handed_over_at = models.DateTimeField(null=True)  # from then on the server may have it
    ended_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=200, blank=True)  # in our words

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=State.values), name="a_mail_is_in_a_known_state"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=(State.HANDING, State.SENT, State.UNCERTAIN))
                | Q(handed_over_at__isnull=False),
                name="a_mail_that_may_be_out_says_since_when",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"
