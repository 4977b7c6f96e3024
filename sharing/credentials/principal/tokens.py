"""A bearer token as a principal: its member, narrowed by the token's scope."""

import dataclasses
import datetime

from django.db.models import QuerySet
from django.utils import timezone

from sharing.access.principal import Actor, Principal, member, nobody
from sharing.access.rules import TOKEN_ACTIONS, Action
from sharing.accounts.rules import MembershipState
from sharing.audit.actions import viewings
from sharing.audit.rules import Act, ActorKind, Outcome
from sharing.credentials.models import ApiToken
from sharing.credentials.rules import PREFIX
from sharing.credentials.rules.lifetimes import TokenState
from sharing.kernel import ids, secrets
from sharing.kernel.durations import OUR_CLOCKS
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
    found = ApiToken.objects.filter(pk=token_id).select_related("membership__user").first()
    if found is None or not secrets.same(bytes(found.secret_digest), secrets.digest(rest[23:])):
        return None
    if why := _ended(found):
        _note_refusal(found, why, origin)
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
    now = timezone.now()
    return ApiToken.objects.filter(
        revoked_at=None,
        created_at__lte=now + OUR_CLOCKS,
        expires_at__gt=now,
        membership__state=MembershipState.ACTIVE,
        membership__user__is_active=True,
    )


def _note_use(token: ApiToken) -> None:
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at > NOTED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)


def _ended(token: ApiToken) -> str:
    """Why a token does not count any more, or nothing."""
    if token.state != TokenState.ACTIVE:
        return str(token.state)
    if token.created_at > timezone.now() + OUR_CLOCKS:
        return "not begun"
    person = token.membership
    active = person.state == MembershipState.ACTIVE and person.user.is_active
    return "" if active else "suspended"


def _note_refusal(token: ApiToken, why: str, origin: Origin) -> None:
    """Write down that an ended token came: one row, then counts, however often a program tries."""
    person = token.membership
    actor = Actor(
        ActorKind.PERSON,
        str(person.user_id),
        person.user.email,
        person.institution_id,
        credential="token",
        credential_id=str(token.pk),
    )
    by = dataclasses.replace(nobody(origin), actor=actor)
    facts = {"outcome": Outcome.REFUSED, "token": why}
    viewings.note(Act.ACCESS_REFUSED, by=by, facts=facts, counts={"tries": 1})
