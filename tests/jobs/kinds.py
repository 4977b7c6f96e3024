"""Jobs of the tests. A worker that imports this is impatient: its leases last seconds."""

import os
import time
from datetime import timedelta

from django.db import connection

from sharing.jobs import rules
from sharing.jobs.work import Run, job, threads


def be_impatient() -> None:
    """Only in processes that a test starts; the test's own keeps the house's times."""
    from portal import celery
    from sharing.jobs import tasks

    rules.LEASE = timedelta(seconds=2)
    rules.HEARTBEAT = timedelta(seconds=0.5)
    threads.SWEEP = celery.SWEEP = 0.5
    tasks.OVERDUE = timedelta(seconds=float(os.environ.get("HANDOVER_TEST_OVERDUE", "0.5")))


if os.environ.get("HANDOVER_TEST_IMPATIENT"):
    be_impatient()


@job("tests.effect", attempts=30)
def effect(run: Run, *, number: int) -> None:
    """Say that it began, take a moment, and have an effect once."""
    with open(os.environ["HANDOVER_TEST_RUNS"], "a") as file:  # noqa: PTH123 one write, appended whole
        file.write(f"{number}\n")
    time.sleep(0.05)
    with run.finishing(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO tests_effect (number) VALUES (%s)", [number])


@job("tests.slow", soft=timedelta(seconds=1), hard=timedelta(seconds=3), attempts=1)
def slow(run: Run, *, seconds: float) -> None:
    """Does not look whether its time is up."""
    time.sleep(seconds)
