"""Where machines sign in: RFC 6749 section 4.4, RFC 7662, SMART Backend Services 2.2."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from sharing.access.gate import declares
from sharing.access.rules import Rule
from sharing.credentials.actions.signing_in import OAuthError, Shown, authenticate, issue_token
from sharing.credentials.models import MachineClient, MachineToken
from sharing.credentials.principal import machines
from sharing.credentials.rules.machines import ALGORITHMS, ASSERTION_TYPE, SCOPES, TOKEN_LASTS
from sharing.credentials.work.assertions import token_url
from sharing.credentials.work.limits import TooOftenError, count_address, count_client
from sharing.kernel import secrets
from sharing.kernel.requests import Origin

FORM = "application/x-www-form-urlencoded"


@csrf_exempt
@require_POST
@declares(Rule.ANYBODY)
def token(request: HttpRequest) -> HttpResponseBase:
    """A signed assertion, or a certificate, for five minutes of access."""
    try:
        count_address("token", _origin(request).address)
        asked = _asked(request)
        if asked.get("grant_type") != "client_credentials":
            raise OAuthError(
                "unsupported_grant_type" if "grant_type" in asked else "invalid_request"
            )
        if "Authorization" in request.headers:
            raise OAuthError("invalid_client")
        shown = _shown(asked)
        if not shown.assertion and not shown.client_id:
            raise OAuthError("invalid_client")
        issued = issue_token(shown, asked.get("scope", ""), origin=_origin(request))
    except OAuthError as error:
        return _refused(request, error)
    except TooOftenError as error:
        return _too_often(error)
    return _answer(
        {
            "access_token": issued.text,
            "token_type": "bearer",
            "expires_in": int(TOKEN_LASTS.total_seconds()),
            "scope": " ".join(issued.scopes),
        }
    )


@csrf_exempt
@require_POST
@declares(Rule.ANYBODY)
def introspect(request: HttpRequest) -> HttpResponseBase:
    """Whether a token of the asking machine counts; whoever else asks learns nothing."""
    try:
        count_address("introspect", _origin(request).address)
        asked = _asked(request)
        client = _asking(request, asked)
    except OAuthError as error:
        return _refused(request, error)
    except TooOftenError as error:
        return _too_often(error)
    found = machines.token(asked.get("token", "")) if client else None
    if found is None or client is None or found.client_id != client.pk:
        return _answer({"active": False})
    return _answer(_described(found))


@require_safe
@declares(Rule.ANYBODY)
def smart_configuration(request: HttpRequest) -> HttpResponseBase:
    """Where and how a machine signs in, for programs that look for it."""
    told = {
        "token_endpoint": token_url(),
        "introspection_endpoint": f"{settings.BASE_URL}/oauth/introspect",
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "scopes_supported": list(SCOPES),
        "capabilities": ["client-confidential-asymmetric"],
    }
    answer = JsonResponse(told | (_with_certificates() if settings.MTLS_URL else {}))
    answer["Cache-Control"] = "public, max-age=300"
    return answer


def _with_certificates() -> dict[str, Any]:
    """RFC 8705 sections 3.3 and 5: where certificates are asked for, and what they are good for."""
    return {
        "token_endpoint_auth_methods_supported": [
            "private_key_jwt",
            "self_signed_tls_client_auth",
        ],
        "tls_client_certificate_bound_access_tokens": True,
        "mtls_endpoint_aliases": {
            "token_endpoint": f"{settings.MTLS_URL}/oauth/token",
            "introspection_endpoint": f"{settings.MTLS_URL}/oauth/introspect",
        },
    }


def _origin(request: HttpRequest) -> Origin:
    found: Origin = request.principal.origin  # type: ignore[attr-defined]
    return found


def _asked(request: HttpRequest) -> dict[str, str]:
    """The form's fields, each once (RFC 6749 section 3.2)."""
    if request.content_type != FORM or any(len(one) > 1 for _, one in request.POST.lists()):
        raise OAuthError("invalid_request")
    return {name: value for name, value in request.POST.dict().items() if value}


def _shown(asked: dict[str, str]) -> Shown:
    """A request with half an assertion shows nothing."""
    if "client_assertion" in asked or "client_assertion_type" in asked:
        is_one = asked.get("client_assertion_type") == ASSERTION_TYPE
        return Shown(asked.get("client_assertion", "") if is_one else "")
    return Shown(client_id=asked.get("client_id", ""))


def _asking(request: HttpRequest, asked: dict[str, str]) -> MachineClient | None:
    """The machine that asks: by an assertion, a certificate, or a token of its own."""
    if "Authorization" not in request.headers:
        shown = _shown(asked)
        named = shown.assertion or shown.client_id
        return authenticate(shown, origin=_origin(request)) if named else None
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    origin = _origin(request)
    if scheme.lower() != "bearer" or machines.bearer(text.strip(), origin) is None:
        return None
    found = machines.token(text.strip())
    if found is None:
        return None
    count_client("introspect", found.client_id)
    return found.client


def _described(found: MachineToken) -> dict[str, Any]:
    client = str(found.client_id)
    bound = {"cnf": {"x5t#S256": _x5t(found.certificate)}} if found.certificate else {}
    return bound | {
        "active": True,
        "scope": " ".join(found.scopes),
        "client_id": client,
        "sub": client,
        "iss": settings.BASE_URL,
        "aud": found.audience,
        "token_type": "bearer",
        "iat": int(found.created_at.timestamp()),
        "exp": int(found.expires_at.timestamp()),
    }


def _x5t(thumbprint: str) -> str:
    """As RFC 8705 section 3.1 writes it."""
    return secrets.encode(bytes.fromhex(thumbprint))


def _refused(request: HttpRequest, error: OAuthError) -> HttpResponseBase:
    body = {"error": error.code}
    if error.description:
        body["error_description"] = error.description
    answer = _answer(body, status=400)
    if error.code == "invalid_client" and "Authorization" in request.headers:
        answer.status_code = 401
        answer["WWW-Authenticate"] = 'Basic realm="Handover"'
    return answer


def _too_often(error: TooOftenError) -> HttpResponseBase:
    told = f"Too many requests. Ask again in {error.retry_after} seconds."
    answer = _answer({"error": "temporarily_unavailable", "error_description": told}, status=429)
    answer["Retry-After"] = str(error.retry_after)
    return answer


def _answer(body: dict[str, Any], status: int = 200) -> JsonResponse:
    answer = JsonResponse(body, status=status)
    answer["Cache-Control"] = "no-store"
    answer["Pragma"] = "no-cache"
    return answer
