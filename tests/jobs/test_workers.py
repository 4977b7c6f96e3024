"""Workers die, Redis forgets: every job is run, and has its effect once."""

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from sharing.jobs import queries, work
from sharing.jobs.actions import enqueue
from sharing.jobs.models import Job
from sharing.jobs.rules import State
from sharing.jobs.work import threads
from tests.jobs.conftest import Effects
from tests.jobs.workers import (
    CELERY,
    THREADS,
    Nursery,
    Worker,
    environment,
    running,
    started,
    until,
)
from tests.peers import processes


@pytest.fixture
def broker(redis_url: str, settings: Any) -> Iterator[str]:
    """This process sends to the real Redis, as a web server of production does."""
    settings.REDIS_URL = redis_url
    send_to(redis_url)
    yield redis_url
    send_to("")


def send_to(url: str) -> None:
    """Let this process's Celery forget its connections, and find another broker."""
    import kombu.pools

    from portal import celery
    from sharing.jobs import tasks

    app: Any = celery.app
    app.set_current()
    app.conf.broker_url = url
    kombu.pools.reset()
    app._after_fork()
    tasks._silent_until = 0.0


@pytest.fixture(scope="session")
def nurseries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Nursery]]:
    """A nursery for each broker, "" for none, kept as long as the tests run."""
    known: dict[str, Nursery] = {}

    def of(redis_url: str) -> Nursery:
        if redis_url not in known:
            folder = tmp_path_factory.mktemp("nursery")
            known[redis_url] = Nursery(environment(folder, redis_url))
        return known[redis_url]

    yield of
    for nursery in known.values():
        nursery.close()


@pytest.fixture(params=["threads", "celery"])
def worker(
    request: pytest.FixtureRequest,
    effects: type[Effects],
    nurseries: Callable[[str], Nursery],
    tmp_path: Path,
) -> Iterator[Worker]:
    """Both ways to run jobs, each on the database of this run."""
    redis_url = "" if request.param == "threads" else request.getfixturevalue("broker")
    words = CELERY if redis_url else THREADS
    with running(nurseries(redis_url), words, tmp_path) as worker:
        yield worker


@pytest.fixture
def celery(
    broker: str, effects: type[Effects], nurseries: Callable[[str], Nursery], tmp_path: Path
) -> Iterator[Worker]:
    with running(nurseries(broker), CELERY, tmp_path) as worker:
        yield worker


def queue(count: int) -> None:
    with transaction.atomic():
        for number in range(count):
            enqueue("tests.effect", key=f"effect:{number}", args={"number": number})


def done() -> int:
    return Job.objects.filter(kind="tests.effect", state=State.DONE).count()


def until_done(least: int, worker: Worker) -> None:
    until(lambda: done() >= least, log=worker.log)


def test_a_worker_that_is_killed_again_and_again_loses_nothing_and_does_nothing_twice(
    worker: Worker, effects: type[Effects], tmp_path: Path
) -> None:
    queue(60)
    for least in (5, 20, 35):
        until_done(least, worker)
        worker.end(signal.SIGKILL)
        worker.start()
    until(lambda: done() == 60, log=worker.log)
    runs = [int(line) for line in (tmp_path / "runs").read_text().split()]
    assert set(runs) == set(range(60))
    assert effects.seen() == list(range(60))
    assert Job.objects.filter(attempts__gt=1).exists(), "no kill hit a running job"


def test_a_redis_that_forgets_everything_and_hangs_up_loses_nothing(
    celery: Worker, effects: type[Effects], broker: str
) -> None:
    import redis

    queue(60)
    for least in (5, 30):
        until_done(least, celery)
        with redis.Redis.from_url(broker) as client:
            client.flushdb()
            client.client_kill_filter(_type="normal", skipme=True)
    until(lambda: done() == 60, log=celery.log)
    assert effects.seen() == list(range(60))


def test_a_job_queued_while_redis_is_away_is_found_when_a_worker_looks(
    effects: type[Effects], settings: Any, broker: str, tmp_path: Path
) -> None:
    send_to(f"redis://127.0.0.1:{processes.free_port()}/0")
    begun = time.monotonic()
    queue(20)
    assert time.monotonic() - begun < 5
    assert Job.objects.filter(state=State.QUEUED).count() == 20
    log = tmp_path / "worker.log"
    words = ["-m", "celery", "--app", "portal.celery", *CELERY]
    with started(words, environment(tmp_path, broker), log):
        until(lambda: done() == 20, log=log)
    assert effects.seen() == list(range(20))


def test_a_celery_worker_begins_what_was_committed_without_waiting_for_a_sweeper(
    broker: str, effects: type[Effects], nurseries: Callable[[str], Nursery], tmp_path: Path
) -> None:
    a_day = {"HANDOVER_TEST_OVERDUE": "86400"}
    with running(nurseries(broker), CELERY, tmp_path, **a_day) as worker:
        queue(1)
        until(lambda: done() == 1, log=worker.log)
        enqueue("tests.effect", key="late", args={"number": 7})
        until(lambda: done() == 2, log=worker.log)


def test_a_celery_worker_kills_a_job_that_hangs_and_goes_on(
    celery: Worker, effects: type[Effects]
) -> None:
    stuck = enqueue("tests.slow", key="stuck", args={"seconds": 60})
    queue(5)
    until(lambda: Job.objects.get(pk=stuck.pk).state == State.FAILED, log=celery.log)
    assert "longer than it may" in Job.objects.get(pk=stuck.pk).error
    until(lambda: done() == 5, log=celery.log)


def test_a_worker_that_is_told_to_stop_ends_its_job_first(
    worker: Worker, effects: type[Effects], tmp_path: Path
) -> None:
    queue(60)
    until(lambda: done() >= 5, log=worker.log)
    assert worker.end(signal.SIGTERM) == 0
    assert not Job.objects.filter(state=State.RUNNING).exists()
    assert len(effects.seen()) == done()


def test_readyz_knows_that_a_worker_lives(worker: Worker) -> None:
    until(lambda: queries.health().workers > 0, log=worker.log)
    assert queries.health().ok


@pytest.mark.usefixtures("effects")
def test_readyz_knows_that_a_worker_started_by_hand_lives(tmp_path: Path) -> None:
    assert not queries.health().ok
    log = tmp_path / "worker.log"
    with started(["manage.py", "worker"], environment(tmp_path, ""), log):
        until(lambda: queries.health().ok, log=log)


@pytest.mark.usefixtures("transactional_db")
def test_the_embedded_threads_run_a_job_as_soon_as_it_is_committed(
    effects: type[Effects], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HANDOVER_TEST_RUNS", str(tmp_path / "runs"))
    # They look for themselves once an hour only: what is done was told to them.
    monkeypatch.setattr(threads, "POLL", 3600.0)
    monkeypatch.setattr(threads, "SWEEP", 3600.0)
    runner = work.Runner(threads=2)
    runner.start()
    try:
        queue(10)
        until(lambda: done() == 10, seconds=30)
        enqueue("tests.effect", key="next", args={"number": 10})
        until(lambda: done() == 11, seconds=30)
    finally:
        assert runner.stop()
    assert effects.seen() == list(range(11))
