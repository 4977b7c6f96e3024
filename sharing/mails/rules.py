"""What is mailed, and what can become of a mail. Pure."""

import datetime

from django.db.models import TextChoices

ATTEMPTS = 12  # over some hours: a mail server is down for longer than that rarely
KEPT = datetime.timedelta(days=30)  # a mail's row, after its end; never what it said


class Kind(TextChoices):
    INVITATION = "invitation", "an invitation"
    CODE = "code", "a one-time code"
    TOKEN_ENDS = "token-ends", "a reminder that an access token ends"
    KEYS_END = "keys-end", "a reminder that keys or a certificate end"
    PASSWORD = "password", "a link to choose a new password"
    NO_ACCOUNT = "no-account", "word that there is no account"
    DOMAIN = "domain", "a link that proves a domain"
    SIGN_UP = "sign-up", "word of what became of a sign-up"
    INBOX = "inbox", "word that something urgent waits in the inbox"
    GRANT_ENDS = "grant-ends", "a reminder that an agreement with a partner ends"


# Whose address the audit names at other places, too.
ADDRESS_IN_AUDIT = frozenset({Kind.INVITATION, Kind.TOKEN_ENDS, Kind.KEYS_END, Kind.PASSWORD})


class State(TextChoices):
    WAITING = "waiting", "on its way"
    HANDING = "handing", "on its way"
    SENT = "sent", "sent"
    REFUSED = "refused", "refused"
    UNCERTAIN = "uncertain", "perhaps sent"
    DROPPED = "dropped", "not needed any more"


MOVES: dict[State, frozenset[State]] = {
    State.WAITING: frozenset({State.HANDING, State.REFUSED, State.DROPPED}),
    # Waiting again: the server said that it did not take it.
    State.HANDING: frozenset({State.SENT, State.REFUSED, State.WAITING, State.UNCERTAIN}),
    # Whoever was taken for dead may still hear what the server says.
    State.UNCERTAIN: frozenset({State.SENT, State.REFUSED}),
    State.SENT: frozenset(),
    State.REFUSED: frozenset(),
    State.DROPPED: frozenset(),
}
ENDED = (State.SENT, State.REFUSED, State.UNCERTAIN, State.DROPPED)


def states_before(then: State) -> list[State]:
    return [before for before, moves in MOVES.items() if then in moves]
