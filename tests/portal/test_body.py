"""Bodies that are read straight from gunicorn's socket are whole, and end where they end."""

import io
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from gunicorn.config import Config  # type: ignore[import-untyped]
from gunicorn.http.parser import RequestParser  # type: ignore[import-untyped]

from portal.body import StraightBody, straight

BODY = bytes(range(256)) * 4096  # 1 MB
NEXT = b"GET /next HTTP/1.1\r\nHost: here\r\n\r\n"


@pytest.fixture
def line() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def head(length: int) -> bytes:
    return f"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: {length}\r\n\r\n".encode()


def sent(theirs: socket.socket, *parts: bytes, end: bool = False) -> threading.Thread:
    """A sender, part by part, who hangs up at the end or waits for an answer."""

    def send() -> None:
        for part in parts:
            theirs.sendall(part)
        if end:
            theirs.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=send)
    thread.start()
    return thread


def received(body: Any, length: int) -> bytes:
    """As much of `length` bytes as comes, read into one buffer."""
    target, kept = memoryview(bytearray(length)), 0
    while kept < length and (count := body.readinto(target[kept:])):
        kept += count
    return bytes(target[:kept])


def test_a_body_is_whole_and_the_next_request_begins_behind_it(
    line: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = line
    sender = sent(theirs, head(len(BODY)) + BODY[:5000], BODY[5000:] + NEXT)
    requests = RequestParser(Config(), ours, ("here", 1))
    body = StraightBody(next(requests).body)
    assert received(body, len(BODY) + 100) == BODY
    assert body.read() == b""
    assert next(requests).path == "/next"
    sender.join()


def test_what_a_first_line_read_ahead_is_not_lost(
    line: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = line
    sender = sent(theirs, head(6 + len(BODY)), b"first\n", BODY, NEXT)
    requests = RequestParser(Config(), ours, ("here", 1))
    body = StraightBody(next(requests).body)
    assert body.readline(1000) == b"first\n"
    assert received(body, 100) + received(body, len(BODY)) == BODY
    assert next(requests).path == "/next"
    sender.join()


def test_what_came_before_the_line_was_cut_is_there(
    line: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = line
    sender = sent(theirs, head(len(BODY)), BODY[:70_000], end=True)
    body = StraightBody(next(RequestParser(Config(), ours, ("here", 1))).body)
    assert received(body, len(BODY)) == BODY[:70_000]
    sender.join()


def test_reading_as_ever_goes_on_working(line: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = line
    sender = sent(theirs, head(len(BODY)) + BODY)
    body = StraightBody(next(RequestParser(Config(), ours, ("here", 1))).body)
    assert body.read(10) + received(body, 90) + body.read() == BODY
    sender.join()


def test_another_servers_body_is_left_as_it_is() -> None:
    seen: list[Any] = []

    def application(environ: dict[str, Any], _: Any) -> list[bytes]:
        seen.append(environ["wsgi.input"])
        return []

    given = io.BytesIO(b"x")
    straight(application)({"wsgi.input": given}, None)
    assert seen == [given]
