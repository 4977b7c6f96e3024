"""Machines sign in with a key of their own, and everything that is not exactly right is refused."""

import base64
import datetime
import hashlib
import hmac
import io
import json
import time
import zipfile
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
import time_machine
from cryptography.hazmat.primitives import serialization
from django.conf import settings

from sharing.access.rules import Action
from sharing.audit.models import AuditEvent
from sharing.audit.rules import Act, ActorKind, Outcome
from sharing.credentials.actions import machines as actions
from sharing.credentials.models import MachineToken, UsedAssertion
from sharing.credentials.principal import bearer
from sharing.credentials.rules.machines import MachineState
from sharing.ingest.models import UploadFile
from sharing.ingest.rules import FileState
from sharing.ingest.tasks import unpack_zip
from sharing.kernel.requests import Origin
from tests import factories as make
from tests.credentials import machine as m
from tests.credentials.making import EVERYTHING, PAIR, RSA_PAIR, client, machine

pytestmark = pytest.mark.django_db
WHERE = Origin("192.0.2.9", "pacs", "api")
UID = "1.2.826.0.1.1"


def refused(answer: Any, code: str = "invalid_client") -> None:
    assert answer.status_code == 400, answer.content
    assert answer.json()["error"] == code
    assert answer["Cache-Control"] == "no-store"
    if code == "invalid_client":
        assert answer.json().keys() == {"error"}
    assert not MachineToken.objects.exists()


# ---- What works --------------------------------------------------------------------------------


@pytest.mark.parametrize("pair", [PAIR, RSA_PAIR], ids=["ES384", "RS384"])
def test_a_machine_signs_in_for_five_minutes(pair):
    answer = machine(pair).ask(scope="studies.view studies.search")
    assert answer.status_code == 200, answer.content
    assert answer["Cache-Control"] == "no-store"
    told = answer.json()
    assert told.keys() == {"access_token", "token_type", "expires_in", "scope"}
    assert (told["token_type"], told["expires_in"]) == ("bearer", 300)
    assert told["scope"] == "studies.search studies.view"
    found = bearer(told["access_token"], WHERE)
    assert found is not None
    assert found.actions == {Action.SEARCH, Action.VIEW}
    with time_machine.travel(datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=301)):
        assert bearer(told["access_token"], WHERE) is None


def test_it_finds_gets_and_sends_studies_and_is_named_for_each():
    pacs = machine()
    pacs.sign_in(*EVERYTHING)
    done = pacs.upload(make.image(1), make.image(1, number=2))
    assert done["stored"] == 2, done
    (study,) = pacs.search(PatientID="P1")
    assert study["0020000D"]["Value"] == [UID]
    got = pacs.get(
        f"/dicom-web/studies/{UID}/series/{UID}.1/instances/{UID}.1.1",
        Accept='multipart/related; type="application/dicom"',
    )
    assert got.status_code == 200
    b"".join(got)
    rows = AuditEvent.objects.exclude(action=Act.MACHINE_ADDED)
    assert {row.actor_kind for row in rows} == {ActorKind.MACHINE}
    assert {row.actor_name for row in rows} == {"PACS of Ada"}
    assert {row.credential for row in rows} == {"machine"}
    acts = {row.action for row in rows}
    wanted = {Act.MACHINE_SIGNED_IN, Act.INSTANCES_STORED, Act.SEARCHED, Act.IMAGES_DOWNLOADED}
    assert wanted <= acts


def test_what_is_in_a_zip_that_it_sent_is_put_down_to_it_as_well():
    pacs = machine()
    pacs.sign_in(*EVERYTHING)
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as opened:
        opened.writestr("IM1", make.image(1))
    pacs.upload(written.getvalue())
    archive = UploadFile.objects.get(state=FileState.WAITING)
    unpack_zip(SimpleNamespace(check=lambda: None), file=str(archive.pk))
    stored = AuditEvent.objects.get(action=Act.INSTANCES_STORED)
    assert (stored.actor_kind, stored.actor_name) == (ActorKind.MACHINE, "PACS of Ada")


def test_two_keys_count_while_one_takes_over_from_the_other():
    new = m.rsa_pair("two")
    pacs = machine(PAIR, new)
    assert pacs.ask().status_code == 200
    pacs.pair = new
    assert pacs.ask().status_code == 200
    actions.change_keys(client().pk, by=make.principal("Ada"), jwks=m.key_set(new))
    assert pacs.ask().status_code == 200
    pacs.pair = PAIR
    assert pacs.ask().json() == {"error": "invalid_client"}


def test_only_digests_are_kept():
    text = machine().ask().json()["access_token"]
    assert text.rpartition("_")[2] not in str(MachineToken.objects.values().get())


def test_programs_find_where_to_sign_in():
    told = m.InProcess().request("GET", "/.well-known/smart-configuration").json()
    assert told["token_endpoint"] == f"{settings.BASE_URL}/oauth/token"
    assert told["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    assert told["token_endpoint_auth_signing_alg_values_supported"] == ["RS384", "ES384"]
    assert told["scopes_supported"] == list(EVERYTHING)


# ---- Assertions that do not count --------------------------------------------------------------


def now() -> int:
    return int(time.time())


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": lambda: now() - 40},
        {"exp": lambda: now() + 400},
        {"exp": lambda: None},
        {"exp": lambda: 1e400},
        {"exp": lambda: 1e30},
        {"jti": lambda: None},
        {"jti": lambda: ""},
        {"jti": lambda: "x" * 256},
        {"jti": lambda: "a\0b"},
        {"jti": lambda: "\ud800"},
        {"aud": lambda: None},
        {"aud": lambda: settings.BASE_URL},
        {"aud": lambda: f"{settings.BASE_URL}/oauth/token/"},
        {"aud": lambda: [f"{settings.BASE_URL}/oauth/token", "https://other.example/token"]},
        {"sub": lambda: "somebody else"},
        {"sub": lambda: None},
        {"iss": lambda: None},
        {"iss": lambda: "nobody"},
        {"nbf": lambda: now() + 200},
        {"iat": lambda: now() + 200},
    ],
    ids="".join,  # the claim's name: two runs side by side must name the cases alike
)
def test_an_assertion_whose_claims_are_wrong(changes):
    pacs = machine()
    refused(pacs.ask(pacs.assertion(**{name: made() for name, made in changes.items()})))


def test_the_clocks_may_differ_by_half_a_minute():
    pacs = machine()
    assert pacs.ask(pacs.assertion(exp=now() - 20)).status_code == 200
    assert pacs.ask(pacs.assertion(exp=now() + 320)).status_code == 200


@pytest.mark.parametrize(
    "header",
    [{"kid": "unknown"}, {"kid": ""}, {"crit": ["x"], "x": 1}, {"jku": "https://x.example"}],
)
def test_an_assertion_whose_header_is_wrong(header):
    pacs = machine()
    refused(pacs.ask(pacs.assertion(header=header)))


def test_an_assertion_that_names_no_key():
    pacs = machine()
    claims = jwt.decode(pacs.assertion(), options={"verify_signature": False})
    refused(pacs.ask(jwt.encode(claims, PAIR.private, "ES384")))


def _forged(pacs: m.Machine, algorithm: str, secret: bytes) -> str:
    """Signed with a shared secret, as a library that trusts the header would check it."""
    claims = pacs.assertion().split(".")[1]
    header = {"alg": algorithm, "typ": "JWT", "kid": pacs.pair.kid}
    signed = f"{_encoded(json.dumps(header).encode())}.{claims}"
    digest = hmac.new(secret, signed.encode(), hashlib.sha256).digest() if secret else b""
    return f"{signed}.{_encoded(digest)}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "HS384", "RS384"])
def test_the_public_key_is_no_secret_to_sign_with(algorithm):
    pacs = machine()
    pem = PAIR.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    refused(pacs.ask(_forged(pacs, algorithm, b"" if algorithm.lower() == "none" else pem)))


@pytest.mark.parametrize("algorithm", ["RS256", "RS512", "PS384"])
def test_another_algorithm_with_the_right_key(algorithm):
    pacs = machine(RSA_PAIR)
    pacs.pair = m.KeyPair(RSA_PAIR.kid, RSA_PAIR.private, algorithm)
    refused(pacs.ask())


def test_a_signature_by_another_key_of_the_same_name():
    pacs = machine()
    pacs.pair = m.elliptic(PAIR.kid)
    refused(pacs.ask())
    row = AuditEvent.objects.get(action=Act.MACHINE_REFUSED)
    assert (row.outcome, row.actor_name) == (Outcome.REFUSED, "PACS of Ada")
    assert row.reason == "The signature is not by the key that it names."


@pytest.mark.parametrize(
    "text", ["", "x", "a.b.c", "é.é.é", "e30.e30.", "." * 9000, _encoded(b"[" * 5000) + ".e30.x"]
)
def test_what_is_no_assertion(text):
    pacs = machine()
    refused(pacs.web.request("POST", "/oauth/token", data=_form(client_assertion=text)))


def test_an_assertion_counts_once():
    pacs = machine()
    assertion = pacs.assertion()
    assert pacs.ask(assertion).status_code == 200
    MachineToken.objects.all().delete()
    refused(pacs.ask(assertion))
    assert UsedAssertion.objects.count() == 1


# ---- Requests that are wrong -------------------------------------------------------------------


def _form(**changes: str) -> dict[str, str]:
    form = {
        "grant_type": "client_credentials",
        "scope": "studies.search",
        "client_assertion_type": m.ASSERTION_TYPE,
        **changes,
    }
    return {name: value for name, value in form.items() if value}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": ""}, "invalid_request"),
        ({"client_assertion_type": ""}, "invalid_client"),
        ({"client_assertion_type": "urn:other"}, "invalid_client"),
        ({"scope": ""}, "invalid_scope"),
        ({"scope": "studies.share"}, "invalid_scope"),
        ({"scope": "system/ImagingStudy.rs"}, "invalid_scope"),
        ({"scope": "studies.search  studies.view"}, "invalid_scope"),
        ({"scope": "studies.upload"}, "invalid_scope"),
    ],
)
def test_a_request_that_is_wrong(changes, code):
    pacs = machine(scopes=["studies.search", "studies.view"])
    form = _form(client_assertion=pacs.assertion(), **changes)
    refused(pacs.web.request("POST", "/oauth/token", data=form), code)


def test_a_request_in_another_form():
    refused(m.InProcess().request("POST", "/oauth/token", json=_form()), "invalid_request")


def test_a_header_is_no_way_to_sign_in():
    answer = m.InProcess().request(
        "POST", "/oauth/token", data=_form(), headers={"Authorization": "Basic eDp5"}
    )
    assert answer.status_code == 401
    assert answer.json() == {"error": "invalid_client"}
    assert answer["WWW-Authenticate"].startswith("Basic")


# ---- How far a machine gets --------------------------------------------------------------------


def test_it_reaches_no_other_institution():
    make.study(make.principal("Cleo"))
    pacs = machine()
    pacs.sign_in(*EVERYTHING)
    assert pacs.search() == []
    theirs = pacs.get(f"/dicom-web/studies/{UID}/metadata")
    nowhere = pacs.get("/dicom-web/studies/1.2.3/metadata")
    assert theirs.status_code == nowhere.status_code == 404
    assert theirs.json() == nowhere.json()


def test_what_the_scope_leaves_out_is_not_allowed():
    make.study(make.principal("Ben"))
    pacs = machine()
    pacs.sign_in("studies.search")
    assert len(pacs.search()) == 1
    assert pacs.get(f"/dicom-web/studies/{UID}/metadata").status_code == 403
    assert pacs._send("POST", "/api/uploads/", json={}).status_code == 403


@pytest.mark.parametrize("path", ["/people/", "/account/", "/links/", "/activity/", "/api/links/"])
def test_it_has_no_business_at_these(path):
    pacs = machine()
    pacs.sign_in(*EVERYTHING)
    assert pacs.get(path).status_code == 403


def test_a_machine_from_another_network_is_a_stranger():
    pacs = machine(networks=["192.0.2.0/24"])
    refused(pacs.ask())
    pacs.web = m.InProcess(REMOTE_ADDR="192.0.2.77")
    pacs.sign_in("studies.search")
    assert bearer(pacs.token, WHERE) is not None
    assert bearer(pacs.token, Origin("198.51.100.1", "", "api")) is None


def test_a_token_for_another_address_is_none(settings):
    pacs = machine()
    pacs.sign_in("studies.search")
    settings.BASE_URL = "https://elsewhere.example"
    assert bearer(pacs.token, WHERE) is None


@pytest.mark.parametrize("then", [MachineState.SUSPENDED, MachineState.REVOKED])
def test_one_that_is_shut_out_loses_everything_at_once(then):
    pacs = machine()
    pacs.sign_in("studies.search")
    principal = bearer(pacs.token, WHERE)
    assert principal is not None
    assert principal.still_allowed()
    actions.move(client().pk, then, by=make.principal("Ada"))
    assert bearer(pacs.token, WHERE) is None
    assert not principal.still_allowed()
    refused(pacs.ask())


def test_one_that_is_let_back_in_signs_in_anew():
    pacs, ada = machine(), make.principal("Ada")
    pacs.sign_in("studies.search")
    actions.move(client().pk, MachineState.SUSPENDED, by=ada)
    actions.move(client().pk, MachineState.ACTIVE, by=ada)
    assert bearer(pacs.token, WHERE) is None
    assert pacs.ask().status_code == 200


def test_keys_that_have_ended_end_the_tokens_too():
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=2)
    pacs = machine(keys_end_at=later)
    pacs.sign_in("studies.search")
    with time_machine.travel(later):
        assert bearer(pacs.token, WHERE) is None
        MachineToken.objects.all().delete()
        refused(pacs.ask())


def test_nobody_signs_in_with_the_account_of_a_machine():
    machine()
    account = client().account
    assert not account.is_active
    assert not account.has_usable_password()
    assert not account.memberships.exists()


def test_one_that_only_sends_follows_its_own_uploads_and_no_others():
    others = make.upload(make.principal("Ben"), make.image(2))
    pacs = machine()
    pacs.sign_in("studies.upload")
    done = pacs.upload(make.image(1))
    own = f"/api/uploads/{done['id']}/"
    assert pacs.get(f"{own}receipt/").json()["stored"] == 1
    assert pacs.get(own).json()["state"] == "finished"
    assert [one["id"] for one in pacs.get("/api/uploads/").json()] == [done["id"]]
    for path in ("", "receipt/"):
        assert pacs.get(f"/api/uploads/{others.pk}/{path}").status_code == 404
    assert pacs.get("/dicom-web/studies").status_code == 403
    assert pacs.get("/api/studies/").status_code == 403
    pacs.sign_in("studies.view")
    assert pacs.get(f"{own}receipt/").status_code == 403
    assert pacs.get("/api/uploads/").status_code == 403
