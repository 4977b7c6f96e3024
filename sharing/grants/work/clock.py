"""Grants begin and end by the clock. Whether one counts is asked of its times at each request:
what is done here only says so in its state and in the audit."""

import uuid

from django.db import transaction
from django.utils import timezone

from sharing.audit.actions.recording import Asking
from sharing.audit.rules import Act
from sharing.grants.models import Grant, GrantVersion
from sharing.grants.rules.states import OPEN_STATES, GrantState
from sharing.grants.work.noting import note, the_clock


def begin(grant: Grant, *, by: Asking) -> bool:
    """Put a grant in force whose first day has come; whether it was so."""
    now = timezone.now()
    version = grant.version
    if grant.state != GrantState.ACCEPTED or version is None:
        return False
    if not version.valid_from <= now < version.valid_until:
        return False
    grant.state = GrantState.ACTIVE
    grant.save(update_fields=["state"])
    note(Act.GRANT_BEGUN, grant, by=by, version=version.number)
    return True


def tick() -> tuple[int, int]:
    """Begin and end what is due; how many of each."""
    now = timezone.now()
    begun = sum(map(_begun, _ids(state=GrantState.ACCEPTED, version__valid_from__lte=now)))
    over = _ids(state__in=OPEN_STATES, version__valid_until__lte=now)
    waiting = GrantVersion.objects.filter(
        agreed_at=None, dropped_at=None, valid_until__lte=now
    ).values_list("grant_id", flat=True)
    unanswered = [pk for pk in waiting if pk not in over]
    return begun, sum(map(_ended, over)) + sum(map(_unanswered, unanswered))


def _ids(**wanted: object) -> list[uuid.UUID]:
    return list(Grant.objects.filter(**wanted).values_list("pk", flat=True))


def _locked(pk: uuid.UUID) -> Grant:
    both = Grant.objects.select_related("custodian", "recipient", "version")
    return both.select_for_update(of=("self",)).get(pk=pk)


@transaction.atomic
def _begun(pk: uuid.UUID) -> bool:
    return begin(_locked(pk), by=the_clock())


@transaction.atomic
def _ended(pk: uuid.UUID) -> bool:
    """End what ran out; a version that waits may still renew it, but not without its day."""
    grant, now = _locked(pk), timezone.now()
    version = grant.version
    if grant.state == GrantState.ENDED or version is None or version.valid_until > now:
        return False
    _drop_waiting(grant)
    grant.state, grant.ended_at, grant.ended_why = GrantState.ENDED, now, "Its last day is over."
    grant.save(update_fields=["state", "ended_at", "ended_why"])
    note(Act.GRANT_ENDED, grant, by=the_clock(), why=grant.ended_why)
    return True


@transaction.atomic
def _unanswered(pk: uuid.UUID) -> bool:
    """Terms whose last day went by before both sides had agreed."""
    grant, now = _locked(pk), timezone.now()
    _drop_waiting(grant)
    if grant.state != GrantState.PROPOSED:
        return False
    grant.state, grant.ended_at = GrantState.ENDED, now
    grant.ended_why = "Its last day went by before both sides had agreed."
    grant.save(update_fields=["state", "ended_at", "ended_why"])
    note(Act.GRANT_ENDED, grant, by=the_clock(), why=grant.ended_why)
    return True


def _drop_waiting(grant: Grant) -> None:
    grant.versions.filter(agreed_at=None, dropped_at=None).update(
        dropped_at=timezone.now(), dropped_why="The agreement has ended."
    )
