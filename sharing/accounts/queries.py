"""Who works where."""

import uuid

from django.db.models import QuerySet
from django.utils import timezone

from sharing.accounts.models import Invitation, Membership, User
from sharing.accounts.rules import MembershipState
from sharing.kernel import secrets


def active_memberships(user: User) -> QuerySet[Membership]:
    """Where a person works now, the oldest first."""
    found = Membership.objects.filter(user=user, state=MembershipState.ACTIVE)
    return found.select_related("institution").order_by("created_at")


def people_of(institution_id: uuid.UUID | None) -> QuerySet[Membership]:
    found = Membership.objects.filter(institution=institution_id).select_related("user")
    return found.order_by("state", "user__name", "user__email")


def names_of(ids: set[str]) -> dict[str, str]:
    """How people are called, by their ids as the audit keeps them."""
    known = User.objects.filter(pk__in=ids).values_list("pk", "name") if ids else ()
    return {str(pk): name for pk, name in known if name}


def unanswered(institution_id: uuid.UUID | None) -> QuerySet[Invitation]:
    """The invitations that still stand, expired ones too: they can be sent again."""
    return (
        Invitation.objects.filter(institution=institution_id, accepted_at=None, withdrawn_at=None)
        .select_related("invited_by")
        .order_by("-created_at")
    )


def open_invitation(invitation_id: uuid.UUID, secret: str) -> Invitation | None:
    """The invitation that an address names, while it can be taken up."""
    found = (
        Invitation.objects.filter(
            pk=invitation_id, accepted_at=None, withdrawn_at=None, expires_at__gt=timezone.now()
        )
        .select_related("institution", "invited_by")
        .first()
    )
    if found is None or found.secret_digest is None:
        return None
    same = secrets.same(bytes(found.secret_digest), secrets.digest(secret))
    return found if same else None
