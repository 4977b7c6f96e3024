"""Signing in and out, written down for every institution that the person works for."""

from typing import Any

from sharing.accounts.models import User
from sharing.accounts.principal import at_the_door
from sharing.accounts.queries import active_memberships
from sharing.audit.actions import record
from sharing.audit.rules import Act, Outcome
from sharing.kernel import wall
from sharing.kernel.requests import Origin


def note_signed_in(user: User, *, origin: Origin) -> None:
    _note(Act.SIGNED_IN, user, origin)


def note_signed_out(user: User, *, origin: Origin) -> None:
    _note(Act.SIGNED_OUT, user, origin)


def note_changed(user: User, what: str, *, origin: Origin) -> None:
    """A password or a second factor was set, changed or taken away; `what` says which, in words."""
    _note(Act.CREDENTIALS_CHANGED, user, origin, what=what)


def note_failed(*, email: str, origin: Origin, reason: str) -> None:
    """A sign-in that failed: at each institution of the person, or of nobody if there is none.

    The address that was typed is kept only where it is an account's: people type passwords into
    the wrong field.
    """
    user = User.objects.filter(email__iexact=email).first() if email else None
    _note(Act.SIGN_IN_FAILED, user, origin, outcome=Outcome.FAILED, reason=reason)


def _note(act: Act, user: User | None, origin: Origin, **detail: Any) -> None:
    institutions: list[Any] = []
    if user is not None:
        with wall.system("where somebody works who signs in: their activity is written there"):
            institutions = [one.institution_id for one in active_memberships(user)]
    for institution_id in institutions or [None]:
        by = at_the_door(user, origin, institution_id=institution_id)
        record(act, by=by, **detail)
