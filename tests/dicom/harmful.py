"""What a child is made to do by the tests of the guard; light, for every child imports it anew."""

import ctypes
import os
import resource
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sharing.dicom.refusal import Reason, RefusedError


class RustPanic(BaseException):
    """What pyo3 raises is no Exception either."""


def twice(data: bytes, *, again: bool = False) -> bytes:
    return data * (4 if again else 2)


def swell() -> int:
    blocks = []
    while True:
        blocks.append(bytearray(16 << 20))


def spin() -> None:
    while True:
        pass


def doze() -> None:
    time.sleep(60)


def vanish() -> None:
    os._exit(3)


def crash() -> None:
    ctypes.string_at(0)


def panic() -> None:
    raise RustPanic("attempt to subtract with overflow, patient Winter^Pat")


def stumble() -> None:
    raise KeyError("Winter^Pat")


def refuse() -> None:
    raise RefusedError(Reason.TOO_DEEP)


def numbers() -> "np.ndarray":
    return np.arange(6, dtype="<i2").reshape(2, 3)


def facts() -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "environment": sorted(os.environ),
        "fds": sum(_is_open(fd) for fd in range(64)),
    }


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def attempt(deed: str, path: str = "") -> str:
    """What becomes of something that no decoder has to do."""
    try:
        DEEDS[deed](path)
    except (OSError, RuntimeError, ValueError) as error:  # of threads and limits, as Python says it
        return type(error).__name__
    return "done"


def _start_thread(_: str) -> None:
    thread = threading.Thread(target=time.sleep, args=(0,))
    thread.start()
    thread.join()


DEEDS: dict[str, Callable[[str], object]] = {
    "connect": lambda _: socket.create_connection(("127.0.0.1", 9), 1),
    "open a socket": lambda _: socket.socket(socket.AF_UNIX),
    "run a program": lambda _: os.execv("/bin/true", ["true"]),  # noqa: S606
    "start a process": lambda _: os._exit(0) if os.fork() == 0 else None,
    "start a thread": _start_thread,
    "stop somebody": lambda pid: os.kill(int(pid), 0),
    "read a file": lambda path: Path(path).read_bytes(),
    "write a file": lambda path: Path(path).write_bytes(b"left behind"),
    "empty a file": lambda path: os.truncate(path, 0),
    "open a file to write": lambda path: os.open(path, os.O_WRONLY),
    "delete a file": lambda path: Path(path).unlink(),
    "open a file to all": lambda path: Path(path).chmod(0o777),
    "lift its limits": lambda _: resource.setrlimit(resource.RLIMIT_CPU, (99, 99)),
}
