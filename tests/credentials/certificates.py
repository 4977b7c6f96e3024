"""Certificates of machines, and a proxy that ends TLS and says whose it saw (RFC 9440)."""

import base64
import contextlib
import dataclasses
import datetime
import http.client
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)
WITHOUT_TIMES = 0x200000  # X509_V_FLAG_NO_CHECK_TIME: what has ended is for the portal to refuse


@dataclasses.dataclass(frozen=True)
class Certificate:
    """A self-signed certificate and its key."""

    pem: str
    key: str

    @property
    def der(self) -> bytes:
        return ssl.PEM_cert_to_DER_cert(self.pem)

    @property
    def thumbprint(self) -> str:
        return x509.load_der_x509_certificate(self.der).fingerprint(hashes.SHA256()).hex()

    @property
    def header(self) -> str:
        return f":{base64.b64encode(self.der).decode()}:"

    @property
    def escaped(self) -> str:
        """As nginx writes `$ssl_client_escaped_cert`."""
        return quote(self.pem, safe="")

    def kept(self, folder: Path, name: str) -> tuple[str, str]:
        """The paths of the certificate and of its key."""
        paths = folder / f"{name}.crt", folder / f"{name}.pem"
        paths[0].write_text(self.pem)
        paths[1].write_text(self.key)
        return str(paths[0]), str(paths[1])


def certificate(
    name: str = "pacs", *, begins: datetime.timedelta = -DAY, ends: datetime.timedelta = 90 * DAY
) -> Certificate:
    """`begins` and `ends` are from now on."""
    now = datetime.datetime.now(datetime.UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(named)
        .issuer_name(named)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, *form)
    return Certificate(made.public_bytes(serialization.Encoding.PEM).decode(), private.decode())


@contextlib.contextmanager
def proxy(portal: int, folder: Path, server: Certificate, *known: Certificate) -> Iterator[int]:
    """Ends TLS on the port that it gives, asks for a certificate, and passes on which it saw.

    Python's TLS takes no certificate that it does not know: of a machine, all are `known` here.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*server.kept(folder, "server"))
    context.verify_mode = ssl.CERT_OPTIONAL
    context.verify_flags |= WITHOUT_TIMES
    context.load_verify_locations(cadata="".join(one.pem for one in known))
    door = ThreadingHTTPServer(("127.0.0.1", 0), _carrying(portal))
    door.socket = context.wrap_socket(door.socket, server_side=True)
    threading.Thread(target=door.serve_forever, daemon=True).start()
    try:
        yield door.server_port
    finally:
        door.shutdown()
        door.server_close()


def _carrying(portal: int) -> type[BaseHTTPRequestHandler]:
    class Carrying(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            ours = ("client-cert", "x-forwarded-for", "connection", "content-length")
            sent = {k: v for k, v in self.headers.items() if k.lower() not in ours}
            sent["X-Forwarded-For"] = self.client_address[0]
            if shown := self.connection.getpeercert(binary_form=True):
                sent["Client-Cert"] = f":{base64.b64encode(shown).decode()}:"
            line = http.client.HTTPConnection("127.0.0.1", portal, timeout=60)
            with contextlib.closing(line):
                line.request(self.command, self.path, body or None, sent)
                self._answer(line.getresponse())

        def _answer(self, answer: http.client.HTTPResponse) -> None:
            data = answer.read()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_HEAD = do_PATCH = do_GET  # noqa: N815 as the standard library names them

        def log_message(self, *_: Any) -> None:
            """Tests tell by what they assert."""

    return Carrying
