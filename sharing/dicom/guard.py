"""Run code that touches unchecked bytes in a disposable child process (DESIGN 4.5).

Codecs are native code that trusts its input. One call here is one child: forked from a fork
server that has imported the codecs once, held to a limit of memory, processor and wall time,
allowed to write no file, and gone after its answer. The fork server is started as a fresh
program with an almost empty environment, so a child that is taken over finds no database
connection, no key and no other request's data in its memory.

What comes back from a child is never unpickled: an answer is bytes, an array or plain JSON.

The protocol, over one Unix socket pair per call: the caller sends the pickled function and
arguments; the child answers with one frame (`_HEAD`, a JSON header, the raw bytes). If the child
dies instead, the fork server, which still holds the child's end, writes the frame for it.
"""

import contextlib
import dataclasses
import enum
import gc
import importlib
import io
import json
import os
import pickle
import resource
import selectors
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from sharing.kernel.errors import SharingError

Answer = TypeVar("Answer")

MEGABYTE = 1 << 20
SECONDS = 10.0
MEMORY = 512 * MEGABYTE
GRACE = 2.0  # how long after its deadline a call waits for the fork server's word
WARM_UP = 30.0  # importing the codecs on a cold, busy machine

_JOB = struct.Struct("<dQ")  # seconds, bytes of memory
_HEAD = struct.Struct("<IQ")  # length of the JSON header, length of the bytes after it
_SIZE = struct.Struct("<Q")

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


class Harm(enum.StrEnum):
    """What became of a guarded call that gave no answer."""

    TIME = "time"
    MEMORY = "memory"
    CRASH = "crash"
    FAILED = "failed"
    BUSY = "busy"
    UNAVAILABLE = "unavailable"


_SENTENCES = {
    Harm.TIME: "Working on this file took too long, so it was stopped.",
    Harm.MEMORY: "This file would need far more memory than an image of its kind should.",
    Harm.CRASH: "This file makes the software that decodes it break down.",
    Harm.FAILED: "This file cannot be decoded; it is damaged or not made as the standard says.",
    Harm.BUSY: "Too many images are being worked on just now. Please try again in a moment.",
    Harm.UNAVAILABLE: "The part that decodes images does not start. Please try again later.",
}


class GuardError(SharingError):
    """A guarded call gave no answer; `kind` says why.

    `cause` is the type of the exception in the child, never its text, which may quote a patient.
    """

    status = 422
    title = "This file cannot be worked on safely"
    code = "guarded"

    def __init__(self, kind: Harm, cause: str = "") -> None:
        super().__init__(_SENTENCES[kind])
        self.kind = kind
        self.cause = cause
        if kind in (Harm.BUSY, Harm.UNAVAILABLE):
            self.status = 503


def guarded(
    function: Callable[..., Answer],
    *args: object,
    seconds: float = SECONDS,
    memory: int = MEMORY,
    **kwargs: object,
) -> Answer:
    """Call `function` in a disposable child and return its answer.

    Parameters
    ----------
    function
        A function at the top level of a module. Its answer must be bytes, a NumPy array or what
        JSON can carry; tuples come back as lists.
    *args, **kwargs
        Its arguments, picklable. Large ones should be `bytes` among `args`: they are sent as
        they are.
    seconds
        Wall time after which the child is killed; the limit of processor time is the same.
    memory
        Limit of the child's address space in bytes, the interpreter and codecs (about 200 MB)
        included.

    Raises
    ------
    GuardError
        The child was stopped, ran out of memory, died or raised something unforeseen.
    SharingError
        Whatever error of this project `function` raised, as it raised it.
    """
    with _place(seconds):
        try:
            return _server().call(function, args, kwargs, seconds=seconds, memory=memory)
        except _GoneError:  # it died since the last call; a new one is started, once
            return _server().call(function, args, kwargs, seconds=seconds, memory=memory)


def warm() -> None:
    """Start the fork server now, so that the first image does not wait for it."""
    _server()


# --- the caller's side -------------------------------------------------------------------------


class _GoneError(GuardError):
    """The fork server was gone before it took the job."""

    def __init__(self) -> None:
        super().__init__(Harm.UNAVAILABLE)


class _Server:
    """The fork server of this process, and the socket on which it takes jobs."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=_environment(),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        self.control = ours
        self.pid = os.getpid()
        self._await_ready()

    def _await_ready(self) -> None:
        self.control.settimeout(WARM_UP)
        try:
            ready = self.control.recv(16) == b"ready"
        except OSError:
            ready = False
        if not ready:
            self.stop()
            raise GuardError(Harm.UNAVAILABLE)

    def alive(self) -> bool:
        return self.pid == os.getpid() and self.process.poll() is None

    def stop(self) -> None:
        self.control.close()
        self.process.kill()
        self.process.wait()

    def call(
        self,
        function: Callable[..., Answer],
        args: tuple[object, ...],
        kwargs: dict[str, object],
        *,
        seconds: float,
        memory: int,
    ) -> Answer:
        deadline = time.monotonic() + seconds
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                self._hand_over(theirs, seconds, memory)
            try:
                _send_request(ours, function, args, kwargs, deadline + GRACE)
                return _read_answer(ours, deadline, memory)
            except TimeoutError:
                # Not even the fork server answered: it hangs, the next call starts a new one.
                self.stop()
                raise GuardError(Harm.TIME) from None

    def _hand_over(self, theirs: socket.socket, seconds: float, memory: int) -> None:
        try:
            socket.send_fds(self.control, [_JOB.pack(seconds, memory)], [theirs.fileno()])
        except OSError:
            self.stop()
            raise _GoneError from None


class _Holder:
    """The one server of a process; a forked process starts with an empty holder of its own."""

    def __init__(self) -> None:
        self.server: _Server | None = None
        self.lock = threading.Lock()
        self.places = threading.BoundedSemaphore(max(2, os.cpu_count() or 2))

    def get(self) -> _Server:
        with self.lock:
            if self.server is None or not self.server.alive():
                self._start()
            assert self.server is not None
            return self.server

    def _start(self) -> None:
        if self.server is not None:
            self.server.stop()
            self.server = None
        self.server = _Server()

    def forget(self) -> None:
        """After a fork: the parent keeps its server, and a lock that a thread held is not ours."""
        if self.server is not None:
            self.server.control.close()
            self.server.process.returncode = 0  # not our child: nothing to wait for
        self.__init__()  # type: ignore[misc]


_holder = _Holder()
os.register_at_fork(after_in_child=_holder.forget)


def _server() -> _Server:
    return _holder.get()


@contextlib.contextmanager
def _place(seconds: float) -> Iterator[None]:
    """Hold one of the places: as many children at once as there are processors."""
    places = _holder.places
    if not places.acquire(timeout=seconds):
        raise GuardError(Harm.BUSY)
    try:
        yield
    finally:
        places.release()


def _environment() -> dict[str, str]:
    """What the fork server may know: where the code is, and that one thread is enough."""
    here = str(Path(__file__).resolve().parents[2])
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": os.pathsep.join([here, *(p for p in sys.path if p and p != here)]),
        "LC_ALL": "C.UTF-8",
        "OPENBLAS_NUM_THREADS": "1",  # its buffers, one a thread, count as address space
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
    }


def _send_request(
    sock: socket.socket,
    function: Callable[..., object],
    args: tuple[object, ...],
    kwargs: dict[str, object],
    deadline: float,
) -> None:
    blobs = [arg for arg in args if isinstance(arg, bytes)]
    rest = [None if isinstance(arg, bytes) else arg for arg in args]
    marks = [isinstance(arg, bytes) for arg in args]
    request = pickle.dumps((function, rest, marks, kwargs), protocol=5)
    sock.settimeout(max(0.05, deadline - time.monotonic()))
    # A child that died early has closed its end; its story is read where an answer would be.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        for part in (request, *blobs):
            sock.sendall(_SIZE.pack(len(part)))
            sock.sendall(part)


def _read_answer(sock: socket.socket, deadline: float, memory: int) -> Any:
    try:
        header_size, size = _HEAD.unpack(_receive(sock, _HEAD.size, deadline))
        if header_size > MEGABYTE or size > memory:
            raise GuardError(Harm.FAILED, "TooLargeAnswer")
        header = json.loads(_receive(sock, header_size, deadline))
        return _open(header, _receive(sock, size, deadline))
    except (EOFError, ConnectionError, ValueError) as error:
        late = time.monotonic() >= deadline
        raise GuardError(Harm.TIME if late else Harm.CRASH, type(error).__name__) from None


def _receive(sock: socket.socket, length: int, deadline: float) -> bytearray:
    target = bytearray(length)
    view = memoryview(target)
    while view:
        sock.settimeout(max(0.05, deadline + GRACE - time.monotonic()))
        count = sock.recv_into(view)
        if not count:
            raise EOFError
        view = view[count:]
    return target


def _open(header: dict[str, Any], blob: bytearray) -> Any:
    match header["is"]:
        case "bytes":
            return bytes(blob)
        case "array":
            import numpy

            return numpy.frombuffer(blob, dtype=header["dtype"]).reshape(header["shape"])
        case "json":
            return json.loads(blob)
        case "error":
            raise _rebuilt(header["name"], header["detail"], header["state"])
        case _:
            raise GuardError(Harm(header["kind"]), header["cause"])


def _rebuilt(name: str, detail: str, state: dict[str, Any]) -> SharingError:
    """The error of this project that the child raised; its class is found, never imported."""
    module, _, attribute = name.partition(":")
    found = getattr(sys.modules.get(module), attribute, None)
    if not (isinstance(found, type) and issubclass(found, SharingError)):
        return GuardError(Harm.FAILED, attribute)
    error = found.__new__(found)
    SharingError.__init__(error, detail)
    for key, value in state.items():
        setattr(error, key, _member(value) if isinstance(value, list) else value)
    return error


def _member(written: list[str]) -> object:
    """A member of an enumeration of this project, as `_described` wrote it."""
    module, name, value = written
    found = getattr(sys.modules.get(module), name, None)
    return found(value) if isinstance(found, type) and issubclass(found, enum.Enum) else value


# --- the fork server's side --------------------------------------------------------------------

_PROGRAM = "import sys; from sharing.dicom import guard; guard.serve(int(sys.argv[1]))"


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
    control.send(b"ready")
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
        message, fds, _, _ = socket.recv_fds(self.control, _JOB.size, 4)
        if not message or len(fds) != 1:
            self._end()
        seconds, memory = _JOB.unpack(message)
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
            _limit(seconds, memory)
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


def _limit(seconds: float, memory: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    whole = int(seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (whole, whole + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


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
    return _packed(function(*args, **kwargs))


def _part(stream: io.BufferedReader) -> bytes:
    return stream.read(_SIZE.unpack(stream.read(_SIZE.size))[0])


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
    return _HEAD.pack(len(text), length) + text
