"""What changes people and their sign-in, each with its row in the audit."""

from sharing.accounts.actions.founding import Founded, found
from sharing.accounts.actions.joining import (
    InvitationOverError,
    accept_invitation,
    invite,
    resend_invitation,
    withdraw_invitation,
)
from sharing.accounts.actions.people import change_role, reactivate, rename, suspend
from sharing.accounts.actions.signing import (
    note_changed,
    note_failed,
    note_signed_in,
    note_signed_out,
)

__all__ = [
    "Founded",
    "InvitationOverError",
    "accept_invitation",
    "change_role",
    "found",
    "invite",
    "note_changed",
    "note_failed",
    "note_signed_in",
    "note_signed_out",
    "reactivate",
    "rename",
    "resend_invitation",
    "suspend",
    "withdraw_invitation",
]
