"""The Celery shell: Redis wakes workers and spreads the work; what is to be done is in the table.

A message holds a job's id and nothing else. One that is lost is sent again by `send_waiting`; one
that comes twice finds the job taken and does nothing.
"""

import logging
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

from celery import current_app, shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.db.models import QuerySet
from django.utils import timezone
from kombu.exceptions import OperationalError

from sharing.jobs import work
from sharing.jobs.models import Job
from sharing.jobs.rules import GRACE, SOFT, State
from sharing.jobs.work.registry import described

log = logging.getLogger(__name__)
OVERDUE = timedelta(seconds=2)  # a message needs less than that, if it was not lost
AT_ONCE = 500
SILENCE = 10.0  # seconds without another try after Redis did not answer: nobody waits for it

_silent_until = 0.0


# Each job's own limits go with its message; these are the outer ones.
@shared_task(
    name="jobs.run_job",
    acks_late=True,  # else a busy worker keeps messages that an idle one could take
    ignore_result=True,
    soft_time_limit=int(SOFT.total_seconds()),
    time_limit=int((SOFT + GRACE).total_seconds()),
)
def run_job(job_id: str) -> None:
    """Run one job, unless somebody else has it or it is done."""
    claimed = work.claim(UUID(job_id))
    if claimed is not None:
        work.execute(claimed, time_up=(SoftTimeLimitExceeded,))


@shared_task(name="jobs.sweep", ignore_result=True, soft_time_limit=30, time_limit=60, expires=30)
def sweep() -> None:
    """One round of the sweeper."""
    work.sweep()
    send_waiting()


def send(job_id: UUID, kind: str) -> bool:
    """Put a job before the workers; False, and no harm, when Redis does not take it."""
    global _silent_until  # noqa: PLW0603 one answer of one Redis for the whole process
    if time.monotonic() < _silent_until:
        return False
    try:
        run_job.apply_async(args=(str(job_id),), retry=False, **described(work.kind(kind)))
    except (OperationalError, OSError) as error:
        _silent_until = time.monotonic() + SILENCE
        log.warning("jobs_redis_does_not_answer error=%s", type(error).__name__)
        return False
    return True


def send_waiting() -> int:
    """Send the jobs whose messages were lost, or whose time has come.

    Only while no message waits: else the workers have enough to do, and sending everything again
    each time would bury them.
    """
    waiting = _overdue().order_by("run_after", "pk").values_list("pk", "kind")
    if not waiting.exists() or not _queue_is_empty():
        return 0
    known = work.kinds()
    return sum(send(job_id, kind) for job_id, kind in waiting[:AT_ONCE] if kind in known)


def _overdue() -> QuerySet[Job]:
    return Job.objects.filter(state=State.QUEUED, run_after__lte=timezone.now() - OVERDUE)


def _queue_is_empty() -> bool:
    """Whether no message waits for a worker; False as well when Redis does not answer."""
    with current_app.connection_for_write() as connection:
        down: tuple[type[BaseException], ...] = (OperationalError, *connection.connection_errors)
        try:
            channel: Any = connection.default_channel
            found = channel.queue_declare(queue=current_app.conf.task_default_queue)
        except down:
            return False
        return bool(found.message_count == 0)
