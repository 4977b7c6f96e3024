from django.urls import path

from sharing.credentials.views import oauth

urlpatterns = [
    path("oauth/token", oauth.token, name="oauth-token"),
    path("oauth/introspect", oauth.introspect, name="oauth-introspect"),
    path(".well-known/smart-configuration", oauth.smart_configuration, name="smart-configuration"),
]
