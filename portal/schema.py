"""What the API's description says about signing in, and about how a request can fail."""

from http import HTTPStatus
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "What went wrong, in a sentence for the person who asked (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "pattern": "^urn:handover:problem:[a-z-]+$"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "fields": {
            "type": "object",
            "description": "What is wrong with a field, by its name.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
}


class BearerToken(OpenApiAuthenticationExtension):
    target_class = "portal.principals.ApiAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "hv_<id>_<secret>",
            "description": "Made under “Access tokens”, or by `manage.py token`.",
        }


def with_problems(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Every operation's ways to fail: the same body everywhere."""
    result["components"].setdefault("schemas", {})["Problem"] = PROBLEM
    for operations in result["paths"].values():
        for method, operation in operations.items():
            for status in _failures(method, operation):
                operation["responses"].setdefault(str(status), _described(status))
    return result


def _failures(method: str, operation: dict[str, Any]) -> list[int]:
    places = {one["in"] for one in operation.get("parameters", ())}
    found = [401, 403, 503]
    if "query" in places or "requestBody" in operation:
        found += [400, 422]
    if places or "requestBody" in operation:
        found.append(404)
    if "requestBody" in operation:
        found.append(415)
    if method != "get":
        found.append(409)
    return sorted(found)


def _described(status: int) -> dict[str, Any]:
    return {
        "description": HTTPStatus(status).phrase,
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        },
    }
