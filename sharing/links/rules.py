"""Pure rules of share links: what is asked of a visitor, and when a link is over."""

import datetime

from django.db.models import TextChoices

TRIES = 5  # passcodes, before a link locks
CODE_TRIES = 5
CODE_LIFETIME = datetime.timedelta(minutes=10)
CODES_PER_HOUR = 5
LONGEST = datetime.timedelta(days=30)
CLAIM_LIFETIME = datetime.timedelta(hours=12)


class Factor(TextChoices):
    PASSCODE = "passcode", "A passcode that you pass on yourself"
    MAILBOX = "mailbox", "A one-time code, mailed to the recipient"


class LinkState(TextChoices):
    OPEN = "open", "Open"
    EXPIRED = "expired", "Expired"
    USED_UP = "used-up", "Used up"
    LOCKED = "locked", "Locked after wrong passcodes"
    REVOKED = "revoked", "Revoked"


def state(
    *,
    now: datetime.datetime,
    expires_at: datetime.datetime,
    revoked_at: datetime.datetime | None,
    locked_at: datetime.datetime | None,
    uses: int,
    max_uses: int | None,
) -> LinkState:
    """The state that the owner sees. A used-up link still serves the claims that it gave."""
    if revoked_at is not None:
        return LinkState.REVOKED
    if expires_at <= now:
        return LinkState.EXPIRED
    if locked_at is not None:
        return LinkState.LOCKED
    if max_uses is not None and uses >= max_uses:
        return LinkState.USED_UP
    return LinkState.OPEN
