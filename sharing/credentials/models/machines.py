"""Machines that sign in by themselves (SMART Backend Services), and what they used up."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from sharing.accounts.models import Institution, User
from sharing.credentials.rules.machines import LONGEST_SUBJECT, MachineState, Proof
from sharing.kernel.ids import random_id


class MachineClient(models.Model):
    """A program of an institution. It proves who it is with a key of its own; we keep no secret.

    `account` is a closed account that nobody can sign in with: what the machine uploads is put
    down to it, as a person's uploads are to theirs.
    """

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="machines")
    account = models.OneToOneField(User, on_delete=models.PROTECT, related_name="machine")
    name = models.CharField(max_length=80)
    scopes = models.JSONField(default=list)  # names of rules.machines.SCOPES
    networks = models.JSONField(default=list)  # CIDR; an extra condition, empty for none
    jwks = models.JSONField(default=dict)  # uploaded, or as last fetched from jwks_url
    jwks_url = models.URLField(max_length=500, blank=True)
    keys_fetched_at = models.DateTimeField(null=True)
    keys_asked_at = models.DateTimeField(null=True)
    keys_end_at = models.DateTimeField(null=True)
    proof = models.CharField(max_length=20, choices=Proof.choices, default=Proof.KEY)
    state = models.CharField(
        max_length=10, choices=MachineState.choices, default=MachineState.ACTIVE
    )
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints = (
            models.UniqueConstraint(
                fields=("institution", "name"), name="a_machine_has_a_name_of_its_own"
            ),
            models.CheckConstraint(
                condition=Q(state__in=MachineState.values), name="a_machine_is_in_a_known_state"
            ),
            models.CheckConstraint(
                condition=Q(proof__in=Proof.values), name="a_machine_proves_itself_in_a_known_way"
            ),
        )

    def __str__(self) -> str:
        return self.name


class MachineCertificate(models.Model):
    """A certificate that a machine shows. We keep what names it, and never the certificate."""

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    client = models.ForeignKey(MachineClient, on_delete=models.PROTECT, related_name="certificates")
    thumbprint = models.CharField(max_length=64)  # SHA-256 of its DER, in hexadecimal
    subject = models.CharField(max_length=LONGEST_SUBJECT, blank=True)
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["ends_at", "pk"]
        constraints = (
            models.UniqueConstraint(
                fields=("client", "thumbprint"), name="a_machine_has_a_certificate_once"
            ),
        )

    def __str__(self) -> str:
        return self.subject


class UsedAssertion(models.Model):
    """A `jti` that a machine has used: it counts once, and the constraint decides who was first."""

    client = models.ForeignKey(MachineClient, on_delete=models.PROTECT, related_name="+")
    jti_digest = models.BinaryField(max_length=32)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("client", "jti_digest"), name="an_assertion_counts_once"
            ),
        )

    def __str__(self) -> str:
        return f"assertion of {self.client_id}"


class MachineToken(models.Model):
    """`hvm_<id>_<secret>`: five minutes for one audience; only the secret's digest is kept."""

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    client = models.ForeignKey(MachineClient, on_delete=models.PROTECT, related_name="tokens")
    scopes = models.JSONField(default=list)
    audience = models.CharField(max_length=500)
    certificate = models.CharField(max_length=64, blank=True)  # thumbprint; empty: bound to none
    secret_digest = models.BinaryField(max_length=32)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"machine token {self.id}"
