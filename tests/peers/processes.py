"""Starting a program, waiting until it answers, and stopping it again."""

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

BESIDE_THE_PATH = "/usr/sbin:/sbin:/usr/local/sbin"  # where Debian keeps servers
PATIENCE = 120.0  # seconds: a busy two-core machine starts all peers at once


_started: list[subprocess.Popen[bytes]] = []
_closing = threading.Event()
_lock = threading.Lock()


class PeerMissingError(Exception):
    """A peer is not installed, or did not start; the sentence says which and why."""


@dataclass
class Peer:
    """What was started for one peer, and how the tests find it."""

    environment: dict[str, str] = field(default_factory=dict)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def stop(self) -> None:
        """End the processes, the last one started first."""
        for process in reversed(self.processes):
            _end(process)


def program(name: str) -> str:
    """The full path of a program."""
    path = os.environ.get("PATH", os.defpath) + os.pathsep + BESIDE_THE_PATH
    found = shutil.which(name, path=path)
    if found is None:
        raise PeerMissingError(f"{name} is not installed")
    return found


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(
    command: Sequence[str | Path],
    *,
    log: Path,
    user: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program in a process group of its own, its output in `log`."""
    with log.open("ab") as out, _lock:
        if _closing.is_set():
            raise PeerMissingError("everything is being stopped")
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **(environment or {})},
            cwd=log.parent,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
        _started.append(process)
        return process


def end_all() -> None:
    """End whatever this process started, also what is only just starting, and start nothing more."""
    with _lock:
        _closing.set()
    for process in reversed(_started):
        _end(process)


def run(command: Sequence[str | Path], *, log: Path, user: int | None = None) -> None:
    """Run a program to its end; a failure names the log's last line."""
    process = start(command, log=log, user=user)
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired as late:
        _end(process)
        raise PeerMissingError(f"{Path(command[0]).name} did not end in time") from late
    if process.returncode:
        raise PeerMissingError(f"{Path(command[0]).name} failed: {last_line(log)}")


def until(answers: Callable[[], bool], process: subprocess.Popen[bytes], *, log: Path) -> None:
    """Wait until a started program answers."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if process.poll() is not None:
            raise PeerMissingError(f"{Path(str(log)).stem} ended at once: {last_line(log)}")
        if answers():
            return
        time.sleep(0.1)
    raise PeerMissingError(f"{log.stem} did not answer in {PATIENCE:.0f} s: {last_line(log)}")


def listens(port: int) -> bool:
    """Whether somebody accepts connections on a port of this machine."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def last_line(log: Path) -> str:
    """The last line of a log that says anything."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it printed nothing"


def _end(process: subprocess.Popen[bytes]) -> None:
    for number, seconds in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
        if process.poll() is not None:
            return
        os.killpg(process.pid, number)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
