"""The life of the reader's child; never imported by a caller (`reader`)."""

import contextlib
import json
import os
import resource
import socket
from pathlib import Path
from typing import Any, NoReturn

import cv2
import numpy as np

from sharing.deid.pixels.reader import HEAD, MEMORY
from sharing.deid.pixels.reading import Engine
from sharing.dicom import confinement


def serve(fd: int) -> NoReturn:
    """Load the models, then answer until the line ends."""
    os.nice(5)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    cv2.setNumThreads(1)
    engine = Engine()
    engine.find(_exercise())
    confinement.confine()  # after its threads were started; decoded pixels come from here on
    line = socket.socket(fileno=fd)
    _send(line, {"resident": _resident()})
    with line, line.makefile("rb") as stream:
        while head := stream.read(HEAD.size):
            length, size = HEAD.unpack(head)
            question = json.loads(stream.read(length))
            answer = _answer(engine, question, stream.read(size))
            _send(line, {**answer, "resident": _resident()})
    os._exit(0)


def _answer(engine: Engine, question: dict[str, Any], blob: bytes) -> dict[str, Any]:
    try:
        picture = np.frombuffer(blob, np.uint8).reshape(question["shape"])
        found = engine.find(picture, thorough=question["thorough"])
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 (whatever a library raises, the next picture is another)
        return {"failed": True}
    return {
        "found": [[[int(n) for n in one.box], one.score, one.counts, one.text] for one in found]
    }


def _exercise() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A picture with text of our own: what loads lazily is loaded by it."""
    picture = np.zeros((64, 192), np.uint8)
    cv2.putText(picture, "Handover", (8, 40), cv2.FONT_HERSHEY_SIMPLEX, 1, 255, 2)
    return picture


def _resident() -> int:
    with contextlib.suppress(OSError):
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _send(line: socket.socket, answer: dict[str, Any]) -> None:
    text = json.dumps(answer).encode()
    line.sendall(HEAD.pack(len(text), 0) + text)
