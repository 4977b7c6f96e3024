"""Write down what happens. The only way in: rows are never changed."""

import dataclasses
import uuid
from contextlib import AbstractContextManager
from typing import Any, Protocol

from django.conf import settings
from django.db import Error

from sharing.audit.models import AuditEvent
from sharing.audit.rules import Act, ActorKind, Outcome
from sharing.kernel import secrets, wall
from sharing.kernel.errors import AuditUnavailableError
from sharing.kernel.requests import JOB, Origin


class AnyActor(Protocol):
    """What the audit wants to know about whoever acts; `access.principal.Actor` has it."""

    @property
    def kind(self) -> Any: ...
    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def institution_id(self) -> Any: ...
    @property
    def credential(self) -> str: ...
    @property
    def credential_id(self) -> str: ...
    @property
    def link_id(self) -> Any: ...


class Asking(Protocol):
    """Somebody who asks: `access.principal.Principal`."""

    @property
    def actor(self) -> AnyActor: ...
    @property
    def origin(self) -> Origin: ...


@dataclasses.dataclass(frozen=True, slots=True)
class Itself:
    """The portal, which does something of its own accord; the audit calls that a machine."""

    id: str
    institution_id: Any = None
    kind: ActorKind = ActorKind.MACHINE
    name: str = ""
    credential: str = "job"
    credential_id: str = ""
    link_id: Any = None


@dataclasses.dataclass(frozen=True, slots=True)
class ByItself:
    actor: Itself
    origin: Origin = JOB


def by_itself(what: str, institution_id: Any = None) -> ByItself:
    """Who asks when nobody does: the part `what` of the portal, at its own time."""
    return ByItself(Itself(what, institution_id))


def record(
    act: Act,
    *,
    by: Asking,
    outcome: Outcome = Outcome.DONE,
    custodian_id: Any = None,
    study_id: uuid.UUID | None = None,
    link_id: uuid.UUID | None = None,
    upload_id: uuid.UUID | None = None,
    grant_id: uuid.UUID | None = None,
    patient_ref: str = "",
    reason: str = "",
    **detail: Any,
) -> AuditEvent:
    """Add one row, in the caller's transaction where there is one.

    Raises
    ------
    AuditUnavailableError
        The row could not be written; what it tells about must not happen.
    """
    actor, origin = by.actor, by.origin
    try:
        with _written_for(actor.institution_id or custodian_id):
            return AuditEvent.objects.create(
                action=act,
                outcome=outcome,
                custodian_id=custodian_id or actor.institution_id,
                actor_kind=actor.kind,
                actor_id=actor.id,
                actor_name=actor.name[:254],
                actor_institution_id=actor.institution_id,
                credential=actor.credential,
                credential_id=actor.credential_id,
                address=origin.address,
                agent=origin.agent[:200],
                channel=origin.channel,
                study_id=study_id,
                link_id=link_id or actor.link_id,
                upload_id=upload_id,
                grant_id=grant_id,
                patient_ref=patient_ref,
                reason=reason[:300],
                detail=detail,
            )
    except Error as error:
        raise AuditUnavailableError from error


def _written_for(institution_id: Any) -> AbstractContextManager[None]:
    """Behind the wall a row is written, and its number read, by an institution that it concerns."""
    if institution_id is None:
        return wall.system("what nobody in particular did, at no institution, is written down")
    return wall.acting_for(institution_id)


def patient_reference(custodian_id: object, identity: bytes) -> str:
    """A patient's keyed reference: the same for the same patient, and tells nothing else."""
    parts = (str(custodian_id), bytes(identity).hex())
    return secrets.keyed_digest(settings.SECRET_KEY, "audit-patient", *parts).hex()
