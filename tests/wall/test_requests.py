"""What a request was told is never kept: neither on its connection nor in its thread."""

import contextlib
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import Error, connection, connections, transaction
from django.test import Client
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from portal.wall import WallMiddleware
from sharing.access import gate
from sharing.accounts.models import Membership
from sharing.kernel import wall
from sharing.kernel.wall import CLOSED, SYSTEM, Scope
from sharing.studies.models import Study
from tests import factories as f

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
TOLD = (
    "SELECT current_setting('handover.own', true), current_setting('handover.reads', true),"
    " current_setting('handover.asker', true)"
)
Told = tuple[str, str, str]


def told() -> Told:
    """What PostgreSQL itself holds for this connection."""
    with connection.connection.cursor() as cursor:
        found: Told = cursor.execute(TOLD).fetchone()
    return found


def as_told(scope: Scope) -> Told:
    own, reads = ("{" + ",".join(sorted(map(str, ones))) + "}" for ones in (scope.own, scope.reads))
    return own, reads, scope.asker


@contextlib.contextmanager
def listening() -> Iterator[list[Told]]:
    """What PostgreSQL holds at the moment of each statement of this thread."""
    heard: list[Told] = []

    def hear(execute: Callable[..., Any], *statement: Any) -> Any:
        if not statement[0].startswith("ROLLBACK"):  # in a transaction that failed nothing is asked
            heard.append(told())
        return execute(*statement)

    with connection.execute_wrapper(hear):
        yield heard


def institution(name: str) -> uuid.UUID:
    return f.member(name).institution_id


def foreign(heard: list[Told], name: str) -> list[Told]:
    """What was asked neither for finding out who asks, nor for the institution of `name`."""
    own = "{" + str(institution(name)) + "}" if name else "{}"
    return [one for one in heard if one[2] != "system" and (one[0] not in ("{}", own))]


def test_one_connection_serves_ada_then_matteo_then_nobody() -> None:
    f.study(f.principal("Ada"))
    f.study(f.principal("Cleo"), number=2)
    ada, matteo = f.browser("Ada"), f.browser("Matteo")
    for _ in range(2):
        with listening() as heard:
            assert b"Petra1" in ada.get("/").content
        assert heard
        assert not foreign(heard, "Ada")
        with listening() as heard:
            page = matteo.get("/").content
        assert b"Petra2" in page
        assert b"Petra1" not in page
        assert heard
        assert not foreign(heard, "Matteo")
        with listening() as heard:
            Client().get("/s")
            Client().post("/s", {"link": "x"})
            Client().get("/accounts/login/")
        assert not foreign(heard, "")


def test_what_broke_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    study = f.study(f.principal("Ada"))
    ada, matteo = f.browser("Ada"), f.browser("Matteo")
    ada.raise_request_exception = False

    @transaction.atomic
    def breaks(*_: Any, **__: Any) -> None:
        assert Study.objects.filter(pk=study.pk).exists()
        with contextlib.suppress(Error), transaction.atomic():
            connection.cursor().execute("SELECT 1 / 0")
        assert Study.objects.filter(pk=study.pk).exists()
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(gate, "searched", breaks)
        assert ada.get("/").status_code == 500
    with listening() as heard:
        assert matteo.get(f"/studies/{study.pk}/").status_code == 404
        assert matteo.get("/").status_code == 200
    assert not foreign(heard, "Matteo")


def test_what_streams_asks_as_its_own_request_did(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ada's archive is still on its way while the same thread answers Matteo."""
    monkeypatch.setattr(gate, "ASKED_EVERY", -1.0)
    study = f.study(f.principal("Ada"))
    archive = f.browser("Ada").get(f"/studies/{study.pk}/download")
    assert archive.status_code == 200
    pieces = iter(archive)
    matteo = f.browser("Matteo")
    with listening() as heard:
        next(pieces)
    assert heard
    assert not foreign(heard, "Ada")
    with listening() as heard:
        matteo.get("/")
    assert not foreign(heard, "Matteo")
    with listening() as heard:
        rest = b"".join(pieces)
    assert rest
    assert {one[0] for one in heard} == {"{" + str(institution("Ada")) + "}"}
    assert wall.current() == SYSTEM  # of the test itself


def test_the_end_of_a_stream_asks_so_too() -> None:
    seen: list[Scope] = []
    scope = Scope(asker="Ada")

    def chunks() -> Iterator[bytes]:
        try:
            yield b"1"
            yield b"2"
        finally:
            seen.append(wall.current())

    def view(request: Any) -> Any:
        from django.http import StreamingHttpResponse

        wall.admit(scope)
        return StreamingHttpResponse(chunks())

    response: Any = WallMiddleware(view)(None)  # type: ignore[arg-type]
    assert next(iter(response)) == b"1"
    response.close()
    assert seen == [scope]


def test_two_threads_never_ask_for_each_other() -> None:
    f.study(f.principal("Ada"))
    f.study(f.principal("Cleo"), number=2)
    barrier, wrong = threading.Barrier(2), []

    def work(name: str, mine: bytes, other: bytes, client: Client) -> None:
        try:
            for _ in range(10):
                barrier.wait(30)
                with listening() as heard:
                    page = client.get("/").content
                if mine not in page or other in page or foreign(heard, name):
                    wrong.append(name)
        finally:
            connections.close_all()

    both = (
        threading.Thread(target=work, args=("Ada", b"Petra1", b"Petra2", f.browser("Ada"))),
        threading.Thread(target=work, args=("Matteo", b"Petra2", b"Petra1", f.browser("Matteo"))),
    )
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert not wrong


def test_a_thread_asks_for_what_is_carried_over() -> None:
    f.study(f.principal("Ada"))
    general = frozenset({institution("Ada")})
    seen: list[int] = []

    def look() -> None:
        seen.append(Study.objects.count())
        connection.close()

    with wall.request():
        look()
        wall.admit(Scope(reads=general))
        look()
        thread = threading.Thread(target=wall.carried(look))
        thread.start()
        thread.join()
    assert seen == [0, 1, 1]


SCOPES = st.sampled_from(
    [CLOSED, SYSTEM, Scope(own=frozenset({uuid.UUID(int=1)})), Scope(asker="Ada")]
)
STEPS = st.recursive(
    st.sampled_from(["ask", "fail"]),
    lambda inner: st.tuples(
        st.sampled_from(["commit", "roll back", "break"]) | SCOPES, st.lists(inner, max_size=4)
    ),
    max_leaves=12,
)


@hypothesis_settings(max_examples=150)
@given(st.lists(STEPS, max_size=5))
def test_whatever_is_undone_each_statement_is_asked_as_the_code_says(steps: list[Any]) -> None:
    """Scopes within transactions within scopes; PostgreSQL undoes what it was told with the rest."""
    for step in steps:
        _take(step)
    _ask()


def _ask() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert told() == as_told(wall.current())


class _BreakError(Exception):
    pass


def _take(step: Any) -> None:
    if step == "ask":
        _ask()
    elif step == "fail":
        with contextlib.suppress(Error), transaction.atomic():
            _ask()
            connection.cursor().execute("SELECT 1 / 0")
    elif isinstance(step[0], Scope):
        with wall.scoped(step[0]):
            for one in step[1]:
                _take(one)
    else:
        _within_a_transaction(*step)


def _within_a_transaction(end: str, steps: list[Any]) -> None:
    with contextlib.suppress(_BreakError), transaction.atomic():
        for one in steps:
            _take(one)
        if end == "roll back":
            transaction.set_rollback(True)
        if end == "break":
            with wall.scoped(Scope(asker="Ben")):
                _ask()
                raise _BreakError


def test_a_fresh_connection_is_told_again() -> None:
    with wall.scoped(Scope(own=frozenset({institution("Ada")}))):
        assert Membership.objects.exists()
        connection.close()
        assert Membership.objects.exists()
    with wall.scoped(CLOSED):
        connection.close()
        assert not Membership.objects.exists()
