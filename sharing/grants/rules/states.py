"""The states of a grant, and who moves it where. The diagram in README.md is drawn from this table."""

import datetime

from django.db.models import TextChoices

LONGEST = datetime.timedelta(days=365)
APPROVERS = 2  # a side
REMINDED_BEFORE = (30, 7, 1)  # days


class GrantState(TextChoices):
    PROPOSED = "proposed", "Waiting for both sides"
    ACCEPTED = "accepted", "Agreed, not begun"
    ACTIVE = "active", "In force"
    SUSPENDED = "suspended", "Stopped"
    ENDED = "ended", "Ended"


class Move(TextChoices):
    ACCEPT = "accept", "two of each side agree"
    BEGIN = "begin", "its first day comes"
    STOP = "stop", "either side stops it"
    RESUME = "resume", "whoever stopped it lets it go on"
    END = "end", "either side ends it, or its last day is over"


MOVES: dict[tuple[GrantState, Move], GrantState] = {
    (GrantState.PROPOSED, Move.ACCEPT): GrantState.ACCEPTED,
    (GrantState.PROPOSED, Move.END): GrantState.ENDED,
    (GrantState.ACCEPTED, Move.BEGIN): GrantState.ACTIVE,
    (GrantState.ACCEPTED, Move.STOP): GrantState.SUSPENDED,
    (GrantState.ACCEPTED, Move.END): GrantState.ENDED,
    (GrantState.ACTIVE, Move.STOP): GrantState.SUSPENDED,
    (GrantState.ACTIVE, Move.END): GrantState.ENDED,
    (GrantState.SUSPENDED, Move.RESUME): GrantState.ACCEPTED,  # and on, if its first day has come
    (GrantState.SUSPENDED, Move.END): GrantState.ENDED,
}
OPEN_STATES = tuple(state for state in GrantState if state != GrantState.ENDED)


def may_move(now: str, move: Move) -> bool:
    return (GrantState(now), move) in MOVES


def diagram() -> str:
    """The table as a Mermaid diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {GrantState.PROPOSED}: one side proposes"]
    lines += [f"    {now} --> {then}: {move.label}" for (now, move), then in MOVES.items()]
    return "\n".join([*lines, f"    {GrantState.ENDED} --> [*]"])
