"""The wall around a request (`sharing.kernel.wall`): closed, until its principal is known."""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator

from django.http import HttpRequest, HttpResponseBase
from django.http.response import StreamingHttpResponse

from sharing.access.principal import Principal, Way
from sharing.kernel import wall
from sharing.kernel.wall import Scope


class WallMiddleware:
    """Outermost, so that nothing of a request is asked otherwise."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with wall.request():
            response = self.get_response(request)
            if isinstance(response, StreamingHttpResponse):
                _keep_within(response, wall.current())
            return response


def _keep_within(response: StreamingHttpResponse, scope: Scope) -> None:
    """What streams outlives its view: each piece of it is made, and its end, as the view asked."""
    response.streaming_content = _pieces(scope, response.streaming_content)  # type: ignore[arg-type]
    close = response.close

    def close_within() -> None:
        with wall.scoped(scope):
            close()

    response.close = close_within  # type: ignore[method-assign]


def _pieces(scope: Scope, chunks: Iterable[bytes]) -> Iterator[bytes]:
    waiting = iter(chunks)
    while True:
        with wall.scoped(scope):
            piece = next(waiting, None)
        if piece is None:
            return
        yield piece


def admitted(principal: Principal) -> Principal:
    """The principal, whose request asks from now on for its own institution.

    Partners' images come within reach when somebody looks what partners give, and not before: it
    takes a query that most requests do without.
    """
    own = frozenset(one for one in (principal.actor.institution_id,) if one is not None)
    asker = str(principal.user.pk) if principal.user is not None else ""
    wall.admit(Scope(own=own, reads=own, asker=asker))

    @functools.cache
    def ways() -> tuple[Way, ...]:
        found = principal.ways()
        for way in found:
            wall.widen(way.custodians())
        return found

    return dataclasses.replace(principal, ways=ways)
