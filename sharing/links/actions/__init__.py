"""What is done with share links, and who does it: give, extend, revoke; open, leave."""

from sharing.links.actions.claiming import (
    Asked,
    Claimed,
    TooManyCodesError,
    WrongPasscodeError,
    claim_link,
    leave,
    send_code,
)
from sharing.links.actions.giving import Chosen, NewLink, create_link, extend_link, revoke_link

__all__ = [
    "Asked",
    "Chosen",
    "Claimed",
    "NewLink",
    "TooManyCodesError",
    "WrongPasscodeError",
    "claim_link",
    "create_link",
    "extend_link",
    "leave",
    "revoke_link",
    "send_code",
]
