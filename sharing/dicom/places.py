"""How many askers may work at once, so that no one of them keeps the others waiting."""

import collections
import contextlib
import os
import threading
from collections.abc import Iterator

from sharing.kernel.errors import UnavailableError

PATIENCE = 2.0


class BusyError(UnavailableError):
    """No place came free in time."""

    title = "Busy just now"
    code = "busy"
    retry_after = 2.0

    def __init__(self) -> None:
        super().__init__(
            "Too many images are being worked on just now. Please try again in a moment."
        )


class Places:
    """A number of places, of which one asker holds at most half.

    Parameters
    ----------
    count
        How many there are; else as many as there are processors, and at least two.
    """

    def __init__(self, count: int | None = None) -> None:
        self._free = count or max(2, os.cpu_count() or 2)
        self._each = max(1, self._free // 2)
        self._held: collections.Counter[str] = collections.Counter()
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def hold(self, asker: str = "", patience: float | None = None) -> Iterator[None]:
        """Hold a place; without an asker it is work of our own, which may hold all of them.

        Raises
        ------
        BusyError
            None came free within `patience` seconds, else `PATIENCE`.
        """
        with self._changed:
            patience = PATIENCE if patience is None else patience
            if not self._changed.wait_for(lambda: self._may(asker), patience):
                raise BusyError
            self._free -= 1
            self._held[asker] += 1
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                self._held -= collections.Counter([asker])  # whoever holds none is forgotten
                self._changed.notify_all()

    def _may(self, asker: str) -> bool:
        return self._free > 0 and (not asker or self._held[asker] < self._each)
