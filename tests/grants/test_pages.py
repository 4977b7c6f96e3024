"""The pages on which two institutions say what each sees of the other."""

import csv
import datetime
import io
import uuid
from typing import Any

import pytest
from django.utils import timezone

from sharing.access.actions import mark
from sharing.accounts.models import Department, Institution
from sharing.audit.models import AuditEvent
from sharing.audit.rules import Act
from sharing.credentials.models import MachineClient
from sharing.grants import actions
from sharing.grants.forms.grants import ChangeForm, filled_from
from sharing.grants.models import Grant
from sharing.grants.queries.grants import waiting
from sharing.grants.queries.lines import asking
from sharing.grants.rules.states import GrantState
from tests import factories as f
from tests.credentials.making import machine
from tests.grants.making import agreed, grant, proposed, terms

pytestmark = pytest.mark.django_db
HOME = "/partners/"


def ask(who: str, path: str = "", **options: Any) -> Any:
    return f.browser(who).get(HOME + path, **options)


def send(who: str, path: str, **form: Any) -> Any:
    return f.browser(who).post(HOME + path, form)


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def mercy() -> Institution:
    for name in ("Ada", "Dora", "Matteo", "Nora"):
        f.member(name)
    found = Institution.objects.get(name="Mercy")
    found.is_listed = True
    found.save()
    return found


def filled(**changes: Any) -> dict[str, Any]:
    today = timezone.localdate()
    form = {
        "direction": "ours",
        "actions": ["search", "view"],
        "purpose": "TREAT",
        "channels": ["people"],
        "first_day": today.isoformat(),
        "last_day": (today + datetime.timedelta(days=90)).isoformat(),
        "text": "Mercy reads what General sends.",
    }
    return {**form, **changes}


def new(partner: Institution) -> str:
    return f"new?with={partner.pk}"


class TestTheList:
    def test_without_an_agreement_it_says_what_one_is(self) -> None:
        shown = text(ask("Ada"))
        assert "No agreement with anybody yet" in shown
        assert "either side stops it with one press" in shown

    def test_whose_turn_it_is_stands_first_for_each_side(self) -> None:
        proposed()
        assert "Waiting for our yes" in text(ask("Dora"))
        assert "Your yes is wanted" in text(ask("Dora"))
        assert "Still to agree: a second person of ours and 2 persons of Mercy" in text(ask("Ada"))
        assert "We see studies of General" in text(ask("Matteo"))

    def test_each_stands_in_the_group_of_how_it_stands(self) -> None:
        stopped, ended = grant(), grant()
        actions.stop(stopped.pk, by=f.principal("Ada"))
        actions.end(ended.pk, by=f.principal("Ada"))
        theirs = agreed(proposed(), "Dora")
        grant()
        groups = {str(name): those for name, those in ask("Ada").context["groups"]}
        assert list(groups) == ["Waiting for the other side", "In force", "Stopped", "Ended"]
        assert [one.grant for one in groups["Waiting for the other side"]] == [theirs]

    def test_the_place_counts_what_waits_for_this_very_person(self) -> None:
        made = proposed()
        assert [asking(f.principal(name)) for name in ("Ada", "Dora", "Matteo")] == [0, 1, 1]
        assert "waiting for you" in text(f.browser("Dora").get("/"))
        agreed(made, "Dora")
        assert asking(f.principal("Dora")) == 0
        assert "waiting for you" not in text(f.browser("Dora").get("/"))

    @pytest.mark.parametrize("name", ["Ben", "Rosa"])
    def test_whoever_may_not_agree_finds_no_such_page(self, name: str) -> None:
        assert ask(name).status_code == 403
        assert HOME not in text(f.browser(name).get("/"))

    def test_strangers_see_nothing_of_it(self) -> None:
        made = grant()
        assert "No agreement with anybody yet" in text(ask("Otto"))
        assert ask("Otto", f"{made.pk}/").status_code == 404


class TestProposing:
    def test_an_institution_is_found_by_its_words(self) -> None:
        mercy()
        assert "Mercy" in text(ask("Ada", "new?q=merc"))
        assert "Nobody is found like that" in text(ask("Ada", "new?q=nowhere"))
        part = ask("Ada", "new?q=merc", headers={"HX-Request": "true"})
        assert b"<html" not in part.content
        assert "General" not in text(part)  # oneself

    def test_one_that_does_not_want_to_be_found_is_not_there(self) -> None:
        otto = f.member("Otto")
        assert ask("Ada", new(otto.institution)).status_code == 404
        assert ask("Ada", new(f.member("Ada").institution)).status_code == 404
        assert ask("Ada", "new?with=nobody").status_code == 404

    def test_what_was_filled_in_is_proposed_and_agreed_to_by_whoever_did(self) -> None:
        partner = mercy()
        answer = send("Ada", new(partner), **filled(modalities=["CT"], networks="203.0.113.0/24"))
        made = Grant.objects.get()
        assert answer["Location"] == f"{HOME}{made.pk}/"
        assert (made.custodian.name, made.recipient.name) == ("General", "Mercy")
        version = waiting(made)
        assert version is not None
        assert version.read().filter.modalities == ("CT",)
        assert version.read().networks == ("203.0.113.0/24",)
        assert [one.person.name for one in version.approvals.all()] == ["Ada"]
        assert timezone.localtime(version.valid_until).time() == datetime.time.min

    def test_the_other_way_their_studies_are_seen(self) -> None:
        send("Ada", new(mercy()), **filled(direction="theirs"))
        made = Grant.objects.get()
        assert (made.custodian.name, made.recipient.name) == ("Mercy", "General")

    def test_both_ways_are_two_agreements(self) -> None:
        send("Ada", new(mercy()), **filled(direction="both"))
        assert {one.custodian.name for one in Grant.objects.all()} == {"General", "Mercy"}

    def test_a_form_sent_twice_proposes_once(self) -> None:
        partner = mercy()
        for _ in range(2):
            assert send("Ada", new(partner), **filled()).status_code == 302
        assert Grant.objects.count() == 1

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"actions": []}, "actions"),
            ({"actions": ["view"]}, "actions"),
            ({"purpose": "FUN"}, "purpose"),
            ({"channels": []}, "channels"),
            ({"networks": "here"}, "networks"),
            ({"first_day": "2020-01-01"}, "first_day"),
            ({"last_day": "2020-01-01"}, "last_day"),
            ({"last_day": "9999-12-31"}, "last_day"),
            ({"last_days": "5", "since": "2026-01-01"}, "last_days"),
            ({"since": "2026-02-01", "until": "2026-01-01"}, "until"),
            ({"studies_per_day": "0"}, "studies_per_day"),
            ({"direction": "up"}, "direction"),
        ],
        ids=str,
    )
    def test_what_cannot_stand_is_said_at_its_field(self, wrong: Any, field: str) -> None:
        answer = send("Ada", new(mercy()), **filled(**wrong))
        assert answer.status_code == 422
        assert field in answer.context["form"].errors
        assert not Grant.objects.exists()

    def test_more_than_a_year_cannot_be_agreed(self) -> None:
        late = timezone.localdate() + datetime.timedelta(days=366)
        answer = send("Ada", new(mercy()), **filled(last_day=late.isoformat()))
        assert "An agreement lasts a year at most" in text(answer)

    def test_a_year_from_today_can(self) -> None:
        last = timezone.localdate() + datetime.timedelta(days=364)
        assert send("Ada", new(mercy()), **filled(last_day=last.isoformat())).status_code == 302

    def test_a_department_is_of_the_institution_whose_studies_they_are(self) -> None:
        partner = mercy()
        ours = Department.objects.create(institution=f.member("Ada").institution, name="Cardiology")
        wrong = send("Ada", new(partner), **filled(direction="theirs", departments=[ours.pk]))
        assert "departments" in wrong.context["form"].errors
        send("Ada", new(partner), **filled(departments=[ours.pk]))
        version = waiting(Grant.objects.get())
        assert version is not None
        assert version.read().filter.departments == (ours.pk,)


class TestWhatItMeans:
    """Beside the form, while one fills it in."""

    def look(self, who: str, **changes: Any) -> Any:
        headers = {"HX-Request": "true"}
        return f.browser(who).post(HOME + new(mercy()), filled(**changes), headers=headers)

    def test_the_sentence_and_the_studies_are_told_and_nothing_is_proposed(self) -> None:
        f.study(f.principal("Ben"))
        shown = text(self.look("Ada", modalities=["CT"], tags="heart"))
        assert "CT studies tagged “heart”." in shown
        assert "Nothing that arrived in the last 90 days" in shown
        shown = text(self.look("Ada", modalities=["CT"]))
        assert "<strong>1 study</strong> would be seen" in shown
        assert "Probe, Petra1" in shown
        assert "<html" not in shown
        assert not Grant.objects.exists()

    def test_each_dry_run_is_written_down_as_a_search(self) -> None:
        self.look("Ada", modalities=["CT"])
        (row,) = AuditEvent.objects.filter(action=Act.SEARCHED)
        assert row.detail["fields"] == ["dry_run", "modalities"]

    def test_what_arrived_before_is_left_out(self) -> None:
        study = f.study(f.principal("Ben"))
        study.last_arrived_at -= datetime.timedelta(days=91)
        study.save()
        assert self.look("Ada").context["dry_run"].count == 0

    def test_whoever_is_to_see_their_studies_gets_no_dry_run(self) -> None:
        f.study(f.principal("Cleo"), number=2)
        answer = self.look("Ada", direction="theirs")
        assert "looks at which of its studies these are" in text(answer)
        assert "would be seen" not in text(answer)
        assert "Petra" not in text(answer)
        assert not AuditEvent.objects.filter(action=Act.SEARCHED).exists()

    def test_the_fingerprint_is_that_of_what_is_proposed(self) -> None:
        (told,) = self.look("Ada").context["digests"]
        send("Ada", new(mercy()), **filled())
        version = waiting(Grant.objects.get())
        assert version is not None
        assert version.digest == told

    def test_without_a_script_a_button_shows_the_same(self) -> None:
        answer = send("Ada", new(mercy()), **filled(look="1"))
        assert answer.status_code == 200
        assert "All studies." in text(answer)
        assert not Grant.objects.exists()


class TestOneAgreement:
    def test_the_four_places_fill_one_after_the_other(self) -> None:
        made = proposed()
        version = waiting(made)
        assert version is not None
        for name, left in (("Dora", 2), ("Matteo", 1), ("Nora", 0)):
            send(name, f"{made.pk}/agree", digest=version.digest)
            shown = text(ask("Ada", f"{made.pk}/"))
            assert shown.count("Still wanted") == left, name
        assert "In force" in shown

    def test_what_was_read_is_what_is_agreed_to(self) -> None:
        made = proposed()
        read = ask("Dora", f"{made.pk}/").context["about"].digest
        actions.propose_version(made.pk, terms=terms(days=30), by=f.principal("Ada"))
        answer = f.browser("Dora").post(f"{HOME}{made.pk}/agree", {"digest": read}, follow=True)
        assert "Meanwhile other terms were proposed" in text(answer)
        assert "Your yes is wanted" in text(answer)

    def test_a_no_says_why_to_both_sides(self) -> None:
        made = proposed()
        send("Matteo", f"{made.pk}/decline", why="Too wide.")
        for name in ("Ada", "Matteo"):
            shown = text(ask(name, f"{made.pk}/"))
            assert "“Too wide.”" in shown, name
            assert "Ended" in shown

    def test_other_terms_stand_beside_those_in_force(self) -> None:
        made = grant(narrowed={"modalities": ("CT",)})
        form = filled(modalities=["CT", "MR"], actions=["search", "view", "download"])
        del form["direction"]
        form["channels"] = ["people", "machines", "programs"]
        form["text"] = made.version.read().text if made.version else ""
        assert send("Ada", f"{made.pk}/change", **form).status_code == 302
        shown = ask("Nora", f"{made.pk}/")
        told = {one.name: (one.old, one.new) for one in shown.context["differences"]}
        assert told == {"Which studies": ("CT studies.", "CT or MR studies.")}
        assert "In force" in text(shown)
        version = Grant.objects.get().version
        assert version is not None
        assert version.number == 1

    def test_the_form_of_a_change_begins_with_what_is_agreed(self) -> None:
        made = grant(narrowed={"tags": ("heart",), "last_days": 30}, studies_per_day=7)
        shown = ask("Matteo", f"{made.pk}/change")
        form = shown.context["form"]
        assert isinstance(form, ChangeForm)
        assert form["tags"].value() == "heart"
        assert form["studies_per_day"].value() == 7
        assert made.version is not None
        assert filled_from(made.version.read())["first_day"] == timezone.localdate()

    def test_one_press_stops_it_and_whoever_stopped_lets_it_go_on(self) -> None:
        made = grant()
        study = f.study(f.principal("Ben"))
        cleo = f.browser("Cleo")
        assert cleo.get(f"/studies/{study.pk}/").status_code == 200
        assert send("Nora", f"{made.pk}/stop").status_code == 302
        assert cleo.get(f"/studies/{study.pk}/").status_code == 404
        shown = text(ask("Ada", f"{made.pk}/"))
        assert "Only Mercy can let it go on" in shown
        answer = f.browser("Ada").post(f"{HOME}{made.pk}/resume", follow=True)
        assert "only they can let it go on" in text(answer)
        send("Matteo", f"{made.pk}/resume")
        assert cleo.get(f"/studies/{study.pk}/").status_code == 200

    def test_an_end_is_asked_for_once_more(self) -> None:
        made = grant()
        assert "This cannot be undone" in text(ask("Ada", f"{made.pk}/end"))
        assert Grant.objects.get().state == GrantState.ACTIVE
        send("Ada", f"{made.pk}/end", why="The project is over.")
        assert Grant.objects.get().state == GrantState.ENDED
        assert "The project is over." in text(ask("Matteo", f"{made.pk}/"))

    def test_what_came_in_between_is_said_in_words(self) -> None:
        made = grant()
        actions.end(made.pk, by=f.principal("Matteo"))
        answer = f.browser("Ada").post(f"{HOME}{made.pk}/stop", follow=True)
        assert "This agreement is in another state now: ended" in text(answer)

    def test_the_custodian_sees_what_a_proposal_would_show_before_it_agrees(self) -> None:
        f.study(f.principal("Ben"))
        for name in ("Ada", "Dora", "Matteo", "Nora"):
            f.member(name)
        mercy()
        send("Matteo", new(listed("General")), **filled(direction="theirs"))
        made = Grant.objects.get()
        assert "Probe, Petra1" in text(ask("Ada", f"{made.pk}/"))
        assert "Petra" not in text(ask("Nora", f"{made.pk}/"))

    def test_the_recipient_names_machines_and_both_see_them(self) -> None:
        made = grant()
        machine(by="Matteo", name="Night PACS")
        client = MachineClient.objects.get()
        assert send("Ada", f"{made.pk}/machines", client=client.pk).status_code == 404
        send("Matteo", f"{made.pk}/machines", client=client.pk)
        shown = text(ask("Ada", f"{made.pk}/"))
        assert "Night PACS" in shown
        assert "EC, P-384" in shown
        assert f"/machines/{client.pk}/remove" not in shown
        send("Matteo", f"{made.pk}/machines/{client.pk}/remove")
        assert "no machine gets anything" in text(ask("Ada", f"{made.pk}/"))

    def test_each_day_is_counted_also_without_a_limit(self) -> None:
        made = grant()
        for number in (1, 2):
            study = f.study(f.principal("Ben"), number=number)
            for _ in range(2):
                f.browser("Cleo").get(f"/studies/{study.pk}/viewer/")
        shown = text(ask("Ada", f"{made.pk}/"))
        assert "2 studies opened" in shown
        assert "2 studies today" in text(ask("Ada"))

    def test_both_sides_read_who_opened_what(self) -> None:
        made = grant()
        study = f.study(f.principal("Ben"))
        f.browser("Cleo").get(f"/studies/{study.pk}/")
        for name in ("Dora", "Nora"):
            shown = text(ask(name, f"{made.pk}/"))
            assert "<strong>Cleo</strong> opened the page of" in shown, name
        assert AuditEvent.objects.filter(action=Act.ACTIVITY_READ).count() == 2
        activity = text(f.browser("Dora").get(f"/activity/?grant={made.pk}"))
        assert "Only what concerns one agreement" in activity


def listed(name: str) -> Institution:
    found = Institution.objects.get(name=name)
    found.is_listed = True
    found.save()
    return found


class TestWhatTheySee:
    def test_every_study_that_is_given_and_when_it_was_opened(self) -> None:
        ben = f.principal("Ben")
        seen, unseen = f.study(ben), f.study(ben, number=2)
        mark(seen.pk, department=None, tags=["heart"], by=ben)
        made = grant(narrowed={"tags": ("heart",)})
        assert "never" in text(ask("Rosa", f"{made.pk}/studies/"))
        f.browser("Cleo").get(f"/studies/{seen.pk}/")
        answer = ask("Rosa", f"{made.pk}/studies/")
        assert [row.study for row in answer.context["rows"]] == [seen]
        assert answer.context["rows"][0].who == "Cleo"
        assert str(unseen.pk) not in text(answer)

    def test_it_is_searched_as_the_worklist_is(self) -> None:
        ben = f.principal("Ben")
        made = grant()
        for number in (1, 2):
            f.study(ben, number=number)
        answer = ask("Rosa", f"{made.pk}/studies/?q=petra2&sort=patient")
        assert [row.study.uid for row in answer.context["rows"]] == ["1.2.826.0.1.2"]
        assert "No study matches" in text(ask("Rosa", f"{made.pk}/studies/?q=nobody"))

    def test_it_ends_with_the_grant(self) -> None:
        f.study(f.principal("Ben"))
        made = grant()
        actions.stop(made.pk, by=f.principal("Matteo"))
        assert "Nothing at this moment" in text(ask("Rosa", f"{made.pk}/studies/"))
        assert "Petra" not in text(ask("Rosa", f"{made.pk}/studies/"))

    @pytest.mark.parametrize("name", ["Cleo", "Matteo", "Otto"])
    def test_only_the_custodians_people_read_it(self, name: str) -> None:
        made = grant()
        for path in ("studies/", "studies/studies.csv"):
            assert ask(name, f"{made.pk}/{path}").status_code == 404

    def test_the_file_opens_in_a_spreadsheet_without_harm(self) -> None:
        made = grant()
        f.upload(f.principal("Ben"), f.image(StudyDescription="=cmd|' /C calc'!A0"))
        answer = ask("Rosa", f"{made.pk}/studies/studies.csv")
        header, row = csv.reader(io.StringIO(b"".join(answer).decode()))
        told = dict(zip(header, row, strict=True))
        assert told["Patient"] == "Probe, Petra1"
        assert told["Description"].startswith("'=cmd")
        (written,) = AuditEvent.objects.filter(action=Act.SEARCHED)
        assert written.detail["fields"] == ["file", "partner"]


class TestForPrograms:
    def test_a_signed_in_person_lists_reads_and_stops(self) -> None:
        made = grant(narrowed={"modalities": ("CT",)})
        ada = f.browser("Ada")
        (row,) = ada.get("/api/grants/").json()["results"]
        assert row["counts_now"] is True
        assert row["agreed"]["filter"]["modalities"] == ["CT"]
        assert ada.get(f"/api/grants/{made.pk}/").json() == row
        stopped = ada.post(f"/api/grants/{made.pk}/stop/").json()
        assert (stopped["state"], stopped["counts_now"]) == ("suspended", False)
        assert ada.get(f"/api/grants/{uuid.uuid4()}/").status_code == 404

    def test_no_strangers(self) -> None:
        made = grant()
        otto = f.browser("Otto")
        assert otto.get("/api/grants/").json()["results"] == []
        assert otto.post(f"/api/grants/{made.pk}/stop/").status_code == 404
