"""Projects, the vault with a project's secret, published profiles, and withdrawn consent."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from sharing.accounts.models import Institution, User
from sharing.kernel.ids import new_id
from sharing.studies.models import Patient


class Project(models.Model):
    """What de-identified copies are made for: one secret, so that they fit together."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="projects")
    name = models.CharField(max_length=120)
    purpose = models.TextField(max_length=1000)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        constraints = (
            models.UniqueConstraint(
                "institution", Lower("name"), name="a_project_is_named_once_per_institution"
            ),
        )

    def __str__(self) -> str:
        return self.name


class Vault(models.Model):
    """The secret by which a project's pseudonyms, UIDs and dates are derived, sealed.

    `commitment` is SHA-256 of the secret with the project's id. It tells nothing of the secret, and
    stays when the secret is destroyed: a key that turns up later can be shown to be the one.
    """

    project = models.OneToOneField(
        Project, on_delete=models.PROTECT, primary_key=True, related_name="vault"
    )
    sealed = models.BinaryField()
    commitment = models.BinaryField(max_length=32)
    destroyed_at = models.DateTimeField(null=True)
    destroyed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=(Q(destroyed_at=None, destroyed_by=None) & ~Q(sealed=b""))
                | Q(destroyed_at__isnull=False, destroyed_by__isnull=False, sealed=b""),
                name="a_destroyed_secret_is_gone_and_says_by_whom_and_when",
            ),
        )

    def __str__(self) -> str:
        return f"vault of {self.project_id}"

    @property
    def is_destroyed(self) -> bool:
        return self.destroyed_at is not None


class Pseudonym(models.Model):
    """Who is behind a pseudonym, sealed with the project's secret: nowhere else is it written."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    vault = models.ForeignKey(
        Vault, on_delete=models.CASCADE, related_name="pseudonyms", db_index=False
    )
    pseudonym = models.CharField(max_length=64)
    sealed = models.BinaryField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("vault", "pseudonym"), name="a_pseudonym_stands_once_in_a_vault"
            ),
        )

    def __str__(self) -> str:
        return self.pseudonym


class ProfileVersion(models.Model):
    """A profile as the institution published it. Nothing of it is ever changed.

    Bundled profiles have no row: they come with the portal.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    institution = models.ForeignKey(
        Institution, on_delete=models.PROTECT, related_name="profile_versions"
    )
    name = models.CharField(max_length=80)
    version = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    text = models.TextField()  # YAML, as it was written
    digest = models.CharField(max_length=64)  # SHA-256 of the canonical form, hexadecimal
    published_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    published_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["name", "-published_at"]
        constraints = (
            models.UniqueConstraint(
                fields=("institution", "name", "version"),
                name="a_version_of_a_profile_is_published_once",
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class Withdrawal(models.Model):
    """A patient does not want their images in research any more: no later release has them."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    institution = models.ForeignKey(
        Institution, on_delete=models.PROTECT, related_name="withdrawals"
    )
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="withdrawals")
    note = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        constraints = (
            models.UniqueConstraint(
                fields=("institution", "patient"), name="consent_is_withdrawn_once"
            ),
        )

    def __str__(self) -> str:
        return f"withdrawal {self.id}"
