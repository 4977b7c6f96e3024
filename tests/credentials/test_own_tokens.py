"""People make, see and revoke tokens by themselves; administrators see and revoke everybody's."""

import datetime
import re
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from sharing.accounts.models import Membership
from sharing.accounts.rules import MembershipState, Role
from sharing.audit.actions import viewings
from sharing.audit.models import AuditEvent
from sharing.console.rules import phrase
from sharing.credentials.actions import create_token, revoke_token
from sharing.credentials.models import ApiToken
from sharing.credentials.principal import bearer
from sharing.jobs.models import Job
from sharing.kernel.requests import Origin
from tests import factories as f
from tests.accounts.making import send_mails

pytestmark = pytest.mark.django_db
DAY = datetime.timedelta(days=1)
WHERE = Origin("192.0.2.9", "curl", "api")
WISHES = {"label": "nightly", "lifetime": "7d", "scopes": ["search", "view"]}


@pytest.fixture(autouse=True)
def attempts_are_forgotten() -> Any:
    cache.clear()
    yield
    cache.clear()


def proved(name: str) -> Client:
    """A browser of somebody who has just typed the password once more."""
    client = f.browser(name)
    client.post("/accounts/reauthenticate/", {"password": f.PASSWORD})
    return client


def token(name: str = "Ben", days: int = 1) -> Any:
    return create_token(
        membership=f.member(name),
        lifetime=DAY * days,
        by=f.principal(name),
        label=f"{name}'s script",
    )


def program(text: str) -> Client:
    return f.browser(headers={"Authorization": f"Bearer {text}"})


def ask(client: Client, **changes: Any) -> Any:
    wishes = {"name": "nightly", "lifetime": "1h", "scopes": ["search"], **changes}
    return client.post("/api/tokens/", wishes, content_type="application/json")


class TestThePage:
    def test_rosa_makes_a_token_sees_it_once_and_revokes_it(self) -> None:
        rosa = proved("Rosa")
        page = rosa.post("/account/tokens/new", WISHES)
        assert page["Cache-Control"] == "no-store"
        said = page.content.decode()
        text = re.findall(r'value="(hv_[^"]+)"', said)[0]
        assert f"Authorization: Bearer {text}" in said
        assert program(text).get("/api/studies/").status_code == 200
        again = rosa.get("/account/tokens/").content.decode()
        assert text not in again
        assert "May find studies and read what a list shows, view images" in again
        one = f.member("Rosa").api_tokens.get()
        asked = rosa.get(f"/account/tokens/{one.pk}/revoke").content.decode()
        assert "Revoke this token?" in asked
        assert program(text).get("/api/studies/").status_code == 200
        rosa.post(f"/account/tokens/{one.pk}/revoke")
        assert program(text).get("/api/studies/").status_code == 401
        assert "Revoked" in rosa.get("/account/tokens/").content.decode()

    def test_whoever_sits_down_at_an_open_browser_is_asked_for_the_password_first(self) -> None:
        rosa = f.browser("Rosa")
        asked = rosa.get("/account/tokens/new")
        assert asked["Location"] == "/accounts/reauthenticate/?next=%2Faccount%2Ftokens%2Fnew"
        assert rosa.post("/account/tokens/new", WISHES)["Location"] == "/account/tokens/new"
        assert not ApiToken.objects.exists()
        late = proved("Rosa")
        with time_machine.travel(timezone.now() + datetime.timedelta(minutes=6), tick=False):
            assert late.post("/account/tokens/new", WISHES).status_code == 302
        assert not ApiToken.objects.exists()

    def test_only_what_ones_role_has_is_offered_or_taken(self) -> None:
        rosa = proved("Rosa")
        offered = rosa.get("/account/tokens/new").content.decode()
        assert re.findall(r'name="scopes" value="(\w+)"', offered) == ["search", "view", "download"]
        assert re.findall(r'<option value="(\w+)"', offered) == ["1h", "1d", "7d", "30d", "90d"]
        wrongs: list[dict[str, Any]] = [
            {"scopes": ["upload"]},
            {"lifetime": "365d"},
            {"label": ""},
            {"scopes": []},
        ]
        for wrong in wrongs:
            assert rosa.post("/account/tokens/new", WISHES | wrong).status_code == 422, wrong
        assert not ApiToken.objects.exists()

    def test_who_has_none_is_told_what_they_are_for(self) -> None:
        page = f.browser("Ben").get("/account/tokens/").content.decode()
        assert "No token works now" in page
        assert "You have none now" in f.browser("Ben").get("/account/").content.decode()

    def test_the_day_of_last_use_is_shown_and_no_more(self) -> None:
        made = token()
        ApiToken.objects.update(
            last_used_at=datetime.datetime(2026, 3, 4, 5, 6, tzinfo=datetime.UTC)
        )
        page = f.browser("Ben").get("/account/tokens/").content.decode()
        assert "4 Mar 2026" in page
        assert "05:06" not in page
        assert made.text not in page


class TestAnAdministrator:
    def test_ada_sees_and_revokes_what_acts_at_general(self) -> None:
        made, other = token("Ben"), token("Cleo")
        ada = f.browser("Ada")
        page = ada.get("/people/tokens/").content.decode()
        assert "Ben&#x27;s script" in page
        assert "ben@general.example" in page
        assert "Cleo" not in page
        assert made.text not in page
        assert ada.get(f"/people/tokens/{made.token.pk}/revoke").status_code == 200
        assert ada.post(f"/people/tokens/{made.token.pk}/revoke").status_code == 302
        assert ada.post(f"/people/tokens/{other.token.pk}/revoke").status_code == 404
        assert bearer(made.text, WHERE) is None
        assert bearer(other.text, WHERE) is not None
        row = AuditEvent.objects.get(action="token.revoked")
        assert row.actor_name == "ada@general.example"
        assert phrase(row.action, row.detail) == "revoked an access token of ben@general.example"

    def test_nobody_else_sees_them(self) -> None:
        made = token("Ben")
        for name in ("Rosa", "Dora", "Ben"):
            assert f.browser(name).get("/people/tokens/").status_code == 403
        assert f.browser("Matteo").post(f"/people/tokens/{made.token.pk}/revoke").status_code == 404
        assert bearer(made.text, WHERE) is not None


class TestTheApi:
    def test_ben_makes_lists_and_revokes_by_his_session(self) -> None:
        ben = proved("Ben")
        made = ask(ben)
        assert made.status_code == 201, made.content
        assert program(made.json()["token"]).get("/api/studies/").status_code == 200
        (listed,) = ben.get("/api/tokens/").json()["results"]
        assert (listed["name"], listed["scopes"], listed["state"]) == (
            *("nightly", ["search"], "active"),
        )
        assert listed["last_used_on"] == str(timezone.localdate())
        assert made.json()["token"] not in str(listed)
        for _ in range(2):
            assert ben.delete(f"/api/tokens/{listed['id']}/").status_code == 204
        assert program(made.json()["token"]).get("/api/studies/").status_code == 401

    def test_a_request_sent_again_makes_no_second_token(self) -> None:
        ben = proved("Ben")
        key = {"headers": {"Idempotency-Key": "k1"}, "content_type": "application/json"}
        wishes = {"name": "nightly", "scopes": ["search"]}
        first, again = (ben.post("/api/tokens/", wishes, **key) for _ in range(2))  # type: ignore[arg-type]
        assert first.json() == again.json()
        assert again["Idempotent-Replay"] == "true"
        assert ApiToken.objects.count() == 1

    def test_without_a_fresh_proof_it_says_where_to_give_one(self) -> None:
        refused = ask(f.browser("Ben"))
        assert refused.status_code == 403
        assert refused.json()["type"] == "urn:handover:problem:proof-needed"
        assert not ApiToken.objects.exists()

    def test_a_token_neither_makes_nor_sees_nor_revokes_tokens(self) -> None:
        made = token()
        by_token = program(made.text)
        assert ask(by_token).status_code == 403
        assert by_token.get("/api/tokens/").status_code == 403
        assert by_token.delete(f"/api/tokens/{made.token.pk}/").status_code == 403
        assert ApiToken.objects.filter(revoked_at=None).count() == 1

    def test_no_more_than_the_role(self) -> None:
        refused = ask(proved("Rosa"), scopes=["upload"])
        assert refused.status_code == 422
        assert "scopes" in refused.json()["fields"]


class TestAnEndedOne:
    @pytest.mark.parametrize(
        ("end", "said"),
        [
            ("expired", "was refused with an access token that has expired"),
            ("revoked", "was refused with an access token that was revoked"),
            ("suspended", "was refused with an access token, being suspended"),
        ],
    )
    def test_its_use_is_written_down_once_and_then_counted(self, end: str, said: str) -> None:
        made = token()
        if end == "expired":
            ApiToken.objects.update(expires_at=timezone.now())
        elif end == "revoked":
            revoke_token(made.token.pk, by=f.principal("Ben"))
        else:
            Membership.objects.update(state=MembershipState.SUSPENDED)
        for _ in range(3):
            assert program(made.text).get("/api/studies/").status_code == 401
        refusals = AuditEvent.objects.filter(outcome="refused").order_by("pk")
        (row,) = refusals
        assert (row.action, row.actor_name) == ("access.refused", "ben@general.example")
        assert (row.credential_id, row.custodian_id) == (
            *(str(made.token.pk), f.member("Ben").institution_id),
        )
        assert phrase(row.action, row.detail) == said
        viewings.flush()
        counted = refusals.all()[1]
        assert phrase(counted.action, counted.detail).startswith("was refused 3 times with")

    def test_a_guess_at_one_is_not_put_down_to_its_person(self) -> None:
        made = token()
        revoke_token(made.token.pk, by=f.principal("Ben"))
        assert program(made.text[:-3] + "000").get("/api/studies/").status_code == 401
        assert not AuditEvent.objects.filter(outcome="refused").exists()


class TestTheReminder:
    def mails(self, after: datetime.timedelta, outbox: list[Any]) -> list[Any]:
        with time_machine.travel(timezone.now() + after, tick=False):
            send_mails()
            send_mails()
        return outbox

    def test_three_days_before_the_end_one_mail_comes(self, mailoutbox: Any) -> None:
        made = token(days=30)
        assert self.mails(26 * DAY, mailoutbox) == []
        (mail,) = self.mails(27 * DAY + datetime.timedelta(minutes=1), mailoutbox)
        assert self.mails(28 * DAY, mailoutbox) == [mail]
        assert mail.to == ["ben@general.example"]
        assert "Ben's script" in mail.body
        assert "/account/tokens/" in mail.body
        assert made.text not in mail.body
        assert len(mail.alternatives) == 1

    def test_one_that_is_short_anyway_is_not_worth_a_mail(self) -> None:
        token(days=7)
        assert not Job.objects.exists()

    @pytest.mark.parametrize("end", ["revoked", "suspended"])
    def test_none_comes_for_one_that_has_ended(self, end: str, mailoutbox: Any) -> None:
        made = token(days=30)
        if end == "revoked":
            revoke_token(made.token.pk, by=f.principal("Ben"))
        else:
            Membership.objects.update(state=MembershipState.SUSPENDED)
        assert self.mails(28 * DAY, mailoutbox) == []


def test_a_role_that_shrinks_narrows_the_tokens_made_before() -> None:
    made = token()
    Membership.objects.filter(pk=f.member("Ben").pk).update(role=Role.READER)
    answer = program(made.text).post("/api/uploads/", {}, content_type="application/json")
    assert answer.status_code == 403
