"""What changes people and their sign-in, each with its row in the audit."""

from sharing.accounts.actions.deciding import approve, refuse
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
from sharing.accounts.actions.signing_up import (
    Applied,
    check_record,
    confirm_by_mail,
    mail_again,
    sign_up,
)

__all__ = [
    "PROFILE",
    "Applied",
    "Challenge",
    "Founded",
    "InvitationOverError",
    "accept_invitation",
    "add_department",
    "approve",
    "begin_domain",
    "change_department",
    "change_profile",
    "change_role",
    "check_domain",
    "check_record",
    "close_department",
    "confirm_by_mail",
    "found",
    "invite",
    "mail_again",
    "note_changed",
    "note_failed",
    "note_signed_in",
    "note_signed_out",
    "place",
    "reactivate",
    "refuse",
    "remove_department",
    "remove_evidence",
    "rename",
    "reopen_department",
    "resend_invitation",
    "set_npi",
    "sign_up",
    "suspend",
    "withdraw_invitation",
]
