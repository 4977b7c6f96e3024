"""Share links, what they give, and each opening of one."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from sharing.accounts.models import Institution, User
from sharing.kernel.ids import new_id, random_id
from sharing.links.rules import Factor, LinkState, device, state
from sharing.studies.models import Series, Study


class ShareLink(models.Model):
    """`https://host/s#<id>.<secret>`: a locator of 128 random bits and a secret of 256.

    Only digests are kept: SHA-256 of the secret, and a keyed digest of the short passcode.
    """

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="links")
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="links")
    created_at = models.DateTimeField(default=timezone.now)
    secret_digest = models.BinaryField(max_length=32)
    factor = models.CharField(max_length=8, choices=Factor.choices, default=Factor.PASSCODE)
    passcode_digest = models.BinaryField(max_length=32, null=True)
    recipient_name = models.CharField(max_length=120, blank=True)
    recipient_email = models.EmailField(blank=True)
    note = models.TextField(max_length=2000, blank=True)
    may_download = models.BooleanField(default=False)
    expires_at = models.DateTimeField()
    max_uses = models.PositiveIntegerField(null=True, blank=True)
    uses = models.PositiveIntegerField(default=0)
    tries = models.PositiveIntegerField(default=0)  # passcodes typed since the last right one
    locked_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["-created_at"]
        indexes: ClassVar = [
            models.Index(fields=["institution", "-created_at"], name="links_of_institution"),
            models.Index(fields=["created_by", "-created_at"], name="links_of_person"),
        ]
        constraints = (
            models.CheckConstraint(
                condition=Q(revoked_at=None, revoked_by=None)
                | Q(revoked_at__isnull=False, revoked_by__isnull=False),
                name="link_revocation_says_who_and_when",
            ),
            models.CheckConstraint(
                condition=Q(factor=Factor.PASSCODE, passcode_digest__isnull=False)
                | (Q(factor=Factor.MAILBOX) & ~Q(recipient_email="")),
                name="a_link_has_a_passcode_or_a_mailbox",
            ),
            models.CheckConstraint(
                condition=Q(max_uses=None) | Q(uses__lte=F("max_uses")),
                name="a_link_is_not_used_more_often_than_allowed",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="a_link_expires_after_it_began"
            ),
        )

    def __str__(self) -> str:
        return f"link {self.id}"

    @property
    def state(self) -> LinkState:
        return state(
            now=timezone.now(),
            expires_at=self.expires_at,
            revoked_at=self.revoked_at,
            locked_at=self.locked_at,
            uses=self.uses,
            max_uses=self.max_uses,
        )


class LinkItem(models.Model):
    """One thing that a link gives: a series, or (series empty) a whole study.

    A whole study includes the series that are still on their way when the link is made.
    """

    link = models.ForeignKey(ShareLink, on_delete=models.CASCADE, related_name="items")
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="+")
    series = models.ForeignKey(Series, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("link", "series"),
                condition=Q(series__isnull=False),
                name="a_link_gives_a_series_once",
            ),
            models.UniqueConstraint(
                fields=("link", "study"),
                condition=Q(series=None),
                name="a_link_gives_a_whole_study_once",
            ),
        )

    def __str__(self) -> str:
        return f"item {self.pk}"


class Claim(models.Model):
    """One opening of a link. Its cookie holds a secret of which only the digest is kept."""

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    link = models.ForeignKey(ShareLink, on_delete=models.PROTECT, related_name="claims")
    secret_digest = models.BinaryField(max_length=32)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    address = models.CharField(max_length=45, blank=True)
    agent = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return f"claim {self.id}"

    @property
    def device(self) -> str:
        """With what it was opened: "Chrome on Windows"."""
        return device(self.agent)


class MailboxCode(models.Model):
    """A one-time code for a link's mailbox: 8 digits, 10 minutes, one use, 5 tries.

    The code is made when its mail is sent, so that it never waits anywhere in clear.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    link = models.ForeignKey(ShareLink, on_delete=models.CASCADE, related_name="codes")
    code_digest = models.BinaryField(max_length=32, null=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    tries = models.PositiveIntegerField(default=0)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"code {self.id}"
