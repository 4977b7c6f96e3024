"""Who outside sees a study, why, and how it is stopped; and by what a partner sees it."""

import datetime
from typing import Any

import pytest

from sharing.access.actions import mark
from sharing.accounts.models import Department
from sharing.grants.actions import offers
from sharing.grants.rules.terms import Filter
from sharing.grants.rules.words import Facts, because
from sharing.links import actions as links
from sharing.studies.models import Study, StudyTag
from tests import factories as f
from tests.grants.making import grant, proposed, sent

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    return f.study(f.principal("Ben"))


def page(who: str, study: Study) -> Any:
    return f.browser(who).get(f"/studies/{study.pk}/")


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def whys(who: str, study: Study) -> list[tuple[str, str]]:
    return [(one.who, one.why) for one in page(who, study).context["openings"]]


FACTS = Facts(
    frozenset({"CT", "SR"}),
    "Cardiology",
    frozenset({"heart", "trial"}),
    "Grey, Meredith",
    "3 May 2026",
)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Filter(), "the agreement gives every study"),
        (Filter(modalities=("CT", "MR")), "it is a CT"),
        (Filter(modalities=("SR",)), "it is an SR"),
        (Filter(modalities=("CT",), last_days=30), "it is a CT, made on 3 May 2026"),
        (Filter(since=datetime.date(2026, 5, 1)), "it was made on 3 May 2026"),
        (Filter(tags=("heart", "lung")), "it is tagged “heart”"),
        (Filter(referrer="grey"), "it was referred by Grey, Meredith"),
    ],
    ids=str,
)
def test_a_reason_names_each_condition_that_fits(wanted: Filter, said: str) -> None:
    assert because(wanted, FACTS) == said


def test_a_reason_names_the_department(study: Study) -> None:
    heart = Department.objects.create(institution=study.institution, name="Cardiology")
    wanted = Filter(modalities=("CT",), departments=(heart.pk,))
    assert because(wanted, FACTS) == "it is a CT of Cardiology"


def test_nobody_outside_is_said_so_with_who_it_is_inside(study: Study) -> None:
    for name in ("Ada", "Rosa"):
        f.member(name)
    shown = text(page("Ben", study))
    assert "Nobody outside General." in shown
    assert "1 uploader, 1 reader, 1 administrator" in shown


def test_each_agreement_that_gives_it_says_why_and_can_be_stopped(study: Study) -> None:
    ben = f.principal("Ben")
    mark(study.pk, department=None, tags=["heart"], by=ben)
    made = grant(narrowed={"modalities": ("CT",), "tags": ("heart",)})
    grant(to="Seaside", narrowed={"modalities": ("MR",)})
    assert whys("Ben", study) == [
        (
            "Everybody at Mercy",
            "Because it is a CT, tagged “heart”. Agreed: CT studies tagged “heart”.",
        )
    ]
    address = f"/partners/{made.pk}/stop"
    assert address not in text(page("Ben", study))
    assert address in text(page("Ada", study))
    f.browser("Ada").post(address)
    assert whys("Ben", study) == []


def test_what_was_only_proposed_gives_nothing(study: Study) -> None:
    proposed()
    assert whys("Ada", study) == []


def test_what_was_sent_to_an_institution_is_listed_while_it_runs(study: Study) -> None:
    f.member("Cleo")
    offer = sent(study)
    ((who, why),) = whys("Ben", study)
    assert who == "Mercy"
    assert "sent it to them on" in why
    offers.withdraw(offer.pk, by=f.principal("Ben"))
    assert whys("Ben", study) == []


def test_open_links_are_listed_with_who_made_them(study: Study) -> None:
    ben = f.principal("Ben")
    made = links.create_link(items=[(study, None)], recipient_name="Pat Winter", by=ben)
    ((who, why),) = whys("Ben", study)
    assert who == "Pat Winter"
    assert why.startswith("Because Ben made a share link on")
    assert f"/links/{made.link.pk}/revoke" in text(page("Ben", study))
    links.revoke_link(made.link.pk, by=ben)
    assert whys("Ben", study) == []


@pytest.mark.parametrize("name", ["Rosa", "Cleo"])
def test_others_are_not_told(name: str, study: Study) -> None:
    grant()
    answer = page(name, study)
    assert answer.status_code == 200
    assert "Why can they see this?" not in text(answer)


def test_a_partner_reads_by_which_agreement_and_for_what(study: Study) -> None:
    made = grant(narrowed={"modalities": ("CT",)})
    shown = text(page("Cleo", study))
    assert "that gives: CT studies." in shown
    assert "for treatment and nothing else" in shown
    assert f"/partners/{made.pk}/" not in shown
    assert f"/partners/{made.pk}/" in text(page("Matteo", study))


class TestDepartmentAndTags:
    def send(self, who: str, study: Study, **form: Any) -> Any:
        return f.browser(who).post(f"/studies/{study.pk}/mark", form, follow=True)

    def test_whoever_shares_sets_them(self, study: Study) -> None:
        heart = Department.objects.create(institution=study.institution, name="Cardiology")
        self.send("Ben", study, chosen=heart.pk, added="Heart, Trial 7")
        study.refresh_from_db()
        assert study.department == heart
        assert sorted(one.label for one in study.tags.all()) == ["heart", "trial 7"]
        self.send("Ben", study, kept=["heart"], added="")
        now = Study.objects.get(pk=study.pk)
        assert now.department is None
        assert [one.label for one in now.tags.all()] == ["heart"]

    def test_tags_of_other_studies_are_offered(self, study: Study) -> None:
        other = f.study(f.principal("Ben"), number=2)
        self.send("Ben", other, added="trial 7")
        assert '<option value="trial 7">' in text(page("Ben", study))

    @pytest.mark.parametrize(
        ("who", "status"), [("Rosa", 403), ("Dora", 403), ("Cleo", 404), ("Otto", 404)]
    )
    def test_nobody_else_does(self, who: str, status: int, study: Study) -> None:
        grant()
        assert self.send(who, study, added="mine").status_code == status
        assert not StudyTag.objects.exists()

    def test_what_cannot_be_set_is_said(self, study: Study) -> None:
        assert "at most 40 characters" in text(self.send("Ben", study, added="x" * 41))
        Department.objects.create(institution=study.institution, name="Cardiology")
        strange = Department.objects.create(
            institution=f.member("Cleo").institution, name="Radiology"
        )
        assert "cannot be set" in text(self.send("Ben", study, chosen=strange.pk, added=""))

    def test_a_tag_opens_a_study_to_a_partner_at_once(self, study: Study) -> None:
        grant(narrowed={"tags": ("heart",)})
        assert page("Cleo", study).status_code == 404
        self.send("Ben", study, added="heart")
        assert page("Cleo", study).status_code == 200


class TestTheSendersDepartment:
    def test_a_new_study_belongs_to_it(self) -> None:
        ben = f.member("Ben")
        heart = Department.objects.create(institution=ben.institution, name="Cardiology")
        ben.department = heart
        ben.save()
        made = f.study(f.principal("Ben"))
        assert made.department == heart
        mark(made.pk, department=None, tags=[], by=f.principal("Ben"))
        f.upload(f.principal("Ben"), f.image(1, 2, 1))
        made.refresh_from_db()
        assert made.department is None  # only when it is made

    def test_a_closed_one_takes_nothing(self) -> None:
        ben = f.member("Ben")
        closed = Department.objects.create(
            institution=ben.institution, name="Cardiology", closed_at=ben.created_at
        )
        ben.department = closed
        ben.save()
        assert f.study(f.principal("Ben")).department is None
