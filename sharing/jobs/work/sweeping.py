"""What nobody else looks after: leases that ran out, jobs that recur, rows that are old."""

import dataclasses
import os
import socket

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from sharing.jobs import rules
from sharing.jobs.models import IdempotentRequest, Job, Worker
from sharing.jobs.rules import State
from sharing.jobs.work.registry import kinds


@dataclasses.dataclass(frozen=True, slots=True)
class Swept:
    """How many jobs were queued again, given up, and begun because it was time."""

    again: int
    given_up: int
    begun: int


def sweep() -> Swept:
    """One round; any number of workers may do it at once. It writes only where something is."""
    again = given_up = 0
    if _silent().exists():
        given_up = _give_up()
        again = _again()
    return Swept(again=again, given_up=given_up, begun=_begin())


def sign_of_life(name: str = "") -> None:
    """Tell `queries.health` that this worker is there."""
    now = timezone.now()
    name = name or f"{socket.gethostname()[:60]}:{os.getpid()}"
    Worker.objects.bulk_create(
        [Worker(name=name, seen_at=now)],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["seen_at"],
    )


def clear() -> None:
    """Remove what is kept for a while only."""
    now = timezone.now()
    done = Job.objects.filter(state__in=rules.FINISHED, finished_at__lt=now - rules.KEPT)
    done.filter(pk__in=list(done.values_list("pk", flat=True)[:1000])).delete()
    IdempotentRequest.objects.filter(created_at__lt=now - rules.REQUESTS_KEPT).delete()
    Worker.objects.filter(seen_at__lt=now - 20 * rules.ALIVE).delete()


def _silent() -> QuerySet[Job]:
    return Job.objects.filter(state=State.RUNNING, lease_until__lt=timezone.now())


def _give_up() -> int:
    """A job that takes its worker with it each time is not begun for ever."""
    freed: dict[str, object] = {"leased_by": "", "lease_until": None}
    ended = freed | {"finished_at": timezone.now()}
    _silent().filter(cancel_asked=True).update(state=State.CANCELLED, **ended)
    spent = Q(attempts__gte=rules.ATTEMPTS) & ~Q(kind__in=list(kinds()))
    for name, kind in kinds().items():
        spent |= Q(kind=name, attempts__gte=kind.attempts)
    return _silent().filter(spent).update(state=State.FAILED, error=rules.DIED, **ended)


def _again() -> int:
    return _silent().update(
        state=State.QUEUED, run_after=timezone.now(), leased_by="", lease_until=None
    )


def _begin() -> int:
    """Queue the recurring kinds: one job for each span, whoever comes first."""
    spans = {
        f"{name}@{int(timezone.now().timestamp() // kind.every.total_seconds())}": name
        for name, kind in kinds().items()
        if kind.every
    }
    there = set(Job.objects.filter(key__in=spans).values_list("key", flat=True))
    new = [Job(kind=name, key=key) for key, name in spans.items() if key not in there]
    if new:
        with transaction.atomic():
            Job.objects.bulk_create(new, ignore_conflicts=True)
    return len(new)
