"""Only text comes in: no NUL, which PostgreSQL cannot hold, and no half of a character.

JSON can spell both (backslash u0000, backslash ud800), addresses and forms the first. They are
refused here for all views, where no field has seen them yet.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, UnreadablePostError
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from portal import errors
from sharing.kernel.errors import SharingError, TooLargeError

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class NoTextError(SharingError):
    status = 400
    title = "That request could not be read"
    code = "no-text"

    def __init__(self) -> None:
        super().__init__("It holds something that is no text: a NUL, or one half of a character.")


def is_text(value: str) -> bool:
    """Whether `value` can be written down anywhere."""
    if "\0" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


class OnlyTextMiddleware:
    """Refuses addresses, cookies and forms that hold no text, and forms without measure."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        came = [request.path, *request.COOKIES.values(), *_given(request.GET)]
        if all(map(is_text, came)):
            return self.get_response(request)
        return errors.answer(request, NoTextError())

    def process_view(self, request: HttpRequest, *view: Any) -> HttpResponseBase | None:
        if request.content_type not in FORMS:
            return None
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            # Here, before it is read: of a form's files Django keeps all that comes, whoever asks.
            return errors.answer(request, TooLargeError("That is more than a form may hold."))
        try:
            given = [*_given(request.POST), *_given(request.FILES)]
        except UnreadablePostError:  # the sender is gone
            return None
        return None if all(map(is_text, given)) else errors.answer(request, NoTextError())


def _given(form: Mapping[str, Any]) -> Iterator[str]:
    for name in form:
        yield name
        yield from (one for one in form.getlist(name) if isinstance(one, str))  # type: ignore[attr-defined]


class TextParser(JSONParser):
    """JSON whose every text is one, and no deeper than we can read."""

    def parse(self, *source: Any, **context: Any) -> Any:
        try:
            found = super().parse(*source, **context)
        except RecursionError as error:
            raise ParseError("The JSON is nested too deep.") from error
        if all(map(is_text, _texts(found))):
            return found
        raise NoTextError


def _texts(found: Any) -> Iterator[str]:
    """Every key and value that is a text, however deep; without recursion, for depth is theirs."""
    waiting: list[Any] = [found]
    while waiting:
        match waiting.pop():
            case str(text):
                yield text
            case dict(inner):
                waiting += _flat(inner.items())
            case list(inner):
                waiting += inner


def _flat(pairs: Iterable[tuple[Any, Any]]) -> Iterator[Any]:
    for pair in pairs:
        yield from pair
