"""How gunicorn serves the portal: threads under WSGI, so that a cut upload keeps what came.

The one configuration, of the demo as of the deployment.
"""

import contextlib
import socket
import threading
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger  # type: ignore[import-untyped]  # it brings none

from portal import environment as env
from portal.logs import WithoutAddressesInLines

bind = f"{env.text('BIND', '127.0.0.1')}:{env.number('PORT', 8000, least=1, most=65535)}"
worker_class = "gthread"
workers = env.number("WEB_WORKERS", 2, least=1, most=64)
threads = env.number("WEB_THREADS", 16, least=1, most=256)
timeout = 120
graceful_timeout = 30
keepalive = 75
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 a sign of life must not wait for a slow disk
worker_tmp_dir = str(SHARED_MEMORY) if SHARED_MEMORY.is_dir() else None
# The code is loaded once and shared; what cannot be shared (connections, threads) begins after the fork.
preload_app = True
control_socket_disable = True
errorlog = "-"
accesslog = None
loglevel = env.text("LOG_LEVEL", "WARNING").lower()


WITHOUT_ADDRESSES = WithoutAddressesInLines()


class Log(Logger):
    """gunicorn's own, which would write the whole address of a request that failed."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.addFilter(WITHOUT_ADDRESSES)


logger_class = Log


# What waits in the kernel for a slow reader would still reach them after they were shut out.
MOST_WAITING = 64 * 1024


def on_starting(server: Any) -> None:
    """What must not be so stops the start."""
    import django

    django.setup()  # it is, where the application is the portal's own
    from portal.checks import stop_if_unfit

    stop_if_unfit()


def when_ready(server: Any) -> None:
    """Keep little waiting on each connection; all of them inherit it from where they come in."""
    for listener in server.LISTENERS:
        with contextlib.suppress(OSError):  # no TCP: a proxy on the same machine reads at once
            listener.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, MOST_WAITING)


def pre_fork(server: Any, worker: Any) -> None:
    """A worker inherits no connection: two processes on one line would garble it."""
    import gc

    from django.db import connections

    connections.close_all()
    gc.collect()
    gc.freeze()  # what all workers share is not looked through again, nor copied by looking


def post_fork(server: Any, worker: Any) -> None:
    """Each worker runs its own jobs where they are embedded."""
    from portal.wsgi import start_jobs
    from sharing.dicom import guard

    start_jobs()
    threading.Thread(target=guard.warm, name="warm-guard", daemon=True).start()
