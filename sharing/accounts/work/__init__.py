"""What is done for accounts when nobody waits: invitations are mailed, domains looked at again."""

from sharing.accounts.work.domains import Look, Resolve, look_at, txt_records
from sharing.accounts.work.invitations import new_link
from sharing.accounts.work.passwords import mail_no_account, mail_password
from sharing.accounts.work.sign_ups import mail_domain, mail_operator, mail_refusal

__all__ = [
    "Look",
    "Resolve",
    "look_at",
    "mail_domain",
    "mail_no_account",
    "mail_operator",
    "mail_password",
    "mail_refusal",
    "new_link",
    "txt_records",
]
