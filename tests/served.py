"""A portal that really runs: its own folder, its own port, people and studies in it.

Journeys and benchmarks talk to it as anybody would, over HTTP.
"""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from tests import roles
from tests.peers import processes

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 120.0


@dataclasses.dataclass
class Served:
    """A running portal. `people` sign in with `password`; `link` and `passcode` open the demo's CT."""

    address: str
    folder: Path
    environment: dict[str, str]
    servers: list[subprocess.Popen[bytes]]
    password: str = ""
    link: str = ""
    passcode: str = ""

    @property
    def port(self) -> int:
        return int(self.environment["PORT"])

    @property
    def pid(self) -> int:
        return self.servers[0].pid

    def manage(self, *words: str, **changes: str) -> str:
        """What `manage.py` answers; an error shows what it said."""
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env={**self.environment, **changes},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def token(self, email: str = "ben@general.example") -> str:
        return self.manage("token", "--user", email, "--expires", "1h").strip().splitlines()[-1]

    def stop(self) -> None:
        for server in reversed(self.servers):
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGTERM)
        for server in reversed(self.servers):
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait()


def serve(
    folder: Path,
    changes: Mapping[str, str] | None = None,
    *,
    worker: bool = False,
    database: str = "",
) -> Served:
    """Make a demo portal under `folder` and serve it; `worker` adds a Celery worker.

    `database` is an empty one of PostgreSQL, by its owner's address: the owner migrates, and the
    portal comes as the web role.
    """
    port = processes.free_port()
    environment = {**os.environ, **_settings(folder, port), **(changes or {})}
    if database:
        environment["DATABASE_URL"] = roles.prepared(database)
    portal = Served(f"http://localhost:{port}", folder, environment, [])
    owner = database or environment["DATABASE_URL"]
    portal.manage("migrate", "--verbosity", "0", DATABASE_URL=owner)
    portal.manage("demo", "--no-server")
    kept = json.loads((folder / "demo.json").read_text())
    portal.password, portal.link, portal.passcode = (
        kept[name] for name in ("password", "link", "passcode")
    )
    config = str(ROOT / "portal/gunicorn.py")
    _start(portal, "web", "gunicorn", "-c", config, "portal.wsgi:application")
    if worker:
        _start(portal, "worker", "celery", "--app", "portal.celery", "worker", "--concurrency", "2")
    try:
        _until_ready(portal)
    except BaseException:
        portal.stop()
        raise
    return portal


def _settings(folder: Path, port: int) -> dict[str, str]:
    return {
        "VAR_DIR": str(folder),
        "DATABASE_URL": f"sqlite:///{folder}/handover.sqlite3",
        "STORAGE_URL": f"file://{folder}/objects",
        "SPOOL_DIR": str(folder / "spool"),
        "PORT": str(port),
        "BASE_URL": f"http://localhost:{port}",
        "DEMO": "1",
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "PYTHONPATH": str(ROOT),
    }


def _start(portal: Served, name: str, module: str, *words: str) -> None:
    command = [sys.executable, "-m", module, *words]
    log = portal.folder / f"{name}.log"
    portal.servers.append(processes.start(command, log=log, environment=portal.environment))


def _until_ready(portal: Served) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if any(server.poll() is not None for server in portal.servers):
            break
        try:
            with urllib.request.urlopen(f"{portal.address}/readyz", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    logs = {log.stem: processes.last_line(log) for log in portal.folder.glob("*.log")}
    raise AssertionError(f"the portal did not start: {logs}")
