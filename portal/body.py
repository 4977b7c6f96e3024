"""A request's body, read from gunicorn's socket straight into a buffer of the reader's own.

`wsgi.input` gives bytes objects, which gunicorn puts together from pieces: each byte is copied five
times while the interpreter is held, of a CT slice a third of all the time that it takes. `readinto`
is not part of WSGI (PEP 3333); where another server runs, nothing has it and `read` is used.
"""

import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from gunicorn.http.body import Body, LengthReader  # type: ignore[import-untyped]

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class StraightBody:
    """gunicorn's body of known length, with `readinto` beside what WSGI asks for."""

    def __init__(self, body: Any) -> None:
        self._body = body
        self.read, self.readline, self.readlines = body.read, body.readline, body.readlines

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def readinto(self, target: memoryview) -> int:
        """Fill some of `target`; how many bytes, 0 at the end of the body or the connection."""
        held = self._body.buf.getvalue()
        if held:  # read ahead by `readline`, and counted
            part = held[: len(target)]
            self._body.buf = io.BytesIO()
            self._body.buf.write(held[len(part) :])
            target[: len(part)] = part
            return len(part)
        try:
            return self._receive(target)
        except OSError:
            self._body.failed = True  # where the next request begins is unknown
            raise

    def _receive(self, target: memoryview) -> int:
        reader = self._body.reader
        target = target[: reader.length]
        count = self._early(target) or (reader.unreader.sock.recv_into(target) if target else 0)
        reader.length -= count
        return int(count)

    def _early(self, target: memoryview) -> int:
        """What came together with the head of the request; what is behind the body stays."""
        unreader = self._body.reader.unreader
        early = unreader.take_buffered()
        part = early[: len(target)]
        target[: len(part)] = part
        if len(early) > len(part):
            unreader.unread(early[len(part) :])
        return len(part)


def straight(application: Application) -> Application:
    """`application`, whose requests' bodies can be read straight where gunicorn serves it."""

    def serve(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body = environ["wsgi.input"]
        if isinstance(body, Body) and isinstance(body.reader, LengthReader):
            environ["wsgi.input"] = StraightBody(body)
        return application(environ, start_response)

    return serve
