"""Views of many frames as few rows: one when a viewing starts, one with its counts after.

The row that says "views this study" is committed before the first byte, and covers the frames of
the next five minutes in this process. Counts gather in memory and are written as a row of their
own at most half a minute later, and when the process ends.
"""

import atexit
import collections
import dataclasses
import logging
import threading
import time
from typing import Any

from django.db import connections

from sharing.audit.actions.recording import record
from sharing.audit.rules import Act
from sharing.kernel.errors import AuditUnavailableError

COVERED_SECONDS = 300.0
FLUSH_SECONDS = 30.0
log = logging.getLogger(__name__)


@dataclasses.dataclass(slots=True)
class _Viewing:
    by: Any
    facts: dict[str, Any]
    covered_until: float = 0.0
    counts: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)


class Viewings:
    """The viewings that this process has open."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[tuple[Any, ...], _Viewing] = {}
        self._thread: threading.Thread | None = None

    def note(self, act: Act, *, by: Any, facts: dict[str, Any], counts: dict[str, Any]) -> None:
        """Count a read, and write the row that covers it if there is none yet."""
        key = (act, *_who(by), facts.get("study_id"), facts.get("grant_id"))
        now = time.monotonic()
        with self._lock:
            viewing = self._open.setdefault(key, _Viewing(by, facts))
            covered = now < viewing.covered_until
        if not covered:
            record(act, by=by, **facts, part="start")
            viewing.covered_until = now + COVERED_SECONDS
        with self._lock:
            # The one that `flush` will find: this one may have been taken away as quiet meanwhile.
            self._open.setdefault(key, viewing).counts.update(counts)
            self._ensure_thread()

    def flush(self) -> None:
        """Write down the counts that have gathered."""
        for act, viewing, counts in self._taken():
            try:
                record(act, by=viewing.by, **viewing.facts, part="counts", **counts)
            except AuditUnavailableError:
                with self._lock:
                    viewing.counts.update(counts)
                log.warning("audit.counts-delayed")

    def _taken(self) -> list[tuple[Act, _Viewing, dict[str, Any]]]:
        now, taken = time.monotonic(), []
        with self._lock:
            for key, viewing in list(self._open.items()):
                if viewing.counts:
                    taken.append((key[0], viewing, dict(viewing.counts)))
                    viewing.counts = collections.Counter()
                elif now > viewing.covered_until:
                    del self._open[key]
        return taken

    def forget(self) -> None:
        """Drop everything, as a forked child must."""
        with self._lock:
            self._open.clear()
            self._thread = None

    def _ensure_thread(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="audit-counts", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            time.sleep(FLUSH_SECONDS)
            try:
                self.flush()
            finally:
                connections.close_all()  # which never fails for want of a database


def _who(by: Any) -> tuple[Any, ...]:
    actor = by.actor
    return (actor.kind, actor.id, actor.credential_id, by.origin.address, by.origin.channel)


viewings = Viewings()
atexit.register(viewings.flush)
