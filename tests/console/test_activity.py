"""The activity page, its file, and what rows say."""

import csv
import io

import pytest

from sharing.access.rules import Action
from sharing.audit.actions import record
from sharing.audit.models import AuditEvent
from sharing.audit.rules import Act, ActorKind, Outcome
from sharing.console import rules
from sharing.kernel.requests import Origin
from tests import factories as f

pytestmark = pytest.mark.django_db


def shown(who: str = "Dora", **query: str) -> str:
    return f.browser(who).get("/activity/", query).content.decode()


def test_dora_reads_who_opened_which_study():
    study = f.study(f.principal("Ben"))
    f.browser("Rosa").get(f"/studies/{study.pk}/")
    page = shown()
    assert "opened the page of" in page
    assert "Probe, Petra1" in page
    assert "Rosa" in page


def test_the_rows_themselves_hold_no_patient():
    study = f.study(f.principal("Ben"))
    f.browser("Rosa").get(f"/studies/{study.pk}/")
    f.browser("Rosa").get("/", {"q": "Petra1"})
    said = repr(list(AuditEvent.objects.values()))
    assert "Petra1" not in said
    assert "P1" not in said.replace("IP1", "")


def test_reading_the_activity_is_activity():
    shown(person="rosa")
    row = AuditEvent.objects.get(action="audit.read")
    assert (row.actor_name, row.detail) == ("dora@general.example", {"fields": ["person"]})


def test_matteo_reads_nothing_of_general():
    record(Act.SEARCHED, by=f.principal("Rosa"))
    assert "rosa@" not in shown("Matteo")
    assert "rosa@" in shown("Ada")


def test_dora_filters_by_study_and_outcome():
    one = f.study(f.principal("Ben"), number=1)
    two = f.study(f.principal("Ben"), number=2)
    for study in (one, two):
        f.browser("Rosa").get(f"/studies/{study.pk}/")
    page = shown(study=str(one.pk))
    assert "Petra1" in page
    assert "Petra2" not in page
    f.browser("Rosa").get("/people/")
    refused = shown(outcome="refused")
    assert "was not allowed to change who is a member" in refused
    assert "opened the page" not in refused


def test_a_spreadsheet_takes_nothing_in_the_file_for_a_formula():
    evil = Origin("192.0.2.1", '=HYPERLINK("http://evil.example")', "page")
    record(Act.SEARCHED, by=f.principal("Rosa"))
    hostile = f.principal("Rosa")
    object.__setattr__(hostile, "origin", evil)
    record(Act.SEARCHED, by=hostile, reason="+1+1")
    answer = f.browser("Dora").get("/activity/activity.csv")
    assert answer["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(b"".join(answer).decode())))
    bad = next(row for row in rows if "HYPERLINK" in row["agent"])
    assert bad["agent"].startswith("'=")
    assert bad["reason"] == "'+1+1"
    for row in rows:
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row.values())


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", "\t=1", "\r=1", " =1", "\n-1"])
def test_a_cell_that_begins_like_a_formula_gets_a_quote(cell: str):
    assert rules.safe_cell(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "a=1", "2026-01-01", None, 5])
def test_other_cells_stay(cell: object):
    assert rules.safe_cell(cell) == ("" if cell is None else str(cell))


def test_every_act_has_its_sentence_and_every_asker_a_name():
    assert set(rules.SENTENCES) == set(Act)
    for act in Act:
        assert rules.phrase(act, {}).strip()
    for kind in ActorKind:
        assert rules.who(kind, "")


@pytest.mark.parametrize(
    ("act", "detail", "said"),
    [
        (Act.IMAGES_VIEWED, {"part": "start"}, "began to view"),
        (Act.IMAGES_VIEWED, {"part": "counts", "frames": 212}, "viewed 212 images of"),
        (Act.IMAGES_DOWNLOADED, {"part": "counts", "instances": 1}, "downloaded 1 file of"),
        (Act.SEARCHED, {"fields": ["patient_id", "q"]}, "searched studies by patient id, words"),
        (Act.SEARCHED, {}, "looked at the worklist"),
        (Act.CREDENTIALS_CHANGED, {"what": "passkey added"}, "passkey added"),
    ],
)
def test_rows_read_as_sentences(act: Act, detail: dict[str, object], said: str):
    assert said in rules.phrase(act, detail)


def test_a_page_leads_to_the_older_rows():
    for _ in range(130):
        record(Act.SEARCHED, by=f.principal("Rosa"), outcome=Outcome.DONE)
    dora = f.browser("Dora")
    first = dora.get("/activity/", {"person": "rosa"}).content.decode()
    assert first.count("<tr>") - 1 == 100
    before = first.split("before=")[1].split('"')[0].split("&")[0]
    second = dora.get("/activity/", {"person": "rosa", "before": before}).content.decode()
    assert second.count("<tr>") - 1 == 30


@pytest.mark.parametrize(
    ("channel", "credential", "said"),
    [
        ("dicomweb", "session", "viewer"),
        ("dicomweb", "link", "viewer"),
        ("dicomweb", "token", "program"),
        ("api", "token", "program"),
        ("api", "session", "page"),
        ("shell", "shell", "command line"),
    ],
)
def test_dora_reads_in_plain_words_by_which_way_somebody_came(channel, credential, said):
    assert rules.way(channel, credential) == said


def test_every_action_that_can_be_refused_has_its_words():
    for action in Action:
        said = rules.phrase(Act.ACCESS_REFUSED, {"wanted": str(action)})
        assert said.startswith("was not allowed to "), action
    assert rules.phrase(Act.ACCESS_REFUSED, {"wanted": "claim"}) == "was refused"
