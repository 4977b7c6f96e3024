"""The whole map."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.urls import URLPattern, URLResolver, include, path

from portal import health
from sharing.console import urls as console
from sharing.grants import urls as grants
from sharing.ingest import urls as ingest
from sharing.links import urls as links


def _together(patterns: Iterable[Any]) -> list[Any]:
    """allauth's pages, each one transaction: what they change and its audit row come together."""
    found = list(patterns)
    for pattern in found:
        if isinstance(pattern, URLResolver):
            _together(pattern.url_patterns)
        elif isinstance(pattern, URLPattern):
            pattern.callback = transaction.atomic(pattern.callback)
    return found


def _allauth() -> list[Any]:
    from allauth import urls

    return _together(urls.urlpatterns)


urlpatterns = [
    # What comes by the hundred a second stands first.
    path(
        "api/",
        include(
            [
                *ingest.api_urlpatterns,
                *console.api_urlpatterns,
                *links.api_urlpatterns,
                *grants.api_urlpatterns,
            ]
        ),
    ),
    path("dicom-web/", include("sharing.dicomweb.urls")),
    path("c/<uuid:claim>/dicom-web/", include("sharing.dicomweb.urls")),
    # One study by our own id: where a Study Instance UID stands for two patients, it does not.
    path("studies/<uuid:within>/dicom-web/", include("sharing.dicomweb.urls")),
    path("c/<uuid:claim>/studies/<uuid:within>/dicom-web/", include("sharing.dicomweb.urls")),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("", include("sharing.console.urls")),
    path("accounts/", include(_allauth())),
    path("", include("sharing.ingest.urls")),
    path("", include("sharing.links.urls")),
    path("", include("sharing.grants.urls")),
    path("", include("sharing.credentials.urls")),
    path("", include("sharing.research.urls")),
    path("", include("sharing.delivery.urls")),
    path("", include("sharing.viewer.urls")),
]
handler400 = "portal.errors.bad_request"
handler403 = "portal.errors.forbidden"
handler404 = "portal.errors.not_found"
handler500 = "portal.errors.server_error"
