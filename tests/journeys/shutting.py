"""What somebody has open at the moment at which they are shut out, and when each of it ends."""

import base64
import http.client
import json
import random
import re
import select
import socket
import statistics
import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing
from urllib.parse import urlencode

from tests.bench.measuring import Line, signed_in
from tests.journeys.people import address_of
from tests.served import Served

PATIENCE = 30.0
PIECE = 64 * 1024
SMALL, LARGE = 4 * 1024 * 1024, 1024**3
TUS = {"Tus-Resumable": "1.0.0"}
OCTETS = {"Content-Type": "application/offset+octet-stream"}
Going = Generator[bool]
JSON = {"Content_Type": "application/json"}
FORM = {"Content-Type": "application/json"}


class Probe(threading.Thread):
    """Something that goes on until it is refused: `once` does a little of it, and says if it may."""

    def __init__(self, name: str, once: Going) -> None:
        super().__init__(name=name, daemon=True)
        self.once = once
        self.goes_on = threading.Event()
        self.ended = 0.0
        self.error: Exception | None = None

    def run(self) -> None:
        begun = time.monotonic()
        try:
            for allowed in self.once:
                if not allowed:
                    break
                self.goes_on.set()
                if time.monotonic() - begun > PATIENCE:
                    raise AssertionError(f"{self.name} was never refused")
        except (http.client.HTTPException, ConnectionError):
            pass  # the connection was cut: that is how a stream is refused
        except Exception as error:  # noqa: BLE001 told by the thread that waits
            self.error = error
        self.ended = time.monotonic()
        self.once.close()


def asking(line: Line, verb: str, path: str, body: bytes = b"", **headers: str) -> Going:
    """The same request again and again, each a twentieth of a second after the last."""
    with closing(line.connection):
        while True:
            status, said = line.send(verb, path, body, **headers)
            assert status < 500, (status, said[:300])
            yield status < 300
            time.sleep(0.05)


def downloading(line: Line, path: str, rate: float) -> Going:
    """A download at `rate` bytes a second; it ends by being cut, and never by being complete."""
    line.connection.sock = _taking_little(line.connection)
    line.connection.request("GET", path, headers=line.headers)
    with closing(line.connection), line.connection.getresponse() as answer:
        assert answer.status == 200, answer.read(300)
        begun, total = time.monotonic(), 0
        while piece := answer.read(PIECE):
            total += len(piece)
            yield True
            time.sleep(max(0.0, begun + total / rate - time.monotonic()))
        whole = int(answer.headers["Content-Length"])
    assert total < whole, "the download was complete before it could be cut"


def _taking_little(to: http.client.HTTPConnection) -> socket.socket:
    """A line whose own end keeps little: what has arrived there nobody can take back."""
    end = socket.socket()
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE)
    end.connect(("127.0.0.1", to.port))
    return end


def sending(line: Line) -> Going:
    """Small files of one upload, a request each."""
    _, body = line.send("POST", "/api/uploads/", b"{}", **JSON)
    files = json.loads(body)["files_url"]
    headers = {"Upload-Length": "3", "Upload-Metadata": f"path {encoded('a.txt')}"}
    yield from asking(line, "POST", files, b"abc", **headers, **TUS, **OCTETS)


def sending_one(line: Line) -> Going:
    """One large file in one request, a piece at a time."""
    path, headers = _begun(line, "files_url")
    sizes = {"Upload-Length": str(LARGE), "Upload-Metadata": f"path {encoded('one.dcm')}"}
    yield from _dripping(line, path, headers | TUS | OCTETS | sizes, b"", LARGE)


def sending_batch(line: Line) -> Going:
    """Small files together in one request, a piece at a time."""
    path, headers = _begun(line, "batch_url")
    index = {"files": [{"path": f"IM{number}", "size": SMALL} for number in range(8)]}
    first = json.dumps(index).encode() + b"\n"
    kind = {"Content-Type": "application/vnd.handover.batch"}
    yield from _dripping(line, path, headers | kind, first, 8 * SMALL)


def _begun(line: Line, which: str) -> tuple[str, dict[str, str]]:
    _, body = line.send("POST", "/api/uploads/", b"{}", **JSON)
    return str(json.loads(body)[which]), line.headers


def _dripping(line: Line, path: str, headers: dict[str, str], first: bytes, size: int) -> Going:
    """A body of `size` bytes behind `first`; an answer that comes before its end is a refusal."""
    with closing(line.connection) as connection:
        connection.putrequest("POST", path)
        for name, value in {**headers, "Content-Length": str(len(first) + size)}.items():
            connection.putheader(name, value)
        connection.endheaders(first)
        left = size
        while not select.select([connection.sock], [], [], 0.05)[0]:
            connection.send(bytes(min(PIECE, left)))
            left -= PIECE
            assert left > 0, "all of it was taken before it could be refused"
            yield True
        with connection.getresponse() as answer:
            assert answer.status == 403, answer.read(300)


def said(
    connection: http.client.HTTPConnection,
    verb: str,
    path: str,
    body: bytes,
    headers: dict[str, str],
) -> tuple[int, bytes]:
    connection.request(verb, path, body, headers)
    with connection.getresponse() as answer:
        return answer.status, answer.read()


def encoded(name: str) -> str:
    return base64.b64encode(name.encode()).decode()


class Administrator:
    """Ada at her pages, without a browser."""

    def __init__(self, portal: Served, whom: str) -> None:
        self.line = signed_in(portal.address, address_of("Ada"), portal.password)
        # Of the two cookies of one name the later one counts.
        last = dict(one.split("=", 1) for one in self.line.headers["Cookie"].split("; "))
        self.line.headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in last.items())}
        _, page = self.line.send("GET", "/people/")
        text = page.decode()
        form = text[: text.index(whom)].rindex("<tr>")
        self.member = str(re.findall(r'data-opens="member-([^"]+)"', text[form:])[0])
        self.token = str(re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', text)[0])

    def close(self) -> None:
        self.line.connection.close()

    def do(self, what: str, **fields: str) -> float:
        """Press the button; when it was pressed."""
        begun = time.monotonic()
        form = urlencode({"csrfmiddlewaretoken": self.token, **fields}).encode()
        kind = {"Content_Type": "application/x-www-form-urlencoded"}
        status, page = self.line.send("POST", f"/people/{self.member}/{what}", form, **kind)
        assert status == 302, page[:500]
        return begun


def rounds(
    count: int,
    probes: Callable[[], dict[str, Going]],
    shut: Callable[[], float],
    back: Callable[[], object],
) -> dict[str, list[float]]:
    """How long each went on after the button was pressed, in seconds, round by round."""
    found: dict[str, list[float]] = {}
    for _ in range(count):
        running = [Probe(name, once) for name, once in probes().items()]
        for one in running:
            one.start()
        for one in running:
            assert one.goes_on.wait(PATIENCE), (one.name, one.error)
        time.sleep(random.uniform(0.6, 1.1))
        early = [one.name for one in running if one.ended]
        assert not early, (early, [one.error for one in running])
        pressed = shut()
        for one in running:
            one.join(PATIENCE)
        back()
        for one in running:
            assert one.error is None, (one.name, one.error)
            found.setdefault(one.name, []).append(max(0.0, one.ended - pressed))
    return found


def told(title: str, found: dict[str, list[float]]) -> None:
    """Print what was measured."""
    print(
        f"\n{title}: seconds from the press of the button, over {len(next(iter(found.values())))}"
    )
    for name, seconds in found.items():
        print(f"  {name:<28} median {statistics.median(seconds):.2f}  most {max(seconds):.2f}")
