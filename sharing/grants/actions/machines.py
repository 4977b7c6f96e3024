"""Which machines of the recipient use a grant: the recipient names them, both sides see them."""

import uuid

from django.db import transaction

from sharing.access.principal import Principal
from sharing.audit.rules import Act
from sharing.credentials.models import MachineClient
from sharing.credentials.rules.machines import MachineState
from sharing.grants.actions.common import GrantMovedError, held, speaker
from sharing.grants.models import Grant, GrantMachine
from sharing.grants.rules.states import GrantState
from sharing.grants.rules.terms import Channel
from sharing.grants.work import note
from sharing.kernel.errors import ConflictError, NotThereError


def name_machine(grant_id: uuid.UUID, client_id: uuid.UUID, *, by: Principal) -> GrantMachine:
    """Let one of one's machines use a grant that one's institution has received.

    Raises
    ------
    ConflictError
        The agreement is not for machines.
    """
    side = speaker(by)
    with transaction.atomic():
        grant = held(grant_id, side)
        client = _mine(client_id, grant, side.institution_id)
        if grant.state == GrantState.ENDED:
            raise GrantMovedError(grant)
        if grant.version is None or Channel.MACHINES not in grant.version.read().channels:
            raise ConflictError("The agreement is not for machines. Propose terms that are.")
        named, is_new = GrantMachine.objects.get_or_create(
            grant=grant, client=client, defaults={"added_by": side.person}
        )
        if is_new:
            note(Act.GRANT_MACHINE_NAMED, grant, by=by, machine=client.name, client=str(client.pk))
    return named


def unname_machine(grant_id: uuid.UUID, client_id: uuid.UUID, *, by: Principal) -> Grant:
    """Take a machine off a grant; it reads nothing more, from this moment on."""
    side = speaker(by)
    with transaction.atomic():
        grant = held(grant_id, side)
        named = GrantMachine.objects.filter(grant=grant, client=client_id).select_related("client")
        found = named.first()
        if found is None:
            raise NotThereError
        found.delete()
        note(Act.GRANT_MACHINE_TAKEN_OFF, grant, by=by, machine=found.client.name)
    return grant


def _mine(client_id: uuid.UUID, grant: Grant, institution_id: uuid.UUID) -> MachineClient:
    found = MachineClient.objects.filter(
        pk=client_id, institution=institution_id, state=MachineState.ACTIVE
    ).first()
    if found is None or grant.recipient_id != institution_id:
        raise NotThereError
    return found
