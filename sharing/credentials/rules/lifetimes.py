"""How long a person's token lasts, what state it is in, and when its person is reminded."""

import datetime

from django.db.models import TextChoices

# What can be chosen at a page, as `kernel.durations` reads it.
LIFETIMES = {"1h": "1 hour", "1d": "1 day", "7d": "7 days", "30d": "30 days", "90d": "90 days"}
USUAL = "7d"
REMINDED_BEFORE = datetime.timedelta(days=3)
REMINDED_IF_LONGER_THAN = datetime.timedelta(days=7)

WARNED_BEFORE = (1, 7, 30)  # days: when an institution's administrators are told


class TokenState(TextChoices):
    ACTIVE = "active", "Active"
    EXPIRED = "expired", "Expired"
    REVOKED = "revoked", "Revoked"


def token_state(
    *, now: datetime.datetime, expires_at: datetime.datetime, revoked_at: datetime.datetime | None
) -> TokenState:
    if revoked_at is not None:
        return TokenState.REVOKED
    return TokenState.EXPIRED if expires_at <= now else TokenState.ACTIVE


def reminded_at(
    *, created_at: datetime.datetime, expires_at: datetime.datetime
) -> datetime.datetime | None:
    """When a token's person is told that it ends soon; never, for one that is short anyway."""
    if expires_at - created_at <= REMINDED_IF_LONGER_THAN:
        return None
    return expires_at - REMINDED_BEFORE


def warned_at(
    *, now: datetime.datetime, began_at: datetime.datetime, ends_at: datetime.datetime
) -> int | None:
    """Of how many days' warning it is time; none for what lasts no longer than that anyway."""
    left, life = ends_at - now, ends_at - began_at
    for days in WARNED_BEFORE:
        if left <= datetime.timedelta(days=days):
            return days if life > datetime.timedelta(days=days) else None
    return None
