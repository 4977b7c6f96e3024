"""Roles: what each is called and what it is for. What a role may do stands in `access.rules`."""

from django.db.models import TextChoices


class Role(TextChoices):
    UPLOADER = "uploader", "Uploader"
    READER = "reader", "Reader"
    COMPLIANCE = "compliance", "Compliance"
    ADMINISTRATOR = "administrator", "Administrator"


ROLE_SENTENCES = {
    Role.UPLOADER: "Uploads studies, reads them and shares them.",
    Role.READER: "Reads the institution's studies and downloads them.",
    Role.COMPLIANCE: "Reviews every access, but sees no images.",
    Role.ADMINISTRATOR: "Does all of this, and invites people.",
}


class MembershipState(TextChoices):
    ACTIVE = "active", "Active"
    SUSPENDED = "suspended", "Suspended"
