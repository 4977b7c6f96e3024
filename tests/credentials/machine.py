"""A machine that signs in and works, as an institution's own program would; needs nothing of the portal."""

import base64
import dataclasses
import json
import time
import uuid
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TUS = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}


@dataclasses.dataclass
class KeyPair:
    kid: str
    private: Any
    algorithm: str

    @property
    def public(self) -> dict[str, Any]:
        kinds: dict[str, Any] = {
            "RS384": jwt.algorithms.RSAAlgorithm,
            "ES384": jwt.algorithms.ECAlgorithm,
        }
        jwk = json.loads(kinds[self.algorithm].to_jwk(self.private.public_key()))
        jwk.pop("key_ops", None)
        return {**jwk, "kid": self.kid, "alg": self.algorithm, "use": "sig"}


def elliptic(kid: str = "one", curve: ec.EllipticCurve | None = None) -> KeyPair:
    return KeyPair(kid, ec.generate_private_key(curve or ec.SECP384R1()), "ES384")


def rsa_pair(kid: str = "one", bits: int = 2048) -> KeyPair:
    return KeyPair(kid, rsa.generate_private_key(65537, bits), "RS384")


def key_set(*pairs: KeyPair) -> str:
    return json.dumps({"keys": [pair.public for pair in pairs]})


@dataclasses.dataclass
class Machine:
    """`home` is the portal's address; `client_id` is what the administrator's page shows."""

    web: Any  # how requests get there: an httpx.Client, or the one below
    home: str
    client_id: str
    pair: KeyPair
    token: str = ""

    def assertion(self, *, header: dict[str, Any] | None = None, **changes: Any) -> str:
        now = int(time.time())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": f"{self.home}/oauth/token",
            "exp": now + 240,
            "jti": str(uuid.uuid4()),
            **changes,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        named = {"kid": self.pair.kid, **(header or {})}
        return jwt.encode(claims, self.pair.private, self.pair.algorithm, headers=named)

    def ask(self, assertion: str = "", *, scope: str = "studies.search", **changes: str) -> Any:
        """The answer of the token endpoint."""
        form = {
            "grant_type": "client_credentials",
            "scope": scope,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion or self.assertion(),
            **changes,
        }
        return self.web.request("POST", f"{self.home}/oauth/token", data=form)

    def sign_in(self, *scopes: str) -> None:
        answer = self.ask(scope=" ".join(scopes))
        assert answer.status_code == 200, answer.content
        self.token = answer.json()["access_token"]

    def get(self, path: str, **headers: str) -> Any:
        return self._send("GET", path, headers=headers)

    def search(self, **query: str) -> list[dict[str, Any]]:
        words = "&".join(f"{name}={value}" for name, value in query.items())
        answer = self.get(f"/dicom-web/studies?{words}", Accept="application/dicom+json")
        assert answer.status_code == 200, answer.content
        found: list[dict[str, Any]] = answer.json()
        return found

    def upload(self, *files: bytes) -> dict[str, Any]:
        """Send files by tus, each in one request; the finished upload."""
        begun = self._send("POST", "/api/uploads/", json={})
        assert begun.status_code == 201, begun.content
        for number, data in enumerate(files):
            path = base64.b64encode(f"IM{number}".encode()).decode()
            sent = self._send(
                "POST",
                begun.json()["files_url"],
                content=data,
                headers={**TUS, "Upload-Length": str(len(data)), "Upload-Metadata": f"path {path}"},
            )
            assert sent.status_code == 201, sent.content
        done = self._send("POST", f"/api/uploads/{begun.json()['id']}/finish/", json={})
        assert done.status_code == 200, done.content
        finished: dict[str, Any] = done.json()
        return finished

    def _send(self, method: str, path: str, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        url = path if path.startswith("http") else self.home + path
        return self.web.request(method, url, headers=headers, **options)


class InProcess:
    """Django's own test client as the web."""

    def __init__(self, **options: Any) -> None:
        from django.test import Client

        self.client = Client(**options)

    def request(
        self,
        method: str,
        url: str,
        *,
        data: dict[str, str] | None = None,
        json: Any = None,
        content: bytes = b"",
        headers: dict[str, str] | None = None,
    ) -> Any:
        from urllib.parse import urlencode, urlsplit

        parts = urlsplit(url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        headers = dict(headers or {})
        kind = headers.pop("Content-Type", "")
        if data is not None:
            kind, content = "application/x-www-form-urlencoded", urlencode(data).encode()
        elif json is not None:
            kind, content = "application/json", _dumped(json)
        return self.client.generic(method, path, content, content_type=kind, headers=headers)


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode()
