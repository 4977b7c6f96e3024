"""Whoever swaps an id in an address for one of another institution gets nothing, and learns nothing.

Every route that names something of General is asked for by General's people, programs and a
visitor, with each of its ids, and every choice of several, swapped for Mercy's. The answer has to
be the very one that is given to an id that nobody has. Mercy has given General a grant, for other
studies than the one that is asked for.
"""

import functools
import itertools
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from sharing.grants.actions import name_machine
from tests import factories as f
from tests.architecture.test_routes import World, _table
from tests.credentials.making import EVERYTHING, machine
from tests.grants.making import grant

pytestmark = pytest.mark.django_db
VISITORS, PEOPLE, PROGRAMS = ("full",), ("Ada", "Ben"), ("token", "pacs")
PLACE = re.compile(r"<(?:\w+:)?(\w+)>")


def ids(world: World) -> dict[str, str]:
    """What the world's addresses name, but for what is the same everywhere."""
    own = {name: str(value) for name, value in world.names.items()}
    for name in ("numbers", "number", "pk", "key", "uidb36"):
        del own[name]
    return own | {"claim": str(world.claims["full"].claim.pk)}


def nobodys(theirs: dict[str, str]) -> dict[str, str]:
    """Ids of the same kinds that nothing has."""
    dicom = {"study_uid", "series_uid", "uid"}
    return {
        name: f"2.25.{uuid.uuid4().int}" if name in dicom else str(uuid.uuid4()) for name in theirs
    }


def choices(pattern: str, known: dict[str, str]) -> Iterator[tuple[str, ...]]:
    """Each id of an address alone, and every choice of several."""
    named = sorted({name for name in PLACE.findall(pattern) if name in known})
    for count in range(1, len(named) + 1):
        yield from itertools.combinations(named, count)


def askers(pattern: str) -> tuple[str, ...]:
    """Whoever may get something there with General's own ids."""
    if pattern.startswith("/c/"):
        return VISITORS
    is_for_programs = pattern.startswith(("/api/", "/dicom-web/"))
    return PEOPLE + PROGRAMS if is_for_programs else PEOPLE


def filled(pattern: str, values: dict[str, str]) -> str:
    return PLACE.sub(lambda found: values.get(found[1], "1"), pattern)


def ask(client: Client, method: str, address: str) -> Any:
    """The answer; what it did is undone."""
    kind: dict[str, Any] = {}
    if address.startswith("/api/"):
        kind = {"content_type": "application/json", "headers": {"Tus-Resumable": "1.0.0"}}
    body: tuple[Any, ...] = () if method in ("GET", "HEAD") else ({},)
    with transaction.atomic():
        answer = getattr(client, method.lower())(address, *body, **kind)
        if answer.streaming:
            answer.seen = b"".join(answer)
        else:
            answer.seen = answer.content
        transaction.set_rollback(True)
    return answer


def what_is_told(answer: Any, values: dict[str, str]) -> tuple[int, str, str]:
    """Status, kind and words of an answer, without the ids that were asked for."""
    words = answer.seen.decode(errors="replace") + answer.get("Location", "")
    for value in sorted(values.values(), key=len, reverse=True):
        words = words.replace(value, "…")
    return answer.status_code, answer.get("Content-Type", ""), words


def is_success(answer: Any) -> bool:
    """Whether it gave anything; a search that found nothing did not."""
    if answer.seen == b"[]":
        return False
    if 300 <= answer.status_code < 400:
        return "/accounts/" not in answer["Location"]
    return bool(answer.status_code < 300)


def test_no_id_of_another_institution_opens_anything_or_says_that_it_is_there() -> None:
    general, mercy = World(), World("Matteo", "Cleo", "Cleo", number=2)
    agreement = grant(of="Mercy", to="General", narrowed={"modalities": ("US",)})
    pacs = machine(by="Ada", name="Night PACS")
    pacs.sign_in(*EVERYTHING)
    general.machines["pacs"] = pacs.token
    name_machine(agreement.pk, uuid.UUID(pacs.client_id), by=f.principal("Ada"))
    for world, sides in ((general, {"to": "Seaside"}), (mercy, {"of": "Mercy", "to": "Harbor"})):
        world.names["grant_id"] = grant(**sides, narrowed={"modalities": ("US",)}).pk
    own, theirs = ids(general), ids(mercy)
    strange = nobodys(theirs)
    asked, opened, told = 0, [], []
    for method, pattern in _table():
        for asker, swapped in itertools.product(askers(pattern), choices(pattern, own)):
            client = general.client(asker)
            request = functools.partial(ask, client, method)
            values = own | {name: theirs[name] for name in swapped}
            unknown = own | {name: strange[name] for name in swapped}
            answer = request(filled(pattern, values))
            asked += 1
            case = f"{asker}: {method} {pattern} with Mercy's {', '.join(swapped)}"
            if is_success(answer):
                opened.append(f"{case}: {answer.status_code}")
            blank = request(filled(pattern, unknown))
            if what_is_told(answer, values) != what_is_told(blank, unknown):
                told.append(f"{case}: {answer.status_code} against {blank.status_code}")
    print(f"{asked} requests with swapped ids: {len(opened)} successes, {len(told)} tell-tales")
    assert asked > 500
    assert not opened, "\n".join(opened)
    assert not told, "\n".join(told)
