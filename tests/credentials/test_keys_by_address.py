"""Keys that stand at an address of the machine's owner: asked for seldom, and never led astray."""

import contextlib
import datetime
import http.server
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sharing.credentials.models import MachineToken
from sharing.credentials.work import fetching, keys
from sharing.credentials.work.fetching import FetchError, check_address, fetch, is_public
from tests.credentials import machine as m
from tests.credentials.making import PAIR, client, machine

pytestmark = pytest.mark.django_db


class Shelf:
    """What a server of the machine's owner answers, and how often it was asked."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/jwks.json"
        self.status, self.body, self.asked = 200, m.key_set(PAIR), 0
        self.headers: dict[str, str] = {}


@pytest.fixture
def shelf(settings: Any) -> Iterator[Shelf]:
    settings.DEMO = True

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            mine.asked += 1
            self.send_response(mine.status)
            for name, value in mine.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(mine.body.encode())

        def log_message(self, *args: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        mine = Shelf(server.server_port)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield mine
        server.shutdown()


def later(**span: int) -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC) + datetime.timedelta(**span)


def test_keys_are_fetched_once_in_five_minutes(shelf):
    pacs = machine(jwks="", jwks_url=shelf.url)
    assert [pacs.ask().status_code for _ in range(3)] == [200, 200, 200]
    assert shelf.asked == 1
    with time_machine.travel(later(minutes=6), tick=False):
        assert pacs.ask().status_code == 200
    assert shelf.asked == 2


def test_a_new_key_is_found_at_once_but_nobody_makes_us_ask_again_and_again(shelf):
    pacs = machine(jwks="", jwks_url=shelf.url)
    pacs.sign_in("studies.search")
    new = m.elliptic("two")
    shelf.body = m.key_set(PAIR, new)
    pacs.pair = new
    assert pacs.ask().status_code == 200
    assert shelf.asked == 2
    for number in range(5):
        assert pacs.ask(pacs.assertion(header={"kid": f"made up {number}"})).status_code == 400
    assert shelf.asked == 2
    with time_machine.travel(later(seconds=40), tick=False):
        assert pacs.ask(pacs.assertion(header={"kid": "made up"})).status_code == 400
    assert shelf.asked == 3


def test_a_key_that_was_taken_down_counts_for_five_minutes_at_most(shelf):
    pacs = machine(jwks="", jwks_url=shelf.url)
    pacs.sign_in("studies.search")
    shelf.status = 503
    assert pacs.ask().status_code == 200
    with time_machine.travel(later(minutes=6), tick=False):
        assert [pacs.ask().status_code for _ in range(3)] == [400, 400, 400]
        assert shelf.asked == 2  # the one that failed is not asked again at once
    with time_machine.travel(later(minutes=7), tick=False):
        shelf.status = 200
        assert pacs.ask().status_code == 200


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 302, "headers": {"Location": "http://127.0.0.1/other"}},
        {"status": 404},
        {"body": "x" * 70_000},
        {"body": "no key set"},
        {"body": '{"keys": []}'},
    ],
)
def test_an_answer_that_is_no_key_set_lets_nobody_in(shelf, answer):
    for name, value in answer.items():
        setattr(shelf, name, value)
    pacs = machine(jwks="", jwks_url=shelf.url)
    assert pacs.ask().json() == {"error": "invalid_client"}
    assert shelf.asked == 1
    assert not MachineToken.objects.exists()


def test_who_names_another_address_for_the_keys_is_refused(shelf):
    pacs = machine(jwks="", jwks_url=shelf.url)
    assert pacs.ask(pacs.assertion(header={"jku": "https://x.example"})).status_code == 400
    assert shelf.asked == 0
    assert pacs.ask(pacs.assertion(header={"jku": shelf.url})).status_code == 200


@pytest.mark.parametrize(
    "url",
    [
        "http://keys.example/jwks",
        "http://localhost/jwks",
        "ftp://keys.example/",
        "https://",
        "https://user@keys.example/",
        "https://keys.example/#x",
        "https://keys.example:99999/",
        "https://[::1/",
        "file:///etc/passwd",
    ],
)
def test_addresses_that_are_not_asked(url):
    with pytest.raises(FetchError):
        check_address(url)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
        *("224.0.0.1", "255.255.255.255", "::", "::1", "fe80::1%eth0", "fc00::1"),
        *("::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "2002:7f00:1::", "ff02::1"),
        *("2001:db8::1", "2001::1"),
    ],
)
def test_addresses_inside_are_not_public(address):
    assert not is_public(address)


def test_addresses_of_the_internet_are_public():
    assert is_public("8.8.8.8")
    assert is_public("2606:4700:4700::1111")


@pytest.mark.parametrize("found", [["10.0.0.5"], ["8.8.8.8", "127.0.0.1"], ["::1"]])
def test_a_name_that_leads_inside_is_not_followed(monkeypatch, found):
    """Nor one that leads inside as well; and no connection is begun."""
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *a, **k: [(2, 1, 6, "", (f, 0)) for f in found]
    )
    monkeypatch.setattr(socket, "create_connection", _never)
    with pytest.raises(FetchError, match="not on the public internet"):
        fetch("https://keys.example/jwks")


def test_the_connection_goes_to_the_address_that_was_looked_at(monkeypatch):
    asked: list[Any] = []

    def resolve(name: str, port: int, **options: Any) -> Any:
        asked.append((name, port))
        return [(2, 1, 6, "", ("8.8.8.8", 0))]

    def connect(address: Any, timeout: float) -> Any:
        asked.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(FetchError, match="does not answer"):
        fetch("https://keys.example/jwks")
    assert asked == [("keys.example", 443), ("8.8.8.8", 443)]


def _never(*args: Any, **options: Any) -> Any:
    raise AssertionError("a connection was begun")


def test_a_server_that_drips_is_cut_off(monkeypatch, settings):
    settings.DEMO = True
    monkeypatch.setattr(fetching, "ALTOGETHER", 0.5)
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            line, _ = server.accept()
            with line:
                line.sendall(b"HTTP/1.1 200 OK\r\n\r\n{")
                while not done.wait(0.05):
                    try:
                        line.sendall(b" ")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        began = datetime.datetime.now(datetime.UTC)
        pacs = machine(jwks="", jwks_url=f"http://127.0.0.1:{server.getsockname()[1]}/")
        assert pacs.ask().status_code == 400
        assert datetime.datetime.now(datetime.UTC) - began < datetime.timedelta(seconds=3)
        done.set()
        thread.join()


def test_what_was_fetched_for_an_address_that_was_changed_meanwhile_is_dropped(shelf, monkeypatch):
    machine(jwks="", jwks_url=shelf.url)
    stale, current = client(), client()
    current.jwks_url = "https://keys.example/other"
    current.save()
    assert keys.refresh(stale)
    assert client().jwks == {}


# ---- By https ----------------------------------------------------------------------------------


def _certificate(folder: Path, name: str) -> Path:
    """A certificate of its own for `name`, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(later(days=-1))
        .not_valid_after(later(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = folder / "certificate.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path


@pytest.fixture
def by_https(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Iterator[Tls]":
    """Serves one answer by TLS as keys.example; the address that it gets is taken for public."""
    certificate = _certificate(tmp_path, "keys.example")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    trusting = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda name, port, *a, **k: [(2, 1, 6, "", ("127.0.0.1", port))]
    )
    monkeypatch.setattr(fetching, "is_public", lambda address: True)
    monkeypatch.setattr(ssl, "create_default_context", lambda: trusting)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(5)
        server = Tls(listening, context)
        thread = threading.Thread(target=server.answer)
        thread.start()
        yield server
        server.done.set()
        thread.join()


class Tls:
    def __init__(self, listening: socket.socket, context: ssl.SSLContext) -> None:
        self.listening, self.context = listening, context
        self.port, self.drips, self.done = listening.getsockname()[1], False, threading.Event()

    def answer(self) -> None:
        with contextlib.suppress(OSError), self.listening.accept()[0] as plain:
            plain.settimeout(5)
            with self.context.wrap_socket(plain, server_side=True) as line:
                line.recv(4096)
                line.sendall(b"HTTP/1.1 200 OK\r\n\r\n{}")
                while self.drips and not self.done.wait(0.05):
                    line.sendall(b" ")


def test_by_https_the_certificate_has_to_be_for_the_name(by_https):
    assert fetch(f"https://keys.example:{by_https.port}/jwks") == b"{}"


def test_a_certificate_for_another_name_is_refused(by_https):
    with pytest.raises(FetchError, match="SSLCertVerificationError"):
        fetch(f"https://other.example:{by_https.port}/jwks")


def test_a_server_that_drips_by_https_is_cut_off(by_https, monkeypatch):
    monkeypatch.setattr(fetching, "ALTOGETHER", 0.5)
    by_https.drips = True
    began = time.monotonic()
    with contextlib.suppress(FetchError):
        fetch(f"https://keys.example:{by_https.port}/jwks")
    assert time.monotonic() - began < 2.5
