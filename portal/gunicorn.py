"""How gunicorn serves the portal: threads under WSGI, so that a cut upload keeps what came."""

import os
import threading
from pathlib import Path
from typing import Any

bind = f"{os.environ.get('BIND', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
worker_class = "gthread"
workers = int(os.environ.get("WEB_WORKERS", "2"))
threads = int(os.environ.get("WEB_THREADS", "16"))
timeout = 120
graceful_timeout = 30
keepalive = 75
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 a sign of life must not wait for a slow disk
worker_tmp_dir = str(SHARED_MEMORY) if SHARED_MEMORY.is_dir() else None
preload_app = True
control_socket_disable = True
errorlog = "-"
accesslog = None
loglevel = os.environ.get("LOG_LEVEL", "warning").lower()


def post_fork(server: Any, worker: Any) -> None:
    """Each worker opens its own connections and runs its own jobs where they are embedded."""
    from django.db import connections

    connections.close_all()
    from portal.wsgi import start_jobs
    from sharing.dicom import guard

    start_jobs()
    threading.Thread(target=guard.warm, name="warm-guard", daemon=True).start()
