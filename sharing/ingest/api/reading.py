"""The raw body of a request, read as it comes, into memory that is lent for it."""

import time
from collections.abc import Callable, Iterator

from django.http import HttpRequest

from sharing.access import gate
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.ingest.work.spool import CHUNK, block


def still(by: Principal) -> Callable[[], None]:
    """Asks four times a second whether `by` may go on: a large file is hours on its way.

    What is returned raises `NotAllowedError` as soon as that is not so.
    """
    asked = time.monotonic()

    def ask() -> None:
        nonlocal asked
        if time.monotonic() - asked > gate.ASKED_EVERY:
            gate.permit_still(by, Action.UPLOAD)
            asked = time.monotonic()

    return ask


def fill(request: HttpRequest, target: memoryview, ask: Callable[[], None]) -> int:
    """Read the body into `target`; how many bytes came before the sender's connection ended.

    `ask` is called after each piece, and breaks off by raising.
    """
    straight = getattr(request.META.get("wsgi.input"), "readinto", None)
    kept = 0
    while kept < len(target):
        try:
            rest = target[kept:]
            count = straight(rest) if straight else _copy(request, rest)
        except OSError:
            break
        if not count:
            break
        kept += count
        ask()
    return kept


def _copy(request: HttpRequest, target: memoryview) -> int:
    piece = request.read(len(target))
    target[: len(piece)] = piece
    return len(piece)


def pieces(request: HttpRequest, length: int, *, by: Principal) -> Iterator[memoryview]:
    """The body in pieces, each to be used before the next; ends early when the connection does."""
    ask = still(by)
    with block() as there:
        room, left = there.room(CHUNK), length
        assert room is not None  # a block is larger than that
        while left > 0:
            piece = room.data[:left]
            kept = fill(request, piece, ask)
            if kept:
                yield piece[:kept]
            if kept < len(piece):
                return
            left -= kept
