from django.urls import path

from sharing.grants.api import grants as api
from sharing.grants.views import grants

urlpatterns = [
    path("partners/", grants.partners, name="partners"),
    path("partners/new", grants.propose, name="partner-new"),
    path("partners/<uuid:grant_id>/change", grants.change, name="partner-change"),
    path("partners/<uuid:grant_id>/agree", grants.agree, name="partner-agree"),
    path("partners/<uuid:grant_id>/decline", grants.decline, name="partner-decline"),
    path("partners/<uuid:grant_id>/stop", grants.stop, name="partner-stop"),
    path("partners/<uuid:grant_id>/resume", grants.resume, name="partner-resume"),
    path("partners/<uuid:grant_id>/end", grants.end, name="partner-end"),
    path("partners/<uuid:grant_id>/machines", grants.name_machine, name="partner-machine"),
    path(
        "partners/<uuid:grant_id>/machines/<uuid:client_id>/remove",
        grants.unname_machine,
        name="partner-machine-remove",
    ),
]
api_urlpatterns = [
    path("grants/", api.Grants.as_view(), name="api-grants"),
    path("grants/<uuid:grant_id>/", api.Grant.as_view(), name="api-grant"),
    path("grants/<uuid:grant_id>/stop/", api.Stop.as_view(), name="api-grant-stop"),
]
