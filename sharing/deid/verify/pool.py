"""Processes that read unchecked files: a few, each limited, each replaced when it breaks."""

import contextlib
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

SECONDS = 60.0
BYTES_A_SECOND = 10_000_000
ROOT = Path(__file__).resolve().parents[3]
_PROGRAM = "from sharing.deid.verify.worker import serve; serve()"


class Pool:
    """Asks questions of `workers` disposable processes.

    A question that no answer comes to in time, or that its process dies of, is answered with
    ``{"error": …}``; the process is replaced.

    Parameters
    ----------
    workers
        How many processes.
    seconds
        How long one answer may take; large files get longer.
    """

    def __init__(self, workers: int = 1, *, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="verify")
        self._mine = threading.local()
        self._all: set[subprocess.Popen[bytes]] = set()

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)
        for process in list(self._all):
            self._stop(process)

    def ask(self, questions: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """The answers, in the order of the questions."""
        return self._threads.map(self._one, questions)

    def _one(self, question: dict[str, Any]) -> dict[str, Any]:
        process = self._process()
        deadline = time.monotonic() + self._seconds + _size(question) / BYTES_A_SECOND
        try:
            return _talk(process, question, deadline)
        except (OSError, ValueError, TimeoutError) as error:
            self._stop(process)
            return {"error": type(error).__name__}

    def _process(self) -> subprocess.Popen[bytes]:
        process: subprocess.Popen[bytes] | None = getattr(self._mine, "process", None)
        if process is None or process.poll() is not None:
            process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env=_environment(),
                start_new_session=True,
            )
            self._mine.process = process
            self._all.add(process)
        return process

    def _stop(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()
        self._all.discard(process)


def _talk(
    process: subprocess.Popen[bytes], question: dict[str, Any], deadline: float
) -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(question).encode() + b"\n")
    process.stdin.flush()
    source, parts = process.stdout.fileno(), []
    while True:
        ready, _, _ = select.select([source], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise TimeoutError
        part = os.read(source, 1 << 16)
        if not part:
            raise BrokenPipeError
        parts.append(part)
        if part.endswith(b"\n"):
            answer: dict[str, Any] = json.loads(b"".join(parts))
            return answer


def _size(question: dict[str, Any]) -> int:
    paths = (question.get(key) for key in ("path", "original", "output"))
    return sum(Path(path).stat().st_size for path in paths if path and Path(path).is_file())


def _environment() -> dict[str, str]:
    """Where the code is, and that one thread is enough; nothing else."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": os.pathsep.join([str(ROOT), *(one for one in sys.path if one)]),
        "LC_ALL": "C.UTF-8",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
    }
