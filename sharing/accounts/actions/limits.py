"""How often strangers may do something: counted in the database, for all processes together."""

import datetime

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from sharing.accounts.models import Tally
from sharing.kernel import secrets
from sharing.kernel.errors import SharingError


class TooOftenError(SharingError):
    status = 429
    title = "Too often"
    code = "too-often"

    def __init__(self, detail: str, *, within: datetime.timedelta) -> None:
        super().__init__(detail)
        self.retry_after = within.total_seconds()


def is_within(what: str, who: str, *, most: int, within: datetime.timedelta) -> bool:
    """Count once more, and say whether that is still allowed; two at once cannot both be the last.

    `who` is kept as a keyed digest only.
    """
    now = timezone.now()
    slot = int(now.timestamp() // within.total_seconds())
    named = secrets.keyed_digest(settings.SECRET_KEY, "tally", what, who.lower()).hex()[:32]
    key = f"{what}:{named}:{slot}"
    Tally.objects.bulk_create([Tally(key=key, ends_at=now + within)], ignore_conflicts=True)
    return bool(Tally.objects.filter(pk=key, count__lt=most).update(count=F("count") + 1))
