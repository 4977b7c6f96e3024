from django.urls import path

from sharing.links import api
from sharing.links.views import giving, opening

urlpatterns = [
    path("s", opening.open_link, name="open-link"),
    path("c/<uuid:claim>/", opening.landing, name="landing"),
    path("c/<uuid:claim>/alive", opening.alive, name="claim-alive"),
    path("c/<uuid:claim>/leave", opening.leave, name="claim-leave"),
    path("share/", giving.share, name="share"),
    path("links/", giving.links, name="links"),
    path("links/<uuid:link_id>/", giving.link, name="link"),
    path("links/<uuid:link_id>/revoke", giving.revoke, name="link-revoke"),
    path("links/<uuid:link_id>/extend", giving.extend, name="link-extend"),
]
api_urlpatterns = [
    path("links/", api.Links.as_view(), name="api-links"),
    path("links/<uuid:link_id>/", api.Link.as_view(), name="api-link"),
    path("links/<uuid:link_id>/revoke/", api.Revoke.as_view(), name="api-link-revoke"),
    path("links/<uuid:link_id>/extend/", api.Extend.as_view(), name="api-link-extend"),
    path("links/<uuid:link_id>/claims/", api.Claims.as_view(), name="api-link-claims"),
    path("claims/", api.NewClaim.as_view(), name="api-claims"),
]
