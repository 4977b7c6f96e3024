"""Machines show a certificate: their tokens are good with it alone, and some need no key at all."""

import base64
import datetime
from typing import Any

import pytest
import time_machine
from django.test import override_settings

from sharing.audit.models import AuditEvent
from sharing.audit.rules import Act
from sharing.credentials.actions import certificates as actions
from sharing.credentials.models import MachineCertificate, MachineToken
from sharing.credentials.principal import bearer
from sharing.credentials.rules.machines import MachineState, Proof
from sharing.ingest.models import UploadFile
from sharing.kernel.errors import ConflictError, InvalidInputError, NotThereError
from sharing.kernel.requests import Origin
from tests import factories as make
from tests.credentials import certificates as c
from tests.credentials import machine as m
from tests.credentials.making import EVERYTHING, client, machine

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("_behind_a_proxy"),
]
PROXY = "203.0.113.9"
OURS, NEXT, OTHER = c.certificate(), c.certificate("pacs 2027"), c.certificate("somebody")
ENDED = c.certificate("old", begins=-90 * c.DAY, ends=-c.DAY)
HOUR = datetime.timedelta(hours=1)


@pytest.fixture
def _behind_a_proxy(settings: Any) -> None:
    settings.TRUSTED_PROXIES = ["203.0.113.0/24"]
    settings.MTLS_URL = "https://portal.example:8444"


def web(shown: c.Certificate | None = None, *, peer: str = PROXY, **headers: str) -> m.InProcess:
    """Requests that come by `peer`, which says that it saw a certificate."""
    told = {"Client-Cert": shown.header} if shown else {}
    return m.InProcess(REMOTE_ADDR=peer, headers={**told, **headers})


def showing(shown: c.Certificate | None = OURS, **wishes: Any) -> m.Machine:
    """A machine that has a certificate, coming with one."""
    pacs = machine(**{"pem": OURS.pem, **wishes})
    pacs.web = web(shown)
    return pacs


def by_certificate(asker: m.Machine, scope: str = "studies.search", **more: str) -> Any:
    form = {"grant_type": "client_credentials", "client_id": asker.client_id, "scope": scope}
    return asker.web.request("POST", "/oauth/token", data={**form, **more})


def refused(answer: Any) -> None:
    assert answer.status_code == 400
    assert answer.json() == {"error": "invalid_client"}
    assert not MachineToken.objects.exists()


def reason() -> str:
    return str(AuditEvent.objects.filter(action=Act.MACHINE_REFUSED).latest("pk").reason)


# ---- A key, and a token that is bound ----------------------------------------------------------


def test_a_token_is_good_with_the_certificate_it_was_asked_with_alone() -> None:
    pacs = showing()
    pacs.sign_in("studies.search")
    assert MachineToken.objects.get().certificate == OURS.thumbprint
    assert pacs.search() == []
    for thief in (web(), web(OTHER), web(OURS, peer="198.51.100.7"), m.InProcess()):
        pacs.web = thief
        assert pacs.get("/dicom-web/studies").status_code == 401
        unknown = thief.request(
            "GET", "/dicom-web/studies", headers={"Authorization": "Bearer hvm_x"}
        )
        assert unknown.json() == pacs.get("/dicom-web/studies").json()


def test_who_tried_a_token_without_its_certificate_is_written_down_once() -> None:
    pacs = showing()
    pacs.sign_in("studies.search")
    pacs.web = web(OTHER)
    for _ in range(3):
        pacs.get("/dicom-web/studies")
    row = AuditEvent.objects.get(action=Act.ACCESS_REFUSED)
    assert (row.actor_name, row.detail["token"]) == ("PACS of Ada", "certificate")


def test_one_that_does_not_ask_for_it_gets_a_token_for_any_line() -> None:
    pacs = showing(None)
    pacs.sign_in("studies.search")
    pacs.web = web(OTHER)
    assert pacs.search() == []


def test_one_without_certificates_may_come_with_any() -> None:
    pacs = showing(OTHER, pem="")
    pacs.sign_in("studies.search")
    assert MachineToken.objects.get().certificate == ""


def test_one_that_comes_with_another_certificate_gets_no_token_that_anybody_could_use() -> None:
    refused(showing(OTHER).ask())
    assert reason() == "The certificate is none of its own, or has ended."


def test_a_machine_reads_to_which_certificate_its_token_is_bound() -> None:
    pacs = showing()
    pacs.sign_in("studies.search")
    asked: dict[str, Any] = {
        "data": {"token": pacs.token},
        "headers": {"Authorization": f"Bearer {pacs.token}"},
    }
    told = pacs.web.request("POST", "/oauth/introspect", **asked).json()
    digest = base64.urlsafe_b64encode(bytes.fromhex(OURS.thumbprint)).rstrip(b"=").decode()
    assert told["cnf"] == {"x5t#S256": digest}
    assert web().request("POST", "/oauth/introspect", **asked).json() == {"active": False}
    pacs.web = web()
    pacs.sign_in("studies.search")
    asked = {"data": {"token": pacs.token}, "headers": {"Authorization": f"Bearer {pacs.token}"}}
    assert "cnf" not in pacs.web.request("POST", "/oauth/introspect", **asked).json()


def test_nobody_sends_a_file_on_by_somebody_elses_admission() -> None:
    """An admission counts for half a second, and for whoever shows the same again."""
    pacs = showing()
    pacs.sign_in(*EVERYTHING)
    begun = pacs._send("POST", "/api/uploads/", json={}).json()
    image = make.image()
    headers = {**m.TUS, "Upload-Length": str(len(image)), "Upload-Metadata": "path SU0x"}
    sent: dict[str, Any] = {"content": image, "headers": headers}
    assert pacs._send("POST", begun["files_url"], **sent).status_code == 201
    pacs.web = web()
    assert pacs._send("POST", begun["files_url"], **sent).status_code == 401
    assert UploadFile.objects.count() == 1


# ---- A certificate that is needed --------------------------------------------------------------


def test_one_that_needs_both_gets_nothing_with_one_of_them() -> None:
    pacs = showing(proof=Proof.BOTH)
    assert pacs.ask().status_code == 200
    MachineToken.objects.all().delete()
    refused(by_certificate(pacs))
    pacs.web = web()
    refused(pacs.ask())
    assert reason() == "It came without its certificate."
    pacs.web, pacs.pair = web(OURS), m.elliptic(pacs.pair.kid)
    refused(pacs.ask())


def test_when_it_becomes_needed_tokens_without_it_end() -> None:
    pacs = showing(None)
    pacs.sign_in("studies.search")
    principal = bearer(pacs.token, Origin(PROXY))
    assert principal is not None
    actions.change_certificates(client().pk, by=make.principal("Ada"), proof=Proof.BOTH)
    assert not principal.still_allowed()
    assert pacs.get("/dicom-web/studies").status_code == 401


# ---- A certificate alone -----------------------------------------------------------------------


def test_a_certificate_alone_signs_in() -> None:
    pacs = showing(proof=Proof.CERTIFICATE, jwks="")
    answer = by_certificate(pacs)
    assert answer.status_code == 200, answer.content
    pacs.token = answer.json()["access_token"]
    assert pacs.search() == []
    asked = {"token": pacs.token, "client_id": pacs.client_id}
    assert pacs.web.request("POST", "/oauth/introspect", data=asked).json()["active"] is True
    pacs.web = web()
    assert pacs.get("/dicom-web/studies").status_code == 401
    assert pacs.web.request("POST", "/oauth/introspect", data=asked).json() == {"active": False}


HEADERS = {
    "none": {},
    "another": {"Client-Cert": OTHER.header},
    "twice": {"Client-Cert": f"{OURS.header}, {OURS.header}"},
    "twice without a blank": {"Client-Cert": f"{OURS.header},{OTHER.header}"},
    "no colons": {"Client-Cert": OURS.header.strip(":")},
    "one colon": {"Client-Cert": OURS.header[:-1]},
    "empty": {"Client-Cert": "::"},
    "a parameter": {"Client-Cert": f"{OURS.header};a=1"},
    "no base64": {"Client-Cert": ":$$$$:"},
    "cut": {"Client-Cert": f"{OURS.header[:-3]}:"},
    "a byte more": {"Client-Cert": f":{base64.b64encode(OURS.der + b'x').decode()}:"},
    "base64 of urls": {"Client-Cert": f":{base64.urlsafe_b64encode(b'???' + OURS.der).decode()}:"},
    "the thumbprint": {"Client-Cert": f":{OURS.thumbprint}:"},
    "PEM": {"Client-Cert": OURS.escaped},
    "in the other form": {"X-SSL-Client-Cert": OURS.escaped},
    "the chain": {"Client-Cert-Chain": OURS.header},
}


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS)
def test_what_is_not_exactly_the_certificate_is_none(headers: dict[str, str]) -> None:
    pacs = showing(proof=Proof.CERTIFICATE, jwks="")
    pacs.web = web(None, **headers)
    refused(by_certificate(pacs))


@pytest.mark.parametrize("peer", ["198.51.100.7", "127.0.0.1", "::1", "203.0.114.1", ""])
def test_whoever_is_no_proxy_of_ours_can_say_what_they_like(peer: str) -> None:
    pacs = showing(proof=Proof.CERTIFICATE, jwks="")
    for said in ({}, {"X-Forwarded-For": PROXY}, {"Forwarded": f"for={PROXY}"}):
        pacs.web = web(OURS, peer=peer, **said)
        refused(by_certificate(pacs))


def test_where_no_certificates_are_looked_at_none_counts(settings: Any) -> None:
    pacs = showing(proof=Proof.CERTIFICATE, jwks="")
    settings.MTLS_URL = ""
    refused(by_certificate(pacs))


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        (OURS.escaped, True),
        (OURS.pem.replace("\n", "%0A").replace(" ", "%20"), True),
        (OTHER.escaped, False),
        (OURS.escaped * 2, False),
        (f"{OURS.escaped},{OURS.escaped}", False),
        (OURS.header, False),
        ("%ZZ%0A", False),
        ("-----BEGIN%20CERTIFICATE-----%0A=%0A-----END%20CERTIFICATE-----", False),
        ("", False),
    ],
    ids=[
        "escaped",
        "plus kept",
        "another",
        "twice",
        "listed",
        "9440",
        "no PEM",
        "no bytes",
        "none",
    ],
)
def test_the_form_in_which_nginx_writes_it_counts_where_it_is_chosen(
    settings: Any, said: str, counts: bool
) -> None:
    pacs = showing(proof=Proof.CERTIFICATE, jwks="")
    settings.CLIENT_CERT_FORM = "pem"
    pacs.web = web(OURS, **{"X-SSL-Client-Cert": said})  # and what only the other form reads
    assert by_certificate(pacs).status_code == (200 if counts else 400)


@pytest.mark.parametrize(
    ("client_id", "more"),
    [
        ("", {}),
        ("nobody", {}),
        ("00000000-0000-4000-8000-000000000000", {}),
        (None, {"client_assertion_type": m.ASSERTION_TYPE}),
        (None, {"client_assertion": "x"}),
        (None, {"client_assertion": "x", "client_assertion_type": m.ASSERTION_TYPE}),
    ],
    ids=["none", "no id", "unknown", "half", "other half", "a wrong assertion beside it"],
)
def test_who_it_is_has_to_be_said_and_nothing_wrong_beside_it(
    client_id: str | None, more: dict[str, str]
) -> None:
    pacs = showing(proof=Proof.CERTIFICATE, jwks="")
    if client_id is not None:
        pacs.client_id = client_id
    refused(by_certificate(pacs, **more))


def test_the_certificate_of_another_machine_opens_nothing() -> None:
    pacs = showing(proof=Proof.CERTIFICATE, jwks="")
    other = machine(by="Matteo", proof=Proof.CERTIFICATE, pem=OTHER.pem)
    other.web = web(OURS)
    refused(by_certificate(other))
    assert by_certificate(pacs).status_code == 200


def test_a_machine_with_a_key_does_not_sign_in_by_a_certificate_alone() -> None:
    refused(by_certificate(showing()))
    assert reason() == "It does not sign in by a certificate alone."


def test_nor_the_other_way_round() -> None:
    pacs = showing(proof=Proof.CERTIFICATE)
    refused(pacs.ask())
    assert reason() == "It signs in by its certificate alone."


def test_a_network_is_asked_for_on_top() -> None:
    pacs = showing(proof=Proof.CERTIFICATE, jwks="", networks=["192.0.2.0/24"])
    near, far = {"X-Forwarded-For": "192.0.2.7"}, {"X-Forwarded-For": "198.51.100.7"}
    pacs.web = web(OURS, **far)
    refused(by_certificate(pacs))
    pacs.web = web(None, **near)
    refused(by_certificate(pacs))
    pacs.web = web(OURS, **near)
    pacs.token = by_certificate(pacs).json()["access_token"]
    assert pacs.search() == []
    for elsewhere in (web(OURS, **far), web(None, **near)):
        pacs.web = elsewhere
        assert pacs.get("/dicom-web/studies").status_code == 401


# ---- Times, roll-over, taking away -------------------------------------------------------------


def test_a_certificate_counts_from_its_first_to_its_last_second() -> None:
    begins, ends = 2 * HOUR, 4 * HOUR
    later = c.certificate(begins=begins, ends=ends)
    pacs = showing(later, pem=later.pem, proof=Proof.CERTIFICATE, jwks="")
    row, second = MachineCertificate.objects.get(), datetime.timedelta(seconds=1)
    found = []
    for moment in (row.begins_at - second, row.begins_at, row.ends_at - second, row.ends_at):
        with time_machine.travel(moment, tick=False):
            found.append(by_certificate(pacs).status_code)
    assert found == [400, 200, 200, 400]


def test_a_token_ends_with_the_certificate_that_it_is_bound_to() -> None:
    short = c.certificate(ends=datetime.timedelta(minutes=2))
    pacs = showing(short, pem=short.pem)
    pacs.sign_in("studies.search")
    with time_machine.travel(MachineCertificate.objects.get().ends_at, tick=False):
        assert pacs.get("/dicom-web/studies").status_code == 401


def test_two_count_while_one_takes_over_from_the_other() -> None:
    pacs, ada = showing(proof=Proof.CERTIFICATE, jwks=""), make.principal("Ada")
    actions.change_certificates(client().pk, by=ada, pem=NEXT.pem)
    old = by_certificate(pacs).json()["access_token"]
    pacs.web = web(NEXT)
    assert by_certificate(pacs).status_code == 200
    ours = client().certificates.get(thumbprint=OURS.thumbprint)
    held = bearer(old, Origin(PROXY, certificate=OURS.thumbprint))
    assert held is not None
    assert held.still_allowed()
    actions.remove_certificate(ours.pk, client().pk, by=ada)
    assert not held.still_allowed()
    assert bearer(old, Origin(PROXY, certificate=OURS.thumbprint)) is None
    assert by_certificate(pacs).status_code == 200
    with pytest.raises(ConflictError, match="only one"):
        actions.remove_certificate(client().certificates.get().pk, client().pk, by=ada)


@pytest.mark.parametrize("then", [MachineState.SUSPENDED, MachineState.REVOKED])
def test_one_that_is_shut_out_stays_out_with_its_certificate(then: MachineState) -> None:
    from sharing.credentials.actions.machines import move

    pacs = showing(proof=Proof.CERTIFICATE, jwks="")
    move(client().pk, then, by=make.principal("Ada"))
    refused(by_certificate(pacs))


# ---- Administrators ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pem", "told"),
    [
        ("nonsense", "Give one certificate"),
        (OURS.pem + NEXT.pem, "Give one certificate"),
        (OURS.pem + OURS.key, "private key"),
        (ENDED.pem, "ended already"),
        ("é", "Give one certificate"),
        (OURS.pem.replace("M", "N", 3), "Give one certificate"),
    ],
    ids=["nonsense", "two", "a key", "ended", "no ASCII", "broken"],
)
def test_what_is_no_certificate_is_told_so(pem: str, told: str) -> None:
    with pytest.raises(InvalidInputError, match=told):
        machine(pem=pem)
    assert not MachineCertificate.objects.exists()


def test_what_can_never_be_shown_is_not_asked_for() -> None:
    ada = make.principal("Ada")
    with pytest.raises(InvalidInputError, match="Give the certificate"):
        machine(proof=Proof.BOTH)
    with override_settings(MTLS_URL=""), pytest.raises(InvalidInputError, match="not set up"):
        machine(proof=Proof.BOTH, pem=OURS.pem)
    machine(proof=Proof.CERTIFICATE, jwks="", pem=OURS.pem)
    with pytest.raises(InvalidInputError, match="no keys"):
        actions.change_certificates(client().pk, by=ada, proof=Proof.BOTH)
    with pytest.raises(ConflictError, match="already"):
        actions.change_certificates(client().pk, by=ada, pem=OURS.pem)


def test_the_certificates_of_a_machine_are_its_administrators_alone() -> None:
    machine(pem=OURS.pem)
    matteo, certificate = make.principal("Matteo"), MachineCertificate.objects.get()
    with pytest.raises(NotThereError):
        actions.change_certificates(client().pk, by=matteo, pem=NEXT.pem)
    with pytest.raises(NotThereError):
        actions.remove_certificate(certificate.pk, client().pk, by=matteo)
    own = machine(by="Matteo")
    with pytest.raises(NotThereError):
        actions.remove_certificate(certificate.pk, own.client_id, by=matteo)  # type: ignore[arg-type]


def test_what_is_done_to_certificates_is_written_down() -> None:
    machine(pem=OURS.pem)
    ada = make.principal("Ada")
    actions.change_certificates(client().pk, by=ada, pem=NEXT.pem, proof=Proof.BOTH)
    actions.remove_certificate(client().certificates.all()[0].pk, client().pk, by=ada)
    rows = AuditEvent.objects.filter(action=Act.MACHINE_CHANGED).order_by("pk")
    assert [row.detail["what"] for row in rows] == [
        "certificate added",
        "certificate added",
        "by both",
        "certificate removed",
    ]


def test_programs_find_where_certificates_are_asked_for(settings: Any) -> None:
    address = "/.well-known/smart-configuration"
    told = m.InProcess().request("GET", address).json()
    assert told["tls_client_certificate_bound_access_tokens"] is True
    assert "self_signed_tls_client_auth" in told["token_endpoint_auth_methods_supported"]
    assert told["mtls_endpoint_aliases"] == {
        "token_endpoint": "https://portal.example:8444/oauth/token",
        "introspection_endpoint": "https://portal.example:8444/oauth/introspect",
    }
    settings.MTLS_URL = ""
    assert "mtls_endpoint_aliases" not in m.InProcess().request("GET", address).json()
