"""People, the institutions they work for, and what they are there."""

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from sharing.accounts.rules import InvitationState, MembershipState, Role, invitation_state
from sharing.kernel.ids import new_id


class People(BaseUserManager["User"]):
    def create_user(self, email: str, *, name: str = "", password: str | None = None) -> "User":
        user = self.model(email=email.strip().lower(), name=name)
        user.set_password(password)
        user.save()
        return user

    def get_by_natural_key(self, email: str | None) -> "User":
        return self.get(email__iexact=email)


class User(AbstractBaseUser):
    """A person who signs in with an e-mail address."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    email = models.EmailField("e-mail", unique=True)
    name = models.CharField(max_length=120, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[People] = People()
    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = (
            models.UniqueConstraint(Lower("email"), name="an_address_belongs_to_one_person"),
        )

    def __str__(self) -> str:
        return self.name or self.email


class Institution(models.Model):
    """A hospital or a practice: the custodian of the studies that it uploads."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=120, unique=True)
    contact_email = models.EmailField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name


class Department(models.Model):
    """A part of an institution, such as Radiology; closed when it takes nothing new any more."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    institution = models.ForeignKey(
        Institution, on_delete=models.PROTECT, related_name="departments"
    )
    name = models.CharField(max_length=80)
    closed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                "institution", Lower("name"), name="a_department_is_named_once_per_institution"
            ),
        )

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """What one person is in one institution."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="memberships")
    institution = models.ForeignKey(
        Institution, on_delete=models.PROTECT, related_name="memberships"
    )
    role = models.CharField(max_length=16, choices=Role.choices)
    state = models.CharField(
        max_length=16, choices=MembershipState.choices, default=MembershipState.ACTIVE
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("user", "institution"), name="a_person_is_a_member_once_per_institution"
            ),
            models.CheckConstraint(
                condition=Q(role__in=Role.values), name="a_membership_has_a_known_role"
            ),
            models.CheckConstraint(
                condition=Q(state__in=MembershipState.values),
                name="a_membership_is_in_a_known_state",
            ),
        )

    def __str__(self) -> str:
        return f"{self.role} at {self.institution_id}"


class Invitation(models.Model):
    """An offer of a membership, mailed to one address and taken up once.

    The mail's link carries `id` and a secret in its fragment; only the secret's digest is kept.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    institution = models.ForeignKey(
        Institution, on_delete=models.PROTECT, related_name="invitations"
    )
    email = models.EmailField("e-mail")
    role = models.CharField(max_length=16, choices=Role.choices)
    # None: the operator at the shell, for an institution that has nobody yet.
    invited_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True)
    secret_digest = models.BinaryField(max_length=32, null=True)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                "institution",
                Lower("email"),
                condition=Q(accepted_at=None, withdrawn_at=None),
                name="an_address_has_one_open_invitation_per_institution",
            ),
            models.CheckConstraint(
                condition=Q(accepted_at=None) | Q(withdrawn_at=None),
                name="an_invitation_is_not_both_accepted_and_withdrawn",
            ),
            models.CheckConstraint(
                condition=Q(invited_by__isnull=False) | Q(role=Role.ADMINISTRATOR),
                name="only_an_administrator_is_invited_by_nobody",
            ),
        )

    def __str__(self) -> str:
        return f"invitation {self.id}"

    @property
    def state(self) -> InvitationState:
        return invitation_state(
            now=timezone.now(),
            expires_at=self.expires_at,
            accepted_at=self.accepted_at,
            withdrawn_at=self.withdrawn_at,
        )
