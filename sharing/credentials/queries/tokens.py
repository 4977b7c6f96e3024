"""Which tokens there are, for those who may know: their person, and an administrator."""

import datetime
import uuid

from django.db.models import QuerySet
from django.utils import timezone

from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.credentials.models import ApiToken
from sharing.kernel.errors import NotThereError

# An ended token is shown for as long as somebody may still look for why a program stopped.
ENDED_SHOWN = datetime.timedelta(days=30)


def own_tokens(by: Principal) -> QuerySet[ApiToken]:
    """The tokens of the person where they work now, the newest first."""
    if by.membership is None:
        return ApiToken.objects.none()
    return _shown(ApiToken.objects.filter(membership=by.membership.pk))


def tokens_of_people(by: Principal) -> QuerySet[ApiToken]:
    """The tokens of everybody at an administrator's institution; for others none."""
    if by.membership is None or not by.may(Action.ADMINISTER):
        return ApiToken.objects.none()
    institution_id = by.membership.institution_id
    return _shown(ApiToken.objects.filter(membership__institution=institution_id))


def revocable(by: Principal, token_id: uuid.UUID) -> ApiToken:
    """A token that is one's own, or of somebody at the institution that one administers."""
    for found in (own_tokens(by), tokens_of_people(by)):
        if token := found.filter(pk=token_id).first():
            return token
    raise NotThereError


def _shown(found: QuerySet[ApiToken]) -> QuerySet[ApiToken]:
    since = timezone.now() - ENDED_SHOWN
    recent = found.filter(expires_at__gt=since).exclude(revoked_at__lte=since)
    return recent.select_related("membership__user", "membership__institution")
