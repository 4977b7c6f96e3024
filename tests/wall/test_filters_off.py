"""With the application's own filters off, Mercy's Matteo still gets nothing of General's.

Every address that reads is asked for with General's ids, by somebody at Mercy, a program of Mercy
and a visitor with a link of Mercy's, while no query says of which institution its rows have to be,
and everything is within everybody's reach. The same without the wall shows that it is the wall.
"""

import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Q, QuerySet
from django.test import Client

import portal.principals
from sharing.access import gate
from sharing.access.principal import Principal
from sharing.grants.actions import offers
from sharing.kernel import wall
from sharing.studies.models import Series, Study
from tests import factories as f
from tests.architecture.test_routes import World, _table
from tests.grants.making import grant

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db]
# Whose rows they are is said by these; a filter that names one of them says nothing now.
WHOSE = re.compile(
    r"(^|__)(institution|custodian|recipient|membership|created_by|principal)(_id|__|$)"
)
# What only General's rows say. Names of people and institutions are no secret of a wall's.
MARKS = (b"Petra1", b"PACS of Ada")
NAMED = (
    "study_id",
    "upload_id",
    "file_id",
    "link_id",
    "invitation_id",
    "membership_id",
    "token_id",
)
PICTURES = re.compile(r"/(frames|rendered|thumbnail|download|instances)")


@pytest.fixture
def worlds() -> tuple[World, World]:
    general, mercy = World(), World("Matteo", "Cleo", "Cleo", number=2)
    general.names["grant_id"] = grant(to="Seaside").pk
    # A custodian who gives somebody one study is let through the wall as a whole (decision 8).
    offers.withdraw(uuid.UUID(str(general.names["offer_id"])), by=f.principal("Ben"))
    return general, mercy


@pytest.fixture
def filters_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every filter by institution or owner, and every reach."""
    narrow = QuerySet._filter_or_exclude_inplace  # type: ignore[attr-defined]

    def anybodys(self: Any, negate: bool, args: Any, kwargs: dict[str, Any]) -> None:
        left = {name: value for name, value in kwargs.items() if not WHOSE.search(name)}
        narrow(self, negate, [one for one in args if not _whose(one)], left)

    monkeypatch.setattr(QuerySet, "_filter_or_exclude_inplace", anybodys)
    monkeypatch.setattr(gate, "studies", lambda *_, **__: Study.objects.all())
    monkeypatch.setattr(Principal, "reached", lambda *_, **__: Series.objects.all())


def _whose(condition: Any) -> bool:
    names = [one[0] for one in _leaves(condition)] if isinstance(condition, Q) else []
    return any(WHOSE.search(name) for name in names)


def _leaves(condition: Q) -> Iterator[tuple[str, Any]]:
    for child in condition.children:
        if isinstance(child, Q):
            yield from _leaves(child)
        elif isinstance(child, tuple):
            yield child


def askers(mercy: World) -> dict[str, Client]:
    return {"Matteo": f.browser("Matteo"), "token": mercy.client("token"), "": Client()}


def shown(general: World, mercy: World) -> tuple[int, list[str]]:
    """How many addresses were asked, and which of them showed something of General's."""
    asked, found = 0, []
    names = {name: str(value) for name, value in general.names.items()}
    visitor = mercy.client("full")
    claim = str(mercy.claims["full"].claim.pk)
    for method, pattern in _table():
        if method != "GET":
            continue
        is_claims = pattern.startswith("/c/")
        address = re.sub(r"<(?:\w+:)?(\w+)>", lambda at: {**names, "claim": claim}[at[1]], pattern)
        for who, client in {"visitor": visitor}.items() if is_claims else askers(mercy).items():
            asked += 1
            if _shows(client, address, names):
                found.append(f"{who or 'nobody'}: {address}")
    return asked, found


def _shows(client: Client, address: str, names: dict[str, str]) -> bool:
    client.raise_request_exception = False
    with transaction.atomic():
        answer = client.get(address)
        body = b"".join(answer) if answer.streaming else answer.content
        transaction.set_rollback(True)
    asked = {one for one in names.values() if len(one) > 9 and one in address}
    if asked and PICTURES.search(address):
        return bool(answer.status_code < 300)
    ids = (names[one] for one in NAMED if names[one] not in asked)
    return any(one in body for one in [*MARKS, *map(str.encode, ids)])


def test_with_the_filters_off_nothing_foreign_is_shown(
    worlds: tuple[World, World], filters_off: None
) -> None:
    asked, found = shown(*worlds)
    print(f"{asked} addresses asked without the application's filters: {len(found)} show anything")
    assert asked > 100
    assert not found, "\n".join(found)


def test_it_is_the_wall_that_keeps_it(
    worlds: tuple[World, World], filters_off: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this, the test above could pass because nothing was asked."""

    def admitted(principal: Principal) -> Principal:
        wall.admit(wall.SYSTEM)
        return principal

    monkeypatch.setattr(portal.principals, "admitted", admitted)
    asked, found = shown(*worlds)
    print(f"without the wall: {len(found)} of {asked} show something of General's")
    assert len(found) > 30, "\n".join(found)
