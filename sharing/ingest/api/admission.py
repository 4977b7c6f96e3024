"""Whoever was let in a moment ago is not asked again for the next file of the same upload.

A CT is hundreds of requests in a few seconds, each with the same credential for the same upload.
An admission counts for half a second in this process, so that a person who is suspended, or a
token that is revoked, sends nothing more within the second.
"""

import hashlib
import threading
import time
import uuid
from collections import OrderedDict

from django.conf import settings
from django.http import HttpRequest

from sharing.access.principal import Principal
from sharing.ingest import queries
from sharing.ingest.models import Upload
from sharing.kernel import wall
from sharing.kernel.wall import Scope

KEPT = 0.5  # seconds
MOST = 256
Key = tuple[bytes, uuid.UUID]


class Admissions:
    def __init__(self) -> None:
        self._known: OrderedDict[Key, tuple[float, Principal, Upload, Scope]] = OrderedDict()
        self._lock = threading.Lock()

    def to_write(self, request: HttpRequest, upload_id: uuid.UUID) -> tuple[Principal, Upload]:
        """The principal and its own upload; raises what `queries.upload` raises."""
        key, now = (_credential(request), upload_id), time.monotonic()
        with self._lock:
            known = self._known.get(key)
        if known is not None and now < known[0]:
            _, principal, upload, scope = known
            wall.admit(scope)
            return principal, upload
        principal = request.principal  # type: ignore[attr-defined]
        upload = queries.upload(principal, upload_id, writing=True)
        with self._lock:
            self._known[key] = (now + KEPT, principal, upload, wall.current())
            while len(self._known) > MOST:
                self._known.popitem(last=False)
        return principal, upload


def _credential(request: HttpRequest) -> bytes:
    """What the sender shows, and from where; only its digest is kept."""
    shown = (
        request.headers.get("Authorization", ""),
        request.COOKIES.get(settings.SESSION_COOKIE_NAME, ""),
        request.META.get("REMOTE_ADDR", ""),
        request.headers.get("X-Forwarded-For", ""),
        request.headers.get("User-Agent", ""),
        request.headers.get("Client-Cert", ""),  # a token may be good with one certificate alone
        request.headers.get("X-SSL-Client-Cert", ""),
    )
    return hashlib.sha256("\0".join(shown).encode()).digest()


admissions = Admissions()
