"""What every act begins with: who may, and which project or release."""

import uuid
from typing import Any, NamedTuple

from sharing.access import gate
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.accounts.models import Institution, User
from sharing.audit.actions import record
from sharing.audit.rules import Act
from sharing.kernel.errors import ConflictError, NotThereError
from sharing.research.models import Release
from sharing.research.rules.states import Move, after, may_move


class Officer(NamedTuple):
    """A person who may release, and for which institution."""

    person: User
    institution: Institution


def officer(by: Principal) -> Officer:
    """Whoever may de-identify and release for their institution.

    Raises
    ------
    NotAllowedError
        Their role does not include it.
    """
    gate.permit(by, Action.RELEASE)
    assert by.membership is not None  # RELEASE is a member's action
    return Officer(by.membership.user, by.membership.institution)


def held(release_id: uuid.UUID, at: Officer) -> Release:
    """A release of the officer's institution, locked: acts on it take turns."""
    found = Release.objects.filter(pk=release_id, institution=at.institution)
    release = found.select_for_update(of=("self",)).select_related("project__vault").first()
    if release is None:
        raise NotThereError
    return release


class ReleaseMovedError(ConflictError):
    code = "release-moved"

    def __init__(self, release: Release) -> None:
        super().__init__(
            f"This release is in another state now: {release.get_state_display().lower()}. "
            "Reload the page to see what can be done."
        )


def move(release: Release, how: Move) -> None:
    """Say that the release goes on so; the caller saves it."""
    if not may_move(release.state, how):
        raise ReleaseMovedError(release)
    release.state = after(release.state, how)


def note(act: Act, release: Release, *, by: Principal, **detail: Any) -> None:
    record(
        act,
        by=by,
        custodian_id=release.institution_id,
        release=str(release.pk),
        title=release.title,
        **detail,
    )
