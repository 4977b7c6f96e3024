"""What composes the product: settings, addresses, and the ways in."""

import os

if os.environ.get("REDIS_URL") or os.environ.get("REDIS_URL_FILE"):
    # Whoever queues a job has to know the broker, whichever way in the process took. The embedded
    # default has none, and is spared the import.
    from portal.celery import app as celery_app

    __all__ = ["celery_app"]
