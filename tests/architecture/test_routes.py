"""Every route × everybody who may come: what each gets, in one table. A route without a row fails.

The people: nobody; Ada (administrator), Ben (uploader), Rosa (reader) and Dora (compliance) at
General, to whom everything below belongs; Matteo (administrator at Mercy); a visitor with a
view-only link, one with a download link, one whose link was revoked; a program with Ben's token,
and one with a token that is none.
"""

import datetime
import functools
import re
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from portal.checks import routes
from sharing.accounts import actions as people
from sharing.accounts.rules import Role
from sharing.credentials.actions import create_token
from sharing.ingest import actions as ingest
from sharing.ingest.models import UploadFile
from sharing.kernel.requests import Origin
from sharing.links import actions as links
from sharing.links import principal as claims
from sharing.studies.models import Instance
from tests import factories as f
from tests.credentials.making import EVERYTHING, machine

TABLE = Path(__file__).with_name("routes.txt")
COLUMNS = (
    *("nobody", "Ada", "Ben", "Rosa", "Dora", "Matteo", "view", "full", "gone", "token", "wrong"),
)
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
        for name in ("Rosa", "Dora", "Matteo"):
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
            "client_id": machine(by=administrator).client_id,
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
        return f.browser("" if column == "nobody" else column)

    def address(self, pattern: str, column: str) -> str:
        """A pattern with the world's own ids in it; claims by whose visitor comes."""
        claim = self.claims.get(column, self.claims["view"]).claim.pk
        names = self.names | {"claim": claim}
        return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(names[found[1]]), pattern)


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


@pytest.mark.django_db
def test_everybody_gets_what_the_table_says() -> None:
    world = World()
    clients = {column: world.client(column) for column in COLUMNS}
    wrong = []
    for (method, pattern), expected in _table().items():
        address = functools.partial(world.address, pattern)
        found = [_status(clients[one], method, address(one)) for one in COLUMNS]
        if found != expected:
            wrong.append(f"{method} {pattern}\n   says {expected}\n  found {found}")
    assert not wrong, "\n".join(wrong)


# What a machine may not, though the token of a person who uploads may: it never shares.
SHARING = ("/share/", "/links/", "/api/links/")
# And the upload is Ben's, whose token it is: nobody goes on with another's.
OF_THE_SENDER = {
    ("DELETE", "/api/uploads/<uuid:upload_id>/"),
    ("POST", "/api/uploads/<uuid:upload_id>/finish/"),
    ("POST", "/api/uploads/<uuid:upload_id>/batch/"),
    ("GET", "/api/uploads/<uuid:upload_id>/files/"),
    ("POST", "/api/uploads/<uuid:upload_id>/files/"),
}


@pytest.mark.django_db
def test_a_machine_gets_what_a_persons_token_gets_and_shares_nothing() -> None:
    world = World()
    pacs = machine(by="Ada", name="Night PACS")
    pacs.sign_in(*EVERYTHING)
    client = Client(headers={"Authorization": f"Bearer {pacs.token}"})
    wrong = []
    for (method, pattern), expected in _table().items():
        wanted = expected[COLUMNS.index("token")]
        found = _status(client, method, world.address(pattern, "token"))
        if pattern.startswith(SHARING):
            wanted = "403"
        if (method, pattern) in OF_THE_SENDER:
            wanted = "404"
        if found != wanted:
            wrong.append(f"{method} {pattern}: {found}, not {wanted}")
    assert not wrong, "\n".join(wrong)
