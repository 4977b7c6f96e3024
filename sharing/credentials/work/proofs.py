"""What a machine has shown of who it is, and why that does not count."""

import dataclasses
import datetime
import uuid

from sharing.credentials.models import MachineClient
from sharing.credentials.rules.machines import MachineState, is_within
from sharing.kernel import wall
from sharing.kernel.requests import Origin


class ProofRefusedError(Exception):
    """It does not count. `reason` is for the administrators of `client`, never for who asks."""

    def __init__(self, reason: str, client: MachineClient | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.client = client


@dataclasses.dataclass(frozen=True, slots=True)
class Verified:
    """A machine that has shown who it is.

    `certificate` is the thumbprint that its tokens are bound to; `jti` is that of an assertion,
    which is not used up yet.
    """

    client: MachineClient
    certificate: str
    jti: str = ""
    expires_at: datetime.datetime | None = None


def named(client_id: object) -> MachineClient:
    """The machine that somebody says to be.

    Raises
    ------
    ProofRefusedError
        There is none: nobody's business, so it names no client.
    """
    try:
        found = MachineClient.objects.filter(pk=uuid.UUID(str(client_id)))
    except ValueError as error:
        raise ProofRefusedError("Nobody is known by this client id.") from error
    with wall.system("which machine signs in: by its client id"):
        client = found.select_related("institution", "account").first()
    # Our own spelling alone: one machine, one name.
    if client is None or client_id != str(client.pk):
        raise ProofRefusedError("Nobody is known by this client id.")
    return client


def check_open(client: MachineClient, origin: Origin) -> None:
    """Refuse what is shut out, or comes from elsewhere, whatever it can show."""
    if client.state != MachineState.ACTIVE:
        raise ProofRefusedError("The machine is suspended or revoked.", client)
    if not is_within(origin.address, client.networks):
        raise ProofRefusedError("It came from another network.", client)
