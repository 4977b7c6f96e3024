"""The states of a release and of its files. The diagram in README.md is drawn from this table."""

from django.db.models import TextChoices


class ReleaseState(TextChoices):
    DRAFT = "draft", "Being put together"
    RUNNING = "running", "At work"
    PAUSED = "paused", "Paused"
    HELD = "held", "Waiting for a decision"
    READY = "ready", "Ready to release"
    RELEASING = "releasing", "Being released"
    RELEASED = "released", "Released"
    DROPPED = "dropped", "Dropped"


class Move(TextChoices):
    START = "start", "a person starts it"
    PAUSE = "pause", "a person pauses it"
    RESUME = "resume", "a person lets it go on"
    HOLD = "hold", "every file has been worked on, and something is in doubt"
    SETTLE = "settle", "every file has been worked on, and nothing is in doubt"
    DECIDE = "decide", "the last doubt is decided"
    RELEASE = "release", "a person releases it"
    FILE = "file", "all its studies are filed at once"
    DROP = "drop", "a person drops it"


MOVES: dict[tuple[ReleaseState, Move], ReleaseState] = {
    (ReleaseState.DRAFT, Move.START): ReleaseState.RUNNING,
    (ReleaseState.DRAFT, Move.DROP): ReleaseState.DROPPED,
    (ReleaseState.RUNNING, Move.PAUSE): ReleaseState.PAUSED,
    (ReleaseState.RUNNING, Move.HOLD): ReleaseState.HELD,
    (ReleaseState.RUNNING, Move.SETTLE): ReleaseState.READY,
    (ReleaseState.RUNNING, Move.DROP): ReleaseState.DROPPED,
    (ReleaseState.PAUSED, Move.RESUME): ReleaseState.RUNNING,
    (ReleaseState.PAUSED, Move.DROP): ReleaseState.DROPPED,
    (ReleaseState.HELD, Move.DECIDE): ReleaseState.READY,
    (ReleaseState.HELD, Move.DROP): ReleaseState.DROPPED,
    (ReleaseState.READY, Move.RELEASE): ReleaseState.RELEASING,
    (ReleaseState.READY, Move.DROP): ReleaseState.DROPPED,
    (ReleaseState.RELEASING, Move.FILE): ReleaseState.RELEASED,
}
OVER = (ReleaseState.RELEASED, ReleaseState.DROPPED)


def may_move(now: str, move: Move) -> bool:
    return (ReleaseState(now), move) in MOVES


def before(move: Move) -> list[ReleaseState]:
    """From where a release may make this move."""
    return [now for now, one in MOVES if one == move]


def after(now: str, move: Move) -> ReleaseState:
    """Where the move leads from here; KeyError where it does not exist."""
    return MOVES[ReleaseState(now), move]


def diagram() -> str:
    """The table as a Mermaid diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {ReleaseState.DRAFT}: studies are chosen"]
    lines += [f"    {now} --> {then}: {move.label}" for (now, move), then in MOVES.items()]
    return "\n".join([*lines, *(f"    {state} --> [*]" for state in OVER)])


class ItemState(TextChoices):
    WAITING = "waiting", "Waiting"
    MADE = "made", "De-identified"
    REFUSED = "refused", "Could not be de-identified"
    DROPPED = "dropped", "Left out"
    EARLIER = "earlier", "Released before"
    RELEASED = "released", "Released"


ITEM_MOVES: dict[ItemState, frozenset[ItemState]] = {
    ItemState.WAITING: frozenset({ItemState.MADE, ItemState.REFUSED, ItemState.DROPPED}),
    ItemState.MADE: frozenset({ItemState.RELEASED, ItemState.DROPPED}),
    ItemState.REFUSED: frozenset(),
    ItemState.DROPPED: frozenset(),
    ItemState.EARLIER: frozenset({ItemState.DROPPED}),
    ItemState.RELEASED: frozenset(),
}
NOT_IN = (ItemState.REFUSED, ItemState.DROPPED)


class Decision(TextChoices):
    APPROVED = "approved", "Approved as it is"
    MASKED = "masked", "More was masked"
    DROPPED = "dropped", "Left out"
