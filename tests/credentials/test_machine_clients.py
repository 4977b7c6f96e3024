"""Who looks after machines, what they may do at most, and who learns about their tokens."""

import datetime
import json
from typing import Any

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import ec

from sharing.access.rules import CREDENTIAL_ACTIONS, Action, Credential, carries
from sharing.audit.models import AuditEvent
from sharing.audit.rules import Act
from sharing.credentials.actions import machines as actions
from sharing.credentials.models import MachineClient, MachineToken, UsedAssertion
from sharing.credentials.rules.machines import MOVES, MachineState
from sharing.credentials.tasks import sweep
from sharing.kernel.errors import (
    ConflictError,
    InvalidInputError,
    NotAllowedError,
    NotThereError,
)
from tests import factories as make
from tests.credentials import machine as m
from tests.credentials.making import PAIR, RSA_PAIR, client, machine

pytestmark = pytest.mark.django_db


# ---- Introspection -----------------------------------------------------------------------------


def _told(asker: m.Machine, token: str, **form: str) -> Any:
    headers = {} if form else {"Authorization": f"Bearer {asker.token}"}
    url = f"{asker.home}/oauth/introspect"
    return asker.web.request("POST", url, data={"token": token, **form}, headers=headers).json()


def test_a_machine_asks_about_its_own_tokens():
    pacs = machine()
    pacs.sign_in("studies.search")
    told = _told(pacs, pacs.token)
    assert (told["active"], told["scope"]) == (True, "studies.search")
    assert told["client_id"] == told["sub"] == pacs.client_id
    assert told["exp"] - told["iat"] == 300
    proof = {"client_assertion_type": m.ASSERTION_TYPE, "client_assertion": pacs.assertion()}
    assert _told(pacs, pacs.token, **proof) == told
    assert _told(pacs, pacs.token, **proof) == {"active": False}  # used up
    assert _told(pacs, "hvm_none") == {"active": False}


def test_strangers_learn_nothing_about_a_token():
    pacs, other = machine(), machine(by="Matteo")
    pacs.sign_in("studies.search")
    other.sign_in("studies.search")
    assert _told(other, pacs.token) == {"active": False}
    other.token = "wrong"
    assert _told(other, pacs.token) == {"active": False}


# ---- Administrators ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "jwks",
    [
        "no json",
        "[]",
        '{"keys": []}',
        '{"keys": [1]}',
        "[" * 5000,
        m.key_set(m.rsa_pair(bits=1024)),
        m.key_set(m.elliptic(curve=ec.SECP256R1())),
        json.dumps({"keys": [{**PAIR.public, "kid": ""}]}),
        json.dumps({"keys": [{**PAIR.public, "use": "enc"}]}),
        json.dumps({"keys": [{**PAIR.public, "alg": "ES256"}]}),
        json.dumps({"keys": [PAIR.public, {"kty": "oct", "k": "c2VjcmV0", "kid": "s"}]}),
        json.dumps({"keys": [{**PAIR.public, "d": "x"}]}),
        json.dumps({"keys": [PAIR.public] * 21}),
    ],
    ids=range(13),
)
def test_keys_that_cannot_be_used_are_told_so(jwks):
    with pytest.raises(InvalidInputError):
        machine(jwks=jwks)


def test_keys_or_an_address_not_both_and_a_scope():
    for wrong in ({"jwks_url": "https://x.example/k"}, {"jwks": ""}, {"scopes": ["x"]}):
        with pytest.raises(InvalidInputError):
            machine(**wrong)
    assert not MachineClient.objects.exists()


def test_nobody_but_the_administrators_of_its_institution():
    machine()
    with pytest.raises(NotAllowedError):
        actions.move(client().pk, MachineState.REVOKED, by=make.principal("Ben"))
    with pytest.raises(NotThereError):
        actions.move(client().pk, MachineState.REVOKED, by=make.principal("Matteo"))
    with pytest.raises(NotThereError):
        actions.change_keys(client().pk, jwks=m.key_set(PAIR), by=make.principal("Matteo"))
    with pytest.raises(ConflictError):
        machine()


@pytest.mark.parametrize("now_", MachineState)
@pytest.mark.parametrize("then", MachineState)
def test_every_move_is_in_the_table(now_, then):
    machine()
    MachineClient.objects.update(state=now_)
    if then in MOVES[now_]:
        actions.move(client().pk, then, by=make.principal("Ada"))
        assert client().state == then
    else:
        with pytest.raises(ConflictError):
            actions.move(client().pk, then, by=make.principal("Ada"))
        assert client().state == now_


def test_what_is_done_to_a_machine_is_written_down():
    machine()
    ada = make.principal("Ada")
    actions.change_keys(client().pk, jwks=m.key_set(RSA_PAIR), by=ada)
    actions.move(client().pk, MachineState.SUSPENDED, by=ada)
    rows = AuditEvent.objects.order_by("pk")
    assert [(row.action, row.detail.get("what")) for row in rows] == [
        (Act.MACHINE_ADDED, None),
        (Act.MACHINE_CHANGED, "keys"),
        (Act.MACHINE_CHANGED, "suspended"),
    ]


def test_what_has_ended_is_swept_away():
    machine().sign_in("studies.search")
    sweep(None)
    assert (UsedAssertion.objects.count(), MachineToken.objects.count()) == (1, 1)
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=20)
    with time_machine.travel(later):
        sweep(None)
    assert (UsedAssertion.objects.count(), MachineToken.objects.count()) == (1, 0)
    with time_machine.travel(later + datetime.timedelta(days=3)):
        sweep(None)
    assert not UsedAssertion.objects.exists()


# ---- The table of credentials ------------------------------------------------------------------

SESSION_ONLY = {Action.ADMINISTER}


@pytest.mark.parametrize("credential", Credential)
@pytest.mark.parametrize("action", Action)
def test_every_kind_of_credential_says_yes_or_no_to_every_action(credential, action):
    assert CREDENTIAL_ACTIONS.keys() == set(Credential)
    assert carries(credential, action) == (action in CREDENTIAL_ACTIONS[credential])
    at_a_page = credential in (Credential.SESSION, Credential.SHELL)
    if at_a_page:
        assert carries(credential, action)
    elif action in SESSION_ONLY:
        assert not carries(credential, action)
    assert not carries("unheard-of", action)
    assert make.principal("Ada", credential="unheard-of").may(action) is False
    assert make.principal("Ada", credential=str(credential)).may(action) == carries(
        credential, action
    )
