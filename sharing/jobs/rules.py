"""The states of a job, its moves, and when to try again. Pure."""

from datetime import timedelta

from django.db.models import TextChoices

from sharing.kernel.errors import SharingError, UnavailableError


class State(TextChoices):
    QUEUED = "queued", "waiting"
    RUNNING = "running", "running"
    DONE = "done", "done"
    FAILED = "failed", "failed"
    CANCELLED = "cancelled", "cancelled"


MOVES: dict[State, frozenset[State]] = {
    # Queued again: a passing failure, or a worker that died.
    State.QUEUED: frozenset({State.RUNNING, State.CANCELLED}),
    State.RUNNING: frozenset({State.DONE, State.FAILED, State.CANCELLED, State.QUEUED}),
    State.FAILED: frozenset({State.QUEUED}),  # a person says: try again
    State.DONE: frozenset(),
    State.CANCELLED: frozenset(),
}
FINISHED = (State.DONE, State.FAILED, State.CANCELLED)

LEASE = timedelta(seconds=30)  # a worker that is silent for longer is taken for dead
HEARTBEAT = timedelta(seconds=10)
ATTEMPTS = 8
SOFT = timedelta(minutes=10)
GRACE = timedelta(minutes=1)  # between the soft and the hard limit, where a job states one alone
KEPT = timedelta(days=30)  # a finished job, for the people who ask what became of it
REQUESTS_KEPT = timedelta(hours=24)  # the answer to a request that may be sent again
ALIVE = timedelta(seconds=45)  # since a worker's last sign of life
LATE = timedelta(minutes=10)  # a job that is due for longer says that the workers don't keep up

UNEXPECTED = "Something unexpected happened on our side. It has been noted."
DIED = "The worker stopped without a word, several times."


def can_move(before: str, after: str) -> bool:
    return State(after) in MOVES[State(before)]


def is_passing(error: BaseException) -> bool:
    """Whether the same job may well succeed later.

    Our own errors say what they are; anything else may be a moment's trouble (the database, the
    network) and is tried again as often as the job allows.
    """
    return isinstance(error, UnavailableError) or not isinstance(error, SharingError)


def in_words(error: BaseException) -> str:
    """What people are told: our own sentences, and never another's, which may name a patient."""
    return error.detail if isinstance(error, SharingError) else UNEXPECTED


def pause(attempt: int, *, asked: float | None = None, chance: float = 0.5) -> timedelta:
    """How long to wait after failed attempt number `attempt`, counted from 1.

    5 s, 20 s, 80 s and so on up to an hour, give or take a quarter (`chance` from 0 to 1), so
    that what failed together does not come back together. `asked` is the least the peer wants.
    """
    seconds = min(5 * 4 ** min(attempt - 1, 8), 3600) * (0.75 + chance / 2)
    return timedelta(seconds=max(seconds, asked or 0))
