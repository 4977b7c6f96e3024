"""Fetch a key set from somebody else's address without being sent anywhere else.

The name is resolved once and the connection goes to that address, so that a second answer of the
resolver changes nothing. Private addresses and redirects are refused; time and size are bounded.
"""

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from sharing.credentials.rules.machines import LARGEST_JWKS

SILENCE = 3.0  # seconds in which nothing comes
ALTOGETHER = 6.0  # seconds, however steadily it drips
LOCAL = ("localhost", "127.0.0.1", "::1")


class FetchError(Exception):
    """Nothing usable came from there; the text says why, for whoever gave the address."""


def check_address(url: str) -> SplitResult:
    """The parts of an address that keys may be fetched from.

    Raises
    ------
    FetchError
        It is not https, or says more than a name, a port, a path and a query.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise FetchError("This is no address.") from error
    if parts.scheme != "https" and not _is_local(parts):
        raise FetchError("The address has to begin with https://.")
    if not parts.hostname or parts.username is not None or parts.fragment or port == 0:
        raise FetchError("Give a plain address: no user name, no #.")
    return parts


def fetch(url: str) -> bytes:
    """What `url` holds, at most `LARGEST_JWKS` bytes.

    Raises
    ------
    FetchError
        It may not be asked, does not answer in time, or answers anything but 200 and a few bytes.
    """
    parts = check_address(url)
    try:
        return _read(parts, _address(parts))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise FetchError(f"It does not answer ({type(error).__name__}).") from error


def _is_local(parts: SplitResult) -> bool:
    """Only a portal to try out fetches from the machine that it runs on."""
    return bool(settings.DEMO) and parts.scheme == "http" and parts.hostname in LOCAL


def _address(parts: SplitResult) -> str:
    """The one address to connect to."""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    addresses = [str(one[4][0]) for one in found]
    if not _is_local(parts) and not all(map(is_public, addresses)):
        raise FetchError("This address is not on the public internet.")
    return addresses[0]


def is_public(address: str) -> bool:
    """Whether an address is one of the internet's; what wraps another address is not."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip not in ipaddress.ip_network("2000::/3"):
        return False  # among them IPv4 in IPv6, and what a translator takes for it
    if isinstance(ip, ipaddress.IPv6Address) and (ip.sixtofour or ip.teredo):
        return False
    return ip.is_global and not ip.is_multicast


def _read(parts: SplitResult, address: str) -> bytes:
    with _connection(parts, address) as connection:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", path, headers={"Accept": "application/json"})
        answer = connection.getresponse()
        if answer.status != 200:
            raise FetchError(f"It answers {answer.status}; redirects are not followed.")
        data = answer.read(LARGEST_JWKS + 1)
    if len(data) > LARGEST_JWKS:
        raise FetchError("It answers more than a key set.")
    return data


@contextlib.contextmanager
def _connection(parts: SplitResult, address: str) -> Iterator[http.client.HTTPConnection]:
    """A connection to `address` that speaks for the name, cut when its time is over."""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    connection = http.client.HTTPConnection(parts.hostname or "", port, timeout=SILENCE)
    line = socket.create_connection((address, port), timeout=SILENCE)
    if parts.scheme == "https":
        context = ssl.create_default_context()
        line = context.wrap_socket(
            line, server_hostname=parts.hostname, do_handshake_on_connect=False
        )
    connection.sock = line
    timer = threading.Timer(ALTOGETHER, _cut, [line])
    timer.daemon = True
    timer.start()
    try:
        if isinstance(line, ssl.SSLSocket):
            line.do_handshake()
        yield connection
    finally:
        timer.cancel()
        connection.close()
        line.close()


def _cut(line: socket.socket) -> None:
    with contextlib.suppress(OSError):
        # The plain socket's: that of TLS would put away what the reader is just using.
        socket.socket.shutdown(line, socket.SHUT_RDWR)
