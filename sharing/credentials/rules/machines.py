"""Pure rules of machines: their states and moves, their scopes, and which assertions count.

SMART Backend Services 2.2, RFC 7523, RFC 8725; RFC 8705 for certificates.
"""

import datetime
import ipaddress
from collections.abc import Iterable

from django.db.models import Q, TextChoices

from sharing.access.rules import Action

MACHINE_PREFIX = "hvm"
TOKEN_LASTS = datetime.timedelta(seconds=300)
ASSERTION_LASTS = datetime.timedelta(minutes=5)
LEEWAY = datetime.timedelta(seconds=30)  # how far the clocks of both sides may differ
LONGEST_ASSERTION = 8192
LONGEST_JTI = 255
SMALLEST_RSA = 2048
KEYS_LAST = datetime.timedelta(minutes=5)  # how long keys from an address count without asking
ASK_AGAIN = datetime.timedelta(seconds=30)  # between two questions that a stranger could cause
MOST_KEYS = 20
KEYS_END_SOON = datetime.timedelta(days=30)  # when the list begins to say so
LARGEST_JWKS = 64 * 1024
LARGEST_PEM = 16 * 1024
LONGEST_SUBJECT = 300
MOST_CERTIFICATES = 10
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ("RS384", "ES384")

# Our own names: SMART's `system/…` scopes speak of FHIR resources, and these are no FHIR reads.
SCOPES: dict[str, Action] = {
    "studies.search": Action.SEARCH,
    "studies.view": Action.VIEW,
    "studies.download": Action.DOWNLOAD,
    "studies.upload": Action.UPLOAD,
}
SCOPE_WORDS = {
    "studies.search": "find studies and read what a list shows",
    "studies.view": "read image details and pictures",
    "studies.download": "get the files",
    "studies.upload": "send studies and read the receipts of what it sent",
}


class Proof(TextChoices):
    """What a machine shows to sign in. One with a key may show a certificate as well."""

    KEY = "key", "A key"
    BOTH = "key-and-certificate", "A key, and a certificate with each request"
    CERTIFICATE = "certificate", "A certificate alone"


class MachineState(TextChoices):
    ACTIVE = "active", "Active"
    SUSPENDED = "suspended", "Suspended"
    REVOKED = "revoked", "Revoked"


MOVES: dict[MachineState, frozenset[MachineState]] = {
    MachineState.ACTIVE: frozenset({MachineState.SUSPENDED, MachineState.REVOKED}),
    MachineState.SUSPENDED: frozenset({MachineState.ACTIVE, MachineState.REVOKED}),
    MachineState.REVOKED: frozenset(),  # for good: a new machine gets a new client id
}


def may_move(now: str, then: MachineState) -> bool:
    return then in MOVES[MachineState(now)]


def with_keys(now: datetime.datetime, prefix: str = "") -> Q:
    """The machines whose keys have not ended, or that sign in without."""
    end = f"{prefix}keys_end_at"
    without = Q(**{f"{prefix}proof": Proof.CERTIFICATE})
    return Q(**{end: None}) | Q(**{f"{end}__gt": now}) | without


def counts_at(now: datetime.datetime) -> Q:
    """The certificates that count at a moment."""
    return Q(begins_at__lte=now, ends_at__gt=now)


def actions_of(scopes: Iterable[str]) -> frozenset[Action]:
    """What scopes allow; a name that is none allows nothing."""
    return frozenset(SCOPES[one] for one in scopes if one in SCOPES)


def is_within(address: str, networks: Iterable[str]) -> bool:
    """Whether an address lies in one of the networks; without networks, any does."""
    wanted = [ipaddress.ip_network(one) for one in networks]
    if not wanted:
        return True
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(ip in one for one in wanted)
