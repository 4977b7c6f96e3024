"""Real worker processes beside the tests, on the tests' own database."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]
THREADS = """
import django
django.setup()
import tests.jobs.kinds
from django.core.management import call_command
call_command("worker")
"""
CELERY = [
    *("-m", "celery", "--app", "portal.celery", "worker", "--concurrency", "2"),
    *("--loglevel", "WARNING", "--include", "tests.jobs.kinds"),
    *("--without-gossip", "--without-mingle"),
]


class Worker:
    """One worker, and the processes below it."""

    def __init__(self, words: list[str], environment: dict[str, str], log: Path) -> None:
        self.words, self.environment, self.log = words, environment, log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, *self.words],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def end(self, number: int = signal.SIGKILL) -> int:
        """Signal the worker and its children; how it ended."""
        assert self.process
        if self.process.poll() is None:
            # A polite word goes to the worker, which tells its children; a kill goes to all.
            send = os.killpg if number == signal.SIGKILL else os.kill
            send(self.process.pid, number)
        return self.process.wait(30)


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


def until(happened: Callable[[], bool], *, seconds: float = 180, log: Path | None = None) -> None:
    """Wait until something is so; a failure shows what the worker said."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if happened():
            return
        time.sleep(0.05)
    said = log.read_text()[-3000:] if log and log.exists() else ""
    pytest.fail(f"it did not happen within {seconds} s\n{said}")


def running(words: list[str], folder: Path, redis_url: str = "") -> Iterator[Worker]:
    worker = Worker(words, environment(folder, redis_url), folder / "worker.log")
    worker.start()
    yield worker
    worker.end()
