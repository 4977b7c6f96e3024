"""The inbox at its pages and its API: what each person sees of what was sent."""

import re
import uuid
from typing import Any

import pytest
from django.test import Client

from sharing.accounts.models import Institution
from sharing.audit.models import AuditEvent
from sharing.audit.rules import Act
from sharing.credentials.actions import create_token
from sharing.grants.actions import offers
from sharing.grants.models import ImageRequest, Offer
from sharing.grants.rules.offers import OfferState, Priority, RequestState
from sharing.studies.models import Study
from tests import factories as f
from tests.credentials.making import EVERYTHING, machine
from tests.grants.making import listed, sent
from tests.grants.test_offers import DAY
from tests.grants.test_reach import bearer

pytestmark = pytest.mark.django_db
FORM = {"note": "Second opinion, please.", "priority": "stat", "given": "view", "days": "90"}


@pytest.fixture
def study() -> Study:
    return f.study(f.principal("Ben"))


def page(name: str, address: str = "/inbox/") -> str:
    answer = f.browser(name).get(address)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def mercy() -> Institution:
    for name in ("Cleo", "Rafa", "Matteo", "Nora"):
        f.member(name)
    listed("Mercy")
    return Institution.objects.get(name="Mercy")


def test_from_the_study_page_it_is_one_step(study: Study) -> None:
    to = mercy()
    ben = f.browser("Ben")
    assert f"/studies/{study.pk}/send/" in page("Ben", f"/studies/{study.pk}/")
    form = ben.get(f"/studies/{study.pk}/send/").content.decode()
    assert "Mercy" in form
    assert "Probe, Petra1" in form
    answer = ben.post(f"/studies/{study.pk}/send/", {"recipient": to.pk, **FORM})
    assert answer["Location"] == f"/studies/{study.pk}/#sent"
    offer = Offer.objects.get()
    assert (offer.priority, offer.may_download, offer.note) == ("stat", False, FORM["note"])
    inbox = page("Cleo")
    for word in ("Probe, Petra1", "General", "Second opinion", "STAT", "Accept", "Decline"):
        assert word in inbox
    own = page("Ben", f"/studies/{study.pk}/")
    assert "Sent to institutions" in own
    assert f"/inbox/offers/{offer.pk}/withdraw" in own


def test_looking_for_an_institution_works_without_a_script_and_keeps_what_is_filled_in(
    study: Study,
) -> None:
    mercy()
    listed("Harbor", "Lakeside")
    ben = f.browser("Ben")
    asked = {**FORM, "q": "merc", "find": "1"}
    found = ben.post(f"/studies/{study.pk}/send/", asked).content.decode()
    assert "Mercy" in found
    assert "Harbor" not in found
    assert FORM["note"] in found
    assert not Offer.objects.exists()
    chosen = Institution.objects.get(name="Harbor").pk
    part = ben.get(
        f"/studies/{study.pk}/send/",
        {"q": "merc", "recipient": str(chosen)},
        headers={"HX-Request": "true"},
    ).content.decode()
    assert "<html" not in part
    assert "Petra" not in part
    assert re.search(rf'value="{chosen}"[^>]*checked', part)
    assert "Lakeside" not in part


def test_what_is_wrong_is_said_at_its_place(study: Study) -> None:
    to = mercy()
    ben = f.browser("Ben")
    for changes, sentence in (
        ({}, "Choose an institution."),
        ({"recipient": to.pk, "person": "x@y.example"}, "Nobody who can receive images at Mercy"),
        ({"recipient": to.pk, "note": "x" * 2001}, "at most 2000 characters"),
    ):
        answer = ben.post(f"/studies/{study.pk}/send/", {**FORM, **changes})
        assert answer.status_code == 422
        assert sentence in answer.content.decode()
    assert (
        ben.post(f"/studies/{study.pk}/send/", {**FORM, "recipient": uuid.uuid4()}).status_code
        == 404
    )
    assert not Offer.objects.exists()


def test_what_waits_is_in_order_of_its_priority() -> None:
    ben = f.principal("Ben")
    for number, priority in enumerate(("routine", "stat", "urgent", "stat"), 1):
        sent(f.study(ben, number=number, images=1), priority=Priority(priority))
    inbox = page("Rafa")
    order = list(dict.fromkeys(re.findall(r"Probe, Petra(\d)</a>", inbox)))
    assert order == ["2", "4", "3", "1"]


def test_what_is_stat_stands_on_every_page_of_those_who_can_answer(study: Study) -> None:
    offer = sent(study, priority=Priority.STAT)
    for name in ("Cleo", "Rafa", "Matteo"):
        for address in ("/", "/inbox/?tab=sent" if name == "Cleo" else "/inbox/", "/account/"):
            told = page(name, address)
            assert 'class="stat-bar"' in told
            assert "from General" in told
            assert "data-clock>0 min</time>" in told
            bar = told.partition('id="news"')[2].partition("</div>\n</div>")[0][:1200]
            assert "Petra" not in bar
    for name in ("Nora", "Otto", "Ben"):
        assert 'class="stat-bar"' not in page(name, "/")
    offers.accept(offer.pk, by=f.principal("Rafa"))
    assert 'class="stat-bar"' not in page("Cleo", "/")


def test_the_bar_renews_itself_only_when_something_changed(study: Study) -> None:
    f.member("Cleo")
    cleo = f.browser("Cleo")
    state = re.search(r"/inbox/news\?state=([^\"]+)", cleo.get("/").content.decode())
    assert state is not None
    assert cleo.get(f"/inbox/news?state={state[1]}").status_code == 204
    sent(study, priority=Priority.STAT)
    renewed = cleo.get(f"/inbox/news?state={state[1]}")
    assert renewed.status_code == 200
    assert 'class="stat-bar"' in renewed.content.decode()
    assert 'hx-swap-oob="true"' in renewed.content.decode()
    assert "inbox-changed" in renewed["HX-Trigger"]  # at which an open list renews itself
    assert 'hx-trigger="inbox-changed from:body"' in cleo.get("/inbox/").content.decode()


def test_a_stat_for_one_person_stands_on_her_pages_alone(study: Study) -> None:
    sent(study, priority=Priority.STAT, person="cleo@mercy.example")
    assert 'class="stat-bar"' in page("Cleo", "/")
    for name in ("Rafa", "Matteo"):
        assert 'class="stat-bar"' not in page(name, "/")
        assert "Petra" not in page(name)


def test_accepting_and_declining_at_the_page(study: Study) -> None:
    offer = sent(study)
    rafa = f.browser("Rafa")
    assert rafa.post(f"/inbox/offers/{offer.pk}/accept").status_code == 302
    assert Offer.objects.get().state == OfferState.ACCEPTED
    assert "Probe, Petra1" in page("Cleo", "/inbox/?tab=accepted")
    late = f.browser("Cleo").post(f"/inbox/offers/{offer.pk}/decline", {"why": "Not ours."})
    assert late.status_code == 409
    assert "meanwhile this is accepted by Rafa" in late.content.decode()
    other = sent(f.study(f.principal("Ben"), number=2))
    asked = f"/inbox/offers/{other.pk}/decline"
    assert "Why not?" in rafa.get(asked).content.decode()
    assert rafa.post(asked, {"why": ""}).status_code == 422
    assert rafa.post(asked, {"why": "We have no CT reader today."}).status_code == 302
    told = page("Ben", f"/inbox/offers/{other.pk}/")
    assert "We have no CT reader today." in told
    assert "Declined by Rafa" in told
    over = page("Rafa", "/inbox/?tab=answered")
    assert "No longer open to you" in over
    assert "Petra2" not in over


def test_the_sender_sees_what_became_of_it_and_withdraws(study: Study) -> None:
    offer = sent(study)
    address = f"/inbox/offers/{offer.pk}/"
    assert "Not opened yet" in page("Ben", address)
    page("Cleo", f"/studies/{study.pk}/")
    assert "Opened for the first time" in page("Ada", address)
    assert "Probe, Petra1" in page("Ben", "/inbox/?tab=sent")
    ben = f.browser("Ben")
    assert ben.post(f"{address}extend", {"days": "365"}).status_code == 302
    assert ben.post(f"{address}extend", {"days": "7"}).status_code == 422
    assert ben.post(f"{address}withdraw").status_code == 302
    assert "Withdrawn by Ben" in page("Ben", address)
    assert f.browser("Cleo").get(f"/studies/{study.pk}/").status_code == 404
    for name in ("Cleo", "Otto"):
        assert f.browser(name).get(address).status_code == 404


def test_the_recipients_study_page_says_how_it_came(study: Study) -> None:
    offer = sent(study, note="Bleeding?")
    told = page("Cleo", f"/studies/{study.pk}/")
    for word in ("Bleeding?", "How it came here", "Sent by Ben", "Accept"):
        assert word in told
    back = f.browser("Cleo").post(f"/inbox/offers/{offer.pk}/accept", {"back": "study"})
    assert back["Location"] == f"/studies/{study.pk}/"


def test_every_look_at_the_inbox_is_written_down_for_both(study: Study) -> None:
    sent(study)
    page("Cleo")
    rows = AuditEvent.objects.filter(action=Act.INBOX_READ)
    general = study.institution_id
    assert [(one.custodian_id, one.detail["count"]) for one in rows.order_by("id")] == [
        (f.member("Cleo").institution_id, 1),
        (general, 1),
    ]


@pytest.mark.parametrize("tab", ["waiting", "accepted", "answered", "requests", "sent"])
def test_an_empty_part_says_what_to_do(tab: str) -> None:
    text = page("Cleo", f"/inbox/?tab={tab}")
    assert "Request images" in text
    assert 'class="empty"' in text or tab == "requests"


def test_a_machine_reads_and_does_not_answer(study: Study) -> None:
    offer = sent(study, may_download=True)
    pacs = machine(by="Matteo", name="PACS")
    pacs.sign_in(*EVERYTHING)
    for address in (f"/inbox/offers/{offer.pk}/accept", f"/api/offers/{offer.pk}/accept/"):
        assert bearer(pacs.token).post(address).status_code == 403
    assert Offer.objects.get().state == OfferState.WAITING


# ---- Requests ----------------------------------------------------------------------------------


def test_a_request_is_made_answered_and_seen(study: Study) -> None:
    mercy()
    listed("General")
    cleo, ben = f.browser("Cleo"), f.browser("Ben")
    form = {
        "to": study.institution_id,
        "patient_name": "Probe Petra1",
        "patient_id": "P1",
        "reason": "Operation on Friday.",
        "priority": "urgent",
    }
    short = cleo.post("/inbox/requests/new/", {**form, "patient_id": ""})
    assert short.status_code == 422
    assert "Give at least two" in short.content.decode()
    address = cleo.post("/inbox/requests/new/", form)["Location"]
    request = ImageRequest.objects.get()
    assert "Operation on Friday." in page("Ben", address)
    assert "CT Thorax" in page("Ben", address)
    assert "CT Thorax" not in page("Cleo", address)
    assert "Others ask you" in page("Ben", "/inbox/?tab=requests")
    assert "Probe Petra1" in page("Cleo", "/inbox/?tab=requests")
    assert "Probe Petra1" not in page("Otto", "/inbox/?tab=requests")
    assert f.browser("Otto").get(address).status_code == 404
    given = {"given": "view", "days": "30", "closes": "on"}
    assert ben.post(f"{address}give", given).status_code == 422
    assert ben.post(f"{address}give", {**given, "study": study.pk}).status_code == 302
    assert ImageRequest.objects.get().state == RequestState.ANSWERED
    assert "CT Thorax" in page("Cleo", address)
    assert f.browser("Cleo").get(f"/studies/{study.pk}/viewer/").status_code == 200
    assert ben.post(f"/inbox/requests/{request.pk}/decline", {"why": "No."}).status_code == 409


def test_the_directory_leads_to_a_request(study: Study) -> None:
    mercy()
    to = Institution.objects.get(name="Mercy").pk
    assert f"/inbox/requests/new/?to={to}" in page("Ben", "/directory/")
    asked = page("Ben", f"/inbox/requests/new/?to={to}")
    assert re.search(rf'value="{to}"[^>]*checked', asked)


# ---- Programs ----------------------------------------------------------------------------------


def program(name: str) -> Client:
    own = create_token(membership=f.member(name), lifetime=DAY, by=f.principal(name))
    return bearer(own.text)


def test_a_program_sends_answers_and_withdraws(study: Study) -> None:
    to = mercy()
    ben, cleo = program("Ben"), program("Cleo")
    body: dict[str, Any] = {"study": str(study.pk), "recipient": str(to.pk), "priority": "urgent"}
    made = ben.post("/api/offers/", body, "application/json")
    assert made.status_code == 201, made.content
    offer = made.json()
    assert (offer["state"], offer["recipient"], offer["may_download"]) == (
        "waiting",
        "Mercy",
        False,
    )
    assert ben.post("/api/offers/", body, "application/json").status_code == 409
    (listed_,) = cleo.get("/api/offers/").json()["results"]
    assert listed_ == offer
    assert [one["id"] for one in ben.get("/api/offers/?box=sent").json()["results"]] == [
        offer["id"]
    ]
    assert program("Otto").get("/api/offers/").json()["results"] == []
    assert cleo.get("/api/offers/?state=accepted").json()["results"] == []
    address = f"/api/offers/{offer['id']}"
    assert program("Otto").post(f"{address}/accept/").status_code == 404
    assert cleo.post(f"{address}/accept/").json()["state"] == "accepted"
    refused = cleo.post(f"{address}/decline/", {"why": "No."}, "application/json")
    assert refused.status_code == 409
    assert ben.post(f"{address}/withdraw/").json()["state"] == "withdrawn"
    assert cleo.get(f"/api/studies/{study.pk}/").status_code == 404
