"""What every page of this app does the same way."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from sharing.access.principal import Principal


def by_of(request: HttpRequest) -> Principal:
    found: Principal = request.principal  # type: ignore[attr-defined]
    return found


def private(
    request: HttpRequest, template: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """A page that no cache keeps."""
    response = render(request, template, context, status=status)
    response["Cache-Control"] = "private, no-store"
    response["Vary"] = "HX-Request"
    return response
