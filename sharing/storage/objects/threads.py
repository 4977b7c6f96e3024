"""Threads that belong to one process."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor


class OwnThreads:
    """A pool that is made when it is first asked for, and anew in a forked child, which has none."""

    def __init__(self, count: int, name: str) -> None:
        self._count, self._name = count, name
        self._lock = threading.Lock()
        self._pool: tuple[int, ThreadPoolExecutor] | None = None

    def get(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None or self._pool[0] != os.getpid():
                self._pool = os.getpid(), ThreadPoolExecutor(self._count, self._name)
            return self._pool[1]
