"""The fork server behind `guard`, and what happens in its children; never imported by a caller."""

import contextlib
import dataclasses
import enum
import gc
import importlib
import io
import json
import os
import pickle
import selectors
import signal
import socket
import time
from typing import Any, NoReturn

from sharing.dicom import confinement
from sharing.dicom.guard import HEAD, JOB, SIZE, Harm
from sharing.kernel.errors import SharingError

# Imported once by the fork server, so that a child starts with all of it in its memory.
PRELOADED = (
    "sharing.dicom.drawing",
    "numpy",
    "PIL.JpegImagePlugin",
    "PIL.PngImagePlugin",
    "PIL.Jpeg2KImagePlugin",
    "pydicom.pixels.decoders",
    "gdcm",
    "openjpeg",
    "jpeg_ls",
)


@dataclasses.dataclass(slots=True)
class _Child:
    sock: socket.socket
    deadline: float
    late: bool = False


def serve(control_fd: int) -> NoReturn:
    """The fork server's whole life; it ends when the process that started it does."""
    for module in PRELOADED:
        with contextlib.suppress(ImportError):  # a codec that is missing fails where it is needed
            importlib.import_module(module)
    _exercise()
    control = socket.socket(fileno=control_fd)
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_read, False)
    os.set_blocking(wake_write, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    gc.freeze()  # so that a child's collector does not touch, and so copy, our pages
    control.send(json.dumps({"ready": True, "missing": confinement.missing()}).encode())
    _Loop(control, wake_read).run()


def _exercise() -> None:
    """Run the codecs once on data of our own: what loads lazily is then loaded in every child."""
    with contextlib.suppress(ImportError):
        from sharing.dicom import drawing

        drawing.exercise()


class _Loop:
    def __init__(self, control: socket.socket, wake: int) -> None:
        self.control = control
        self.wake = wake
        self.children: dict[int, _Child] = {}
        self.selector = selectors.DefaultSelector()
        self.selector.register(control, selectors.EVENT_READ)
        self.selector.register(wake, selectors.EVENT_READ)

    def run(self) -> NoReturn:
        while True:
            ready = {key.fileobj for key, _ in self.selector.select(self._until_next_deadline())}
            if self.wake in ready:
                os.read(self.wake, 4096)
            self._bury()
            self._kill_the_late()
            if self.control in ready:
                self._take_job()

    def _until_next_deadline(self) -> float | None:
        waiting = [child.deadline for child in self.children.values() if not child.late]
        return max(0.0, min(waiting) - time.monotonic()) if waiting else None

    def _take_job(self) -> None:
        message, fds, _, _ = socket.recv_fds(self.control, JOB.size, 4)
        if not message or len(fds) != 1:
            self._end()
        seconds, memory = JOB.unpack(message)
        sock = socket.socket(fileno=fds[0])
        pid = os.fork()
        if pid == 0:
            self._become_child(sock, seconds, memory)
        self.children[pid] = _Child(sock, time.monotonic() + seconds)

    def _end(self) -> NoReturn:
        for pid in self.children:
            os.kill(pid, signal.SIGKILL)
        os._exit(0)

    def _kill_the_late(self) -> None:
        now = time.monotonic()
        for pid, child in self.children.items():
            if not child.late and child.deadline <= now:
                child.late = True
                os.kill(pid, signal.SIGKILL)  # our own unburied child: the id cannot be reused

    def _bury(self) -> None:
        while self.children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            child = self.children.pop(pid)
            _tell_end(child, status)
            child.sock.close()

    def _become_child(self, sock: socket.socket, seconds: float, memory: int) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for other in self.children.values():
                other.sock.close()
            self.selector.close()
            self.control.close()
            os.close(self.wake)
            confinement.limit(seconds, memory)
            _work(sock)
        finally:
            os._exit(1)


def _tell_end(child: _Child, status: int) -> None:
    """Write the frame that a dead child could not; whoever has an answer does not read on."""
    if status == 0:
        return
    by_clock = child.late or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU)
    kind = Harm.TIME if by_clock else Harm.CRASH
    child.sock.setblocking(False)
    with contextlib.suppress(OSError):
        child.sock.send(_frame({"is": "harm", "kind": kind, "cause": f"status {status}"}, b""))


# --- the child's side --------------------------------------------------------------------------


def _work(sock: socket.socket) -> NoReturn:
    """Read the request, do it, answer, and be gone; nothing escapes, not even a BaseException."""
    try:
        header, blob = _result(sock)
    except MemoryError:
        header, blob = {"is": "harm", "kind": Harm.MEMORY, "cause": "MemoryError"}, b""
    except SharingError as error:
        header, blob = _described(error), b""
    except BaseException as error:  # noqa: BLE001 (a Rust codec's panic is none less)
        name = type(error).__name__
        header, blob = {"is": "harm", "kind": Harm.FAILED, "cause": name}, b""
    sock.sendall(_frame(header, memoryview(blob).nbytes))
    sock.sendall(blob)
    os._exit(0)


def _result(sock: socket.socket) -> tuple[dict[str, Any], Any]:
    with sock.makefile("rb") as stream:
        function, rest, marks, kwargs = pickle.loads(_part(stream))  # noqa: S301 (it comes from us)
        args = [_part(stream) if is_blob else arg for arg, is_blob in zip(rest, marks, strict=True)]
    confinement.confine()  # only now, for the request may have brought a module to import
    return _packed(function(*args, **kwargs))


def _part(stream: io.BufferedReader) -> bytes:
    return stream.read(SIZE.unpack(stream.read(SIZE.size))[0])


def _packed(answer: object) -> tuple[dict[str, Any], Any]:
    if isinstance(answer, bytes | bytearray | memoryview):
        return {"is": "bytes"}, answer
    if hasattr(answer, "__array_interface__"):
        import numpy

        array = numpy.ascontiguousarray(answer)
        shape = list(array.shape)
        return {"is": "array", "dtype": array.dtype.str, "shape": shape}, array.reshape(-1)
    return {"is": "json"}, json.dumps(answer).encode()


def _described(error: SharingError) -> dict[str, Any]:
    name = f"{type(error).__module__}:{type(error).__qualname__}"
    state = {key: _plain(value) for key, value in vars(error).items()}
    return {"is": "error", "name": name, "detail": error.detail, "state": state}


def _plain(value: object) -> object:
    if isinstance(value, enum.Enum):
        return [type(value).__module__, type(value).__qualname__, value.value]
    return value if isinstance(value, str | int | float | None) else str(type(value))


def _frame(header: dict[str, Any], size: int | bytes) -> bytes:
    text = json.dumps(header).encode()
    length = size if isinstance(size, int) else len(size)
    return HEAD.pack(len(text), length) + text
