"""Roles: what each is called and what it is for. What a role may do stands in `access.rules`."""

import datetime

from django.db.models import TextChoices

# Long enough that one sent on a Friday afternoon is still good on Monday morning.
INVITATION_LIFETIME = datetime.timedelta(days=3)


class Role(TextChoices):
    UPLOADER = "uploader", "Uploader"
    READER = "reader", "Reader"
    COMPLIANCE = "compliance", "Compliance"
    ADMINISTRATOR = "administrator", "Administrator"


# What somebody can see and do, in a sentence: for the pages, the mails and the page about the API.
ROLE_SENTENCES = {
    Role.UPLOADER: "Uploads studies, sees and downloads all of the institution's, and shares them.",
    Role.READER: "Sees and downloads the institution's studies, but uploads and shares nothing.",
    Role.COMPLIANCE: "Finds studies and reviews every access to them, but sees no images.",
    Role.ADMINISTRATOR: "Does what the others do, invites people, changes their roles and shuts them out.",
}


class MembershipState(TextChoices):
    ACTIVE = "active", "Active"
    SUSPENDED = "suspended", "Suspended"


class InvitationState(TextChoices):
    OPEN = "open", "Waiting for an answer"
    EXPIRED = "expired", "Expired"
    ACCEPTED = "accepted", "Accepted"
    WITHDRAWN = "withdrawn", "Withdrawn"


def invitation_state(
    *,
    now: datetime.datetime,
    expires_at: datetime.datetime,
    accepted_at: datetime.datetime | None,
    withdrawn_at: datetime.datetime | None,
) -> InvitationState:
    if accepted_at is not None:
        return InvitationState.ACCEPTED
    if withdrawn_at is not None:
        return InvitationState.WITHDRAWN
    return InvitationState.EXPIRED if expires_at <= now else InvitationState.OPEN
