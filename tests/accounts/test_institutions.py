"""What institutions show of themselves, and who finds them."""

import datetime
import re
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError
from django.utils import timezone

from sharing.accounts import actions, queries
from sharing.accounts.models import Department, Evidence, Institution, Invitation, Membership
from sharing.accounts.rules import CHECKS_PER_HOUR, EvidenceKind, Role, is_npi, tidy_domain
from sharing.accounts.work import Look
from sharing.accounts.work.domains import look_at_domains, look_at_sign_ups
from sharing.audit.models import AuditEvent
from sharing.jobs.actions import enqueue
from sharing.jobs.models import Job
from sharing.kernel.errors import ConflictError, InvalidInputError, NotThereError, PeerBusyError
from tests import factories as f
from tests.accounts.dns import Zone, zone
from tests.accounts.making import send_mails

pytestmark = pytest.mark.django_db


@pytest.fixture
def names(settings: Any) -> Iterator[Zone]:
    with zone() as made:
        settings.DNS_SERVERS = made.servers
        yield made


def shown(name: str = "Ada") -> list[str]:
    return [one.sentence for one in queries.evidence_of(f.member(name).institution)]


def begun(domain: str = "general.example") -> actions.Challenge:
    return actions.begin_domain(domain, by=f.principal("Ada"))


def look(made: actions.Challenge, **options: Any) -> Look:
    return actions.check_domain(made.evidence.pk, by=f.principal("Ada"), **options)[1]


# ---- A domain ------------------------------------------------------------------------------------


def test_ada_proves_the_domain_by_a_record_in_dns(names: Zone) -> None:
    made = begun("www.General.Example.")
    assert made.record_name == "_handover-challenge.general.example"
    assert shown() == []
    assert look(made) == Look.ABSENT
    names.texts[made.record_name] = ["v=spf1 -all", made.record_value]
    with time_machine.travel(datetime.datetime(2026, 11, 3, 12, tzinfo=datetime.UTC), tick=False):
        assert look(made) == Look.PROVEN
    assert shown() == ["Domain general.example proven by DNS on 3 Nov 2026"]
    row = AuditEvent.objects.filter(action="institution.evidence").latest("id")
    assert (row.detail["value"], row.detail["found"]) == ("general.example", "proven")
    assert look(made) == Look.THERE


def test_the_record_is_kept_by_its_digest_alone() -> None:
    made = begun()
    token = made.record_value.partition("=")[2]
    kept = Evidence.objects.get(pk=made.evidence.pk)
    assert len(bytes(kept.token_digest or b"")) == 32
    assert token not in str(AuditEvent.objects.values_list("detail", flat=True))


@pytest.mark.parametrize(
    "record",
    ["handover-domain=", "handover-domain=AAAA", "", "handover-domain"],
    ids=["empty", "another token", "nothing", "no token"],
)
def test_another_record_proves_nothing(record: str) -> None:
    made = begun()
    assert look(made, resolve=lambda name: [record]) == Look.ABSENT
    assert shown() == []


def test_mercys_record_proves_nothing_for_general() -> None:
    theirs = actions.begin_domain("general.example", by=f.principal("Matteo"))
    made = begun()
    assert look(made, resolve=lambda name: [theirs.record_value]) == Look.ABSENT


def test_the_resolver_is_asked_for_the_challenge_of_the_domain() -> None:
    asked: list[str] = []
    made = begun()

    def resolve(name: str) -> list[str]:
        asked.append(name)
        return [made.record_value]

    assert look(made, resolve=resolve) == Look.PROVEN
    assert asked == ["_handover-challenge.general.example"]


def test_when_dns_does_not_answer_nothing_changes(names: Zone) -> None:
    made = begun()
    names.texts[made.record_name] = [made.record_value]
    assert look(made) == Look.PROVEN
    names.is_broken = True
    with pytest.raises(PeerBusyError):
        look(made)
    assert "missing" not in shown()[0]
    said = f.browser("Ada").post(
        f"/people/institution/evidence/{made.evidence.pk}/check", follow=True
    )
    assert "DNS does not answer" in said.content.decode()


def run(job: Any) -> None:
    enqueue(job, key=f"{job}:{timezone.now()}")
    send_mails()


def test_a_domain_that_lost_its_record_is_marked_and_not_cut_off(names: Zone) -> None:
    made = begun()
    names.texts[made.record_name] = [made.record_value]
    look(made)
    del names.texts[made.record_name]
    run("accounts.look-at-domains")
    assert re.search("proven by DNS on .*; its record is missing since", shown()[0])
    assert queries.evidence_of(f.member("Ada").institution)[0].is_lost
    assert f.browser("Ada").get("/").status_code == 200
    lost = AuditEvent.objects.filter(action="institution.evidence").latest("id")
    assert (lost.outcome, lost.detail["found"]) == ("failed", "lost")
    names.texts[made.record_name] = [made.record_value]
    with time_machine.travel(timezone.now() + datetime.timedelta(days=1)):
        run("accounts.look-at-domains")
    assert "missing" not in shown()[0]


def test_proven_domains_are_looked_at_daily_and_challenges_of_sign_ups_hourly() -> None:
    from sharing.jobs.work import kind

    assert kind("accounts.look-at-domains").every == datetime.timedelta(days=1)
    assert kind("accounts.look-at-sign-ups").every == datetime.timedelta(hours=1)
    assert look_at_domains.__name__ != look_at_sign_ups.__name__


def test_a_domain_is_looked_for_only_so_often() -> None:
    made = begun()
    for _ in range(CHECKS_PER_HOUR):
        assert look(made, resolve=lambda name: []) == Look.ABSENT
    with pytest.raises(Exception, match="many times within the hour"):
        look(made, resolve=lambda name: [made.record_value])


def test_a_proven_domain_is_not_begun_again() -> None:
    made = begun()
    look(made, resolve=lambda name: [made.record_value])
    with pytest.raises(ConflictError, match="proven already"):
        begun()


@pytest.mark.parametrize(
    ("typed", "domain"),
    [
        ("Mercy.Example", "mercy.example"),
        (" https://www.mercy.example/ ", "mercy.example"),
        ("röntgen.example", "xn--rntgen-wxa.example"),
    ],
    ids=["capitals", "an address", "umlaut"],
)
def test_a_domain_is_understood_however_it_is_typed(typed: str, domain: str) -> None:
    assert tidy_domain(typed) == domain


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "mercy",
        "mercy..example",
        "-a.example",
        "10.0.0.1",
        "a b.example",
        "gmail.com",
        "x" * 64 + ".at",
    ],
    ids=["nothing", "one-label", "gap", "dash", "address", "blank", "for-everybody", "too-long"],
)
def test_what_is_no_domain_of_an_institution_is_refused(typed: str) -> None:
    with pytest.raises(InvalidInputError):
        begun(typed)
    assert not Evidence.objects.exists()


# ---- An NPI --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("npi", "good"),
    [
        ("1234567893", True),
        ("1245319599", True),
        ("1234567890", False),
        ("1234567839", False),
        ("3234567893", False),
        ("123456789", False),
        ("12345678930", False),
        ("١٢٣٤٥٦٧٨٩٣", False),
    ],
    ids=["good", "good-too", "wrong-digit", "swapped", "first-digit", "short", "long", "arabic"],
)
def test_an_npi_is_checked_for_typing_errors(npi: str, good: bool) -> None:
    assert is_npi(npi) == good


def test_the_page_says_what_the_check_of_an_npi_is_worth() -> None:
    ada = f.browser("Ada")
    assert ada.post("/people/institution/npi", {"npi": "1234567890"}).status_code == 422
    ada.post("/people/institution/npi", {"npi": "1245319599"})
    ada.post("/people/institution/npi", {"npi": "1234567893"})
    assert shown() == ["NPI 1234567893 (checked for typing errors only)"]
    page = ada.get("/people/institution/").content.decode()
    assert "NPI 1234567893 (checked for typing errors only)" in page


# ---- The directory -------------------------------------------------------------------------------


def listed(**changes: Any) -> Institution:
    f.member("Matteo")
    said = {"description": "Heart and lung.", "country": "Austria", "address": "Kai 1, Graz"}
    return actions.change_profile(
        by=f.principal("Matteo"), is_listed=True, contact_name="Maria Weiss",
        contact_role="head of radiology", **{**said, **changes},
    )  # fmt: skip


def test_an_institution_is_found_only_when_it_wants_to_be() -> None:
    f.member("Matteo")
    ben = f.browser("Ben")
    assert "Mercy" not in ben.get("/directory/").content.decode()
    listed()
    page = ben.get("/directory/").content.decode()
    assert "Mercy" in page
    assert "Contact named on" in page
    assert "General" not in page.partition("<main")[2]
    actions.change_profile(by=f.principal("Matteo"), is_listed=False)
    assert "Mercy" not in ben.get("/directory/?q=graz").content.decode()


@pytest.mark.parametrize(
    ("words", "there"),
    [
        ("mercy", True), ("graz", True), ("AUSTRIA", True), ("mercy graz", True), ("cardio", True),
        ("vienna", False), ("mercy vienna", False), ("closed", False), ("50% _", False),
    ],
)  # fmt: skip
def test_the_directory_is_searched_by_name_place_and_department(words: str, there: bool) -> None:
    listed()
    matteo = f.principal("Matteo")
    actions.add_department("Cardiology", by=matteo)
    actions.close_department(actions.add_department("Closed unit", by=matteo).pk, by=matteo)
    assert [one.name for one in queries.listed_institutions(words)] == ["Mercy"] * there


def test_the_directory_names_the_departments_that_take_images() -> None:
    listed()
    matteo = f.principal("Matteo")
    actions.add_department("Radiology", by=matteo)
    actions.add_department("Billing", takes_images=False, by=matteo)
    actions.close_department(actions.add_department("Old wing", by=matteo).pk, by=matteo)
    page = f.browser("Ben").get("/directory/").content.decode()
    assert "Radiology" in page
    assert "Billing" not in page
    assert "Old wing" not in page


def test_the_directory_costs_no_more_queries_with_more_institutions(
    django_assert_max_num_queries: Any,
) -> None:
    listed()
    for number in range(10):
        Institution.objects.create(name=f"Hospital {number}", is_listed=True)
    ben = f.browser("Ben")
    ben.get("/directory/")
    with django_assert_max_num_queries(12):
        assert "Hospital 9" in ben.get("/directory/").content.decode()


def test_nobody_but_a_member_reads_the_directory() -> None:
    listed()
    assert f.browser().get("/directory/").status_code == 302
    ben = f.browser("Ben")
    Membership.objects.filter(user__name="Ben").update(state="suspended")
    assert ben.get("/directory/").status_code == 404


def test_whoever_is_listed_names_somebody_to_ask_for() -> None:
    answer = f.browser("Ada").post("/people/institution/", {"is_listed": "on"})
    assert "somebody to ask for" in answer.content.decode()
    assert not Institution.objects.get(name="General").is_listed


def test_what_ada_changes_is_written_down_and_nothing_else() -> None:
    said = {"contact_name": "Ada Okafor", "contact_role": "manager", "is_listed": "on"}
    ada = f.browser("Ada")
    assert ada.post("/people/institution/", said).status_code == 302
    ada.post("/people/institution/", said)
    (row,) = AuditEvent.objects.filter(action="institution.changed")
    assert sorted(row.detail["fields"]) == ["contact_name", "contact_role", "is_listed"]
    assert shown()[0].endswith(": Ada Okafor, manager")


# ---- Departments ---------------------------------------------------------------------------------


def test_ada_adds_renames_closes_and_removes_a_department() -> None:
    ada = f.browser("Ada")
    ada.post("/people/departments/", {"name": "Radiolgy", "takes_images": "on"})
    made = Department.objects.get()
    at = f"/people/departments/{made.pk}/"
    ada.post(at, {"name": "Radiology"})
    made.refresh_from_db()
    assert (made.name, made.takes_images) == ("Radiology", False)
    ada.post(f"{at}close")
    assert list(queries.departments_of(made.institution_id)) == []
    ada.post(f"{at}reopen")
    assert list(queries.departments_of(made.institution_id)) == [made]
    ada.post(f"{at}remove")
    assert not Department.objects.exists()


def test_a_department_has_its_name_to_itself_within_an_institution() -> None:
    actions.add_department("Radiology", by=f.principal("Ada"))
    actions.add_department("Radiology", by=f.principal("Matteo"))
    answer = f.browser("Ada").post("/people/departments/", {"name": "RADIOLOGY"})
    assert "has this name already" in answer.content.decode()
    assert Department.objects.count() == 2


def test_a_department_that_is_used_is_closed_and_not_removed() -> None:
    ada = f.principal("Ada")
    made = actions.add_department("Radiology", by=ada)
    actions.place(f.member("Ben").pk, made.pk, by=ada)
    answer = f.browser("Ada").post(f"/people/departments/{made.pk}/remove", follow=True)
    assert "is in use. Close it instead." in answer.content.decode()
    assert Department.objects.filter(pk=made.pk).exists()


def test_ben_is_placed_in_a_department_and_out_of_it_again() -> None:
    ada = f.browser("Ada")
    made = actions.add_department("Radiology", by=f.principal("Ada"))
    at = f"/people/{f.member('Ben').pk}/department"
    ada.post(at, {"department": str(made.pk)})
    assert f.member("Ben").department == made
    assert "Radiology" in ada.get("/people/").content.decode()
    ada.post(at, {"department": ""})
    assert f.member("Ben").department is None
    said = [row.detail for row in AuditEvent.objects.filter(action="member.changed").order_by("id")]
    assert [one["department"] for one in said] == ["Radiology", ""]


def test_mercys_department_is_none_of_generals() -> None:
    theirs = actions.add_department("Radiology", by=f.principal("Matteo"))
    ada = f.principal("Ada")
    actions.add_department("Radiology", by=ada)
    with pytest.raises(NotThereError):
        actions.place(f.member("Ben").pk, theirs.pk, by=ada)
    answer = f.browser("Ada").post(
        f"/people/{f.member('Ben').pk}/department", {"department": str(theirs.pk)}
    )
    assert answer.status_code == 422
    with pytest.raises(NotThereError):
        actions.invite(email="n@x.example", role=Role.READER, department_id=theirs.pk, by=ada)
    assert f.member("Ben").department is None


def test_a_closed_department_takes_nobody_new() -> None:
    ada = f.principal("Ada")
    made = actions.add_department("Radiology", by=ada)
    actions.close_department(made.pk, by=ada)
    with pytest.raises(NotThereError):
        actions.place(f.member("Ben").pk, made.pk, by=ada)


def test_whoever_is_invited_into_a_department_works_there() -> None:
    made = actions.add_department("Radiology", by=f.principal("Ada"))
    f.browser("Ada").post(
        "/people/",
        {"email": "n@x.example", "role": "reader", "lifetime": "30", "department": str(made.pk)},
    )
    invited = Invitation.objects.get()
    assert (invited.department, invited.lifetime) == (made, datetime.timedelta(minutes=30))


def test_an_institution_that_the_operator_made_is_known_to_the_operator() -> None:
    made = actions.found("General", administrator="ada@general.example", by_mail=False)
    assert [one.sentence for one in queries.evidence_of(made.institution)] == [
        "Known to the operator"
    ]


# ---- What the tables hold -------------------------------------------------------------------------


def test_evidence_belongs_to_somebody() -> None:
    with pytest.raises(IntegrityError, match="evidence_is_somebodys"):
        Evidence.objects.create(kind=EvidenceKind.NPI, value="1234567893")


def test_no_job_names_more_than_our_own_ids() -> None:
    begun()
    run("accounts.look-at-domains")
    assert "general.example" not in str(Job.objects.values_list("args", "key"))
