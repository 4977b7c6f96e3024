"""The client certificate that a machine showed to the proxy in front, as the proxy passes it on."""

import base64
import binascii
import hashlib
import re
from urllib.parse import unquote

from django.conf import settings
from django.http import HttpRequest

# RFC 9440: one byte sequence of a structured field, and nothing beside it.
RFC_9440 = re.compile(r":([A-Za-z0-9+/]+={0,2}):")
PEM = re.compile(
    r"-----BEGIN CERTIFICATE-----\s+([A-Za-z0-9+/=\s]+?)\s+-----END CERTIFICATE-----\s*"
)


def thumbprint(request: HttpRequest) -> str:
    """SHA-256 of the certificate in hexadecimal; nothing where there is none, or not exactly one.

    Only ask this of a request that came from a proxy of ours: anybody can write a header.
    """
    if not settings.MTLS_URL:
        return ""
    try:
        data = _certificate(request)
    except (binascii.Error, ValueError):
        return ""
    return hashlib.sha256(data).hexdigest() if data else ""


def _certificate(request: HttpRequest) -> bytes:
    if settings.CLIENT_CERT_FORM == "pem":
        found = PEM.fullmatch(unquote(request.headers.get("X-SSL-Client-Cert", "")))
        return base64.b64decode("".join(found[1].split()), validate=True) if found else b""
    found = RFC_9440.fullmatch(request.headers.get("Client-Cert", "").strip(" "))
    return base64.b64decode(found[1], validate=True) if found else b""
