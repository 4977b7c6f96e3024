"""A grant between the two institutions of a running portal, and who uses it without a browser."""

import dataclasses
import re
import uuid
from urllib.parse import urlencode

import httpx

from tests.bench.measuring import Line, signed_in
from tests.credentials.machine import KeyPair, Machine, key_set
from tests.served import Served

SCOPES = ("studies.search", "studies.view", "studies.download")
AGREED = """
import datetime
from django.utils import timezone
from sharing.access import principal as principals
from sharing.accounts.models import Institution, Membership
from sharing.credentials.actions.machines import add_machine
from sharing.grants import actions
from sharing.grants.queries.grants import waiting
from sharing.grants.rules.terms import Filter, Terms
from sharing.kernel.requests import SHELL

def by(email):
    found = Membership.objects.select_related("user", "institution").get(user__email=email)
    return principals.member(found, SHELL, credential="shell")

now = timezone.now()
general, mercy = (Institution.objects.get(name=name) for name in ("General", "Mercy"))
terms = Terms(
    actions=("search", "view", "download"),
    purpose="TREAT",
    valid_from=now,
    valid_until=now + datetime.timedelta(days=90),
    filter=Filter(modalities=({modality!r},)),
    channels=("people", "machines"),
)
made = actions.propose(
    custodian=general, recipient=mercy, terms=terms, by=by("ada@general.example")
)
for email in ("dora@general.example", "matteo@mercy.example", "nora@mercy.example"):
    actions.agree(made.pk, digest=waiting(made).digest, by=by(email))
matteo = by("matteo@mercy.example")
client = add_machine(name={name!r}, scopes={scopes!r}, jwks={jwks!r}, by=matteo)
actions.name_machine(made.pk, client.pk, by=matteo)
print(made.pk, client.pk)
"""


@dataclasses.dataclass(frozen=True)
class Agreed:
    """A grant in force, and the machine of the recipient that may use it."""

    grant: str
    machine: Machine


def agreed(portal: Served, pair: KeyPair, *, modality: str) -> Agreed:
    """General lets Mercy read its studies of one modality: made as people would, at the shell."""
    name = f"Reading room {uuid.uuid4().hex[:8]}"
    script = AGREED.format(modality=modality, name=name, scopes=SCOPES, jwks=key_set(pair))
    grant, client = portal.manage("shell", "-c", script).split()[-2:]
    return Agreed(grant, Machine(httpx.Client(timeout=30), portal.address, client, pair))


class AtTheSwitch:
    """Somebody who answers for an institution, at a grant's page, without a browser."""

    def __init__(self, portal: Served, email: str, grant: str) -> None:
        self.line: Line = signed_in(portal.address, email, portal.password)
        last = dict(one.split("=", 1) for one in self.line.headers["Cookie"].split("; "))
        self.line.headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in last.items())}
        self.page = f"/partners/{grant}/"
        _, text = self.line.send("GET", self.page)
        found = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', text.decode())
        self.token = str(found[0])

    def close(self) -> None:
        self.line.connection.close()

    def press(self, what: str) -> None:
        form = urlencode({"csrfmiddlewaretoken": self.token}).encode()
        kind = {"Content_Type": "application/x-www-form-urlencoded"}
        status, page = self.line.send("POST", f"{self.page}{what}", form, **kind)
        assert status == 302, page[:500]
