"""Which grants count at this moment."""

import uuid

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from sharing.grants.models import Grant, GrantMachine
from sharing.grants.rules.states import GrantState


def in_force(machine_id: uuid.UUID | None = None) -> QuerySet[Grant]:
    """The grants that count at this moment; with a machine's id, those that name it."""
    now = timezone.now()
    found = Grant.objects.filter(
        state=GrantState.ACTIVE, version__valid_from__lte=now, version__valid_until__gt=now
    )
    if machine_id:
        named = GrantMachine.objects.filter(grant=OuterRef("pk"), client=machine_id)
        found = found.filter(Exists(named))
    return found
