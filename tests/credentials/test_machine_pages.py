"""Administrators look after machines at a page; what it gives to paste works as it is."""

import datetime
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.utils import timezone

from sharing.credentials.models import MachineClient
from sharing.credentials.rules.machines import MachineState, Proof
from tests import factories as make
from tests.credentials import machine as m
from tests.credentials.certificates import DAY, certificate
from tests.credentials.making import EVERYTHING, PAIR, client, machine
from tests.credentials.pasting import added, commands, pasted, written
from tests.served import Served, serve

ADDRESS = "/people/machines/"


def page(who: str, path: str = "", **form: Any) -> Any:
    browser = make.browser(who)
    return browser.post(ADDRESS + path, form) if form else browser.get(ADDRESS + path)


def given(**changes: Any) -> dict[str, Any]:
    form = {"name": "Night PACS", "scopes": ["studies.search"], "jwks": m.key_set(PAIR)}
    return {**form, **changes}


def text(answer: Any) -> str:
    return str(answer.content.decode())


@pytest.mark.django_db
class TestThePages:
    def test_without_a_machine_it_says_what_one_is_good_for(self) -> None:
        assert "No machine yet" in text(page("Ada"))

    def test_one_that_is_added_can_sign_in_and_shows_how(self) -> None:
        answer = page("Ada", "new", **given(networks="203.0.113.0/24, 2001:db8::/32"))
        assert answer.status_code == 302
        made = client()
        assert made.networks == ["203.0.113.0/24", "2001:db8::/32"]
        assert answer["Location"] == f"{ADDRESS}{made.pk}/"
        shown = text(page("Ada", f"{made.pk}/"))
        for part in (str(made.pk), "EC, P-384 (ES384)", "/oauth/token", "only from"):
            assert part.lower() in shown.lower()
        assert "Night PACS" in text(page("Ada"))

    @pytest.mark.parametrize(
        "wrong",
        [
            {"jwks": "nonsense"},
            {"jwks": ""},
            {"jwks_url": "https://keys.example/"},
            {"jwks": "", "jwks_url": "http://keys.example/"},
            {"scopes": []},
            {"scopes": ["studies.share"]},
            {"networks": "203.0.113.7/24"},
            {"networks": "here"},
            {"keys_end_at": "2020-01-01"},
            {"keys_end_at": "9999-12-31"},
            {"name": ""},
        ],
        ids=str,
    )
    def test_what_cannot_be_used_is_said_at_its_field(self, wrong: dict[str, Any]) -> None:
        answer = page("Ada", "new", **given(**wrong))
        assert answer.status_code == 422
        assert answer.context["form"].errors.keys() & {*wrong, "jwks"}
        assert not MachineClient.objects.exists()

    def test_a_name_is_given_once(self) -> None:
        page("Ada", "new", **given())
        answer = page("Ada", "new", **given())
        assert "A machine of this name is there already." in text(answer)

    def test_the_last_day_of_keys_counts_whole(self) -> None:
        day = timezone.localdate() + datetime.timedelta(days=3)
        page("Ada", "new", **given(keys_end_at=day.isoformat()))
        assert client().keys_end_at is not None
        assert timezone.localdate(client().keys_end_at) == day + datetime.timedelta(days=1)
        assert "Soon" in text(page("Ada"))

    def test_the_list_warns_of_certificates_too_and_the_last_to_end_counts(
        self, settings: Any
    ) -> None:
        settings.MTLS_URL = "https://portal.example:8444"
        soon, later = (certificate(ends=days * DAY) for days in (3, 90))
        machine(pem=soon.pem, proof=Proof.CERTIFICATE)
        assert "Soon" in text(page("Ada"))
        page("Ada", f"{client().pk}/certificates", pem=later.pem, proof=Proof.CERTIFICATE)
        assert "Soon" not in text(page("Ada"))

    def test_shutting_out_is_asked_for_once_more(self) -> None:
        machine()
        path = f"{client().pk}/suspend"
        assert "Suspend this machine?" in text(page("Ada", path))
        assert client().state == MachineState.ACTIVE
        make.browser("Ada").post(ADDRESS + path)
        assert client().state == MachineState.SUSPENDED
        make.browser("Ada").post(f"{ADDRESS}{client().pk}/resume")
        assert client().state == MachineState.ACTIVE
        make.browser("Ada").post(f"{ADDRESS}{client().pk}/revoke")
        assert client().state == MachineState.REVOKED
        answer = make.browser("Ada").post(f"{ADDRESS}{client().pk}/resume", follow=True)
        assert "is revoked." in text(answer)

    def test_other_keys_take_the_place_of_those_before(self) -> None:
        machine()
        page("Ada", f"{client().pk}/keys", jwks=m.key_set(m.elliptic("two")))
        assert [one["kid"] for one in client().jwks["keys"]] == ["two"]

    def test_a_name_of_a_key_never_becomes_a_command(self) -> None:
        hostile = m.KeyPair("a'; rm -rf ~ #", PAIR.private, "ES384")
        machine(hostile)
        shown = commands(text(page("Ada", f"{client().pk}/")))
        assert "rm -rf" not in shown["curl"] + shown["python"]

    def test_each_command_names_a_key_that_it_can_use(self) -> None:
        machine(m.elliptic("curve"), m.rsa_pair("old style"), m.rsa_pair("rsa"))
        shown = commands(text(page("Ada", f"{client().pk}/")))
        assert '"kid":"rsa"' in shown["curl"]
        assert '"ES384", headers={"kid": "curve"}' in shown["python"]
        MachineClient.objects.update(jwks={"keys": [PAIR.public]})
        assert commands(text(page("Ada", f"{client().pk}/"))).keys() == {"python"}

    def test_another_institutions_machine_is_not_there(self) -> None:
        machine()
        assert page("Matteo", f"{client().pk}/").status_code == 404
        assert "PACS of Ada" not in text(page("Matteo"))


# ---- On a portal that really runs --------------------------------------------------------------


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    portal = serve(tmp_path_factory.mktemp("machines"))
    yield portal
    portal.stop()


def test_a_machine_works_on_a_portal_that_runs(running: Served) -> None:
    client_id, _ = added(running, "Night PACS", jwks=m.key_set(PAIR))
    with httpx.Client(timeout=30) as web:
        pacs = m.Machine(web, running.address, client_id, PAIR)
        pacs.sign_in(*EVERYTHING)
        done = pacs.upload(make.image(77), make.image(77, number=2))
        assert done["stored"] == 2
        (study,) = pacs.search(PatientID="P77")
        uid = study["0020000D"]["Value"][0]
        got = pacs.get(
            f"/dicom-web/studies/{uid}/series/{uid}.1/instances/{uid}.1.1",
            Accept='multipart/related; type="application/dicom"',
        )
        assert got.status_code == 200
        assert b"DICM" in got.content
        assertion = pacs.assertion()
        assert [pacs.ask(assertion).status_code for _ in range(2)] == [200, 400]


@pytest.mark.parametrize("name", ["curl", "python"])
def test_what_the_page_gives_to_paste_works(running: Served, tmp_path: Path, name: str) -> None:
    jwks = pasted(written("keys"), tmp_path)
    _, shown = added(running, f"Pasted {name}", jwks=jwks)
    text = shown[name]
    if name == "python":
        (tmp_path / "try.py").write_text(text)
        text = f"{sys.executable} try.py"
    assert "00100010" in pasted(text, tmp_path)
