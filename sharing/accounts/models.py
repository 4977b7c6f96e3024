"""People, the institutions they work for, and what they are there."""

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from sharing.accounts.rules import (
    INVITATION_LIFETIME,
    LONGEST_INVITATION,
    SHORTEST_INVITATION,
    EvidenceKind,
    InvitationState,
    MembershipState,
    Role,
    SignUpState,
    invitation_state,
)
from sharing.kernel.ids import new_id, random_id


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
    # Came by a mailed link: has to have a passkey, or a password and an app, before anything else.
    must_be_protected = models.BooleanField(default=False)
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
    address = models.CharField(max_length=300, blank=True)
    country = models.CharField(max_length=60, blank=True)
    description = models.CharField(max_length=500, blank=True)
    is_listed = models.BooleanField(default=False)  # whether members of others find it
    # Whether others may send images to one person alone, whose e-mail address they know.
    people_by_address = models.BooleanField(default=False)
    contact_name = models.CharField(max_length=120, blank=True)
    contact_role = models.CharField(max_length=120, blank=True)
    contact_email = models.EmailField(blank=True)
    contact_phone = models.CharField(max_length=40, blank=True)
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
    takes_images = models.BooleanField(default=True)  # from other institutions
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
    department = models.ForeignKey(
        Department, on_delete=models.PROTECT, related_name="memberships", null=True
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
    department = models.ForeignKey(
        Department, on_delete=models.PROTECT, related_name="invitations", null=True
    )
    lifetime = models.DurationField(default=INVITATION_LIFETIME)
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
            models.CheckConstraint(
                condition=Q(lifetime__gte=SHORTEST_INVITATION, lifetime__lte=LONGEST_INVITATION),
                name="an_invitation_lasts_from_half_an_hour_to_a_day",
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


class SignUp(models.Model):
    """An institution that asks to be let in. Until it is approved nothing can be done with it.

    `secret_digest` is of the applicant's own link; `mail_digest` of the one in the mail that
    proves the domain, while that has not been used.
    """

    id = models.UUIDField(primary_key=True, default=random_id, editable=False)
    name = models.CharField(max_length=120)
    address = models.CharField(max_length=300)
    country = models.CharField(max_length=60)
    domain = models.CharField(max_length=253)
    npi = models.CharField(max_length=10, blank=True)
    contact_name = models.CharField(max_length=120)
    contact_role = models.CharField(max_length=120)
    contact_email = models.EmailField()
    contact_phone = models.CharField(max_length=40)
    state = models.CharField(
        max_length=10, choices=SignUpState.choices, default=SignUpState.APPLIED
    )
    secret_digest = models.BinaryField(max_length=32)
    mail_digest = models.BinaryField(max_length=32, null=True)
    mail_expires_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=254, blank=True)  # the operator, by e-mail
    reason = models.CharField(max_length=300, blank=True)  # of a refusal
    institution = models.ForeignKey(
        Institution, on_delete=models.PROTECT, related_name="sign_ups", null=True
    )

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(state__in=SignUpState.values), name="a_sign_up_is_in_a_known_state"
            ),
            models.CheckConstraint(
                condition=Q(state=SignUpState.APPROVED, institution__isnull=False)
                | ~Q(state=SignUpState.APPROVED) & Q(institution__isnull=True),
                name="a_sign_up_becomes_an_institution_when_approved_and_only_then",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=(SignUpState.APPROVED, SignUpState.REFUSED))
                | Q(decided_at__isnull=False) & ~Q(decided_by=""),
                name="a_decided_sign_up_says_who_and_when",
            ),
        )

    def __str__(self) -> str:
        return f"sign-up {self.id}"


class Evidence(models.Model):
    """What an institution has shown of itself: what, when and by which way. Nothing secret.

    A domain's row begins with its challenge and counts once `proven_at` is set; `lost_at` says
    since when a later look no longer found the record.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    institution = models.ForeignKey(
        Institution, on_delete=models.PROTECT, related_name="evidence", null=True
    )
    sign_up = models.ForeignKey(
        SignUp, on_delete=models.PROTECT, related_name="evidence", null=True
    )
    kind = models.CharField(max_length=10, choices=EvidenceKind.choices)
    value = models.CharField(max_length=254, blank=True)
    token_digest = models.BinaryField(max_length=32, null=True)  # what the TXT record has to hold
    begun_at = models.DateTimeField(default=timezone.now)
    proven_at = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True)
    lost_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("begun_at", "pk")
        constraints = (
            models.CheckConstraint(
                condition=Q(institution__isnull=False) | Q(sign_up__isnull=False),
                name="evidence_is_somebodys",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=EvidenceKind.values), name="evidence_is_of_a_known_kind"
            ),
            models.CheckConstraint(
                condition=~Q(kind=EvidenceKind.DNS) | Q(token_digest__isnull=False),
                name="a_domain_is_proven_by_a_record_that_we_chose",
            ),
            models.CheckConstraint(
                condition=Q(lost_at=None) | Q(proven_at__isnull=False),
                name="only_what_was_proven_can_be_lost",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"


class Tally(models.Model):
    """How often something was done by somebody within a time: counted for all processes."""

    key = models.CharField(primary_key=True, max_length=120)
    count = models.PositiveIntegerField(default=0)
    ends_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.key
