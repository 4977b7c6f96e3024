"""What can be wanted, and what each role may do. Anything not listed is refused."""

import enum

from sharing.accounts.rules import Role


class Action(enum.StrEnum):
    SEARCH = "search"  # find studies, read what a worklist shows
    VIEW = "view"  # see pictures and the headers that a viewer needs
    DOWNLOAD = "download"  # get Part 10 files and raw pixel data
    UPLOAD = "upload"
    SHARE = "share"  # create, revoke and extend share links
    REVIEW = "review"  # read the institution's activity
    ADMINISTER = "administer"  # invite people, change members


class Rule(enum.StrEnum):
    """Rules of a route that are no action on studies."""

    ANYBODY = "anybody"  # the same for everyone, and holds nothing of anyone
    SIGNED_IN = "signed-in"  # a person with an account, with or without a membership
    CLAIM = "claim"  # whoever holds a claimed share link


_READ = {Action.SEARCH, Action.VIEW, Action.DOWNLOAD}
_GIVE = {Action.UPLOAD, Action.SHARE}

ROLE_ACTIONS: dict[Role, frozenset[Action]] = {
    Role.UPLOADER: frozenset(_READ | _GIVE),
    Role.READER: frozenset(_READ),
    Role.COMPLIANCE: frozenset({Action.SEARCH, Action.REVIEW}),
    Role.ADMINISTRATOR: frozenset(_READ | _GIVE | {Action.REVIEW, Action.ADMINISTER}),
}

# What a share link gives. View-only gets pictures made by the server, never the files.
VIEW_LINK_ACTIONS = frozenset({Action.SEARCH, Action.VIEW})
DOWNLOAD_LINK_ACTIONS = frozenset({Action.SEARCH, Action.VIEW, Action.DOWNLOAD})

# What a bearer token may carry at most; anything else needs a person at a page.
TOKEN_ACTIONS = frozenset(
    {Action.SEARCH, Action.VIEW, Action.DOWNLOAD, Action.UPLOAD, Action.SHARE, Action.REVIEW}
)
