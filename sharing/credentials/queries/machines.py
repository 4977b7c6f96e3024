"""Which machines there are, for the administrators of their institution."""

import uuid

from sharing.access import gate
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.credentials.models import MachineClient
from sharing.kernel.errors import NotThereError


def own_machine(client_id: uuid.UUID, by: Principal) -> MachineClient:
    """A machine of the institution that `by` administers."""
    gate.permit(by, Action.ADMINISTER)
    found = MachineClient.objects.filter(pk=client_id, institution=by.actor.institution_id).first()
    if found is None:
        raise NotThereError
    return found
