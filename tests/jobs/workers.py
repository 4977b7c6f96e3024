"""Real worker processes beside the tests, on the tests' own database."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]
THREADS = ["threads"]
CELERY = [
    *("worker", "--concurrency", "2", "--loglevel", "WARNING"),
    *("--include", "tests.jobs.kinds", "--without-gossip", "--without-mingle"),
]


class Nursery:
    """Where workers come from: see `tests.jobs.nursery`."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.jobs.nursery"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        assert self._process.stdout.readline() == "ready\n"

    def ask(self, **order: Any) -> int:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate(timeout=30)


class Worker:
    """One worker, and the processes below it."""

    def __init__(self, nursery: Nursery, words: list[str], folder: Path, **given: str) -> None:
        self.nursery, self.words, self.log = nursery, words, folder / "worker.log"
        self.environment = {"HANDOVER_TEST_RUNS": str(folder / "runs"), **given}
        self.number = 0

    def start(self) -> None:
        self.number = self.nursery.ask(
            start=self.words, environment=self.environment, log=str(self.log)
        )

    def end(self, number: int = signal.SIGKILL) -> int:
        """Signal the worker and its children; how it ended."""
        # A polite word goes to the worker, which tells its children; a kill goes to all.
        send = os.killpg if number == signal.SIGKILL else os.kill
        send(self.number, number)
        worker, self.number = self.number, 0
        return self.nursery.ask(wait=worker)


def database_url() -> str:
    """The database of this test, for another process."""
    given = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{given['NAME']}"
    user, host = quote(given["USER"]), given["HOST"]
    password = f":{quote(given['PASSWORD'])}" if given["PASSWORD"] else ""
    return f"postgresql://{user}{password}@{host}:{given['PORT']}/{given['NAME']}"


def environment(folder: Path, redis_url: str) -> dict[str, str]:
    given = os.environ | {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "DATABASE_URL": database_url(),
        "VAR_DIR": str(folder),
        "HANDOVER_TEST_RUNS": str(folder / "runs"),
        "HANDOVER_TEST_IMPATIENT": "1",
    }
    return given | {"REDIS_URL": redis_url} if redis_url else given


def until(happened: Callable[[], bool], *, seconds: float = 120, log: Path | None = None) -> None:
    """Wait until something is so; a failure shows what the worker said."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if happened():
            return
        time.sleep(0.05)
    said = log.read_text()[-3000:] if log and log.exists() else ""
    pytest.fail(f"it did not happen within {seconds} s\n{said}")


@contextmanager
def running(nursery: Nursery, words: list[str], folder: Path, **given: str) -> Iterator[Worker]:
    worker = Worker(nursery, words, folder, **given)
    worker.start()
    try:
        yield worker
    finally:
        if worker.number:
            worker.end()


@contextmanager
def started(words: list[str], given: dict[str, str], log: Path) -> Iterator[None]:
    """A worker as the deployment starts it: by its command line."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, *words],
            cwd=ROOT,
            env=given,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)
