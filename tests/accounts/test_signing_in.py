"""Signing in and out, and what of it is written down."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.core.cache import cache

from sharing.accounts.models import Membership, User
from sharing.accounts.rules import Role
from sharing.audit.models import AuditEvent
from sharing.kernel.errors import AuditUnavailableError
from tests import factories as f

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def attempts_are_forgotten():
    cache.clear()
    yield
    cache.clear()


def sign_in(client, email="rosa@general.example", password=f.PASSWORD):
    return client.post("/accounts/login/", {"login": email, "password": password})


def acts() -> list[str]:
    return list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))


def code(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time())))


def test_rosa_signs_in_and_out_and_general_can_read_it():
    rosa = f.member("Rosa")
    browser = f.browser()
    assert sign_in(browser)["Location"] == "/"
    assert browser.get("/").status_code == 200
    browser.post("/accounts/logout/")
    assert browser.get("/").status_code == 302
    rows = AuditEvent.objects.filter(action__startswith="person.").order_by("pk")
    assert [row.action for row in rows] == ["person.signed-in", "person.signed-out"]
    assert {row.custodian_id for row in rows} == {rosa.institution_id}
    assert {row.address for row in rows} == {"127.0.0.1"}


def test_capital_letters_in_the_address_do_not_matter():
    f.member("Rosa")
    assert sign_in(f.browser(), "ROSA@General.example").status_code == 302


def test_a_wrong_password_is_written_down_where_rosa_works():
    rosa = f.member("Rosa")
    assert sign_in(f.browser(), password="wrong, and long enough").status_code == 200
    row = AuditEvent.objects.get()
    assert (row.action, row.outcome) == ("person.sign-in-failed", "failed")
    assert (row.custodian_id, row.actor_id) == (rosa.institution_id, str(rosa.user_id))


def test_what_was_typed_instead_of_an_address_is_not_kept():
    sign_in(f.browser(), "my secret password@x.example", "oh dear, wrong field")
    assert "secret" not in repr(list(AuditEvent.objects.values()))


def test_an_unknown_address_gets_the_same_answer_as_a_wrong_password():
    f.member("Rosa")
    known = sign_in(f.browser(), password="wrong, and long enough").content.decode()
    unknown = sign_in(
        f.browser(), "nobody@general.example", "wrong, and long enough"
    ).content.decode()
    said = "The email address and/or password you specified are not correct."
    assert said in known
    assert said in unknown


def test_after_many_wrong_passwords_even_the_right_one_waits():
    f.member("Rosa")
    for _ in range(6):
        sign_in(f.browser(), password="wrong, and long enough")
    assert sign_in(f.browser()).status_code == 200
    assert "person.signed-in" not in acts()


def test_who_works_in_two_houses_is_seen_signing_in_by_both():
    ada, mercy = f.member("Ada"), f.member("Cleo").institution
    Membership.objects.create(user=ada.user, institution=mercy, role=Role.READER)
    sign_in(f.browser(), "ada@general.example")
    rows = AuditEvent.objects.filter(action="person.signed-in")
    assert {row.custodian_id for row in rows} == {ada.institution_id, mercy.pk}


def test_nobody_signs_up_without_an_invitation():
    browser = f.browser()
    browser.post("/accounts/signup/", {"email": "m@x.example", "password1": "a quiet lake at dawn"})
    assert not User.objects.exists()


def test_with_an_authenticator_app_the_password_is_not_enough():
    rosa = f.member("Rosa").user
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    TOTP.activate(rosa, secret)
    browser = f.browser()
    assert sign_in(browser)["Location"].startswith("/accounts/2fa/authenticate/")
    assert browser.get("/").status_code == 302
    assert browser.post("/accounts/2fa/authenticate/", {"code": "000000"}).status_code == 200
    assert acts() == ["person.sign-in-failed"]
    assert browser.post("/accounts/2fa/authenticate/", {"code": code(secret)}).status_code == 302
    assert browser.get("/").status_code == 200
    assert acts()[:2] == ["person.sign-in-failed", "person.signed-in"]


def test_the_authenticators_secret_is_not_kept_in_clear():
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    TOTP.activate(f.member("Rosa").user, secret)
    assert secret not in repr(list(Authenticator.objects.values()))


def test_a_changed_password_is_written_down_and_ends_the_session():
    f.member("Rosa")
    browser = f.browser()
    sign_in(browser)
    fresh = "another quiet lake at dawn"
    browser.post(
        "/accounts/password/change/",
        {"oldpassword": f.PASSWORD, "password1": fresh, "password2": fresh},
    )
    row = AuditEvent.objects.get(action="person.credentials-changed")
    assert row.detail == {"what": "password changed"}
    assert browser.get("/").status_code == 302
    assert sign_in(f.browser(), password=fresh).status_code == 302


def test_a_short_password_is_refused():
    f.member("Rosa")
    browser = f.browser()
    sign_in(browser)
    answer = browser.post(
        "/accounts/password/change/",
        {"oldpassword": f.PASSWORD, "password1": "fourteen chars", "password2": "fourteen chars"},
    )
    assert "at least 15 characters" in answer.content.decode()


def test_a_password_that_cannot_be_written_down_is_not_changed(monkeypatch):
    f.member("Rosa")
    browser = f.browser()
    sign_in(browser)

    def fail(*_: object, **__: object) -> None:
        raise AuditUnavailableError

    monkeypatch.setattr("sharing.accounts.actions.signing.record", fail)
    fresh = "another quiet lake at dawn"
    answer = browser.post(
        "/accounts/password/change/",
        {"oldpassword": f.PASSWORD, "password1": fresh, "password2": fresh},
    )
    assert answer.status_code == 503
    assert User.objects.get().check_password(f.PASSWORD)


def test_the_address_of_an_account_is_fixed():
    rosa = f.browser("Rosa")
    assert rosa.get("/accounts/email/")["Location"] == "/account/"
    rosa.post("/accounts/email/", {"action_add": "", "email": "else@x.example"})
    assert not User.objects.filter(email="else@x.example").exists()
    assert User.objects.get().email == "rosa@general.example"


def test_rosa_changes_her_name():
    rosa = f.browser("Rosa")
    rosa.post("/account/", {"name": "Rosa Brandt"})
    assert User.objects.get().name == "Rosa Brandt"
    assert AuditEvent.objects.filter(action="member.changed", detail__what="name").exists()


def test_a_token_does_not_reach_the_account_that_it_belongs_to():
    from datetime import timedelta

    from sharing.credentials.actions import create_token

    made = create_token(
        membership=f.member("Ben"), lifetime=timedelta(hours=1), by=f.principal("Ben")
    )
    program = f.browser(headers={"Authorization": f"Bearer {made.text}"})
    assert program.get("/account/").status_code == 403
    assert program.post("/account/", {"name": "Mallory"}).status_code == 403
