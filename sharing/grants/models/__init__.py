from sharing.grants.models.grants import (
    Grant,
    GrantApproval,
    GrantDay,
    GrantMachine,
    GrantReminder,
    GrantUse,
    GrantVersion,
)
from sharing.grants.models.offers import ImageRequest, Offer

__all__ = [
    "Grant",
    "GrantApproval",
    "GrantDay",
    "GrantMachine",
    "GrantReminder",
    "GrantUse",
    "GrantVersion",
    "ImageRequest",
    "Offer",
]
