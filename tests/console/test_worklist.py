"""The worklist: what each person finds in it, and in which order."""

import base64
import datetime
import re
from typing import Any
from uuid import UUID

import pytest
import time_machine
from django.core.management import call_command
from django.utils import timezone

from sharing.audit.models import AuditEvent
from sharing.links import actions as links
from sharing.studies import queries
from sharing.studies.models import Patient, Study
from tests import factories as f

pytestmark = pytest.mark.django_db


def names(who: str, **query: str) -> list[str]:
    """The patients that somebody's worklist shows, from top to bottom."""
    page = f.browser(who).get("/", query).content.decode()
    return re.findall(r'class="row-link"[^>]*>([^<]*)<', page)


def send(name: str, number: int, *, all_sent: bool = True, **facts: Any) -> None:
    data = f.image(number, PatientName=name, PatientID=f"P{number}", **facts)
    (f.upload if all_sent else f.arriving)(f.principal("Ben"), data)


def test_ben_finds_a_study_by_half_a_name_without_accents():
    send("Müller^Ändrea", 1)
    send("Nowak^Łukasz", 2)
    assert names("Ben", q="mulle andr") == ["Müller, Ändrea"]
    assert names("Ben", q="LUKASZ") == ["Nowak, Łukasz"]
    assert names("Ben", q="zzz") == []


def test_a_name_is_found_in_each_of_its_writings():
    f.upload(
        f.principal("Ben"),
        f.image(1, SpecificCharacterSet="ISO_IR 192", PatientName="Yamada^Tarou=山田^太郎"),
    )
    assert names("Ben", q="tarou") == names("Ben", q="山田") != []


@pytest.mark.parametrize("query", ["P7", "ACC-7/x", "abdomen", "weber", "A 7"])
def test_a_study_is_found_by_id_accession_description_and_referrer(query: str):
    send("Adams^John", 6)
    send(
        *("Zuse^Konrad", 7),
        AccessionNumber="ACC-7/X",
        StudyDescription="CT Abdomen",
        ReferringPhysicianName="Weber^Hans",
        StudyID="A 7",
    )
    if query == "A 7":
        assert "Zuse, Konrad" in names("Ben", q="acc 7")
    else:
        assert names("Ben", q=query) == ["Zuse, Konrad"]


def test_an_underscore_stands_for_no_other_letter():
    send("Adams^John", 1)
    assert names("Ben", q="ad_ms") == []


def test_matteo_at_mercy_finds_nothing_of_general():
    send("Adams^John", 1)
    assert names("Matteo") == names("Matteo", q="adams") == []


def test_where_a_study_of_mercy_stands_in_the_order_is_not_told():
    """Ben knows the id of a study of Mercy's, and asks which of his own come behind it."""
    cleo = f.principal("Cleo")
    f.upload(cleo, f.image(9, PatientName="Miller^Mia"))
    foreign = Study.objects.get(institution=cleo.whole_institution)
    send("Adams^John", 1)
    send("Zuse^Konrad", 2)
    everything = names("Ben", sort="patient")
    assert names("Ben", sort="patient", after=str(foreign.pk)) == everything
    api = f.browser("Ben")
    cursor = base64.urlsafe_b64encode(f"after:{foreign.pk}".encode()).decode().rstrip("=")
    found = api.get("/api/studies/", {"sort": "patient", "cursor": cursor}).json()["results"]
    assert len(found) == 2


def test_a_number_that_mercy_uses_a_lot_still_finds_bens_patient():
    send("Adams^John", 1)
    mercy = f.member("Cleo").institution
    Patient.objects.bulk_create(
        Patient(id=UUID(int=n), institution=mercy, identity=n.to_bytes(32, "big"), patient_id="P1")
        for n in range(1, 502)
    )
    assert names("Ben", patient_id="P1") == ["Adams, John"]


def test_filters_narrow_and_one_that_cannot_be_read_does_not():
    send("Adams^John", 1, StudyDate="20260101", Modality="CT")
    send("Brown^Ann", 2, StudyDate="20260301", Modality="MR")
    send("Clark^Joe", 3, StudyDate="", Modality="CR")
    assert names("Ben", since="2026-02-01") == ["Brown, Ann"]
    assert names("Ben", until="2026-02-01") == ["Adams, John"]
    assert names("Ben", modality="CR") == ["Clark, Joe"]
    assert names("Ben", patient_id="P2") == ["Brown, Ann"]
    assert len(names("Ben", since="yesterday", status="nonsense", sort="; DROP")) == 3


def test_all_studies_of_a_patient_stand_together():
    ben = f.principal("Ben")
    same: dict[str, Any] = {"PatientName": "Adams^John", "PatientID": "P1"}
    f.upload(ben, f.image(1, **same), f.image(2, **same), f.image(3, PatientName="Brown^Ann"))
    patient = Study.objects.filter(patient__display_name="Adams, John")[0].patient_id
    assert names("Ben", patient=str(patient)) == ["Adams, John", "Adams, John"]


def test_the_newest_arrival_is_on_top_unless_ben_sorts_otherwise():
    for number, name in enumerate(("Clark^Joe", "Ädams^John", "Brown^Ann"), 1):
        send(name, number, StudyDate=f"2026010{4 - number}")
    assert names("Ben") == ["Brown, Ann", "Ädams, John", "Clark, Joe"]
    assert names("Ben", sort="patient") == ["Ädams, John", "Brown, Ann", "Clark, Joe"]
    assert names("Ben", sort="-patient") == ["Clark, Joe", "Brown, Ann", "Ädams, John"]
    assert names("Ben", sort="-date") == ["Clark, Joe", "Ädams, John", "Brown, Ann"]


@pytest.mark.parametrize(
    "order", [f"{sign}{name}" for name in queries.ORDERS for sign in ("", "-")]
)
def test_pages_lead_forwards_and_back_over_every_study_once(order: str):
    ben = f.principal("Ben")
    for number in range(1, 8):
        # The same name and date twice, so that only the id decides.
        f.upload(ben, f.image(number, PatientName=f"N^{number // 2}", StudyDate="20260101"))
    found = Study.objects.filter(institution=ben.whole_institution)
    forwards, after = [], None
    pages = []
    while True:
        page = queries.ordered_page(found, order=order, after=after, size=3)
        pages.append(page)
        forwards += [study.pk for study in page.rows]
        after = page.after
        if after is None:
            break
    assert len(forwards) == len(set(forwards)) == 7
    back = queries.ordered_page(found, order=order, before=pages[-1].before, size=3)
    assert [study.pk for study in back.rows] == [study.pk for study in pages[-2].rows]
    first = queries.ordered_page(found, order=order, before=back.before, size=3)
    assert [study.pk for study in first.rows] == forwards[:3]
    assert first.before is None


def test_what_has_just_come_is_arriving_and_later_it_is_not():
    send("Adams^John", 1, all_sent=False)
    send("Brown^Ann", 2)
    assert names("Ben", tab="arriving") == ["Adams, John"]
    with time_machine.travel(timezone.now() + datetime.timedelta(minutes=3)):
        assert names("Ben", tab="arriving") == []
        assert set(names("Ben")) == {"Adams, John", "Brown, Ann"}


def test_the_arriving_tab_renews_itself_only_when_something_changed():
    ben = f.browser("Ben")
    send("Adams^John", 1, all_sent=False)
    page = ben.get("/", {"tab": "arriving"}).content.decode()
    state = re.search(r"/arriving/\?state=([^\"]+)", page)
    assert state
    rows = AuditEvent.objects.count()
    assert ben.get("/arriving/", {"state": state[1]}).status_code == 204
    assert AuditEvent.objects.count() == rows
    send("Brown^Ann", 2, all_sent=False)
    renewed = ben.get("/arriving/", {"state": state[1]}).content.decode()
    assert "Brown, Ann" in renewed
    assert "<html" not in renewed
    assert AuditEvent.objects.filter(action="study.searched").latest("pk").detail["part"] == "start"


def test_shared_by_me_is_bens_and_not_adas():
    send("Adams^John", 1)
    send("Brown^Ann", 2)
    ben = f.principal("Ben")
    study = Study.objects.get(patient__display_name="Adams, John")
    links.create_link(items=[(study, None)], by=ben)
    assert names("Ben", tab="given") == ["Adams, John"]
    assert names("Ada", tab="given") == []
    assert names("Ada", status="shared") == ["Adams, John"]


def test_a_revoked_link_is_not_shared_now_but_was_shared_by_me():
    send("Adams^John", 1)
    ben = f.principal("Ben")
    made = links.create_link(items=[(Study.objects.get(), None)], by=ben)
    links.revoke_link(made.link.pk, by=ben)
    assert names("Ben", status="shared") == []
    assert names("Ben", tab="given") == ["Adams, John"]


def test_cleo_sees_the_link_that_was_sent_to_her_and_no_patient():
    send("Adams^John", 1)
    cleo = f.browser("Cleo")
    made = links.create_link(
        items=[(Study.objects.get(), None)],
        by=f.principal("Ben"),
        recipient_email="Cleo@mercy.example",
    )
    page = cleo.get("/", {"tab": "received"}).content.decode()
    assert "General" in page
    assert "Ben" in page
    assert "Adams" not in page
    assert "Go on reading" not in page
    token = made.url.partition("#")[2]
    cleo.post("/s", {"link": f"#{token}", "passcode": made.passcode})
    page = cleo.get("/", {"tab": "received"}).content.decode()
    assert "Go on reading" in page
    assert "Go on reading" not in f.browser("Cleo").get("/", {"tab": "received"}).content.decode()


def test_a_search_is_written_down_by_its_fields_and_not_its_words():
    names("Rosa", q="Adams", modality="CT")
    row = AuditEvent.objects.get(action="study.searched")
    assert row.detail == {"fields": ["modality", "q"]}
    assert row.actor_name == "rosa@general.example"


def test_a_swap_is_only_the_list():
    page = f.browser("Ben").get("/", headers={"HX-Request": "true"})
    assert b"<html" not in page.content
    assert b'id="list"' in page.content


@pytest.mark.parametrize(
    ("who", "tab", "says"),
    [
        ("Ben", "own", "Upload the first study"),
        ("Rosa", "own", "as soon as a colleague uploads"),
        ("Ben", "arriving", "Nothing is arriving"),
        ("Ben", "given", "You have shared nothing yet"),
        ("Ben", "received", "Nothing was shared with you"),
    ],
)
def test_an_empty_list_says_what_to_do_first(who: str, tab: str, says: str):
    assert says in f.browser(who).get("/", {"tab": tab}).content.decode()


def test_everybody_sees_the_places_that_they_may_use():
    def places(who: str) -> set[str]:
        page = f.browser(who).get("/").content.decode()
        return set(re.findall(r'class="place" href="([^"]+)"', page))

    shared = {"/", "/inbox/", "/upload/", "/links/"}
    assert places("Ada") == {*shared, "/partners/", "/research/", "/activity/", "/people/"}
    assert places("Dana") == {*shared, "/research/"}
    assert places("Ben") == {"/", "/inbox/", "/upload/", "/links/"}
    assert places("Rosa") == {"/", "/inbox/"}
    assert places("Dora") == {"/", "/partners/", "/research/", "/activity/"}


def test_the_indexes_are_those_of_the_models():
    call_command("makemigrations", "--check", "--dry-run", "studies", verbosity=0)


# ---- Quick with many -----------------------------------------------------------------------------


def test_every_order_of_the_worklist_is_read_from_an_index():
    from django.db import connection

    f.study(f.principal("Ben"))
    found = Study.objects.filter(institution=f.member("Ben").institution_id)
    for order, index in (
        *(("arrived", "studies_arrived"), ("date", "studies_by_date")),
        ("patient", "studies_by_patient_name"),
    ):
        with connection.execute_wrapper(explained := _Explained()):
            queries.ordered_page(queries.matching(found, queries.Wanted(words="rare")), order=order)
        if connection.vendor == "sqlite":
            assert f"COVERING INDEX {index}" in explained.plans[0]
            assert "TEMP B-TREE" not in explained.plans[0]


class _Explained:
    """Asks the database how it reads each SELECT."""

    def __init__(self) -> None:
        self.plans: list[str] = []

    def __call__(self, execute, sql, params, many, context):
        if sql.startswith("SELECT") and context["connection"].vendor == "sqlite":
            raw = context["connection"].connection.cursor()
            raw.execute("EXPLAIN QUERY PLAN " + sql.replace("%s", "?"), params)
            self.plans.append("\n".join(row[3] for row in raw.fetchall()))
        return execute(sql, params, many, context)
