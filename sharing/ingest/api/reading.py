"""The raw body of a request, read as it comes, into memory that is lent for it."""

from collections.abc import Iterator

from django.http import HttpRequest

from sharing.ingest.work.spool import CHUNK, block


def fill(request: HttpRequest, target: memoryview) -> int:
    """Read the body into `target`; how many bytes came before the sender's connection ended."""
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
    return kept


def _copy(request: HttpRequest, target: memoryview) -> int:
    piece = request.read(len(target))
    target[: len(piece)] = piece
    return len(piece)


def pieces(request: HttpRequest, length: int) -> Iterator[memoryview]:
    """The body in pieces, each to be used before the next; ends early when the connection does."""
    with block() as there:
        room, left = there.room(CHUNK), length
        assert room is not None  # a block is larger than that
        while left > 0:
            piece = room.data[:left]
            kept = fill(request, piece)
            if kept:
                yield piece[:kept]
            if kept < len(piece):
                return
            left -= kept
