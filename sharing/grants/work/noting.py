"""Both sides' audit of what becomes of a grant."""

from typing import Any

from sharing.access.principal import Actor, Principal
from sharing.audit.actions import record
from sharing.audit.actions.recording import Asking
from sharing.audit.rules import Act, ActorKind
from sharing.grants.models import Grant
from sharing.kernel.requests import JOB
from sharing.studies.models import Series


def note(act: Act, grant: Grant, *, by: Asking, **detail: Any) -> None:
    """One row for each side, so that both read the same of it."""
    for one, other in (
        (grant.custodian, grant.recipient),
        (grant.recipient, grant.custodian),
    ):
        record(act, by=by, custodian_id=one.pk, grant_id=grant.pk, partner=other.name, **detail)


def the_clock() -> Principal:
    """Whom the audit names for what time does."""
    return Principal(Actor(ActorKind.MACHINE, "clock"), frozenset(), Series.objects.none(), JOB)
