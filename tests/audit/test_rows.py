"""The audit's table: it only grows, and tells what was asked."""

import datetime

import psycopg
import pytest
import time_machine
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.utils import timezone

from sharing.audit.actions import Viewings, record, recording, viewing, viewings
from sharing.audit.models import AuditEvent
from sharing.audit.queries import Asked, matching, newest, of_institution
from sharing.audit.rules import Act, Outcome
from tests import factories as f
from tests.roles import owner

pytestmark = pytest.mark.django_db


def events(**asked: object) -> list[str]:
    institution = f.member("Ada").institution_id
    found = matching(of_institution(institution), Asked(**asked))  # type: ignore[arg-type]
    return [event.action for event in found.order_by("pk")]


VERBS = ["UPDATE audit_auditevent SET actor_name = 'x'", "DELETE FROM audit_auditevent"]


@pytest.mark.parametrize("verb", VERBS)
def test_the_portal_cannot_change_a_row(verb: str):
    record(Act.SEARCHED, by=f.principal("Ada"))
    why = "never changed" if connection.vendor == "sqlite" else "permission denied"
    with pytest.raises(DatabaseError, match=why), transaction.atomic():
        connection.cursor().execute(verb)
    assert AuditEvent.objects.get().actor_name == "ada@general.example"


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("verb", [*VERBS, "TRUNCATE audit_auditevent"])
def test_even_the_databases_owner_cannot_change_a_row_in_passing(verb: str):
    row = record(Act.SEARCHED, by=f.principal("Ada"))
    with owner() as cursor, pytest.raises(psycopg.Error, match="never changed"):
        cursor.execute(verb)
    assert AuditEvent.objects.get(pk=row.pk).actor_name == "ada@general.example"


def test_dora_finds_what_ben_did_and_nothing_of_mercy():
    record(Act.SEARCHED, by=f.principal("Ben"))
    record(Act.SEARCHED, by=f.principal("Cleo"))
    record(Act.LINKS_LISTED, by=f.principal("Ada"))
    assert events() == ["study.searched", "link.listed"]
    assert events(person="BEN@") == ["study.searched"]
    assert events(action="link") == ["link.listed"]
    assert events(action="link.listed") == ["link.listed"]
    assert events(outcome=Outcome.REFUSED) == []


def test_dora_narrows_to_an_hour():
    at = timezone.now()
    with time_machine.travel(at - datetime.timedelta(days=1), tick=False):
        record(Act.SEARCHED, by=f.principal("Ben"))
    with time_machine.travel(at, tick=False):
        record(Act.LINKS_LISTED, by=f.principal("Ben"))
    assert events(since=at) == ["link.listed"]
    assert events(until=at) == ["study.searched"]


def test_pages_follow_each_other_without_gap_or_repetition():
    for _ in range(7):
        record(Act.SEARCHED, by=f.principal("Ben"))
    found, before, seen = of_institution(f.member("Ben").institution_id), None, []
    while True:
        rows, before = newest(found, before=before, size=3)
        seen += [row.pk for row in rows]
        if before is None:
            break
    assert seen == sorted(AuditEvent.objects.values_list("pk", flat=True), reverse=True)


def test_a_study_that_arrives_in_many_pieces_is_one_row_to_read_and_each_to_a_program():
    ben = f.principal("Ben")
    f.upload(ben, *(f.image(number=number) for number in range(1, 8)))
    found = of_institution(ben.actor.institution_id).filter(action=Act.INSTANCES_STORED)
    (row,), more = newest(found, size=1, folded=True)
    assert (row.detail["instances"], more) == (7, None)
    assert len(newest(found, size=50)[0]) == 7


def test_what_is_looked_at_while_a_quiet_viewing_is_put_away_is_counted(monkeypatch):
    study, rosa, ours = f.study(f.principal("Ben")), f.principal("Rosa"), Viewings()
    write = recording.record

    def put_away(*args: object, **detail: object) -> object:
        ours.flush()
        return write(*args, **detail)  # type: ignore[arg-type]

    monkeypatch.setattr(viewing, "record", put_away)
    ours.note(Act.IMAGES_VIEWED, by=rosa, facts={"study_id": study.pk}, counts={"frames": 3})
    monkeypatch.setattr(viewing, "record", write)
    ours.flush()
    told = AuditEvent.objects.filter(action=Act.IMAGES_VIEWED).order_by("pk")
    assert [row.detail.get("frames") for row in told] == [None, 3]


@pytest.mark.parametrize("broken", [DatabaseError, InterfaceError])
def test_what_cannot_be_written_down_does_not_happen(broken: type[Exception], monkeypatch):
    study, client = f.study(f.principal("Ben")), f.browser("Rosa")

    def refuse(**row: object) -> None:
        raise broken

    monkeypatch.setattr(AuditEvent.objects, "create", refuse)
    answer = client.get(f"/dicom-web/studies/{study.uid}/metadata")
    assert answer.status_code == 503
    assert b"Petra" not in answer.content


def test_two_hundred_pictures_are_one_row_at_once_and_their_number_later():
    study = f.study(f.principal("Ben"))
    rosa = f.principal("Rosa")
    before = AuditEvent.objects.count()
    for _ in range(212):
        viewings.note(
            Act.IMAGES_VIEWED, by=rosa, facts={"study_id": study.pk}, counts={"frames": 1}
        )
    assert AuditEvent.objects.count() == before + 1
    viewings.flush()
    start, counts = AuditEvent.objects.order_by("pk")[before:]
    assert start.detail == {"part": "start"}
    assert counts.detail["frames"] == 212
