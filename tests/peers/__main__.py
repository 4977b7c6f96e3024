"""Start the peers, run a command beside them, stop them: `python -m tests.peers -- COMMAND`."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType

from tests.peers import orthanc, postgresql, processes, redis, s3
from tests.peers.processes import Peer, PeerMissingError

PEERS: dict[str, Callable[[Path], Peer]] = {
    "PostgreSQL": postgresql.begin,
    "Redis": redis.begin,
    "S3": s3.begin,
    "Orthanc": orthanc.begin,
}


def main(words: list[str]) -> int:
    """Run the command that follows `--`; its exit code is ours."""
    command = words[words.index("--") + 1 :] if "--" in words else []
    if not command:
        print("usage: python -m tests.peers -- COMMAND", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, _leave)
    folder = Path(tempfile.mkdtemp(prefix="handover-peers-"))
    folder.chmod(0o755)  # PostgreSQL runs as somebody else where this runs as root
    try:
        environment = _start_all(folder)
        return _beside(command, {**os.environ, **environment})
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # `make` passes its own on: once is enough
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        processes.end_all()
        shutil.rmtree(folder, ignore_errors=True)


def _beside(command: list[str], environment: dict[str, str]) -> int:
    """Run the command; whoever ends us early ends it too."""
    process = subprocess.Popen(command, env=environment)
    try:
        return process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(30)


def _start_all(folder: Path) -> dict[str, str]:
    environment: dict[str, str] = {}
    begun = time.monotonic()
    pool = ThreadPoolExecutor(len(PEERS))
    waiting = {name: pool.submit(_start, name, folder) for name in PEERS}
    for name, future in waiting.items():
        answer = future.result()
        if isinstance(answer, str):
            print(f"peers: no {name}: {answer}", flush=True)
        else:
            environment |= answer
    ready = len([future for future in waiting.values() if isinstance(future.result(), dict)])
    print(f"peers: {ready} of {len(PEERS)} up in {time.monotonic() - begun:.0f} s", flush=True)
    return environment


def _start(name: str, folder: Path) -> dict[str, str] | str:
    """One peer's addresses, or why it is not there. A busy machine gets a second chance."""
    why = ""
    for attempt in ("", "-again"):
        place = folder / f"{name.lower()}{attempt}"
        place.mkdir()
        try:
            return PEERS[name](place).environment
        except PeerMissingError as missing:
            why = str(missing)
            if why.endswith("not installed"):
                break
    return why


def _leave(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
