from django.urls import path

from sharing.credentials.views import certificates, machines, oauth

urlpatterns = [
    path("people/machines/", machines.machines, name="machines"),
    path("people/machines/new", machines.add, name="machine-new"),
    path("people/machines/<uuid:client_id>/", machines.machine, name="machine"),
    path("people/machines/<uuid:client_id>/keys", machines.change_keys, name="machine-keys"),
    path(
        "people/machines/<uuid:client_id>/certificates",
        certificates.change,
        name="machine-certificates",
    ),
    path(
        "people/machines/<uuid:client_id>/certificates/<uuid:certificate_id>/remove",
        certificates.remove,
        name="machine-certificate-remove",
    ),
    path("people/machines/<uuid:client_id>/suspend", machines.suspend, name="machine-suspend"),
    path("people/machines/<uuid:client_id>/resume", machines.resume, name="machine-resume"),
    path("people/machines/<uuid:client_id>/revoke", machines.revoke, name="machine-revoke"),
    path("oauth/token", oauth.token, name="oauth-token"),
    path("oauth/introspect", oauth.introspect, name="oauth-introspect"),
    path(".well-known/smart-configuration", oauth.smart_configuration, name="smart-configuration"),
]
