"""Whoever came by a mailed link has a passkey, or a password and an app, before anything else."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from portal.checks import routes, rule_of
from sharing.access.rules import Rule
from sharing.accounts import actions
from sharing.accounts.models import User
from sharing.accounts.rules import Role
from tests import factories as f
from tests.accounts.making import invite, link, with_a_passkey, with_an_app

pytestmark = pytest.mark.django_db
NORA = "nora@general.example"
NEW = {"name": "Nora Lind", "password": "a quiet lake at dawn"}


@pytest.fixture
def url() -> str:
    invite(NORA, Role.ADMINISTRATOR)
    return link()


def joined(url: str, **fields: str) -> Client:
    nora = f.browser()
    answer = nora.post("/join", {"link": url, "step": "join", **fields})
    assert answer.status_code == 302, answer.content
    return nora


def test_with_a_password_alone_nora_reaches_the_page_that_says_what_is_missing(url: str) -> None:
    nora = joined(url, **NEW)
    assert nora.get("/")["Location"] == "/account/protect"
    page = nora.get("/account/protect").content.decode()
    assert "Add a passkey" in page
    assert "Set up the app" in page
    for address in (
        "/accounts/2fa/",
        "/accounts/2fa/totp/activate/",
        "/accounts/2fa/webauthn/add/",
    ):
        assert nora.get(address).status_code == 200, address


@pytest.mark.parametrize("proof", [with_an_app, with_a_passkey], ids=["app", "passkey"])
def test_with_a_passkey_or_an_app_besides_she_works(url: str, proof: Any) -> None:
    nora = joined(url, **NEW)
    proof(NORA)
    assert nora.get("/").status_code == 200
    assert nora.get("/people/").status_code == 200


def test_with_a_passkey_she_needs_no_password(url: str) -> None:
    nora = joined(url, name="Nora Lind", way="passkey")
    assert not User.objects.get(email=NORA).has_usable_password()
    assert nora.get("/")["Location"] == "/account/protect"
    assert nora.get("/accounts/2fa/webauthn/add/").status_code == 200
    with_a_passkey(NORA)
    assert nora.get("/").status_code == 200


def test_a_key_that_is_only_a_second_step_does_not_stand_alone(url: str) -> None:
    nora = joined(url, name="Nora Lind", way="passkey")
    with_a_passkey(NORA, alone=False)
    assert nora.get("/")["Location"] == "/account/protect"


def test_whose_device_has_no_passkeys_chooses_a_password_after_all(url: str) -> None:
    nora = joined(url, name="Nora Lind", way="passkey")
    assert "Choose a password" in nora.get("/account/protect").content.decode()
    assert nora.get("/accounts/password/set/").status_code == 200


def test_without_a_name_nobody_joins_by_passkey_either(url: str) -> None:
    answer = f.browser().post("/join", {"link": url, "step": "join", "way": "passkey"})
    assert answer.status_code == 422
    assert not User.objects.filter(email=NORA).exists()


def test_the_same_holds_at_each_later_sign_in(url: str) -> None:
    joined(url, **NEW)
    later = f.browser()
    later.post("/accounts/login/", {"login": NORA, "password": NEW["password"]})
    assert later.get("/")["Location"] == "/account/protect"


def test_when_the_app_is_taken_away_the_page_comes_back(url: str) -> None:
    nora = joined(url, **NEW)
    with_an_app(NORA)
    assert nora.get("/").status_code == 200
    Authenticator.objects.filter(user__email=NORA).delete()
    assert nora.get("/")["Location"] == "/account/protect"


def _addresses() -> list[tuple[str, Any]]:
    """Every address of ours that takes no ids, and its rule."""
    return [
        (f"/{address}", rule_of(route.callback))
        for address, route in routes()
        if "<" not in address and "(" not in address
    ]


def test_nothing_that_is_not_for_everybody_is_open_before_that(url: str) -> None:
    nora = joined(url, **NEW)
    asked = []
    for address, rule in _addresses():
        if rule == Rule.ANYBODY or address.startswith(("/accounts/", "/static/")):
            continue
        if address == "/account/protect":
            continue
        for method in ("get", "post"):
            answer = getattr(nora, method)(address)
            asked.append(address)
            shut = answer.status_code in (403, 405) or answer.get("Location") == "/account/protect"
            assert shut, (method, address, answer.status_code)
    assert len(asked) > 30


def test_her_principal_is_nobodys_member_until_then(url: str) -> None:
    nora = joined(url, **NEW)
    assert nora.get("/accounts/2fa/").wsgi_request.principal.membership is None  # type: ignore[attr-defined]
    with_an_app(NORA)
    assert nora.get("/").wsgi_request.principal.membership is not None  # type: ignore[attr-defined]


def test_those_who_were_here_before_are_asked_for_nothing() -> None:
    assert f.browser("Ben").get("/").status_code == 200
    assert "choose one before you go on" not in (
        f.browser("Ben").get("/account/protect").content.decode()
    )


def test_whoever_joins_a_second_institution_is_asked_as_well() -> None:
    f.member("Ada")
    invite("ada@general.example", Role.READER, by="Matteo")
    ada = f.browser("Ada")
    assert ada.post("/join", {"link": link(), "step": "join"}).status_code == 302
    assert ada.get("/people/")["Location"] == "/account/protect"


def test_no_mail_ever_holds_a_password(url: str, mailoutbox: list[Any]) -> None:
    joined(url, **NEW)
    actions.invite(email="x@x.example", role=Role.READER, by=f.principal("Ada"))
    link()
    for one in mailoutbox:
        assert NEW["password"] not in str(vars(one))
