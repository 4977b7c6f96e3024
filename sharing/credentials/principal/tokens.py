"""A bearer token as a principal: its member, narrowed by the token's scope."""

import datetime

from django.db.models import QuerySet
from django.utils import timezone

from sharing.access.principal import Principal, member
from sharing.access.rules import TOKEN_ACTIONS, Action
from sharing.accounts.rules import MembershipState
from sharing.credentials.models import ApiToken
from sharing.credentials.rules import PREFIX
from sharing.kernel import ids, secrets
from sharing.kernel.requests import Origin

NOTED_EVERY = datetime.timedelta(minutes=1)


def bearer(token: str, origin: Origin) -> Principal | None:
    """The principal of `hv_<id>_<secret>`, or None when the token does not count (any more)."""
    prefix, _, rest = token.partition("_")
    if prefix != PREFIX or len(rest) < 24 or rest[22] != "_":
        return None
    try:
        token_id = ids.from_text(rest[:22])
    except ValueError:
        return None
    found = _live().filter(pk=token_id).select_related("membership__user").first()
    if found is None or not secrets.same(bytes(found.secret_digest), secrets.digest(rest[23:])):
        return None
    _note_use(found)
    return member(
        found.membership,
        origin,
        credential="token",
        credential_id=str(found.pk),
        actions=TOKEN_ACTIONS & frozenset(map(Action, found.scopes)),
        still_allowed=lambda: (
            _live().filter(pk=found.pk, membership__role=found.membership.role).exists()
        ),
    )


def _live() -> QuerySet[ApiToken]:
    return ApiToken.objects.filter(
        revoked_at=None,
        expires_at__gt=timezone.now(),
        membership__state=MembershipState.ACTIVE,
        membership__user__is_active=True,
    )


def _note_use(token: ApiToken) -> None:
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at > NOTED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
