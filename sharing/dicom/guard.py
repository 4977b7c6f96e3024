"""Run code that touches unchecked bytes in a disposable child process (DESIGN 4.5).

Codecs are native code that trusts its input. One call here is one child: forked from a fork
server that has imported the codecs once, held to a limit of memory, processor and wall time,
allowed to read nothing but the code and to reach nobody (`confinement`), and gone after its
answer. The fork server is started as a fresh
program with an almost empty environment, so a child that is taken over finds no database
connection, no key and no other request's data in its memory.

What comes back from a child is never unpickled: an answer is bytes, an array or plain JSON.

The protocol, over one Unix socket pair per call: the caller sends the pickled function and
arguments; the child answers with one frame (`HEAD`, a JSON header, the raw bytes). If the child
dies instead, the fork server, which still holds the child's end, writes the frame for it.
"""

import contextlib
import enum
import functools
import json
import logging
import os
import pickle
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sharing.dicom.places import Places
from sharing.kernel.errors import SharingError

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

MEGABYTE = 1 << 20
SECONDS = 10.0
MEMORY = 512 * MEGABYTE
GRACE = 2.0  # how long after its deadline a call waits for the fork server's word
WARM_UP = 30.0  # importing the codecs on a cold, busy machine

JOB = struct.Struct("<dQ")  # seconds, bytes of memory
HEAD = struct.Struct("<IQ")  # length of the JSON header, length of the bytes after it
SIZE = struct.Struct("<Q")

_PROGRAM = "import sys; from sharing.dicom import forkserver as f; f.serve(int(sys.argv[1]))"


class Harm(enum.StrEnum):
    """What became of a guarded call that gave no answer."""

    TIME = "time"
    MEMORY = "memory"
    CRASH = "crash"
    FAILED = "failed"
    UNAVAILABLE = "unavailable"


_SENTENCES = {
    Harm.TIME: "Working on this file took too long, so it was stopped.",
    Harm.MEMORY: "This file would need far more memory than an image of its kind should.",
    Harm.CRASH: "This file makes the software that decodes it break down.",
    Harm.FAILED: "This file cannot be decoded; it is damaged or not made as the standard says.",
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
        if kind is Harm.UNAVAILABLE:
            self.status = 503


def guarded(
    function: Callable[..., Answer],
    *args: object,
    asker: str = "",
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
    asker
        Who wants it: one asker holds at most half of the places (`place`).
    seconds
        Wall time after which the child is killed; the limit of processor time is the same.
    memory
        Limit of the child's address space in bytes, the interpreter and codecs (about 200 MB)
        included.

    Raises
    ------
    BusyError
        There was no place for another child.
    GuardError
        The child was stopped, ran out of memory, died or raised something unforeseen.
    SharingError
        Whatever error of this project `function` raised, as it raised it.
    """
    with place(asker):
        try:
            return _server().call(function, args, kwargs, seconds=seconds, memory=memory)
        except _GoneError:  # it died since the last call; a new one is started, once
            return _server().call(function, args, kwargs, seconds=seconds, memory=memory)


def place(asker: str = "") -> contextlib.AbstractContextManager[None]:
    """Hold one of the places: there are as many as processors, and half of them for one asker.

    Also for work that needs no child, but more time than a web server should give away freely.
    """
    return _holder.places.hold(asker)


def warm() -> None:
    """Start the fork server now, so that the first image does not wait for it."""
    _server()


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
            _report(*json.loads(self.control.recv(1024))["missing"])
        except (OSError, ValueError):
            self.stop()
            raise GuardError(Harm.UNAVAILABLE) from None

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
            socket.send_fds(self.control, [JOB.pack(seconds, memory)], [theirs.fileno()])
        except OSError:
            self.stop()
            raise _GoneError from None


class _Holder:
    """The one server of a process; a forked process starts with an empty holder of its own."""

    def __init__(self) -> None:
        self.server: _Server | None = None
        self.lock = threading.Lock()
        self.places = Places()

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


@functools.cache
def _report(*missing: str) -> None:
    """Say once what this system does not do to hold a child back; the limits hold all the same."""
    if missing:
        log.warning("guard_without %s", " ".join(missing))


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
            sock.sendall(SIZE.pack(len(part)))
            sock.sendall(part)


def _read_answer(sock: socket.socket, deadline: float, memory: int) -> Any:
    try:
        header_size, size = HEAD.unpack(_receive(sock, HEAD.size, deadline))
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
