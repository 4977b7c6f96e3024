"""One run of one job: claimed by one conditional UPDATE, held by a lease, ended once."""

import logging
import os
import secrets
import socket
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from random import random
from uuid import UUID

from django.db import connection, connections, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from sharing.jobs import rules
from sharing.jobs.models import Job
from sharing.jobs.rules import State
from sharing.jobs.work.registry import Kind, kind
from sharing.kernel import wall
from sharing.kernel.errors import SharingError, UnavailableError

log = logging.getLogger(__name__)
SAID_EVERY = 0.5  # seconds between two writes of the progress


class JobCancelledError(SharingError):
    """Somebody asked for the job to stop."""

    title = "Cancelled"
    code = "job-cancelled"


class LeaseLostError(Exception):
    """Another worker may have the job by now; whatever this one still does must not count."""


class TimeUpError(UnavailableError):
    """The job has run for longer than it may."""

    title = "It took too long"
    code = "job-time-up"

    def __init__(self) -> None:
        super().__init__("It took longer than it may and was stopped.")


class Run:
    """What a job's function knows about itself.

    Attributes
    ----------
    job_id : uuid.UUID
    attempt : int
        1 for the first.
    """

    def __init__(self, claimed: Job, of: Kind) -> None:
        self.job_id: UUID = claimed.pk
        self.attempt = claimed.attempts
        self.kind = of
        self.finished = False
        self.lost = threading.Event()
        self._holder = claimed.leased_by
        self._begun = time.monotonic()
        self._said = 0.0

    def check(self) -> None:
        """Stop here if the job is cancelled, out of time or no longer ours.

        Raises
        ------
        JobCancelledError, TimeUpError, LeaseLostError
            All to be let through.
        """
        if self.lost.is_set():
            raise LeaseLostError
        if self.age > self.kind.soft:
            raise TimeUpError
        asked = self._mine().values_list("cancel_asked", flat=True).first()
        if asked is None:
            raise LeaseLostError
        if asked:
            raise JobCancelledError

    def progress(self, done: int, total: int = 0) -> None:
        """Say how far it is, and `check`; cheap enough for every step of a loop."""
        now = time.monotonic()
        if now - self._said < SAID_EVERY and done != total:
            return
        self._said = now
        self.check()
        self._mine().update(progress_done=min(done, total or done), progress_total=total)

    @contextmanager
    def finishing(self) -> Iterator[None]:
        """Commit the effect of the job and its end together.

        Within, the row is locked: nobody else can take the job. When the lease is lost nothing is
        committed.

        Raises
        ------
        LeaseLostError
        """
        with transaction.atomic():
            self.renew()
            yield
            self._end(State.DONE)
        self.finished = True

    @property
    def age(self) -> timedelta:
        return timedelta(seconds=time.monotonic() - self._begun)

    def renew(self) -> None:
        """Hold the job for another while."""
        if not self._mine().update(lease_until=timezone.now() + rules.LEASE):
            self.lost.set()
            raise LeaseLostError

    def finish(self) -> None:
        if not self.finished:
            self._end(State.DONE)

    def fail(self, error: BaseException) -> None:
        """End this attempt: to be tried again, cancelled, or failed for good."""
        words = rules.in_words(error)
        if isinstance(error, JobCancelledError):
            self._end(State.CANCELLED)
        elif rules.is_passing(error) and self.attempt < self.kind.attempts:
            asked = getattr(error, "retry_after", None)
            self._again(rules.pause(self.attempt, asked=asked, chance=random()), words)  # noqa: S311
        else:
            self._end(State.FAILED, words)

    def give_back(self) -> None:
        """The process is told to go: let another take the job at once."""
        self._again(timedelta(), "")

    def _again(self, after: timedelta, words: str) -> None:
        self._mine().update(
            state=State.QUEUED,
            run_after=timezone.now() + after,
            error=words[:500],
            leased_by="",
            lease_until=None,
        )

    def _end(self, state: State, words: str = "") -> None:
        ended = self._mine().update(
            state=state,
            finished_at=timezone.now(),
            error=words[:500],
            leased_by="",
            lease_until=None,
        )
        if not ended:
            raise LeaseLostError

    def _mine(self) -> QuerySet[Job]:
        return Job.objects.filter(pk=self.job_id, state=State.RUNNING, leased_by=self._holder)


def claim(job_id: UUID) -> Job | None:
    """Take this job, if it is due and nobody else has it."""
    due = Job.objects.filter(pk=job_id, state=State.QUEUED, run_after__lte=timezone.now())
    return _take(due, job_id)


def claim_next() -> Job | None:
    """Take the job that has been due for longest; None when there is none.

    Looking comes first and writes nothing, so that idle workers never hold SQLite's write lock.
    On PostgreSQL a job that another worker is just taking is skipped, not waited for.
    """
    due = Job.objects.filter(state=State.QUEUED, run_after__lte=timezone.now())
    ordered = due.order_by("run_after", "pk")
    if connection.features.has_select_for_update_skip_locked:
        ordered = ordered.select_for_update(skip_locked=True)
    while due.exists():
        with transaction.atomic():
            found = ordered.values_list("pk", flat=True).first()
            if found is None:
                return None
            if taken := _take(due.filter(pk=found), found):
                return taken
    return None


def _take(due: QuerySet[Job], job_id: UUID) -> Job | None:
    now, holder = timezone.now(), new_holder()
    taken = due.update(
        state=State.RUNNING,
        leased_by=holder,
        lease_until=now + rules.LEASE,
        started_at=now,
        attempts=F("attempts") + 1,
        error="",
    )
    return Job.objects.get(pk=job_id, leased_by=holder) if taken else None


def new_holder() -> str:
    """Names this run among all runs of all workers."""
    return f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(8)}"


def execute(claimed: Job, *, time_up: tuple[type[BaseException], ...] = ()) -> None:
    """Do a claimed job, and write down how it ended.

    Parameters
    ----------
    claimed : Job
        From `claim` or `claim_next`.
    time_up : tuple of exception types
        What the caller's own time limit raises.
    """
    try:
        run = Run(claimed, kind(claimed.kind))
    except LookupError:
        # Queued by a newer version than this worker: leave it for one that knows the kind.
        log.error("job_of_unknown_kind kind=%s job=%s", claimed.kind, claimed.pk)
        Job.objects.filter(pk=claimed.pk, leased_by=claimed.leased_by).update(
            state=State.QUEUED,
            leased_by="",
            lease_until=None,
            run_after=timezone.now() + rules.pause(claimed.attempts),
        )
        return
    with _heartbeat(run):
        _do(run, claimed, time_up)


def _do(run: Run, claimed: Job, time_up: tuple[type[BaseException], ...]) -> None:
    try:
        if claimed.cancel_asked:
            raise JobCancelledError
        with wall.system("a job: it names what it works on by our own ids"):
            run.kind.function(run, **claimed.args)
        run.finish()
    except LeaseLostError:
        log.warning("job_lost_its_lease kind=%s job=%s", run.kind.name, run.job_id)
    except (SystemExit, KeyboardInterrupt):
        run.give_back()
        raise
    except BaseException as error:  # noqa: BLE001 a decoder's panic is no Exception
        error = TimeUpError() if isinstance(error, time_up) else error
        _note(run, error)
        try:
            run.fail(error)
        except LeaseLostError:
            log.warning("job_lost_its_lease kind=%s job=%s", run.kind.name, run.job_id)


def _note(run: Run, error: BaseException) -> None:
    """Log where it happened and what kind of error it was, never its text."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].name}:{frames[-1].lineno}" if frames else ""
    log.warning(
        "job_attempt_failed kind=%s job=%s attempt=%d error=%s place=%s",
        run.kind.name,
        run.job_id,
        run.attempt,
        type(error).__name__,
        place,
    )


@contextmanager
def _heartbeat(run: Run) -> Iterator[None]:
    """Renew the lease from a thread of its own, as long as the job may run."""
    over = threading.Event()
    thread = threading.Thread(target=_beat, args=(run, over), name="job-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _beat(run: Run, over: threading.Event) -> None:
    try:
        while not over.wait(rules.HEARTBEAT.total_seconds()) and run.age < run.kind.hard:
            try:
                run.renew()
            except LeaseLostError:
                return
            except Exception as error:  # noqa: BLE001 the database may be back before the lease ends
                log.warning(
                    "job_heartbeat_missed job=%s error=%s", run.job_id, type(error).__name__
                )
    finally:
        connections.close_all()
