"""What a child is made to do by the tests of the guard; light, for every child imports it anew."""

import ctypes
import os
import time
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
        "fds": len(list(Path("/proc/self/fd").iterdir())),
    }


def write(path: str) -> bool:
    try:
        Path(path).write_bytes(b"left behind")
    except OSError:
        return False
    return True
