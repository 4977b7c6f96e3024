"""What every act on a grant begins with: who may, and which grant."""

import uuid
from typing import NamedTuple

from sharing.access import gate
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.accounts.models import User
from sharing.grants.models import Grant
from sharing.grants.queries.grants import of_institution
from sharing.kernel.errors import ConflictError, NotThereError


class Speaker(NamedTuple):
    """A person, and the institution that they speak for."""

    person: User
    institution_id: uuid.UUID


def speaker(by: Principal) -> Speaker:
    """Whoever may speak for their institution in what partners see.

    Raises
    ------
    NotAllowedError
        Their role does not include it.
    """
    gate.permit(by, Action.AGREE)
    assert by.membership is not None  # AGREE is a member's action
    return Speaker(by.membership.user, by.membership.institution_id)


def held(grant_id: uuid.UUID, side: Speaker) -> Grant:
    """A grant of which the speaker's institution is a side, locked: acts on it take turns.

    Raises
    ------
    NotThereError
        There is none, or it is between others.
    """
    found = of_institution(side.institution_id).filter(pk=grant_id)
    grant = found.select_for_update(of=("self",)).first()
    if grant is None:
        raise NotThereError
    return grant


class GrantMovedError(ConflictError):
    code = "grant-moved"

    def __init__(self, grant: Grant) -> None:
        super().__init__(
            f"This agreement is in another state now: {grant.get_state_display().lower()}. "
            "Reload the page to see what can be done."
        )
