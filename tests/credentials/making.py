"""Machines of institutions, a line each."""

from typing import Any

from django.conf import settings

from sharing.credentials.actions import machines as actions
from sharing.credentials.models import MachineClient
from sharing.credentials.rules.machines import SCOPES
from tests import factories as make
from tests.credentials import machine as m

EVERYTHING = tuple(SCOPES)
PAIR = m.elliptic()
RSA_PAIR = m.rsa_pair()


def machine(
    *pairs: m.KeyPair, by: str = "Ada", scopes: Any = EVERYTHING, **wishes: Any
) -> m.Machine:
    pairs = pairs or (PAIR,)
    made = actions.add_machine(
        by=make.principal(by),
        scopes=scopes,
        **{"name": f"PACS of {by}", "jwks": m.key_set(*pairs), **wishes},
    )
    return m.Machine(m.InProcess(), settings.BASE_URL, str(made.pk), pairs[0])


def client() -> MachineClient:
    return MachineClient.objects.get()
