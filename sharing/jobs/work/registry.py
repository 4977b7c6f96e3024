"""Which kinds of jobs there are, and what each may take."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from django.utils.module_loading import autodiscover_modules

from sharing.jobs.rules import ATTEMPTS, GRACE, SOFT

Function = Callable[..., None]


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """One kind of job.

    Attributes
    ----------
    name : str
    function : callable
        Called with the `Run` and the job's `args` as keywords.
    soft, hard : datetime.timedelta
        After `soft` the function is told by `TimeUpError`; after `hard` its process is killed, or
        in a thread its lease no longer renewed, so that its result does not count.
    attempts : int
        How often it may be begun.
    every : datetime.timedelta or None
        Queued by the sweeper once in each such span.
    """

    name: str
    function: Function
    soft: timedelta
    hard: timedelta
    attempts: int
    every: timedelta | None


_kinds: dict[str, Kind] = {}


def job(
    name: str,
    *,
    soft: timedelta = SOFT,
    hard: timedelta | None = None,
    attempts: int = ATTEMPTS,
    every: timedelta | None = None,
) -> Callable[[Function], Function]:
    """Register a function as what jobs of the kind `name` do."""

    def register(function: Function) -> Function:
        known = _kinds.get(name)
        if known and known.function.__qualname__ != function.__qualname__:
            raise ValueError(f"two functions claim to be the job {name!r}")
        _kinds[name] = Kind(name, function, soft, hard or soft + GRACE, attempts, every)
        return function

    return register


def kinds() -> Mapping[str, Kind]:
    """All kinds; the first call imports every app's `work` and `tasks`."""
    _discover()
    return _kinds


def kind(name: str) -> Kind:
    """One kind; LookupError when no app has registered it."""
    try:
        return kinds()[name]
    except KeyError:
        raise LookupError(f"no app has registered the job {name!r}") from None


@functools.cache
def _discover() -> None:
    autodiscover_modules("work", "tasks")


def described(one: Kind) -> dict[str, Any]:
    """The limits of a kind in seconds, as Celery takes them."""
    return {
        "soft_time_limit": one.soft.total_seconds(),
        "time_limit": one.hard.total_seconds(),
    }
