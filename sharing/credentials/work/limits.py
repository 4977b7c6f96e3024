"""Count how often somebody asks, and say when it is too often."""

import uuid

from django.db.models import F
from django.utils import timezone

from sharing.credentials.models import Asked
from sharing.credentials.rules.limits import LIMITS, minute_of, neighbourhood, seconds_left


class TooOftenError(Exception):
    """The limit of this minute is reached; nothing was done."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


def count_address(what: str, address: str) -> None:
    """Before anything is looked at, so that strangers cost little.

    Raises
    ------
    TooOftenError
    """
    _count(f"{what} address {neighbourhood(address)}", LIMITS[what].per_address)


def count_client(what: str, client_id: uuid.UUID) -> None:
    """After the client has shown who it is: a stranger who names it takes nothing from it.

    Raises
    ------
    TooOftenError
    """
    _count(f"{what} client {client_id}", LIMITS[what].per_client)


def _count(who: str, limit: int) -> None:
    now = timezone.now()
    minute = minute_of(now)
    below = Asked.objects.filter(who=who, minute=minute, count__lt=limit)
    if below.update(count=F("count") + 1):
        return
    # The first of the minute makes the row; of several at once one does.
    Asked.objects.bulk_create([Asked(who=who, minute=minute)], ignore_conflicts=True)
    if not below.update(count=F("count") + 1):
        raise TooOftenError(seconds_left(now))
