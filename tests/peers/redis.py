"""A Redis that keeps nothing."""

from pathlib import Path

from tests.peers import processes
from tests.peers.processes import Peer


def begin(folder: Path) -> Peer:
    """Start a server; its databases are told apart by number, one for each test worker."""
    port, log = processes.free_port(), folder / "redis.log"
    server = processes.start(
        [
            *(processes.program("redis-server"), "--port", str(port), "--bind", "127.0.0.1"),
            *("--save", "", "--appendonly", "no", "--dir", folder, "--databases", "64"),
        ],
        log=log,
    )
    peer = Peer({"HANDOVER_TEST_REDIS_URL": f"redis://127.0.0.1:{port}/0"}, [server])
    try:
        processes.until(lambda: processes.listens(port), server, log=log)
    except BaseException:
        peer.stop()
        raise
    return peer
