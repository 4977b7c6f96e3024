"""Running jobs in threads of this process: the embedded default, and `manage.py worker`."""

import logging
import os
import threading
import time

from django.conf import settings
from django.db import close_old_connections, connections

from sharing.jobs.work.registry import Kind, kinds
from sharing.jobs.work.running import claim_next, execute
from sharing.jobs.work.sweeping import clear, sign_of_life, sweep

log = logging.getLogger(__name__)
POLL = 1.0  # seconds between looks, for jobs that another process queued
SWEEP = 5.0
SIGN = 10.0
CLEAR = 3600.0


class Bell:
    """Rings through a process when a job was committed."""

    def __init__(self) -> None:
        self._rung = 0
        self._condition = threading.Condition()

    def ring(self) -> None:
        with self._condition:
            self._rung += 1
            self._condition.notify_all()

    @property
    def rung(self) -> int:
        return self._rung

    def wait(self, heard: int, seconds: float) -> None:
        """Until it has rung more often than `heard`, at most `seconds`."""
        with self._condition:
            self._condition.wait_for(lambda: self._rung > heard, seconds)


_bell = Bell()


def wake() -> None:
    """There is something to do."""
    _bell.ring()


class Runner:
    """Threads that claim and run jobs, and one that sweeps.

    Parameters
    ----------
    threads : int
        How many jobs at once.
    """

    def __init__(self, threads: int = 2) -> None:
        self._stopping = threading.Event()
        self._size = threads
        self._threads: list[threading.Thread] = []
        self._busy: dict[threading.Thread, tuple[float, Kind]] = {}

    def start(self) -> None:
        self._fill()
        self._sweeper = threading.Thread(target=self._sweep, name="jobs-sweeper", daemon=True)
        self._sweeper.start()

    def stop(self, seconds: float = 25.0) -> bool:
        """Begin no more jobs, and wait for those that run; whether all have ended."""
        self._stopping.set()
        _bell.ring()
        end = time.monotonic() + seconds
        for thread in [*self._threads, self._sweeper]:
            thread.join(max(0.0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _fill(self) -> None:
        """As many threads as there should be: one that hangs beyond its limit does not count."""
        now = time.monotonic()
        hanging = {
            thread
            for thread, (begun, one) in self._busy.copy().items()
            if now - begun > one.hard.total_seconds()
        }
        self._threads = [one for one in self._threads if one.is_alive() and one not in hanging]
        for _ in range(self._size - len(self._threads)):
            thread = threading.Thread(target=self._work, name="jobs", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        me = threading.current_thread()
        while not self._stopping.is_set() and me in self._threads:
            heard = _bell.rung
            try:
                close_old_connections()
                if not self._one(me):
                    _bell.wait(heard, POLL)
            except Exception as error:  # noqa: BLE001 the database may be away for a while
                log.warning("jobs_thread_stumbled error=%s", type(error).__name__)
                self._stopping.wait(POLL)
        connections.close_all()

    def _one(self, me: threading.Thread) -> bool:
        claimed = claim_next()
        if claimed is None:
            return False
        known = kinds().get(claimed.kind)
        try:
            if known:
                self._busy[me] = time.monotonic(), known
            execute(claimed)
        finally:
            self._busy.pop(me, None)
        return True

    def _sweep(self) -> None:
        rounds = Rounds()
        while not self._stopping.is_set():
            try:
                close_old_connections()
                if rounds.sweep():
                    _bell.ring()
                self._fill()
            except Exception as error:  # noqa: BLE001 the database may be away for a while
                log.warning("jobs_sweeper_stumbled error=%s", type(error).__name__)
            self._stopping.wait(SWEEP)
        connections.close_all()


class Rounds:
    """What a sweeper does each time, now and then, and seldom."""

    def __init__(self) -> None:
        self._next = {"sign": 0.0, "clear": 0.0}

    def sweep(self) -> bool:
        """One round; whether it queued something."""
        if self._time_for("sign", SIGN):
            sign_of_life()
        if self._time_for("clear", CLEAR):
            clear()
        swept = sweep()
        return bool(swept.again or swept.begun)

    def _time_for(self, what: str, pause: float) -> bool:
        now = time.monotonic()
        if now < self._next[what]:
            return False
        self._next[what] = now + pause
        return True


_embedded: dict[int, Runner] = {}
_lock = threading.Lock()


def start_embedded(threads: int = 2) -> None:
    """Run jobs in this web process, once, if the settings say so; a forked child has its own."""
    if not settings.JOBS_EMBEDDED:
        return
    with _lock:
        if os.getpid() not in _embedded:
            _embedded[os.getpid()] = Runner(threads)
            _embedded[os.getpid()].start()
