"""One handler answers every error, as a page or as problem+json (RFC 9457)."""

import logging
import math
from typing import Any

import orjson
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.template.loader import render_to_string
from rest_framework import exceptions as drf

from sharing.kernel.errors import (
    InvalidInputError,
    NotAllowedError,
    NotThereError,
    SharingError,
    SignInNeededError,
)

log = logging.getLogger(__name__)
PAGES = (403, 404, 500, 503)
STATUS_TITLES = {
    400: "That request could not be read",
    405: "This address does not do that",
    406: "There is nothing of that kind here",
    415: "That kind of content is not read here",
    429: "Too many requests",
}


def answer(request: HttpRequest, error: SharingError) -> HttpResponseBase:
    """The answer to `error`, in the form that the asker reads."""
    if _wants_json(request):
        return problem(error)
    if isinstance(error, SignInNeededError):
        return redirect_to_login(request.get_full_path())
    return _page(
        request, error, f"{error.status}.html" if error.status in PAGES else "problem.html"
    )


def _page(request: HttpRequest, error: SharingError, template: str) -> HttpResponse:
    """A page with what went wrong. Where we did, it asks for nothing that may be what is down."""
    asker = request if error.status < 500 else None
    page = render_to_string(template, {"problem": error}, request=asker)
    response = HttpResponse(page, status=error.status)
    return _with_headers(response, error)


def _with_headers(response: HttpResponse, error: SharingError) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    if error.retry_after is not None:
        response["Retry-After"] = str(math.ceil(error.retry_after))
    return response


def _wants_json(request: HttpRequest) -> bool:
    if request.path.startswith("/api/") or "/dicom-web/" in request.path:
        return True
    accept = request.headers.get("Accept", "")
    return "json" in accept and "text/html" not in accept


def problem(error: SharingError) -> HttpResponse:
    """problem+json: type, title, status, detail, and the fields that are wrong."""
    body: dict[str, Any] = {
        "type": f"urn:handover:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
    }
    if isinstance(error, InvalidInputError) and error.fields:
        body["fields"] = error.fields
    response = HttpResponse(
        orjson.dumps(body), status=error.status, content_type="application/problem+json"
    )
    if error.status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="Handover"'
    return _with_headers(response, error)


def api_problem(error: Exception, context: dict[str, Any]) -> HttpResponseBase | None:
    """REST framework's handler: everything it raises becomes problem+json too."""
    if isinstance(error, Http404):
        error = NotThereError()
    if isinstance(error, drf.ValidationError):
        error = InvalidInputError(
            "Some of what you sent cannot be used.", fields=_fields(error.detail)
        )
    elif isinstance(error, drf.NotAuthenticated | drf.AuthenticationFailed):
        error = SignInNeededError("Send a bearer token, or sign in.")
    elif isinstance(error, drf.PermissionDenied):
        error = NotAllowedError("This is not open to you.")
    elif isinstance(error, drf.APIException):
        error = _other(error)
    return problem(error) if isinstance(error, SharingError) else None


def _other(error: drf.APIException) -> SharingError:
    made = SharingError(str(error.detail))
    made.status = error.status_code
    made.title = STATUS_TITLES.get(error.status_code, made.title)
    made.code = str(getattr(error, "default_code", "error")).replace("_", "-")
    return made


def _fields(detail: Any, prefix: str = "") -> dict[str, list[str]]:
    if isinstance(detail, dict):
        found: dict[str, list[str]] = {}
        for name, inner in detail.items():
            found |= _fields(inner, _below(prefix, name))
        return found
    if isinstance(detail, list) and detail and isinstance(detail[0], dict | list):
        found = {}
        for position, inner in enumerate(detail):
            found |= _fields(inner, _below(prefix, position))
        return found
    texts = detail if isinstance(detail, list) else [detail]
    return {prefix or "request": [str(text) for text in texts]}


def _below(prefix: str, name: str | int) -> str:
    if isinstance(name, int):
        return f"{prefix}[{name}]"
    return f"{prefix}.{name}" if prefix else name


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    error = NotAllowedError("It was open for too long, or in two places. Reload it and try again.")
    error.title = "This page is out of date"
    return problem(error) if _wants_json(request) else _page(request, error, "problem.html")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return answer(request, NotThereError())


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return answer(request, NotAllowedError("This is not open to you."))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return answer(request, SharingError("That request could not be read."))


def server_error(request: HttpRequest) -> HttpResponseBase:
    error = SharingError("Something broke on our side. It has been noted; please try again.")
    error.status, error.title, error.code = 500, "Something went wrong", "internal"
    return answer(request, error)
