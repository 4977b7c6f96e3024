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
    AGREE = "agree"  # say for the institution what partners may see, and stop it
    RESEARCH = "research"  # see projects, releases, their evidence, and who withdrew consent
    RELEASE = "release"  # de-identify studies and release the copies


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
    Role.COMPLIANCE: frozenset({Action.SEARCH, Action.REVIEW, Action.AGREE, Action.RESEARCH}),
    Role.DATA_OFFICER: frozenset(_READ | _GIVE | {Action.RESEARCH, Action.RELEASE}),
    Role.ADMINISTRATOR: frozenset(Action),
}

# What a share link gives. View-only gets pictures made by the server, never the files.
VIEW_LINK_ACTIONS = frozenset({Action.SEARCH, Action.VIEW})
DOWNLOAD_LINK_ACTIONS = frozenset({Action.SEARCH, Action.VIEW, Action.DOWNLOAD})


class Credential(enum.StrEnum):
    """By what somebody has shown who they are."""

    SESSION = "session"
    SHELL = "shell"  # the operator, acting as a member
    JOB = "job"  # what goes on for a member who no longer waits
    LINK = "link"
    TOKEN = "token"  # noqa: S105 the name of a kind
    MACHINE = "machine"


# What each kind of credential may carry at most. What is not listed needs a person at a page: a
# program does not invite people, and a machine neither shares nor reads what others did.
CREDENTIAL_ACTIONS: dict[Credential, frozenset[Action]] = {
    Credential.SESSION: frozenset(Action),
    Credential.SHELL: frozenset(Action),
    Credential.JOB: frozenset(_READ | _GIVE),
    Credential.LINK: DOWNLOAD_LINK_ACTIONS,
    Credential.TOKEN: frozenset(_READ | _GIVE | {Action.REVIEW}),
    Credential.MACHINE: frozenset(_READ | {Action.UPLOAD}),
}
TOKEN_ACTIONS = CREDENTIAL_ACTIONS[Credential.TOKEN]


def carries(credential: str, action: Action) -> bool:
    """Whether this kind of credential may exercise `action` at all; an unknown kind may nothing."""
    known = {str(one): allowed for one, allowed in CREDENTIAL_ACTIONS.items()}
    return action in known.get(credential, frozenset())
