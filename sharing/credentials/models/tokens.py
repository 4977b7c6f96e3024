"""Bearer tokens for programs that act for a person."""

import datetime
from typing import ClassVar

from django.db import models
from django.utils import timezone

from sharing.accounts.models import Membership, User
from sharing.credentials.rules.lifetimes import TokenState, token_state
from sharing.kernel.ids import random_id


class ApiToken(models.Model):
    """`hv_<id>_<secret>`: scoped, expiring, shown once; only the secret's digest is kept."""

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    membership = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="api_tokens")
    label = models.CharField(max_length=80, blank=True)
    scopes = models.JSONField(default=list)  # names of access.rules.Action
    secret_digest = models.BinaryField(max_length=32)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return f"token {self.id}"

    @property
    def state(self) -> TokenState:
        return token_state(
            now=timezone.now(), expires_at=self.expires_at, revoked_at=self.revoked_at
        )

    @property
    def last_used_day(self) -> datetime.date | None:
        """To the day: at what hour somebody's programs run is nobody else's business."""
        return timezone.localdate(self.last_used_at) if self.last_used_at else None
