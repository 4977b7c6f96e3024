"""What is kept of tokens and of machines."""

from sharing.credentials.models.limits import Asked
from sharing.credentials.models.machines import (
    MachineCertificate,
    MachineClient,
    MachineToken,
    UsedAssertion,
)
from sharing.credentials.models.tokens import ApiToken

__all__ = [
    "ApiToken",
    "Asked",
    "MachineCertificate",
    "MachineClient",
    "MachineToken",
    "UsedAssertion",
]
