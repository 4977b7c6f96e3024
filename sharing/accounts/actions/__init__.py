"""What changes people and their sign-in, each with its row in the audit."""

from sharing.accounts.actions.evidence import (
    Challenge,
    begin_domain,
    check_domain,
    remove_evidence,
    set_npi,
)
from sharing.accounts.actions.founding import Founded, found
from sharing.accounts.actions.institutions import (
    PROFILE,
    add_department,
    change_department,
    change_profile,
    close_department,
    remove_department,
    reopen_department,
)
from sharing.accounts.actions.joining import (
    InvitationOverError,
    accept_invitation,
    invite,
    resend_invitation,
    withdraw_invitation,
)
from sharing.accounts.actions.people import change_role, place, reactivate, rename, suspend
from sharing.accounts.actions.signing import (
    note_changed,
    note_failed,
    note_signed_in,
    note_signed_out,
)

__all__ = [
    "PROFILE",
    "Challenge",
    "Founded",
    "InvitationOverError",
    "accept_invitation",
    "add_department",
    "begin_domain",
    "change_department",
    "change_profile",
    "change_role",
    "check_domain",
    "close_department",
    "found",
    "invite",
    "note_changed",
    "note_failed",
    "note_signed_in",
    "note_signed_out",
    "place",
    "reactivate",
    "remove_department",
    "remove_evidence",
    "rename",
    "reopen_department",
    "resend_invitation",
    "set_npi",
    "suspend",
    "withdraw_invitation",
]
