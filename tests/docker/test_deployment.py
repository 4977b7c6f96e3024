"""The deployment's files do what they say, as far as that shows without a container engine."""

import datetime
import http.client
import re
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.peers import processes

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"


@dataclass
class Door:
    """The proxy with a web server behind it that only remembers."""

    port: int
    log: Path
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)
    headers: dict[str, str] = field(default_factory=dict)

    def knock(self, method: str, path: str, **given: Any) -> http.client.HTTPResponse:
        trust = ssl.create_default_context()
        trust.check_hostname = False
        trust.verify_mode = ssl.CERT_NONE
        line = http.client.HTTPSConnection("127.0.0.1", self.port, context=trust, timeout=20)
        try:
            line.request(method, path, **given)
            reply = line.getresponse()
            reply.read()
            return reply
        finally:
            line.close()


def _behind(door: Door) -> type[BaseHTTPRequestHandler]:
    class Web(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            door.seen.append((self.path, dict(self.headers)))
            self.send_response(200)
            for name, value in door.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_PATCH(self) -> None:
            left = int(self.headers["Content-Length"])
            while left:
                left -= len(self.rfile.read1(min(left, 65536)))
                door.arrived.set()
            self.do_GET()

        do_POST = do_PATCH  # noqa: N815 the server asks by the method's name

        def log_message(self, *_: object) -> None:
            """Say nothing in the tests' output."""

    return Web


def _certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "tls.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "tls.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def configuration(folder: Path, *, outside: int, machines: int, inside: int) -> Path:
    """The proxy's file as it is, but for the places that only a container has."""
    text = (DOCKER / "proxy.conf").read_text()
    for theirs, ours in (
        ("/tmp/", f"{folder}/"),
        ("/etc/nginx/tls", str(folder)),
        ("listen 8443", f"listen 127.0.0.1:{outside}"),
        ("listen 8444", f"listen 127.0.0.1:{machines}"),
        ("listen 8080", f"listen 127.0.0.1:{processes.free_port()}"),
        ("http://web:8000", f"http://127.0.0.1:{inside}"),
        ("/dev/stdout", str(folder / "access.log")),
        ("/dev/stderr", str(folder / "error.log")),
        ("rate=1r/s", "rate=1r/m"),
    ):
        assert theirs in text
        text = text.replace(theirs, ours)
    path = folder / "nginx.conf"
    path.write_text(text)
    return path


@pytest.fixture
def door(tmp_path: Path, peer_program: Callable[[str], str]) -> Iterator[Door]:
    nginx = peer_program("nginx")
    _certificate(tmp_path)
    door = Door(processes.free_port(), tmp_path / "access.log")
    web = ThreadingHTTPServer(("127.0.0.1", 0), _behind(door))
    threading.Thread(target=web.serve_forever, daemon=True).start()
    path = configuration(
        tmp_path, outside=door.port, machines=processes.free_port(), inside=web.server_port
    )
    proxy = processes.start([nginx, "-c", path, "-g", "daemon off;"], log=tmp_path / "nginx.log")
    try:
        processes.until(lambda: processes.listens(door.port), proxy, log=tmp_path / "nginx.log")
        yield door
    finally:
        processes.Peer(processes=[proxy]).stop()
        web.shutdown()
        web.server_close()


def test_what_a_visitor_claims_about_their_address_does_not_get_through(door: Door) -> None:
    door.knock(
        "GET", "/", headers={"X-Forwarded-For": "10.9.8.7", "X-Forwarded-Host": "evil.example"}
    )
    _, headers = door.seen[0]
    assert headers["X-Forwarded-For"] == "127.0.0.1"
    assert headers["X-Forwarded-Proto"] == "https"
    assert "X-Forwarded-Host" not in headers


def test_the_proxys_log_names_no_study_and_no_patient(door: Door) -> None:
    door.knock("GET", "/dicom-web/studies/1.2.840.99?PatientName=Doe%5EPat")
    door.knock("GET", "/s")
    lines = door.log.read_text()
    assert len(lines.splitlines()) == 2
    assert " GET dicom-web 200 " in lines
    assert "1.2.840" not in lines
    assert "Pat" not in lines


def test_the_first_bytes_of_an_upload_arrive_before_its_last(door: Door) -> None:
    sent_half = iter([b"x" * 500_000, b"y" * 500_000])

    def body() -> Iterator[bytes]:
        yield next(sent_half)
        assert door.arrived.wait(10), "the proxy kept the first half for itself"
        yield next(sent_half)

    headers = {"Content-Length": "1000000"}
    assert (
        door.knock("PATCH", "/api/uploads/7/files/1/", body=body(), headers=headers).status == 200
    )


def test_a_form_as_large_as_a_study_is_refused(door: Door) -> None:
    headers = {"Content-Length": str(100 * 2**20)}
    assert door.knock("POST", "/links/", headers=headers).status == 413
    assert not door.seen


def test_a_page_that_the_proxy_answers_itself_is_as_closed_as_ours(door: Door) -> None:
    reply = door.knock("GET", "/readyz")
    assert reply.status == 404
    assert (
        reply.getheader("Content-Security-Policy") == "default-src 'none'; frame-ancestors 'none'"
    )
    assert reply.getheader("X-Content-Type-Options") == "nosniff"
    assert reply.getheader("Strict-Transport-Security", "").startswith("max-age=31536000")


def test_the_applications_own_policy_is_not_doubled(door: Door) -> None:
    door.headers["Content-Security-Policy"] = "default-src 'self'"
    assert door.knock("GET", "/").headers.get_all("Content-Security-Policy") == [
        "default-src 'self'"
    ]


@pytest.mark.parametrize("path", ["/s", "/join", "/api/claims/", "/accounts/login/"])
def test_a_visitor_who_guesses_is_slowed_and_one_who_looks_is_not(door: Door, path: str) -> None:
    looks = {door.knock("GET", path).status for _ in range(30)}
    headers = {"Content-Length": "1"}
    guesses = [door.knock("POST", path, body=b"x", headers=headers).status for _ in range(30)]
    assert looks == {200}
    assert guesses[:20] == [200] * 20
    assert guesses[-1] == 429


def _services() -> dict[str, dict[str, Any]]:
    services: dict[str, dict[str, Any]] = yaml.safe_load((DOCKER / "compose.yaml").read_text())[
        "services"
    ]
    return services


def test_each_service_of_ours_has_a_role_that_the_image_knows() -> None:
    roles = set(re.findall(r"^([a-z]+)\)$", (DOCKER / "roles" / "start").read_text(), re.MULTILINE))
    ours = {name: one for name, one in _services().items() if "build" in one}
    assert set(ours) == {"web", "worker", "migrate"}
    assert {word for one in ours.values() for word in one["command"]} <= roles


def test_only_the_proxy_is_reachable_from_outside() -> None:
    assert [name for name, one in _services().items() if one.get("ports")] == ["proxy"]


def test_what_the_deployment_sets_is_what_the_settings_read() -> None:
    known = "".join(path.read_text() for path in (ROOT / "portal").glob("*.py"))
    names = {name.removesuffix("_FILE") for name in _services()["web"]["environment"]}
    assert not {name for name in names if f'"{name}"' not in known}


def test_every_secret_is_a_file() -> None:
    described = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    used = {name for one in described["services"].values() for name in one.get("secrets", [])}
    assert used == set(described["secrets"])
    assert "SECRET_KEY" not in described["services"]["web"]["environment"]


def test_the_image_copies_only_what_is_there() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line[0] == "!"}
    lines = re.findall(
        r"^COPY (?!--from)(?:--\S+ )?(.+) \S+$", (DOCKER / "Dockerfile").read_text(), re.MULTILINE
    )
    copied = {name for line in lines for name in line.split()}
    assert copied
    assert not [name for name in copied if not (ROOT / name).exists()]
    assert copied <= allowed


def test_the_image_makes_its_environment_with_the_makefiles_uv() -> None:
    (pinned,) = re.findall(r"^UV_VERSION := (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert f"uv=={pinned}" in (DOCKER / "Dockerfile").read_text()


@pytest.mark.parametrize(
    "script", ["docker/roles/start", "docker/roles/healthy", "tests/peers/install.sh"]
)
def test_a_script_is_whole(script: str) -> None:
    shell = shutil.which("dash") or "sh"
    assert subprocess.run([shell, "-n", str(ROOT / script)], check=False).returncode == 0


def test_an_unknown_role_says_which_there_are() -> None:
    command = ["sh", str(DOCKER / "roles" / "start"), "webb"]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 2
    assert "web, worker, migrate, manage" in said.stderr
