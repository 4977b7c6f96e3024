from sharing.grants.models.grants import (
    Grant,
    GrantApproval,
    GrantDay,
    GrantMachine,
    GrantReminder,
    GrantUse,
    GrantVersion,
)

__all__ = [
    "Grant",
    "GrantApproval",
    "GrantDay",
    "GrantMachine",
    "GrantReminder",
    "GrantUse",
    "GrantVersion",
]
