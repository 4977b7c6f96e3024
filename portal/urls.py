"""The whole map."""

from django.urls import include, path

from sharing.ingest import urls as ingest
from sharing.links import urls as links

urlpatterns = [
    path("accounts/", include("allauth.urls")),
    path("", include("sharing.ingest.urls")),
    path("", include("sharing.links.urls")),
    path("", include("sharing.viewer.urls")),
    path("dicom-web/", include("sharing.dicomweb.urls")),
    path("c/<uuid:claim>/dicom-web/", include("sharing.dicomweb.urls")),
    path("api/", include([*ingest.api_urlpatterns, *links.api_urlpatterns])),
]
handler400 = "portal.errors.bad_request"
handler403 = "portal.errors.forbidden"
handler404 = "portal.errors.not_found"
handler500 = "portal.errors.server_error"
