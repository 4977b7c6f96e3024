"""Sharing by a program, with a bearer token."""

import datetime
import json

import pytest

from sharing.access.rules import Action
from sharing.audit.models import AuditEvent
from sharing.audit.rules import Act
from sharing.credentials.actions import create_token
from sharing.links.models import Claim, ShareLink
from sharing.studies.models import Study
from tests import factories
from tests.links import making

pytestmark = pytest.mark.django_db


@pytest.fixture
def ben():
    return factories.principal("Ben")


@pytest.fixture
def study(ben) -> Study:
    return factories.study(ben, series=2)


class Program:
    """A client with a token of a person's."""

    def __init__(self, name: str, **wishes) -> None:
        made = create_token(
            membership=factories.member(name),
            lifetime=datetime.timedelta(hours=1),
            by=factories.principal(name),
            **wishes,
        )
        self.headers = {"Authorization": f"Bearer {made.text}"}
        self.client = factories.browser()

    def post(self, address: str, body: dict, **headers):
        return self.client.post(
            f"/api/{address}",
            json.dumps(body),
            content_type="application/json",
            headers={**self.headers, **headers},
        )

    def get(self, address: str):
        return self.client.get(f"/api/{address}", headers=self.headers)


@pytest.fixture
def program(ben) -> Program:
    return Program("Ben")


def wish(study: Study, **more) -> dict:
    return {"items": [{"study": str(study.pk)}], **more}


def test_a_link_is_made_and_opened_by_programs(program, study):
    made = program.post("links/", wish(study, days=3, may_download=True))
    assert made.status_code == 201
    body = made.json()
    visitor = factories.browser()
    asked = visitor.post("/api/claims/", {"link": body["url"]}, content_type="application/json")
    assert (asked.status_code, asked.json()["needs"]) == (200, "passcode")
    opening = {"link": body["url"], "passcode": body["passcode"]}
    opened = visitor.post("/api/claims/", opening, content_type="application/json")
    assert opened.status_code == 201
    assert visitor.get(f"{opened.json()['open']}alive").status_code == 204
    claims = program.get(f"links/{body['id']}/claims/").json()
    assert claims["count"] == 1
    assert claims["results"][0]["id"] == str(Claim.objects.get().pk)


def test_the_list_shows_what_a_link_gives_and_never_its_secret(program, study):
    made = program.post("links/", wish(study)).json()
    series = factories.first_series(study)
    part = {"items": [{"study": str(study.pk), "series": [str(series.pk)]}]}
    program.post("links/", part)
    listed = program.get("links/").json()
    assert listed["count"] == 2
    assert listed["results"][1]["items"] == [{"study": str(study.pk)}]
    assert listed["results"][0]["items"] == part["items"]
    assert made["url"].rpartition(".")[2] not in json.dumps(listed)
    assert made["passcode"] not in json.dumps(listed)


def test_filters_by_state_and_study(program, ben, study):
    other = factories.study(ben, number=2)
    first = program.post("links/", wish(study)).json()
    program.post("links/", wish(other))
    program.post(f"links/{first['id']}/revoke/", {})
    assert program.get("links/?state=revoked").json()["results"][0]["id"] == first["id"]
    assert program.get(f"links/?study={other.pk}").json()["count"] == 1
    assert program.get("links/?state=nonsense").status_code == 422


def test_extended_revoked_and_then_no_more(program, study):
    link = program.post("links/", wish(study)).json()["id"]
    longer = program.post(f"links/{link}/extend/", {"days": 20})
    assert longer.status_code == 200
    assert program.post(f"links/{link}/extend/", {"days": 31}).status_code == 422
    assert program.post(f"links/{link}/revoke/", {}).json()["state"] == "revoked"
    refused = program.post(f"links/{link}/extend/", {"days": 30})
    assert refused.status_code == 409
    assert refused["Content-Type"] == "application/problem+json"


def test_a_request_sent_again_makes_one_link_whose_secrets_are_not_kept_readably(program, study):
    from sharing.jobs.models import IdempotentRequest

    first = program.post("links/", wish(study), **{"Idempotency-Key": "once-and-only"})
    again = program.post("links/", wish(study), **{"Idempotency-Key": "once-and-only"})
    assert again.json() == first.json()
    assert again["Idempotent-Replay"] == "true"
    assert ShareLink.objects.count() == 1
    kept = str(IdempotentRequest.objects.values().get())
    assert first.json()["passcode"] not in kept
    assert first.json()["url"].rpartition(".")[2] not in kept


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "items"),
        ({"items": []}, "items.non_field_errors"),
        ({"items": [{"study": "no id"}]}, "items[0].study"),
        ({"days": 31}, "days"),
        ({"factor": "mailbox"}, "recipient_email"),
        ({"factor": "birthday"}, "factor"),
    ],
)
def test_what_cannot_be_used_is_named(program, study, body, field):
    answer = program.post("links/", body if "items" in body or not body else wish(study, **body))
    assert answer.status_code == 422
    assert field in answer.json()["fields"]


def test_a_token_without_the_scope_cannot_share(study):
    reader = Program("Ben", scopes=[Action.SEARCH, Action.VIEW])
    assert reader.post("links/", wish(study)).status_code == 403
    assert reader.get("links/").status_code == 403


def test_cleo_and_an_unknown_token_get_nowhere(study, ben):
    link = making.link(ben, study).link
    cleo = Program("Cleo")
    assert cleo.post("links/", wish(study)).status_code == 404
    assert cleo.get(f"links/{link.pk}/").status_code == 404
    cleo.headers = {"Authorization": "Bearer hv_nobody"}
    assert cleo.get("links/").status_code == 401


def test_unknown_and_revoked_links_are_one_answer(program, study):
    link = program.post("links/", wish(study)).json()
    program.post(f"links/{link['id']}/revoke/", {})
    answers = [
        factories.browser().post("/api/claims/", {"link": one}, content_type="application/json")
        for one in (link["url"], "no link", f"{'A' * 22}.{'x' * 43}")
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1


def test_a_refusal_stays_written_down_though_the_request_may_be_repeated(study):
    """Matteo of Mercy tries the ids of General's studies, with a key that would undo it all."""
    there = AuditEvent.objects.filter(action=Act.ACCESS_REFUSED)
    answer = Program("Matteo").post("links/", wish(study), **{"Idempotency-Key": "again"})
    assert answer.status_code == 404
    assert there.get().actor_name == "matteo@mercy.example"


def test_no_series_at_all_are_not_the_whole_study(program, study):
    """A program that filtered every series away meant to give nothing."""
    items = [{"study": str(study.pk), "series": []}]
    assert program.post("links/", {"items": items}).status_code == 422
    assert not ShareLink.objects.exists()
