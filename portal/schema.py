"""What the API's description says about signing in."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class BearerToken(OpenApiAuthenticationExtension):
    target_class = "portal.principals.ApiAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "hv_<id>_<secret>",
            "description": "Made under “Your account”, or by `manage.py token`.",
        }
