"""Doubts, and what a person decides."""

import uuid

from django.db import transaction
from django.utils import timezone

from sharing.access.principal import Principal
from sharing.audit.rules import Act
from sharing.kernel.errors import ConflictError, NotThereError
from sharing.research.actions.common import Officer, ReleaseMovedError, held, note, officer
from sharing.research.models import Hold
from sharing.research.rules.states import Decision, ItemState, ReleaseState
from sharing.research.work import masking, vault
from sharing.research.work.making import drop_output, settle
from sharing.research.work.masking import Box

WHILE = (ReleaseState.RUNNING, ReleaseState.PAUSED, ReleaseState.HELD)


def approve(release_id: uuid.UUID, hold_id: uuid.UUID, *, by: Principal) -> Hold:
    """Nothing that could identify anybody: the file goes out as it is."""
    with transaction.atomic():
        hold = _open(release_id, hold_id, officer(by))
        _decide(hold, Decision.MASKED if hold.masks else Decision.APPROVED, by)
    settle(release_id)
    return hold


def leave_out(release_id: uuid.UUID, hold_id: uuid.UUID, *, by: Principal) -> Hold:
    """The file stays here; with it all that is in doubt about it."""
    at = officer(by)
    with transaction.atomic():
        hold = _open(release_id, hold_id, at)
        item = hold.item
        drop_output(item)
        item.state, item.output_key = ItemState.DROPPED, ""
        item.why = "A reviewer left it out."
        item.save(update_fields=["state", "output_key", "why"])
        _decide(hold, Decision.DROPPED, by)
        item.holds.filter(decision="").update(
            decision=Decision.DROPPED, decided_by=at.person, decided_at=timezone.now()
        )
    settle(release_id)
    return hold


def mask(release_id: uuid.UUID, hold_id: uuid.UUID, box: Box, *, by: Principal) -> Hold:
    """Blacken a rectangle in every frame of the copy; whoever drew it looks, and then approves.

    Raises
    ------
    InvalidInputError
        The rectangle lies outside of the picture, or the picture cannot be changed.
    """
    at = officer(by)
    with transaction.atomic():
        hold = _open(release_id, hold_id, at)
        masking.mask(hold.item, box, secret=vault.secret_of(hold.release.project.vault))
        hold.masks += 1
        hold.save(update_fields=["masks"])
    return hold


def _open(release_id: uuid.UUID, hold_id: uuid.UUID, at: Officer) -> Hold:
    """A doubt that nobody has decided yet; its release is locked, so that acts take turns."""
    release = held(release_id, at)
    hold = release.holds.select_related("item__source").filter(pk=hold_id).first()
    if hold is None:
        raise NotThereError
    hold.release = release
    if release.state not in WHILE:
        raise ReleaseMovedError(release)
    if hold.decision:
        raise ConflictError(f"This was decided already: {hold.get_decision_display().lower()}.")
    return hold


def _decide(hold: Hold, decision: Decision, by: Principal) -> None:
    hold.decision, hold.decided_by, hold.decided_at = decision, by.user, timezone.now()
    hold.save(update_fields=["decision", "decided_by", "decided_at"])
    note(Act.RELEASE_DECIDED, hold.release, by=by, kind=hold.kind, decision=decision)
