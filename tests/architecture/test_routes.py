"""Every route × everybody who may come: what each gets, in one table. A route without a row fails.

Everything that an address names belongs to General. Who comes, and what they are to it:

- `nobody`: not signed in;
- `Ada` (administrator), `Ben` (uploader), `Rosa` (reader), `Dora` (compliance) at General, the owner;
- `Matteo`, `Cleo`, `Rafa`, `Nora` likewise at Mercy, which a grant lets search, view and download;
- `Otto`, `Lena`, `Lars`, `Lila` likewise at Lakeside, which is a stranger;
- `Sven`, an uploader of General who is suspended; `Hugo`, administrator at Harbor, whose grant has
  run out; `Pat`, a patient with an account and no institution;
- visitors with a `view`-only link, with a `full` one, with one that is `gone` (revoked);
- programs: with Ben's `token`, with a `wrong` one, the machine `pacs` of General, the machine `inside`
  of Mercy whose grant gives the study, the machine `outside` of Seaside whose grant gives others,
  and `pacs` again with a token for another `audience`.

`WRITE_ROUTES=1 pytest tests/architecture/test_routes.py` writes what it finds into the table; the
rules below hold for whatever stands there.
"""

import datetime
import functools
import os
import re
import uuid
from collections.abc import Iterable, Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from portal.checks import routes
from sharing.accounts import actions as people
from sharing.accounts.models import Institution, Membership
from sharing.accounts.rules import MembershipState, Role
from sharing.credentials.actions import create_token
from sharing.credentials.models import MachineClient, MachineToken
from sharing.grants.actions import name_machine, offers, requests
from sharing.grants.models import GrantVersion
from sharing.ingest import actions as ingest
from sharing.ingest.models import UploadFile
from sharing.kernel.requests import Origin
from sharing.links import actions as links
from sharing.links import principal as claims
from sharing.studies.models import Instance
from tests import factories as f
from tests.credentials.certificates import certificate
from tests.credentials.making import EVERYTHING, machine
from tests.grants.making import grant, listed
from tests.research.making import prepared

TABLE = Path(__file__).with_name("routes.txt")
OWNERS = ("Ada", "Ben", "Rosa", "Dora")
PARTNERS = ("Matteo", "Cleo", "Rafa", "Nora")
STRANGERS = ("Otto", "Lena", "Lars", "Lila")
SHUT_OUT = ("Sven", "Hugo", "Pat")
VISITORS = ("view", "full", "gone")
PROGRAMS = ("token", "wrong", "pacs", "inside", "outside", "audience")
COLUMNS = ("nobody", *OWNERS, *PARTNERS, *STRANGERS, *SHUT_OUT, *VISITORS, *PROGRAMS)
QUARTERS = 4  # the table is asked in so many parts, each in a world of its own
Row = tuple[str, str]


def _table() -> dict[Row, list[str]]:
    """The rows of routes.txt: method, address pattern, a status for each column."""
    found: dict[Row, list[str]] = {}
    for line in TABLE.read_text().splitlines():
        cells = line.split()
        if not cells or cells[0].startswith("#") or cells[0] == "route":
            continue
        found[cells[0], cells[1]] = cells[2:]
    return found


class World:
    """An institution has a study, an upload, three links and an invitation; each visitor a cookie."""

    def __init__(
        self,
        administrator: str = "Ada",
        uploader: str = "Ben",
        colleague: str = "Rosa",
        *,
        number: int = 1,
    ) -> None:
        ada, ben = f.principal(administrator), f.principal(uploader)
        for name in f.WORK:
            f.member(name)
        study = f.study(ben, number=number)
        upload = ingest.start_upload(by=ben)
        instance = Instance.objects.filter(series__study=study).select_related("series")[0]
        self.claims = {
            "view": self._claim(study, ben),
            "full": self._claim(study, ben, may_download=True),
            "gone": self._claim(study, ben),
        }
        links.revoke_link(self.claims["gone"].claim.link_id, by=ben)
        self.token = create_token(
            membership=f.member(uploader), lifetime=datetime.timedelta(days=1), by=ben
        )
        self.machines: dict[str, str] = {}
        pacs = machine(by=administrator, pem=certificate().pem)
        self.machine = MachineClient.objects.get(pk=pacs.client_id)
        self.names = {
            "study_id": study.pk,
            "within": study.pk,
            "upload_id": upload.pk,
            "file_id": UploadFile.objects.filter(instance=instance)[0].pk,
            "link_id": self.claims["view"].claim.link_id,
            "membership_id": f.member(colleague).pk,
            "invitation_id": people.invite(email="n@x.example", role=Role.READER, by=ada).pk,
            "department_id": people.add_department("Radiology", by=ada).pk,
            "evidence_id": people.begin_domain(
                f"{administrator.lower()}.example", by=ada
            ).evidence.pk,
            "token_id": self.token.token.pk,
            "client_id": self.machine.pk,
            "certificate_id": self.machine.certificates.get().pk,
            **self._shared(ben, number),
            **prepared(study, by=administrator),
            "study_uid": study.uid,
            "series_uid": instance.series.uid,
            "uid": instance.uid,
            "numbers": "1",
            "number": "1",
            "pk": 1,
            "key": "none",
            "uidb36": "none",
        }

    @staticmethod
    def _shared(ben: Any, number: int) -> dict[str, Any]:
        """Another study, sent to a partner, and images for which that partner asks."""
        partner, asker = ("Mercy", "Cleo") if number == 1 else ("Seaside", "Sara")
        home = ben.membership.institution
        listed(partner, home.name)
        sent = offers.send(
            f.study(ben, number=number + 50, images=1).pk,
            to=Institution.objects.get(name=partner).pk,
            by=ben,
        )
        request = requests.ask(
            home.pk, patient_name="Probe", patient_id="P", reason="Today.", by=f.principal(asker)
        )
        return {"offer_id": sent.pk, "request_id": request.pk}

    @staticmethod
    def _claim(study: Any, ben: Any, **options: Any) -> links.Claimed:
        made = links.create_link(items=[(study, None)], by=ben, **options)
        secret = made.url.rpartition(".")[2]
        claimed = links.claim_link(made.link.pk, secret, origin=Origin(), passcode=made.passcode)
        assert isinstance(claimed, links.Claimed)
        return claimed

    def client(self, column: str) -> Client:
        if column in self.claims:
            client = Client()
            claimed = self.claims[column]
            for cookie in claims.cookies(claimed.claim, claimed.secret):
                client.cookies[cookie["key"]] = cookie["value"]
            return client
        if column in ("token", "wrong"):
            text = self.token.text if column == "token" else self.token.text[:-4] + "0000"
            return Client(headers={"Authorization": f"Bearer {text}"})
        if column in self.machines:
            return Client(headers={"Authorization": f"Bearer {self.machines[column]}"})
        return f.browser("" if column == "nobody" else column)

    def address(self, pattern: str, column: str) -> str:
        """A pattern with the world's own ids in it; claims by whose visitor comes."""
        claim = self.claims.get(column, self.claims["view"]).claim.pk
        names = self.names | {"claim": claim}
        return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(names[found[1]]), pattern)


def invite_partners(world: World) -> None:
    """Mercy with a grant, Seaside with one for something else, Harbor with one that has run out."""
    Membership.objects.filter(user__name="Sven").update(state=MembershipState.SUSPENDED)
    given, elsewhere = grant(), grant(to="Seaside", narrowed={"modalities": ("US",)})
    over = grant(to="Harbor")
    now = timezone.now()
    GrantVersion.objects.filter(grant=over).update(
        valid_from=now - datetime.timedelta(days=9), valid_until=now - datetime.timedelta(days=2)
    )
    for column, by, agreement in (
        ("pacs", "Ada", None),
        ("inside", "Matteo", given),
        ("outside", "Sara", elsewhere),
        ("audience", "Ada", None),
    ):
        program = machine(by=by, name=column)
        program.sign_in(*EVERYTHING)
        world.machines[column] = program.token
        if agreement is not None:
            name_machine(agreement.pk, uuid.UUID(program.client_id), by=f.principal(by))
        if column == "audience":
            other = MachineToken.objects.filter(client=uuid.UUID(program.client_id))
            other.update(audience="https://elsewhere.example")
    world.names["grant_id"] = given.pk


def _plain(pattern: str) -> str:
    """allauth's regular expressions, written as the other addresses are."""
    return re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<\1>", pattern).replace("^", "").replace("$", "")


def _status(client: Client, method: str, address: str) -> str:
    """What comes back; what it did, to the database or the browser, is undone."""
    kind: dict[str, Any] = {}
    if address.startswith("/api/"):
        kind = {"content_type": "application/json", "headers": {"Tus-Resumable": "1.0.0"}}
    body: tuple[Any, ...] = () if method in ("GET", "HEAD") else ({},)
    cookies = SimpleCookie(client.cookies)
    with transaction.atomic():
        answer = getattr(client, method.lower())(address, *body, **kind)
        if answer.streaming:
            b"".join(answer)
        transaction.set_rollback(True)
    client.cookies = cookies
    return str(answer.status_code)


def test_every_route_has_its_row() -> None:
    known = {pattern.partition("?")[0] for _, pattern in _table()}
    there = {"/" + _plain(address) for address, _ in routes()}
    assert there == known


def _asked(rows: Iterable[Row]) -> dict[Row, list[str]]:
    """What everybody gets, asked anew."""
    world = World()
    invite_partners(world)
    clients = {column: world.client(column) for column in COLUMNS}
    found = {}
    for method, pattern in rows:
        address = functools.partial(world.address, pattern)
        found[method, pattern] = [_status(clients[one], method, address(one)) for one in COLUMNS]
    return found


@pytest.mark.django_db
@pytest.mark.parametrize("quarter", range(QUARTERS), ids=lambda one: f"quarter {one + 1}")
def test_everybody_gets_what_the_table_says(quarter: int) -> None:
    table = _table()
    found = _asked(list(table)[quarter::QUARTERS])
    if "WRITE_ROUTES" in os.environ:
        _write({**table, **found})
    wrong = [
        f"{method} {pattern}\n   says {_named(table[method, pattern])}\n  found {_named(cells)}"
        for (method, pattern), cells in found.items()
        if cells != table[method, pattern] and "WRITE_ROUTES" not in os.environ
    ]
    assert not wrong, "\n".join(wrong)


def _named(cells: list[str]) -> str:
    return " ".join(f"{name}:{cell}" for name, cell in zip(COLUMNS, cells, strict=False))


def _write(table: dict[Row, list[str]]) -> None:
    """The table again, with its comments and in its order."""
    width = max(len(pattern) for _, pattern in table) + 9
    lines = []
    for line in TABLE.read_text().splitlines():
        words = line.split()
        if words and words[0] == "route":
            lines.append(f"{'route':<{width}}{''.join(f'{name:>9}' for name in COLUMNS)}")
        elif not words or words[0].startswith("#"):
            lines.append(line)
        else:
            cells = "".join(f"{cell:>9}" for cell in table[words[0], words[1]])
            lines.append(f"{f'{words[0]:<7}{words[1]}':<{width}}{cells}")
    TABLE.write_text("\n".join(lines) + "\n")


# ---- What has to hold for whatever stands in the table -----------------------------------------

# A search inside of what is not there finds nothing, which is what it answers.
FINDS_NOTHING = ("GET", "/studies/<uuid:within>/dicom-web/studies")
# What is no id of anything that an institution has.
OF_WHOEVER_ASKS = frozenset({"key", "uidb36", "pk", "number", "numbers"})


def _names_something(pattern: str) -> bool:
    named = re.findall(r"<(?:\w+:)?(\w+)>", pattern)
    return bool(set(named) - OF_WHOEVER_ASKS)


def _cells(*columns: str) -> Iterator[tuple[Row, str, str]]:
    for row, cells in _table().items():
        for column in columns:
            yield row, column, cells[COLUMNS.index(column)]


def test_a_stranger_gets_nothing_that_is_generals() -> None:
    shut = (*STRANGERS, *SHUT_OUT, "nobody", "wrong", "outside", "audience")
    open_ = [
        f"{row}: {column} gets {cell}"
        for row, column, cell in _cells(*shut)
        if _names_something(row[1]) and not row[1].startswith("/c/") and cell.startswith("2")
        if row != FINDS_NOTHING
    ]
    assert not open_, "\n".join(open_)


def test_a_visitor_gets_nothing_outside_their_claim_and_one_whose_link_is_gone_nothing() -> None:
    open_ = [
        f"{row}: {column} gets {cell}"
        for row, column, cell in _cells(*VISITORS)
        if _names_something(row[1])
        and cell.startswith("2")
        and (column == "gone" or not row[1].startswith("/c/"))
    ]
    assert not open_, "\n".join(open_)


def test_a_partner_reads_and_never_writes() -> None:
    """But for what both sides do to what they share: the grant itself, and what was sent."""
    shared = re.compile(r"<uuid:(grant|offer|request)_id>")
    open_ = [
        f"{row}: {column} gets {cell}"
        for row, column, cell in _cells(*PARTNERS, "inside")
        if row[0] not in ("GET", "HEAD")
        and _names_something(row[1])
        and not shared.search(row[1])
        and cell[0] in "23"
        and cell != "302"
    ]
    assert not open_, "\n".join(open_)


def test_whoever_is_not_known_is_told_nothing_but_to_sign_in() -> None:
    for row, column, cell in _cells("nobody", "wrong", "audience"):
        if _names_something(row[1]) and not row[1].startswith("/c/"):
            assert cell in ("302", "401", "404", "405", "412"), (row, column, cell)
