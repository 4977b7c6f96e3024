"""Who works where, and what institutions show of themselves."""

import dataclasses
import uuid

from allauth.mfa.models import Authenticator
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from sharing.accounts.models import (
    Department,
    Evidence,
    Institution,
    Invitation,
    Membership,
    SignUp,
    User,
)
from sharing.accounts.rules import MembershipState, Role, SignUpState, evidence_sentence
from sharing.kernel import secrets, wall


def active_memberships(user: User) -> QuerySet[Membership]:
    """Where a person works now, the oldest first."""
    found = Membership.objects.filter(user=user, state=MembershipState.ACTIVE)
    return found.select_related("institution").order_by("created_at")


def people_of(institution_id: uuid.UUID | None) -> QuerySet[Membership]:
    found = Membership.objects.filter(institution=institution_id).select_related(
        "user", "department"
    )
    return found.order_by("state", "user__name", "user__email")


def counted_by_role(institution_id: uuid.UUID) -> list[tuple[Role, int]]:
    """How many active people of each role an institution has; roles that nobody has are left out."""
    active = Membership.objects.filter(
        institution=institution_id, state=MembershipState.ACTIVE, user__is_active=True
    )
    with wall.acting_for(institution_id):  # partners are told how many, and not who
        counts = dict(active.order_by().values_list("role").annotate(Count("pk")))
    return [(role, counts[role]) for role in Role if role in counts]


def names_of(ids: set[str]) -> dict[str, str]:
    """How people are called, by their ids as the audit keeps them."""
    known = User.objects.filter(pk__in=ids).values_list("pk", "name") if ids else ()
    return {str(pk): name for pk, name in known if name}


def unanswered(institution_id: uuid.UUID | None) -> QuerySet[Invitation]:
    """The invitations that still stand, expired ones too: they can be sent again."""
    return (
        Invitation.objects.filter(institution=institution_id, accepted_at=None, withdrawn_at=None)
        .select_related("invited_by", "department")
        .order_by("-created_at")
    )


def open_invitation(invitation_id: uuid.UUID, secret: str) -> Invitation | None:
    """The invitation that an address names, while it can be taken up."""
    still_open = Invitation.objects.filter(
        pk=invitation_id, accepted_at=None, withdrawn_at=None, expires_at__gt=timezone.now()
    )
    with wall.system("which invitation is taken up: by its id"):
        found = still_open.select_related("institution", "invited_by").first()
    if found is None or found.secret_digest is None:
        return None
    same = secrets.same(bytes(found.secret_digest), secrets.digest(secret))
    return found if same else None


def is_protected(user: User) -> bool:
    """Whether a person signs in with a passkey, or with a password and something besides it."""
    there = Authenticator.objects.filter(
        user=user, type__in=(Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
    )
    if user.has_usable_password():
        return there.exists()
    keys = there.filter(type=Authenticator.Type.WEBAUTHN)
    return any(key.wrap().is_passwordless is not False for key in keys)


def has_to_be_protected(user: User) -> bool:
    """Whether a person came by a mailed link and has not protected the account since."""
    return user.must_be_protected and not is_protected(user)


def departments_of(
    institution_id: uuid.UUID | None, *, closed: bool = False
) -> QuerySet[Department]:
    """The departments of an institution by name; with `closed`, also those that are."""
    found = Department.objects.filter(institution=institution_id).order_by("name")
    return found if closed else found.filter(closed_at=None)


def listed_institutions(words: str = "") -> QuerySet[Institution]:
    """The institutions that want to be found, by words of their name, place or description."""
    found = Institution.objects.filter(is_listed=True)
    for word in words.split()[:8]:
        found = found.filter(
            Q(name__icontains=word)
            | Q(address__icontains=word)
            | Q(country__icontains=word)
            | Q(description__icontains=word)
            | Q(departments__name__icontains=word, departments__closed_at=None)
        )
    return found.distinct().order_by("name").prefetch_related("evidence", "departments")


@dataclasses.dataclass(frozen=True, slots=True)
class Shown:
    """One thing that an institution has shown of itself, as others read it."""

    evidence: Evidence
    sentence: str
    is_lost: bool


def evidence_of(institution: Institution | SignUp) -> list[Shown]:
    """What counts as shown by an institution, or by one that signs up; the oldest first.

    Without a query of its own where `institution.evidence` was prefetched.
    """
    return [
        Shown(one, _sentence(one), one.lost_at is not None)
        for one in institution.evidence.all()
        if one.proven_at is not None
    ]


def _sentence(one: Evidence) -> str:
    assert one.proven_at is not None
    return evidence_sentence(one.kind, one.value, proven_at=one.proven_at, lost_at=one.lost_at)


def open_challenges(institution: Institution) -> QuerySet[Evidence]:
    """The domains whose record has not been found yet."""
    return institution.evidence.filter(proven_at=None)


@dataclasses.dataclass(frozen=True, slots=True)
class SignUpSeen:
    """A sign-up, as whoever holds its applicant's link or the mailed one may see it."""

    sign_up: SignUp
    by_mail: bool


def sign_up_for(sign_up_id: uuid.UUID, secret: str) -> SignUpSeen | None:
    """The sign-up that an address names, while that counts."""
    now, digest = timezone.now(), secrets.digest(secret)
    found = SignUp.objects.filter(pk=sign_up_id).first()
    if found is None:
        return None
    if secrets.same(bytes(found.secret_digest), digest):
        return SignUpSeen(found, by_mail=False)
    mailed_until = found.mail_expires_at
    counts = found.expires_at > now and mailed_until is not None and mailed_until > now
    if counts and secrets.same(bytes(found.mail_digest or b""), digest):
        return SignUpSeen(found, by_mail=True)
    return None


def waiting_sign_ups() -> QuerySet[SignUp]:
    """Whoever waits to be let in, or for the proof of a domain; the oldest first."""
    return (
        SignUp.objects.filter(
            state__in=(SignUpState.APPLIED, SignUpState.PROVEN), expires_at__gt=timezone.now()
        )
        .order_by("created_at")
        .prefetch_related("evidence")
    )
