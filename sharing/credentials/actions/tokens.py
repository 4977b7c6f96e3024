"""Make and revoke bearer tokens."""

import datetime
import uuid
from collections.abc import Iterable
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from sharing.access.principal import Principal
from sharing.access.rules import ROLE_ACTIONS, TOKEN_ACTIONS, Action
from sharing.accounts.models import Membership
from sharing.accounts.rules import MembershipState, Role
from sharing.audit.actions import record
from sharing.audit.rules import Act
from sharing.credentials.models import ApiToken
from sharing.credentials.queries.tokens import revocable
from sharing.credentials.rules import LONGEST, written
from sharing.credentials.rules.lifetimes import reminded_at
from sharing.kernel import secrets
from sharing.kernel.errors import InvalidInputError, NotAllowedError, NotThereError
from sharing.mails.actions import queue
from sharing.mails.rules import Kind


class NewToken(NamedTuple):
    """A token as it is shown this one time."""

    token: ApiToken
    text: str


def token_scopes(membership: Membership) -> frozenset[Action]:
    """What a token of this member can carry at most."""
    return ROLE_ACTIONS[Role(membership.role)] & TOKEN_ACTIONS


def create_token(
    *,
    membership: Membership,
    lifetime: datetime.timedelta,
    by: Principal,
    scopes: Iterable[Action] | None = None,
    label: str = "",
) -> NewToken:
    """Make a token that acts for a member, with `scopes` or with all that the role allows.

    A member makes tokens for themselves; the operator at the shell acts as the member.

    Raises
    ------
    InvalidInputError
        It would last too long, or `scopes` name what the role or a token does not include.
    """
    _check_own(membership, by)
    allowed = token_scopes(membership)
    wanted = allowed if scopes is None else frozenset(scopes)
    _check(membership, lifetime, wanted, allowed)
    secret = secrets.new_secret()
    with transaction.atomic():
        token = ApiToken.objects.create(
            membership=membership,
            label=label.strip()[:80],
            scopes=sorted(map(str, wanted)),
            secret_digest=secrets.digest(secret),
            created_by=membership.user,
            expires_at=timezone.now() + lifetime,
        )
        record(
            Act.TOKEN_CREATED,
            by=by,
            custodian_id=membership.institution_id,
            token=str(token.pk),
            person=str(membership.user_id),
            scopes=token.scopes,
            until=token.expires_at.isoformat(),
        )
        _remind_later(token)
    return NewToken(token, written(token.pk, secret))


def revoke_token(token_id: uuid.UUID, *, by: Principal) -> None:
    """End a token at once; again does no harm.

    Its person may, and an administrator of the institution at which it acts.
    """
    _check_no_token(by)
    token = revocable(by, token_id)
    with transaction.atomic():
        if ApiToken.objects.filter(pk=token_id, revoked_at=None).update(revoked_at=timezone.now()):
            record(
                Act.TOKEN_REVOKED,
                by=by,
                custodian_id=token.membership.institution_id,
                token=str(token.pk),
                person=token.membership.user.email,
            )


def _remind_later(token: ApiToken) -> None:
    """The mail waits in the outbox from the start: queued once, so that it goes out once."""
    when = reminded_at(created_at=token.created_at, expires_at=token.expires_at)
    if when is not None:
        key, args = f"token-reminder:{token.pk}", {"token": str(token.pk)}
        queue(
            Kind.TOKEN_ENDS,
            to=token.membership.user.email,
            job="credentials.mail-reminder",
            key=key,
            args=args,
            about=token.pk,
            custodian_id=token.membership.institution_id,
            run_after=when,
        )


def _check_no_token(by: Principal) -> None:
    """A token never makes another: what leaked would outlive its end."""
    if by.actor.credential == "token":
        raise NotAllowedError("A token is made or revoked at a page, not by another token.")


def _check_own(membership: Membership, by: Principal) -> None:
    _check_no_token(by)
    if by.membership is None or by.membership.pk != membership.pk:
        raise NotThereError


def _check(
    membership: Membership,
    lifetime: datetime.timedelta,
    wanted: frozenset[Action],
    allowed: frozenset[Action],
) -> None:
    wrong: dict[str, list[str]] = {}
    if not datetime.timedelta(0) < lifetime <= LONGEST:
        wrong["lifetime"] = [f"A token lasts at most {LONGEST.days} days."]
    if not wanted or wanted - allowed:
        wrong["scopes"] = [f"This person's tokens can: {', '.join(sorted(allowed))}."]
    if membership.state != MembershipState.ACTIVE or not membership.user.is_active:
        wrong["membership"] = ["This person is not active here."]
    if wrong:
        sentences = " ".join(one for several in wrong.values() for one in several)
        raise InvalidInputError(f"The token was not made. {sentences}", fields=wrong)
