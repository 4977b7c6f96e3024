"""The switch of each side, and the end of a grant."""

import uuid

from django.db import transaction
from django.utils import timezone

from sharing.access.principal import Principal
from sharing.audit.rules import Act
from sharing.grants.actions.common import GrantMovedError, Speaker, held, speaker
from sharing.grants.models import Grant
from sharing.grants.queries.grants import waiting
from sharing.grants.rules.states import GrantState, Move, may_move
from sharing.grants.work import begin, note
from sharing.kernel.errors import ConflictError


def stop(grant_id: uuid.UUID, *, why: str = "", by: Principal) -> Grant:
    """Close every channel of a grant at once, streams in flight too, until one's side resumes it.

    Either side may stop what the other has stopped already: then both must resume.
    """
    side = speaker(by)
    with transaction.atomic():
        grant = held(grant_id, side)
        switch = _switch(grant, side)
        stopped = grant.state == GrantState.SUSPENDED and getattr(grant, switch) is None
        if not stopped and not may_move(grant.state, Move.STOP):
            raise GrantMovedError(grant)
        grant.state = GrantState.SUSPENDED
        setattr(grant, switch, timezone.now())
        grant.save(update_fields=["state", switch])
        note(Act.GRANT_STOPPED, grant, by=by, why=why)
    return grant


def resume(grant_id: uuid.UUID, *, by: Principal) -> Grant:
    """Take back one's own side's stop; the grant goes on when no side holds it.

    Raises
    ------
    ConflictError
        It was not one's own side that stopped it.
    """
    side = speaker(by)
    with transaction.atomic():
        grant = held(grant_id, side)
        switch = _switch(grant, side)
        if grant.state != GrantState.SUSPENDED:
            raise GrantMovedError(grant)
        if getattr(grant, switch) is None:
            raise ConflictError("The other side has stopped this, and only they can let it go on.")
        setattr(grant, switch, None)
        if grant.custodian_stopped_at is None and grant.recipient_stopped_at is None:
            grant.state = GrantState.ACCEPTED
        grant.save(update_fields=["state", switch])
        note(Act.GRANT_RESUMED, grant, by=by)
        begin(grant, by=by)
    return grant


def end(grant_id: uuid.UUID, *, why: str = "", by: Principal) -> Grant:
    """End a grant for good: either side may, without the other."""
    side = speaker(by)
    with transaction.atomic():
        grant = held(grant_id, side)
        if not may_move(grant.state, Move.END):
            raise GrantMovedError(grant)
        if (version := waiting(grant)) is not None:
            version.dropped_at, version.dropped_why = timezone.now(), "The agreement has ended."
            version.save(update_fields=["dropped_at", "dropped_why"])
        grant.state, grant.ended_at = GrantState.ENDED, timezone.now()
        grant.ended_by, grant.ended_why = side.person, why[:300]
        grant.save(update_fields=["state", "ended_at", "ended_by", "ended_why"])
        note(Act.GRANT_ENDED, grant, by=by, why=why)
    return grant


def _switch(grant: Grant, side: Speaker) -> str:
    mine = grant.custodian_id == side.institution_id
    return "custodian_stopped_at" if mine else "recipient_stopped_at"
