"""An application that breaks, for the test of what the web server says of it."""

from collections.abc import Callable, Iterator
from typing import Any


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    if "later" in environ["PATH_INFO"]:
        yield b"a part"
    raise RuntimeError("broke")
