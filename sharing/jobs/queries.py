"""What the jobs are doing."""

import dataclasses
from datetime import timedelta

from django.db.models import Count, Min, Q
from django.utils import timezone

from sharing.jobs.models import Job, Worker
from sharing.jobs.rules import ALIVE, LATE, State


@dataclasses.dataclass(frozen=True, slots=True)
class Health:
    """Whether the work gets done.

    Attributes
    ----------
    ok : bool
        Some worker is alive and no job is due for more than ten minutes.
    detail : str
        A sentence when it is not, else "".
    workers, waiting, running, failed : int
        Workers alive; jobs that are due, that run, that failed within a day.
    oldest : float
        Seconds for which the oldest of the waiting is due.
    """

    ok: bool
    detail: str
    workers: int
    waiting: int
    running: int
    failed: int
    oldest: float


def health() -> Health:
    """For /readyz: one look at the table of jobs, one at the workers."""
    now = timezone.now()
    due = Q(state=State.QUEUED, run_after__lte=now)
    recent = Q(state=State.FAILED, finished_at__gte=now - timedelta(days=1))
    counts = Job.objects.filter(due | recent | Q(state=State.RUNNING)).aggregate(
        waiting=Count("pk", filter=due),
        since=Min("run_after", filter=due),
        running=Count("pk", filter=Q(state=State.RUNNING)),
        failed=Count("pk", filter=recent),
    )
    since = counts.pop("since")
    oldest = (now - since).total_seconds() if since else 0.0
    workers = Worker.objects.filter(seen_at__gte=now - ALIVE).count()
    detail = ""
    if not workers:
        detail = "No worker has given a sign of life; what was asked for waits until one does."
    elif oldest > LATE.total_seconds():
        detail = f"The workers do not keep up: something has waited for {oldest / 60:.0f} minutes."
    return Health(ok=not detail, detail=detail, workers=workers, oldest=oldest, **counts)


def job(key: str) -> Job | None:
    """The job with this idempotency key."""
    return Job.objects.filter(key=key).first()
