"""A line between a browser and the portal that can be cut, at once or half-way, and mended."""

import contextlib
import socket
import struct
import threading
from types import TracebackType
from typing import Self

PIECE = 64 * 1024
AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: no farewell, as when a cable is pulled


class Line:
    """Carries bytes to `port` of this machine and back; `sent` counts what the browser sent."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.sent = 0
        self.is_cut = threading.Event()
        self._limit: int | None = None
        self._open: set[socket.socket] = set()  # what browsers hold
        self._portals: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._door = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.address = f"http://localhost:{self._door.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._answer, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        self.cut()

    def cut_after(self, amount: int) -> None:
        """Cut it when the browser has sent so many bytes more."""
        with self._lock:
            self._limit = self.sent + amount

    def cut(self) -> None:
        with self._lock:
            self.is_cut.set()
            open_, self._open = self._open, set()
            portals, self._portals = self._portals, set()
        for one in portals:
            _end(one)  # what got as far as the portal's machine, the portal reads
        for one in open_:
            _tear(one)

    def mend(self) -> None:
        with self._lock:
            self._limit = None
            self.is_cut.clear()

    def _answer(self) -> None:
        while True:
            try:
                caller, _ = self._door.accept()
            except OSError:
                return  # the door was closed
            if self.is_cut.is_set():
                _tear(caller)
            else:
                self._connect(caller)

    def _connect(self, caller: socket.socket) -> None:
        portal = socket.create_connection(("127.0.0.1", self.port))
        with self._lock:
            self._open.add(caller)
            self._portals.add(portal)
        threading.Thread(target=self._carry, args=(caller, portal, True), daemon=True).start()
        threading.Thread(target=self._carry, args=(portal, caller, False), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        with contextlib.suppress(OSError):  # either end may go at any moment
            while piece := source.recv(PIECE):
                if counted and self._counted(len(piece)):
                    self.cut()
                    return
                target.sendall(piece)
        self._hang_up(source, target)

    def _counted(self, amount: int) -> bool:
        """Count what was sent; whether that is as far as the line goes."""
        with self._lock:
            self.sent += amount
            return self._limit is not None and self.sent >= self._limit

    def _hang_up(self, *ends: socket.socket) -> None:
        with self._lock:
            self._open -= set(ends)
            self._portals -= set(ends)
        for one in ends:
            _end(one)


def _end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


def _tear(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        one.shutdown(socket.SHUT_RDWR)
    one.close()
