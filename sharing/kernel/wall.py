"""Who asks the database: what PostgreSQL's row-level security is told (decision 8).

The gate decides; this is the wall behind it. A request begins with a closed wall, and is given what
its principal may reach. What has to be looked up before anybody is known happens within `system`,
which says why. `portal.postgresql` tells the connection; SQLite knows no wall.
"""

import contextlib
import contextvars
import dataclasses
import uuid
from collections.abc import Callable, Iterator
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


@dataclasses.dataclass(frozen=True, slots=True)
class Scope:
    """What a statement can touch.

    Attributes
    ----------
    own : frozenset of uuid.UUID
        Institutions whose rows can be read and written.
    reads : frozenset of uuid.UUID
        Custodians whose images can be read.
    asker : str
        A person's id, who sees their own memberships; or "system", who sees everything.
    """

    own: frozenset[uuid.UUID] = frozenset()
    reads: frozenset[uuid.UUID] = frozenset()
    asker: str = ""


CLOSED = Scope()
SYSTEM = Scope(asker="system")
# Of the two, what a block of code says counts for as long as it runs.
_asking: contextvars.ContextVar[Scope] = contextvars.ContextVar("asking", default=CLOSED)
_within: contextvars.ContextVar[Scope | None] = contextvars.ContextVar("within", default=None)


def current() -> Scope:
    """What holds now, in this thread."""
    return _within.get() or _asking.get()


@contextlib.contextmanager
def request() -> Iterator[None]:
    """A request: nothing can be touched until `admit` says what, and nothing of it stays."""
    asking, within = _asking.set(CLOSED), _within.set(None)
    try:
        yield
    finally:
        _within.reset(within)
        _asking.reset(asking)


def admit(scope: Scope) -> None:
    """From now on this request asks so."""
    _asking.set(scope)


def widen(custodians: frozenset[uuid.UUID]) -> None:
    """From now on this request reads images of these custodians, too."""
    now = _asking.get()
    if not custodians <= now.reads:
        _asking.set(dataclasses.replace(now, reads=now.reads | custodians))


@contextlib.contextmanager
def scoped(scope: Scope) -> Iterator[None]:
    """Ask so for as long as the block runs."""
    token = _within.set(scope)
    try:
        yield
    finally:
        _within.reset(token)


def system(why: str) -> contextlib.AbstractContextManager[None]:
    """Touch everything: for the queries by which it is found out who asks, and for jobs.

    `why` is for the reader, and stands in decision 8: a test compares the two.
    """
    assert why
    return scoped(SYSTEM)


def acting_for(*institutions: uuid.UUID | None) -> contextlib.AbstractContextManager[None]:
    """Touch what is of these institutions, whoever asks; unchanged where the asker may anyway."""
    own = frozenset(one for one in institutions if one is not None)
    now = current()
    if own and own <= now.own and own <= now.reads:
        return contextlib.nullcontext()
    return scoped(Scope(own=own, reads=own))


def carried(run: Callable[Given, Answer]) -> Callable[Given, Answer]:
    """`run` for another thread, asking there as this one does now."""
    scope = current()

    def within(*args: Given.args, **kwargs: Given.kwargs) -> Answer:
        with scoped(scope):
            return run(*args, **kwargs)

    return within
