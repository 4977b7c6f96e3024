"""The child that reads text: warm for many pictures, killed when it takes too long or grows.

Its model needs more memory and time than a decoder, so it is another child than `dicom.guard`'s.
It gets decoded pixels only, never a file; it is started with an almost empty environment, held to
a limit of address space, made nice, and, once its model is loaded, confined as far as its main
thread goes (`dicom.confinement`). What it answers is JSON and never unpickled.
"""

import contextlib
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharing.kernel.errors import SharingError

SECONDS = 180.0
WARM_UP = 120.0  # loading two models on a cold, busy machine
MEMORY = 4 << 30  # of address space; the pools of its threads reserve more than they touch
GROWN = 1400 << 20  # resident; a child beyond it is replaced before the next picture
HEAD = struct.Struct("<IQ")  # length of the JSON header, length of the bytes after it

_PROGRAM = "import sys; from sharing.deid.pixels import readerchild as c; c.serve(int(sys.argv[1]))"


class UnreadError(SharingError):
    """A picture could not be read for text: a person has to look at it."""

    status = 422
    title = "This picture could not be read"
    code = "unread"


class _Child:
    """One child and the line to it."""

    def __init__(self) -> None:
        self.line, theirs = socket.socketpair()
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
        self.pid = os.getpid()
        self.resident = 0
        try:
            self._answer(time.monotonic() + WARM_UP)
        except (OSError, EOFError, ValueError):
            self.stop()
            raise UnreadError("The part that finds text in pictures does not start.") from None

    @property
    def fit(self) -> bool:
        return self.pid == os.getpid() and self.process.poll() is None and self.resident < GROWN

    def stop(self) -> None:
        self.line.close()
        self.process.kill()
        self.process.wait()

    def ask(self, picture: NDArray[np.uint8], question: dict[str, Any], seconds: float) -> Any:
        deadline = time.monotonic() + seconds
        blob = np.ascontiguousarray(picture)
        text = json.dumps({**question, "shape": blob.shape}).encode()
        self.line.settimeout(seconds)
        self.line.sendall(HEAD.pack(len(text), blob.nbytes) + text)
        self.line.sendall(blob.reshape(-1).data)
        answer = self._answer(deadline)
        self.resident = int(answer["resident"])
        if "failed" in answer:
            raise UnreadError("Looking for text in this picture failed.")
        return answer["found"]

    def _answer(self, deadline: float) -> dict[str, Any]:
        length, _ = HEAD.unpack(self._receive(HEAD.size, deadline))
        answer: dict[str, Any] = json.loads(self._receive(min(length, 64 << 20), deadline))
        return answer

    def _receive(self, length: int, deadline: float) -> bytes:
        data = bytearray()
        while len(data) < length:
            self.line.settimeout(max(0.05, deadline - time.monotonic()))
            piece = self.line.recv(length - len(data))
            if not piece:
                raise EOFError
            data += piece
        return bytes(data)


def _environment() -> dict[str, str]:
    here = str(Path(__file__).resolve().parents[3])
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": os.pathsep.join([here, *(p for p in sys.path if p and p != here)]),
        "LC_ALL": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
    }


class _Holder:
    """The one child of this process; a forked process starts without one."""

    def __init__(self) -> None:
        self.child: _Child | None = None
        self.lock = threading.Lock()

    def ask(self, picture: NDArray[np.uint8], question: dict[str, Any], seconds: float) -> Any:
        with self.lock:
            child = self._fit()
            try:
                return child.ask(picture, question, seconds)
            except TimeoutError:
                self._drop()
                raise UnreadError("Looking for text in this picture took too long.") from None
            except (OSError, EOFError, ValueError):
                self._drop()
                raise UnreadError(
                    "The part that finds text broke down over this picture."
                ) from None

    def _fit(self) -> _Child:
        if self.child is None or not self.child.fit:
            self._drop()
            self.child = _Child()
        return self.child

    def _drop(self) -> None:
        if self.child is not None:
            self.child.stop()
            self.child = None

    def stop(self) -> None:
        with self.lock:
            self._drop()

    def forget(self) -> None:
        """After a fork: the child is the parent's, and a lock that a thread held is not ours."""
        if self.child is not None:
            self.child.line.close()
            self.child.process.returncode = 0  # not our child: nothing to wait for
        self.__init__()  # type: ignore[misc]


_holder = _Holder()
os.register_at_fork(after_in_child=_holder.forget)


def find(
    picture: NDArray[np.uint8], *, thorough: bool = True, seconds: float = SECONDS
) -> list["Piece"]:
    """Text in a picture, found by the child.

    Parameters
    ----------
    picture
        (rows, columns) or (rows, columns, 3).
    thorough
        See `reading.Engine.find`.
    seconds
        After which the child is killed; the next picture starts another.

    Raises
    ------
    UnreadError
        The child gave no answer.
    """
    found = _holder.ask(picture, {"thorough": thorough}, seconds)
    return [Piece(tuple(box), *rest) for box, *rest in found]


def stop() -> None:
    """End the child, if there is one; the next picture starts another."""
    _holder.stop()


class Piece:
    """One piece of text that was found (`reading.Found`, which a caller must not import)."""

    __slots__ = ("box", "counts", "score", "text")

    def __init__(
        self, box: tuple[int, int, int, int], score: float, counts: bool, text: str
    ) -> None:
        self.box, self.score, self.counts, self.text = box, score, counts, text

    def __repr__(self) -> str:
        return f"Piece({self.box}, {self.score:.2f}, {self.counts})"  # never what it says


def warm() -> None:
    """Start the child now, so that the first picture does not wait for it."""
    with contextlib.suppress(UnreadError):
        find(np.zeros((32, 32), np.uint8))
