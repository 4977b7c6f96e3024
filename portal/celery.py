"""Celery: `celery --app portal.celery worker`, where `REDIS_URL` is set.

Redis only wakes and spreads; the table of jobs is the truth (`sharing/jobs`). So nothing here has
to be kept: no results, no message that must survive. Every worker also sweeps, from a thread of
its main process: there is no scheduler that could be the one part that is down.
"""

import os
import threading

from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

SWEEP = 2.0  # seconds

app = Celery("handover")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_default_queue="handover",
    task_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,
    task_acks_late=True,
    # With acks_late: as many messages as processes, and none reserved behind a long job.
    worker_prefetch_multiplier=1,
    worker_max_tasks_per_child=200,
    worker_hijack_root_logger=False,
    # A job goes on without Redis: its lease and its end are in the database.
    worker_cancel_long_running_tasks_on_connection_loss=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={
        # What a dead worker had taken comes back then; the job itself has been sent again by the
        # sweeper long before, so the late message finds nothing to do.
        "visibility_timeout": 600,
        # A request that only wants to wake somebody must not hang on a Redis that does.
        # Without the next two it tries for 9 seconds to reach one that is not there.
        "max_retries": 1,
        "interval_start": 0,
        "socket_connect_timeout": 2,
        "socket_timeout": 5,
        "socket_keepalive": True,
    },
)
app.autodiscover_tasks()

_stopping = threading.Event()


@signals.worker_init.connect
def _check(**kwargs: object) -> None:
    from portal.checks import stop_if_unfit

    stop_if_unfit()


@signals.worker_ready.connect
def _start_sweeping(**kwargs: object) -> None:
    threading.Thread(target=_sweep, name="jobs-sweeper", daemon=True).start()


@signals.worker_shutdown.connect
def _stop_sweeping(**kwargs: object) -> None:
    _stopping.set()


def _sweep() -> None:
    import logging

    from django.db import connections

    from sharing.jobs import tasks
    from sharing.jobs.work.threads import Rounds

    rounds = Rounds()
    while not _stopping.wait(SWEEP):
        try:
            rounds.sweep()
            tasks.send_waiting()
        except Exception as error:  # noqa: BLE001 the database or Redis may be away for a while
            logging.getLogger(__name__).warning(
                "jobs_sweeper_stumbled error=%s", type(error).__name__
            )
        finally:
            # A process that is forked from here must not find an open connection.
            connections.close_all()
