"""The web server's way in."""

import os

from django.core.wsgi import get_wsgi_application

from portal.body import straight

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
application = straight(get_wsgi_application())


def start_jobs() -> None:
    """Run jobs in this process, where they are embedded; each worker calls it for itself."""
    from sharing.jobs.work import start_embedded

    start_embedded()
