"""Whether the process lives, and whether it can work: for a load balancer, never for people."""

import logging
from collections.abc import Callable

import orjson
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from sharing.access.gate import declares
from sharing.access.rules import Rule
from sharing.jobs.queries import health
from sharing.storage.objects import store

log = logging.getLogger(__name__)


@require_safe
@declares(Rule.ANYBODY)
def healthz(request: HttpRequest) -> HttpResponse:
    """Live: this process answers."""
    return _answer({"live": True}, ok=True)


@require_safe
@declares(Rule.ANYBODY)
def readyz(request: HttpRequest) -> HttpResponse:
    """Ready: database, storage and jobs, each true or false; 503 when one is false."""
    parts = {"database": _works(_database), "storage": _works(_storage), "jobs": _works(_jobs)}
    return _answer(parts, ok=all(parts.values()))


def _works(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except Exception:
        log.exception("health.part-failed")
        return False


def _database() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return bool(cursor.fetchone())


def _storage() -> bool:
    store().check()
    return True


def _jobs() -> bool:
    return health().ok


def _answer(parts: dict[str, bool], *, ok: bool) -> HttpResponse:
    response = HttpResponse(
        orjson.dumps(parts), status=200 if ok else 503, content_type="application/json"
    )
    response["Cache-Control"] = "no-store"
    return response
