"""The pages of links, as browsers ask for them."""

import re

import pytest
from django.test.client import MULTIPART_CONTENT

from sharing.audit.models import AuditEvent
from sharing.audit.rules import Act, ActorKind
from sharing.kernel import ids
from sharing.kernel.errors import AuditUnavailableError
from sharing.links import actions
from sharing.links.models import Claim, ShareLink
from sharing.links.rules import Factor
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


@pytest.fixture
def made(ben, study):
    return making.link(ben, study, note="Please compare with March.")


def post(client, made, **given):
    body = {"link": making.token(made), **given}
    accept = {"Accept": "application/json"}
    return client.post("/s", body, content_type="application/json", headers=accept)


def opened(client, made) -> str:
    answer = post(client, made, passcode=made.passcode)
    assert answer.status_code == 200
    return str(answer.json()["open"])


def test_whoever_comes_back_after_the_end_is_refused_and_written_down(made, ben):
    visitor = factories.browser()
    address = opened(visitor, made)
    actions.revoke_link(made.link.pk, by=ben)
    assert visitor.get(address).status_code == 404
    row = AuditEvent.objects.get(action=Act.ACCESS_REFUSED)
    assert (row.link_id, row.custodian_id) == (made.link.pk, made.link.institution_id)
    stranger = factories.browser()
    stranger.cookies["claim"] = "x" * 43
    assert stranger.get(address).status_code == 404
    assert AuditEvent.objects.filter(action=Act.ACCESS_REFUSED).count() == 1


def test_a_link_with_a_mailed_code_shows_no_passcode(study):
    page = factories.browser("Ben").post(
        "/share/",
        {
            "study": study.pk,
            "whole": study.pk,
            "recipient_email": "cleo@mercy.example",
            "lifetime": 7,
            "max_uses": 0,
            "given": "view",
            "factor": Factor.MAILBOX,
            "once": "b1f4f0a4-33a5-4e54-8a30-0a5c29ce7dd1",
        },
    )
    assert "The link is ready" in page.content.decode()
    assert "link-passcode" not in page.content.decode()


class TestTheOnePage:
    def test_it_is_the_same_bytes_for_everybody_and_sets_nothing(self, made):
        stranger, ben = factories.browser(), factories.browser("Ben")
        answers = [stranger.get("/s"), ben.get("/s"), stranger.get("/s?whatever=1")]
        assert len({answer.content for answer in answers}) == 1
        assert len({tuple(sorted(answer.items())) for answer in answers}) == 1
        assert not any(answer.cookies for answer in answers)
        assert b"csrf-token" not in answers[0].content
        assert ShareLink.objects.get().uses == 0

    def test_asking_for_it_leaves_no_trace_of_a_link(self, made):
        before = AuditEvent.objects.count()
        factories.browser().get("/s")
        assert AuditEvent.objects.count() == before


class TestOpening:
    def test_a_visitor_is_told_who_sends_only_with_the_right_secret(self, made):
        answer = post(factories.browser(), made)
        assert answer.json() == {
            "needs": "passcode",
            "sender": "Ben",
            "institution": "General",
            "mailbox": "",
            "sent": False,
        }
        wrong = f"{making.token(made).split('.')[0]}.{'x' * 43}"
        answer = factories.browser().post("/s", {"link": wrong}, content_type="application/json")
        assert answer.status_code == 404
        assert b"General" not in answer.content

    def test_the_claims_cookie_is_for_the_claims_addresses_alone(self, made):
        client = factories.browser()
        address = opened(client, made)
        cookie = client.cookies["claim"]
        assert cookie["path"] == address
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"
        assert Claim.objects.get().secret_digest != cookie.value.encode()

    def test_over_https_cookies_are_secure(self, made, settings):
        settings.HTTPS = True
        client = factories.browser()
        opened(client, made)
        assert all(cookie["secure"] for cookie in client.cookies.values())

    def test_the_same_browser_comes_back_at_once(self, ben, study):
        made = making.link(ben, study, max_uses=1)
        client = factories.browser()
        address = opened(client, made)
        assert post(client, made).json() == {"open": address}
        assert post(factories.browser(), made).status_code == 404

    def test_without_scripts_a_form_does_it_in_two_steps(self, made):
        client = factories.browser()
        asked = client.post("/s", {"link": made.url})
        assert asked.status_code == 200
        assert "Ben" in asked.content.decode()
        wrong = client.post("/s", {"link": made.url, "passcode": "WRONG234"})
        assert wrong.status_code == 403
        assert "4 tries left" in wrong.content.decode()
        right = client.post("/s", {"link": made.url, "passcode": made.passcode})
        assert right.status_code == 303
        assert client.get(right["Location"]).status_code == 200

    def test_a_wrong_passcode_says_how_many_tries_are_left(self, made):
        answer = post(factories.browser(), made, passcode="WRONG234")
        assert answer.status_code == 403
        assert answer["Content-Type"] == "application/problem+json"
        assert "4 tries left" in answer.json()["detail"]

    def test_a_code_goes_to_the_mailbox_that_its_owner_recognises(self, ben, study):
        made = making.link(ben, study, factor=Factor.MAILBOX, recipient_email="cleo@mercy.example")
        answer = post(factories.browser(), made, send_code=True).json()
        assert answer["mailbox"] == "c•••@mercy.example"
        assert answer["sent"]

    @pytest.mark.parametrize("accept", ["application/json", "text/html"])
    def test_closed_and_unknown_links_get_the_same_bytes(self, ben, study, accept):
        revoked = making.link(ben, study)
        actions.revoke_link(revoked.link.pk, by=ben)
        used_up = making.link(ben, study, max_uses=1)
        making.opened(used_up)
        tokens = [
            f"{ids.to_text(ids.random_id())}.{'x' * 43}",
            making.token(revoked),
            making.token(used_up),
            "no link at all",
        ]
        answers = [
            factories.browser().post(
                "/s",
                {"link": token, "passcode": "ABCD2345"},
                headers={"Accept": accept},
                content_type=accept if "json" in accept else MULTIPART_CONTENT,
            )
            for token in tokens
        ]
        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.content for answer in answers}) == 1
        assert len({tuple(sorted(answer.items())) for answer in answers}) == 1

    def test_a_form_on_another_site_opens_nothing(self, made):
        for origin in ("https://evil.example", "null"):
            answer = factories.browser().post(
                "/s",
                {"link": made.url, "passcode": made.passcode},
                headers={"Origin": origin},
            )
            assert answer.status_code == 403
        assert not Claim.objects.exists()

    @pytest.mark.parametrize("body", ["", "[]", "{", '{"link": 7}', '{"passcode": "x"}'])
    def test_nonsense_is_refused_in_words(self, body):
        answer = factories.browser().post("/s", body, content_type="application/json")
        assert answer.status_code in (404, 422)


class TestInside:
    def test_the_landing_page_says_what_came_from_whom(self, made):
        client = factories.browser()
        page = client.get(opened(client, made)).content.decode()
        for words in ("General", "Ben", "CT images", "Petra1", "Series 1", "compare with March"):
            assert words in page
        assert "Keep a copy" not in page

    def test_where_downloading_is_allowed_it_is_offered_and_explained(self, ben, study):
        client = factories.browser()
        page = client.get(opened(client, making.link(ben, study, may_download=True)))
        assert b"Download" in page.content
        assert b"What is a" not in page.content
        assert b"USB stick" in page.content

    def test_looking_at_it_is_written_down_for_the_study(self, made, study):
        client = factories.browser()
        client.get(opened(client, made))
        row = AuditEvent.objects.filter(action=Act.STUDY_OPENED, link_id=made.link.pk).get()
        assert row.study_id == study.pk

    def test_an_open_page_learns_of_the_end_within_a_second(self, ben, made):
        client = factories.browser()
        address = opened(client, made)
        assert client.get(f"{address}alive").status_code == 204
        actions.revoke_link(made.link.pk, by=ben)
        ended = [client.get(f"{address}{page}") for page in ("alive", "", "download")]
        assert {answer.status_code for answer in ended} == {404}
        stranger = factories.browser().get(f"/c/{ids.random_id()}/")
        assert stranger.content == ended[1].content

    def test_the_cookie_of_one_claim_opens_no_other(self, made):
        mine, other = factories.browser(), factories.browser()
        opened(mine, made)
        address = opened(other, made)
        mine.cookies["claim"]["path"] = "/"
        assert mine.get(address).status_code == 404

    def test_whoever_leaves_is_out(self, made):
        client = factories.browser()
        address = opened(client, made)
        assert client.post(f"{address}leave").status_code == 200
        row = AuditEvent.objects.get(action=Act.LINK_LEFT)
        assert (row.link_id, row.actor_kind) == (made.link.pk, ActorKind.LINK)
        assert row.custodian_id == made.link.institution_id
        assert client.get(address).status_code == 404
        assert post(client, made).json()["needs"] == "passcode"

    def test_leaving_is_written_down_or_it_does_not_happen(self, made, monkeypatch):
        client = factories.browser()
        address = opened(client, made)

        def unavailable(*_, **__):
            raise AuditUnavailableError

        monkeypatch.setattr("sharing.links.actions.claiming.record", unavailable)
        assert client.post(f"{address}leave").status_code == 503
        monkeypatch.undo()
        assert client.get(address).status_code == 200

    def test_a_patient_signed_in_nowhere_reaches_no_staff_page(self, made):
        client = factories.browser()
        opened(client, made)
        assert client.get("/links/").status_code == 302


class TestSharing:
    def share(self, client, study, **fields):
        page = client.get(f"/share/?study={study.pk}").content.decode()
        once = re.search(r'name="once" value="([^"]+)"', page)
        assert once
        form = {
            "once": once[1],
            "study": str(study.pk),
            "whole": str(study.pk),
            "lifetime": "7",
            "max_uses": "0",
            "given": "download",
            "factor": "passcode",
        } | fields
        return client.post("/share/", form), form

    def test_in_the_default_case_nothing_has_to_be_filled_in(self, study):
        answer, _ = self.share(factories.browser("Ben"), study)
        page = answer.content.decode()
        link = ShareLink.objects.get()
        assert f"#{ids.to_text(link.pk)}." in page
        assert re.search(r'id="link-passcode" value="[A-Z2-9]{4}-[A-Z2-9]{4}"', page)
        assert "<svg" in page
        assert answer["Cache-Control"] == "no-store"

    def test_the_mail_text_holds_the_link_but_neither_passcode_nor_patient(self, study):
        page = self.share(
            factories.browser("Ben"),
            study,
            recipient_name="Dr Cleo",
            recipient_email="cleo@mercy.example",
        )[0].content.decode()
        passcode = re.search(r'id="link-passcode" value="([^"]+)"', page)
        text = re.search(r'<pre class="mail-text"[^>]*>(.*?)</pre>', page, re.DOTALL)
        mailto = re.search(r'href="(mailto:[^"]+)"', page)
        assert passcode
        assert text
        assert mailto
        for mail in (text[1], mailto[1]):
            assert passcode[1] not in mail
            assert passcode[1].replace("-", "") not in mail
            assert "Petra" not in mail
        assert "Dr Cleo" in text[1]
        assert "cleo@mercy.example" in mailto[1]

    def test_the_same_form_sent_twice_makes_one_link(self, study):
        client = factories.browser("Ben")
        first, form = self.share(client, study)
        again = client.post("/share/", form)
        assert again.content == first.content
        assert ShareLink.objects.count() == 1

    def test_and_a_changed_form_another(self, study):
        client = factories.browser("Ben")
        _, form = self.share(client, study)
        client.post("/share/", {**form, "given": "view"})
        assert ShareLink.objects.count() == 2

    def test_ticked_series_alone(self, study):
        series = factories.first_series(study)
        self.share(factories.browser("Ben"), study, whole="", series=str(series.pk))
        # An empty "whole" is no study's id.
        assert not ShareLink.objects.exists()
        client = factories.browser("Ben")
        page = client.get(f"/share/?study={study.pk}&series={series.pk}").content.decode()
        assert page.count(" checked") >= 1
        assert f'name="whole" value="{study.pk}" checked' not in page

    def test_nothing_ticked_is_said_and_keeps_what_was_written(self, study):
        client = factories.browser("Ben")
        form = {
            "study": str(study.pk),
            "lifetime": "7",
            "max_uses": "0",
            "given": "view",
            "factor": "passcode",
            "note": "Compare",
            "once": "x",
        }
        page = client.post("/share/", form).content.decode()
        assert "Choose at least one study or series." in page
        assert "Compare" in page

    def test_a_code_without_an_address_is_asked_for(self, study):
        page = self.share(factories.browser("Ben"), study, factor="mailbox")[0].content.decode()
        assert "A code can only be mailed to an address." in page
        assert not ShareLink.objects.exists()

    def test_a_form_that_makes_no_link_still_says_who_saw_the_patient(self, study):
        client, shown = factories.browser("Ben"), AuditEvent.objects.filter(study_id=study.pk)
        opened = shown.filter(action=Act.STUDY_OPENED)
        _, form = self.share(client, study, factor="mailbox")
        assert opened.count() == 2
        for _ in range(2):
            client.post("/share/", {**form, "factor": "passcode"})
        assert shown.filter(action=Act.LINK_CREATED).count() == 1
        assert opened.count() == 3

    def test_cleo_and_rosa_cannot(self, study):
        assert factories.browser("Cleo").get(f"/share/?study={study.pk}").status_code == 404
        assert factories.browser("Rosa").get(f"/share/?study={study.pk}").status_code == 403


class TestMyLinks:
    def test_an_empty_list_says_what_to_do_first(self):
        factories.member("Ben")
        page = factories.browser("Ben").get("/links/").content.decode()
        assert "Nothing shared yet" in page

    def test_who_what_when_and_from_where(self, made):
        making.opened(made)
        client = factories.browser("Ben")
        assert "Petra1" in client.get("/links/").content.decode()
        page = client.get(f"/links/{made.link.pk}/").content.decode()
        assert making.VISITOR.address in page
        assert "Safari on an iPhone" in page

    def test_filters_and_a_filtered_out_list(self, ben, study):
        making.link(ben, study, recipient_name="Dr Cleo")
        client = factories.browser("Ben")
        assert "Dr Cleo" in client.get("/links/?q=cleo&state=open").content.decode()
        assert "No link is like that" in client.get("/links/?state=revoked").content.decode()

    def test_a_hundred_links_cost_no_more_statements_than_one(
        self, ben, study, django_assert_max_num_queries
    ):
        for _ in range(60):
            making.link(ben, study)
        client = factories.browser("Ben")
        with django_assert_max_num_queries(16):
            client.get("/links/")

    def test_revoking_asks_first_and_says_that_it_is_for_good(self, made):
        client = factories.browser("Ben")
        asked = client.get(f"/links/{made.link.pk}/revoke").content.decode()
        assert "cannot be undone" in asked
        assert ShareLink.objects.get().revoked_at is None
        client.post(f"/links/{made.link.pk}/revoke")
        assert ShareLink.objects.get().revoked_at is not None

    def test_extending_and_what_stands_in_its_way(self, made):
        client = factories.browser("Ben")
        address = f"/links/{made.link.pk}/extend"
        assert client.post(address, {"lifetime": "30"}).status_code == 302
        refused = client.post(address, {"lifetime": "1"})
        assert refused.status_code == 422
        assert "open longer than that already" in refused.content.decode()

    def test_a_wrong_extension_shows_the_link_and_says_so(self, made):
        listed = AuditEvent.objects.filter(action=Act.LINKS_LISTED, link_id=made.link.pk)
        factories.browser("Ben").post(f"/links/{made.link.pk}/extend", {"lifetime": "1"})
        assert listed.count() == 1

    def test_rosa_and_matteo_do_not_find_bens_link(self, made):
        assert factories.browser("Matteo").get(f"/links/{made.link.pk}/").status_code == 404
        assert factories.browser("Rosa").get(f"/links/{made.link.pk}/").status_code == 403
