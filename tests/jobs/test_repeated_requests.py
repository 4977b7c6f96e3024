"""A program that does not know whether its request arrived sends it again, and nothing doubles."""

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory

from sharing.jobs.actions import idempotent, once
from sharing.jobs.models import IdempotentRequest, Worker
from sharing.jobs.work import sweeping
from sharing.kernel.errors import ConflictError, InvalidInputError

pytestmark = pytest.mark.django_db(transaction=True)
WHAT = hashlib.sha256(b"POST /api/links/ {}").digest()
OTHER = hashlib.sha256(b"POST /api/links/ {more}").digest()


class Links:
    """Makes something with a secret each time it is really asked."""

    def __init__(self) -> None:
        self.made = 0

    def make(self) -> tuple[int, bytes]:
        self.made += 1
        Worker.objects.create(name=f"link {self.made}", seen_at=timezone.now())
        return 201, f'{{"secret":"correct-horse-{self.made}"}}'.encode()


def ask(links: Links, *, asker: str = "person:ada", key: str = "k1", what: bytes = WHAT) -> Any:
    return once(asker=asker, key=key, fingerprint=what, answer=links.make)


def test_ada_gets_the_same_link_when_she_asks_again() -> None:
    links = Links()
    assert ask(links) == (201, b'{"secret":"correct-horse-1"}', False)
    assert ask(links) == (201, b'{"secret":"correct-horse-1"}', True)
    assert links.made == 1


def test_another_key_or_another_person_makes_another_link() -> None:
    links = Links()
    for asker, key in [("person:ada", "k1"), ("person:ada", "k2"), ("person:ben", "k1")]:
        assert ask(links, asker=asker, key=key)[2] is False
    assert links.made == 3


def test_one_key_for_two_requests_is_a_conflict() -> None:
    links = Links()
    ask(links)
    with pytest.raises(ConflictError, match="new key"):
        ask(links, what=OTHER)
    assert links.made == 1


def test_the_table_gives_neither_key_nor_secret_away() -> None:
    ask(Links(), key="a-clients-own-key")
    row = IdempotentRequest.objects.values().get()
    shown = b"".join(
        bytes(v) if isinstance(v, bytes | memoryview) else str(v).encode() for v in row.values()
    )
    assert b"correct-horse" not in shown
    assert b"a-clients-own-key" not in shown


def test_a_request_that_failed_may_be_sent_again() -> None:
    def fails() -> tuple[int, bytes]:
        Worker.objects.create(name="half a link", seen_at=timezone.now())
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 the very one
        once(asker="person:ada", key="k1", fingerprint=WHAT, answer=fails)
    assert not Worker.objects.exists()
    assert ask(Links()) == (201, b'{"secret":"correct-horse-1"}', False)


def test_an_answer_that_is_no_success_is_not_kept() -> None:
    assert once(asker="a", key="k", fingerprint=WHAT, answer=lambda: (422, b"no")) == (
        422,
        b"no",
        False,
    )
    assert once(asker="a", key="k", fingerprint=WHAT, answer=lambda: (201, b"y")) == (
        201,
        b"y",
        False,
    )


@pytest.mark.parametrize("key", ["", "x" * 201, "ä", "line\nbreak"])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(InvalidInputError):
        ask(Links(), key=key)


def test_two_requests_at_the_same_moment_make_one_link() -> None:
    links, start = Links(), threading.Barrier(4)

    def send() -> Any:
        start.wait()
        try:
            return ask(links)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        answers = [one.result() for one in [pool.submit(send) for _ in range(4)]]
    assert {body for _, body, _ in answers} == {b'{"secret":"correct-horse-1"}'}
    assert sorted(again for _, _, again in answers) == [False, True, True, True]
    assert Worker.objects.count() == 1


def test_after_a_day_the_answer_is_forgotten() -> None:
    links = Links()
    ask(links)
    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert ask(links)[2] is False
    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(hours=25))
    sweeping.clear()
    assert not IdempotentRequest.objects.exists()


def request(body: dict[str, Any], key: str | None) -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    plain: Any = APIRequestFactory().post("/api/links/", body, format="json", headers=headers)
    plain.principal = SimpleNamespace(
        actor=SimpleNamespace(kind="person", id="ada"), membership=None
    )
    from rest_framework.parsers import JSONParser
    from rest_framework.request import Request

    return Request(plain, parsers=[JSONParser()])


class LinkList:
    made = 0

    @idempotent
    def post(self, request: Any) -> Response:
        self.made += 1
        return Response({"number": self.made, "note": request.data["note"]}, status=201)


def test_a_rest_method_answers_a_repeated_request_as_the_first() -> None:
    view = LinkList()
    first = view.post(request({"note": "for Ben"}, "k1"))
    again = view.post(request({"note": "for Ben"}, "k1"))
    assert again.data == first.data == {"number": 1, "note": "for Ben"}
    assert again.status_code == 201
    assert again.headers["Idempotent-Replay"] == "true"
    with pytest.raises(ConflictError):
        view.post(request({"note": "for Cleo"}, "k1"))


def test_a_rest_method_without_a_key_does_it_each_time() -> None:
    view = LinkList()
    assert [view.post(request({"note": ""}, None)).data["number"] for _ in range(2)] == [1, 2]
